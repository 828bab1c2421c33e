/* relabel.h - Prometheus' relabelling: rules that rewrite, keep or drop label sets.
 *
 * Owner: compiled rules live in their arena. Threads: one at a time, as the expressions keep their last match. */
#pragma once
#include "model/labels.h"
#include "schema/schema.h"

enum relabel_action {
    RELABEL_REPLACE,
    RELABEL_KEEP,
    RELABEL_DROP,
    RELABEL_KEEPEQUAL,
    RELABEL_DROPEQUAL,
    RELABEL_HASHMOD,
    RELABEL_LABELMAP,
    RELABEL_LABELDROP,
    RELABEL_LABELKEEP,
    RELABEL_LOWERCASE,
    RELABEL_UPPERCASE,
};

/* As it is configured. */
struct relabel_config {
    VEC(struct str) source_labels;
    struct str separator, target_label, regex, replacement;
    int64_t modulus;
    int action;
};
extern const struct schema relabel_config_schema;

struct relabel; /* compiled rules */
/* relabel_compile - ERR_INVALID where a regular expression is none. */
err relabel_compile(struct arena *arena, const struct relabel_config *configs, size_t count,
                    const struct relabel **ret_relabel) MUST_USE;
/* relabel_apply - false: the set is dropped. The result lives in the arena. */
bool relabel_apply(const struct relabel *relabel, struct arena *arena, struct labels labels, struct labels *ret_labels);

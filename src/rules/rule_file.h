/* rule_file.h - rule files in Prometheus' syntax, checked and compiled once.
 *
 * Owner: the arena of the parse. Threads: immutable once parsed. */
#pragma once
#include "promql/ast.h"
#include "schema/schema.h"
#include "template/template.h"

struct rule {
    struct str record, alert; /* one of the two */
    struct str expr;
    struct duration hold, keep_firing_for;
    VEC(struct pair) labels, annotations;
    /* Made of them: */
    struct expr *parsed;
    struct template **label_texts, **annotation_texts; /* of alerts; one each */
    double threshold;                                  /* where the expression compares with a number: that; else NaN */
};

struct rule_group {
    struct str name;
    struct duration interval;     /* 0: the global one */
    struct duration query_offset; /* looks this far back */
    int64_t limit;                /* alerts, or series, of one rule; 0: none */
    VEC(struct pair) labels;
    VEC(struct rule) rules;
};

struct rule_file {
    VEC(struct rule_group) groups;
};

/* rule_file_parse - ERR_INVALID with every fault as "file:line:column: path: what". */
err rule_file_parse(struct arena *arena, struct str text, const char *file, struct rule_file *ret_file) MUST_USE;

/* What the texts of an alert may use beside their variables. */
extern const struct template_function rule_template_functions[]; /* query, first, value, label, ... */
extern const char *const rule_template_variables[];              /* labels, externalLabels, externalURL, value */

/* labels.h - label sets: sorted by name, unique, the identity of series and alerts.
 *
 * Owner: the arena or object they stand in. Threads: values; immutable once made. */
#pragma once
#include "base/json.h"
#include "base/vec.h"

struct label {
    struct str name, value;
};

struct labels {
    const struct label *at;
    size_t count;
};

/* labels_make - sort a copy by name (views stay borrowed); the last of equal names wins; empty values are dropped, as
 * Prometheus does. */
struct labels labels_make(struct arena *arena, const struct label *items, size_t count);
struct labels labels_copy(struct arena *arena, struct labels labels); /* deep */
struct str labels_get(struct labels labels, struct str name);         /* "" where absent */
bool labels_eq(struct labels a, struct labels b);
/* labels_cmp - name by name, value by value: the order of series in answers. */
int labels_cmp(struct labels a, struct labels b);
/* labels_fingerprint - 64-bit FNV-1a over name 0xFF value 0xFF, as Prometheus' model.LabelSet.Fingerprint. */
uint64_t labels_fingerprint(struct labels labels);
/* labels_hash - fast, seeded per process, for tables in memory: not stored. */
uint64_t labels_hash(struct labels labels);
/* labels_write - {a="b",c="d"} with Prometheus' escapes; without __name__, which labels_write_series puts in front. */
void labels_write(struct buf *out, struct labels labels);
void labels_write_series(struct buf *out, struct labels labels);
void labels_write_json(struct json_writer *w, struct labels labels);
/* labels_from_json - an object of strings (numbers and bools become their text). ERR_RANGE names the member. */
err labels_from_json(struct arena *arena, const struct json *json, struct labels *ret_labels) MUST_USE;

enum match_type { MATCH_EQ, MATCH_NE, MATCH_RE, MATCH_NRE };

struct matcher {
    enum match_type type;
    struct str name, value;
    void *regex; /* compiled, for MATCH_RE and MATCH_NRE */
};

/* matcher_make - regexes are anchored, linear time is kept by match limits. ERR_INVALID where one doesn't compile. The
 * compiled regex goes with the arena. */
err matcher_make(struct arena *arena, enum match_type type, struct str name, struct str value,
                 struct matcher *ret_matcher) MUST_USE;
bool matcher_matches(const struct matcher *matcher, struct str value);
/* matcher_words - where it only compares with a few whole texts: those (of MATCH_NE and MATCH_NRE: what it does not
 * match); they live as long as the matcher. False where values have to be looked at one by one. */
bool matcher_words(const struct matcher *matcher, const struct str **ret_words, size_t *ret_count);
bool matchers_match(const struct matcher *matchers, size_t count, struct labels labels);
/* regex_check - ERR_INVALID where a pattern uses what RE2 does not have. */
err regex_check(struct str pattern) MUST_USE;

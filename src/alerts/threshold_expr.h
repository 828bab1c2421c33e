/* threshold_expr.h - the expressions of threshold rules; see threshold.h for what they may be.
 *
 * Owner: the arena it was parsed into. Threads: immutable once parsed. */
#pragma once
#include "model/series_source.h"

struct threshold_selector {
    struct matcher *matchers; /* the metric's name first */
    size_t count;
};

struct threshold_expr {
    struct threshold_selector left, right; /* right.count 0: none */
    int64_t rate_ms;                       /* 0: the newest value, else the rise a second over this long */
    enum { OP_LT, OP_LE, OP_GT, OP_GE, OP_EQ, OP_NE } op;
    double limit;
};

/* threshold_parse - ERR_INVALID names the column. */
err threshold_parse(struct arena *arena, struct str text, struct threshold_expr *ret_expr) MUST_USE;

struct threshold_value {
    struct labels labels; /* of the left series, without its name */
    double value;
};
struct threshold_values {
    VEC(struct threshold_value) values;
};
/* threshold_eval - every series that fulfils the comparison, at now_ms; samples older than 5 minutes say nothing. */
err threshold_eval(struct arena *arena, struct series_source *series, const struct threshold_expr *expr, int64_t now_ms,
                   struct threshold_values *ret_values) MUST_USE;

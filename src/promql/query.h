/* query.h - evaluate an expression at one time or over many, within limits.
 *
 * Owner: the result lives in the query's arena. Threads: any; one evaluation runs on its caller's thread.
 *
 * DESIGN. The tree becomes a tree of streams (promql/eval.h), each of which hands on one series at a time with its
 * value at every step. A selector reads a series, walks a window over it and forgets it; an aggregation adds it to its
 * groups' rows. So memory follows the answer, not the input. */
#pragma once
#include "model/series_source.h"
#include "promql/parse.h"

/* What queries that run at the same time take together. The first that would pass max goes on, alone, as far as its
 * own limit: else all of them would grow and fail together. */
struct query_share;
struct query_budget {
    _Atomic size_t taken;
    struct query_share *_Atomic first;
};
/* One query's part of it. The owner sets budget and max, and calls query_share_give once it has freed the answer. */
struct query_share {
    struct query_budget *budget;
    size_t max;
    size_t held;
};
void query_share_give(struct query_share *share);

struct promql_limits {
    uint64_t samples_max;      /* read and held; 0: 50,000,000. ERR_RANGE */
    uint64_t series_max;       /* selected; 0: 1,000,000 */
    size_t bytes_max;          /* of memory; 0: 1 GiB */
    size_t points_max;         /* steps of a range; 0: 11,000 */
    struct query_share *share; /* NULL: alone. ERR_UNAVAILABLE while the others leave too little */
};

struct query {
    struct series_source *source;
    struct arena *arena;
    const struct expr *expr;
    struct str text; /* that it was parsed from: annotations have places in it. Empty: they have none */
    int64_t start_ms, end_ms, step_ms; /* an instant query: end == start, step 0 */
    int64_t lookback_ms;               /* 0: 5 minutes */
    int64_t subquery_step_ms;          /* of [range:]; 0: 1 minute */
    int64_t deadline_ms;               /* monotonic; 0: none. ERR_TIMEOUT past it */
    const struct promql_features *features;
    const struct promql_limits *limits;
    const bool *cancelled; /* becomes true: ERR_UNAVAILABLE soon after; may be NULL */
};

/* One point: a float, or a histogram where that is set. */
struct point {
    int64_t time_ms;
    double value;
    const struct histogram *histogram;
};
struct result_series {
    struct labels labels;
    struct point *points; /* instant vector: exactly one */
    size_t count;
};
struct query_stats {
    uint64_t series, samples; /* read */
    uint64_t peak_bytes;
    int64_t time_us;
};
struct query_result {
    enum value_type type;            /* of an instant query the expression's; of a range query TYPE_MATRIX */
    struct str text;                 /* TYPE_STRING */
    struct result_series *at;        /* TYPE_SCALAR: one without labels */
    size_t count;                    /* a matrix is sorted by labels; a vector is in the order of the expression */
    struct str_list warnings, infos; /* "PromQL info: ... (1:5)" as Prometheus words them */
    struct query_stats stats;
};

err promql_query(const struct query *query, struct query_result *ret_result) MUST_USE;

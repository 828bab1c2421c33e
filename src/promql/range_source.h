/* range_source.h - what windows walk over: the samples of one series after the other, of a selector or a subquery.
 *
 * Owner: the evaluation. Threads: the one that evaluates. */
#pragma once
#include "promql/hint_reader.h"
#include "promql/streams.h"

/* Samples of one series without stale markers; until the next one is asked for. */
struct run {
    struct labels labels;
    bool drop_name;
    const int64_t *times;
    const double *values;
    const struct histogram *const *histograms; /* NULL: none */
    const int64_t *starts;                     /* NULL: none known */
    size_t count;
};

struct range_source {
    struct evaluation *ev;
    const struct expr *arg;
    struct moment moment;
    int64_t range_ms;
    int64_t before_ms, after_ms; /* anchored and smoothed look further than the range */
    struct series_set *set;      /* of a selector */
    size_t next;
    struct hint_reader hints;
    struct stream *inner; /* of a subquery; NULL where it has no steps */
    struct grid steps;
    /* Where what was read must be made smaller. */
    int64_t *times, *starts;
    double *values;
    const struct histogram **histograms;
    size_t room;
};

/* range_source_open - `arg` is a range selector or a subquery, without parentheses. */
err range_source_open(struct evaluation *ev, const struct grid *grid, const struct expr *arg,
                      struct range_source *ret_source);
/* range_source_next - the next series; times is NULL at the end. */
err range_source_next(struct range_source *source, struct run *ret_run);

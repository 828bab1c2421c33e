/* otlp_delta.h - running totals of series that come as deltas, so that they can be stored as counters.
 *
 * Owner: who makes the table. Threads: a table any, under its own lock; a turn belongs to one request.
 *
 * DESIGN. The table keeps one total a series, at most `max` of them; when full, the one that was silent longest is
 * forgotten and would begin anew. A request changes totals as it goes and notes what they were before; where its
 * samples are not stored after all, delta_undo puts that back, so that the sender's next try counts once. */
#pragma once
#include "model/histogram.h"
#include "model/labels.h"

struct delta_table;
struct delta_table *delta_table_new(size_t max);
void delta_table_free(struct delta_table *table); /* NULL is fine */
size_t delta_table_count(struct delta_table *table);

struct delta_change;
struct delta_turn {
    struct delta_table *table;
    VEC(struct delta_change *) changes;
};
/* Each turn ends in one of these. */
void delta_keep(struct delta_turn *turn);
void delta_undo(struct delta_turn *turn);

enum delta_result {
    DELTA_ADDED,
    DELTA_BEGUN,  /* the first one of its series: the counter begins at its start */
    DELTA_REPEAT, /* the time of the last one again: sent twice */
    DELTA_LATE,   /* before the last one: can't be added any more */
};
struct delta {
    struct labels series;
    uint64_t start_ns, time_ns; /* of the point; start_ns becomes the counter's */
    double number;              /* of a sum, where histogram is NULL; both become the total */
    const struct histogram *histogram;
};
/* delta_add - add to the total of the series, and give the total back in `delta`, its histogram in the arena. */
err delta_add(struct delta_turn *turn, struct arena *arena, struct delta *delta,
              enum delta_result *ret_result) MUST_USE;

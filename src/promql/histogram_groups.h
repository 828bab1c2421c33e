/* histogram_groups.h - within the room: the histograms of a vector, however they come: buckets gathered by their
 * labels without `le`, native ones beside them.
 *
 * Owner: the evaluation's arena. Threads: the one that evaluates. */
#pragma once
#include "promql/classic_histogram.h"
#include "promql/streams.h"

struct bucket_row {
    double bound;
    const struct column *column;
};

struct histogram_group {
    struct labels labels;    /* without le */
    struct bucket_row *rows; /* by bound */
    size_t row_count, row_room;
    const struct column *native; /* NULL: none */
};

struct histogram_groups {
    struct evaluation *ev;
    const struct grid *grid;
    const struct expr *call, *vector; /* the vector is an argument of the call: places for annotations */
    struct histogram_group *at;
    size_t count, room;
    struct classic_bucket *buckets; /* room for the greatest group */
};

/* histogram_groups_read - of an argument of the call. Buckets without a good `le` are left out, which is said. */
err histogram_groups_read(struct evaluation *ev, const struct grid *grid, const struct expr *call, size_t argument,
                          struct histogram_groups *ret_groups) MUST_USE;

/* histogram_group_at - what a group is at a step: nothing (POINT_NONE), buckets (POINT_FLOAT, in groups->buckets) or a
 * native histogram (POINT_HISTOGRAM). Both at once are nothing, which is said. */
enum presence histogram_group_at(struct histogram_groups *groups, const struct histogram_group *group, size_t step,
                                 size_t *ret_bucket_count, const struct histogram **ret_native);

/* histogram_group_name - for annotations: known only where names go late. */
struct str histogram_group_name(const struct histogram_groups *groups, const struct histogram_group *group);

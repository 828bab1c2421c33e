/* mapped.h - within the room: streams that change each column of another by itself, and take its name away.
 *
 * Owner: the evaluation. Threads: the one that evaluates. */
#pragma once
#include "promql/streams.h"

struct mapped {
    struct stream stream;
    struct stream *input;
    void (*apply)(struct mapped *mapped, struct column *column); /* values and presence; histograms are gone after it */
    const void *how;                                             /* the function's own */
    const double *args[2];                                       /* by step */
};

/* mapped_open - of what `input` gives; `like` has apply, how and args. */
err mapped_open(const struct mapped *like, struct stream *input, struct stream **ret_stream) MUST_USE;

/* single_open - one column without labels, present at every step: a scalar, or a vector of that shape. */
struct stream *single_open(struct evaluation *ev, const struct grid *grid, const double *values);

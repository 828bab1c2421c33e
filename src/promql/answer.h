/* answer.h - within the evaluator: what leaves it, copied out of the evaluation's memory.
 *
 * Owner: the caller's arena. Threads: the one that evaluates. */
#pragma once
#include "promql/streams.h"

struct answer {
    struct arena *arena; /* of the caller */
    VEC(struct result_series) series;
};
/* answer_stream - a vector in the order of its stream, a matrix sorted by labels; late names go. */
err answer_stream(struct answer *answer, struct evaluation *ev, const struct expr *expr, bool matrix);
/* answer_ranges - of a range selector or a subquery: samples as they are kept, or at the subquery's steps. */
err answer_ranges(struct answer *answer, struct evaluation *ev, const struct expr *expr);

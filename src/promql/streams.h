/* streams.h - within the evaluator: who opens which kind of expression, and what they share.
 *
 * Owner: the evaluation. Threads: the one that evaluates. */
#pragma once
#include "promql/eval.h"

/* Openers, one a kind; stream_open calls them. */
err aggregate_open(struct evaluation *ev, const struct grid *grid, const struct expr *expr, struct stream **ret_stream);
err binary_open(struct evaluation *ev, const struct grid *grid, const struct expr *expr, struct stream **ret_stream);
err match_open(struct evaluation *ev, const struct grid *grid, const struct expr *expr, struct stream **ret_stream);
err set_operation_open(struct evaluation *ev, const struct grid *grid, const struct expr *expr,
                       struct stream **ret_stream);
err math_open(struct evaluation *ev, const struct grid *grid, const struct expr *call, struct stream **ret_stream);
err unary_open(struct evaluation *ev, const struct grid *grid, const struct expr *expr, struct stream **ret_stream);

/* smooth_open - of an instant selector with `smoothed`. */
err smooth_open(struct evaluation *ev, const struct grid *grid, const struct expr *selector,
                struct stream **ret_stream);

/* Aggregations that keep more than a running number; aggregate_open calls them. */
err pick_open(struct evaluation *ev, const struct grid *grid, const struct expr *expr,
              struct stream **ret_stream); /* topk, bottomk, limitk, limit_ratio */
err quantile_open(struct evaluation *ev, const struct grid *grid, const struct expr *expr, struct stream **ret_stream);
err count_values_open(struct evaluation *ev, const struct grid *grid, const struct expr *expr,
                      struct stream **ret_stream);

/* expr_is_fixed - the same at every step, as all its selectors have @. */
bool expr_is_fixed(const struct expr *expr);
/* columns_merge - of columns with equal labels one is made; ERR_RANGE where two of them meet at a step. */
err columns_merge(struct evaluation *ev, const struct grid *grid, struct column_list *list);

/* length_ms - of a written length of time; expressions in it are worked out. */
err length_ms(const struct evaluation *ev, const struct span_of_time *span, bool may_be_negative, int64_t *ret_ms);

/* When selectors look: at the step, or where @ says, less the offset. */
struct moment {
    bool fixed;
    int64_t at_ms, offset_ms;
};
err moment_of(const struct evaluation *ev, const struct modifiers *mods, struct moment *ret_moment);
int64_t moment_time(const struct moment *moment, const struct grid *grid, size_t step);
/* moment_ticks - the same for a loop over all steps. */
struct ticks {
    int64_t time, step;
};
struct ticks moment_ticks(const struct moment *moment, const struct grid *grid);
/* time_plus - stays at the ends of time. */
static inline int64_t time_plus(int64_t a, int64_t b)
{
    int64_t sum;

    if (__builtin_add_overflow(a, b, &sum))
        return a < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

/* selection_open - the series of a selector with samples in [start, end]; closed with the evaluation. */
err selection_open(struct evaluation *ev, const struct grid *grid, const struct expr *selector, int64_t start_ms,
                   int64_t end_ms, int64_t range_ms, struct series_set **ret_set);
/* selection_read - one of them, counted against the limits. */
err selection_read(struct evaluation *ev, struct series_set *set, size_t index, struct samples *ret_samples);
void selections_close(struct evaluation *ev);

/* point_operate - an operator on two points, as vectors have it. No result: their types don't fit, which was noted.
 * Failed: the same, and what is wrong was noted by histogram_operate. */
struct operand {
    double value;
    const struct histogram *histogram;
};
enum verdict { VERDICT_KEEP, VERDICT_DROP, VERDICT_NO_RESULT, VERDICT_FAILED };
enum verdict point_operate(struct evaluation *ev, const struct expr *expr, struct arena *arena, struct operand left,
                           struct operand right, struct operand *ret_result);
bool operator_is_comparison(enum operator op);
double operator_apply(enum operator op, double left, double right);                            /* comparisons: 0 or 1 */
void column_histograms(struct evaluation *ev, const struct grid *grid, struct column *column); /* makes room */

/* scratch_arena - one more, that ends with the evaluation: for results that live as long as a column. */
struct arena *scratch_arena(struct evaluation *ev);
/* stream_make - one of `size` bytes that begins with a struct stream. */
void *stream_make(struct evaluation *ev, const struct grid *grid, size_t size, const struct stream_ops *ops);

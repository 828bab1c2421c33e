/* histogram_scale.c - what is done to all numbers of a sum of histograms alike; results; the mean of many. */
#include "model/histogram_sum.h"

#include <float.h>
#include <math.h>

static void each(struct histogram_sum *sum, void (*apply)(struct kahan *number, double arg), double arg)
{
    apply(&sum->zero_count, arg);
    apply(&sum->count, arg);
    apply(&sum->sum, arg);
    for (size_t i = 0; i < sum->positive.count; i++)
        apply(&sum->positive.counts[i], arg);
    for (size_t i = 0; i < sum->negative.count; i++)
        apply(&sum->negative.counts[i], arg);
}

static void settle(struct kahan *number, double arg)
{
    (void)arg;
    number->sum += number->lost;
    number->lost = 0;
}

static void multiply(struct kahan *number, double factor)
{
    number->sum *= factor;
    number->lost *= factor;
}

static void divide(struct kahan *number, double divisor)
{
    number->sum /= divisor;
    number->lost /= divisor;
}

void histogram_sum_settle(struct histogram_sum *sum)
{
    if (sum->added) /* else a count of -0 would lose its sign */
        each(sum, settle, 0);
}

void histogram_sum_multiply(struct histogram_sum *sum, double factor)
{
    each(sum, multiply, factor);
    if (factor < 0)
        sum->hint = RESET_GAUGE;
}

void histogram_sum_divide(struct histogram_sum *sum, double divisor)
{
    if (divisor == 0)
        sum->positive.count = sum->negative.count = 0;
    each(sum, divide, divisor);
    if (divisor < 0)
        sum->hint = RESET_GAUGE;
}

static bool tally_overflows(const struct tally *tally)
{
    for (size_t i = 0; i < tally->count; i++)
        if (isinf(tally->counts[i].sum))
            return true;
    return false;
}

bool histogram_sum_overflows(const struct histogram_sum *sum)
{
    return isinf(sum->zero_count.sum) || isinf(sum->count.sum) || isinf(sum->sum.sum) ||
           tally_overflows(&sum->positive) || tally_overflows(&sum->negative) ||
           (sum->bound_count && isinf(sum->bounds[0])); /* they rise, and the last one is finite */
}

static void side_of(struct arena *arena, const struct tally *tally, bool compact, struct histogram_side *ret_side)
{
    VEC(struct histogram_span) spans = { 0 };
    double *counts;
    int32_t next = 0;

    *ret_side = (struct histogram_side){ 0 };
    if (!tally->count)
        return;
    counts = arena_array(arena, tally->count, sizeof(*counts));
    for (size_t i = 0; i < tally->count; i++) {
        if (compact && tally->counts[i].sum == 0)
            continue;
        if (!spans.count || tally->indexes[i] != next)
            *vec_push(&spans, arena) = (struct histogram_span){ .offset = tally->indexes[i] - next };
        spans.at[spans.count - 1].length++;
        next = tally->indexes[i] + 1;
        counts[ret_side->count++] = tally->counts[i].sum;
    }
    ret_side->spans = spans.at;
    ret_side->span_count = spans.count;
    ret_side->counts = counts;
}

static const struct histogram *result(const struct histogram_sum *sum, struct arena *arena, bool compact)
{
    struct histogram *histogram = arena_alloc(arena, sizeof(*histogram));

    histogram->schema = sum->schema;
    histogram->hint = sum->hint;
    histogram->zero_threshold = sum->zero_threshold;
    histogram->zero_count = sum->zero_count.sum;
    histogram->count = sum->count.sum;
    histogram->sum = sum->sum.sum;
    histogram->bounds = sum->bounds;
    histogram->bound_count = sum->bound_count;
    side_of(arena, &sum->positive, compact, &histogram->positive);
    side_of(arena, &sum->negative, compact, &histogram->negative);
    return histogram;
}

const struct histogram *histogram_sum_result(const struct histogram_sum *sum, struct arena *arena)
{
    return result(sum, arena, false);
}

const struct histogram *histogram_sum_compact(const struct histogram_sum *sum, struct arena *arena)
{
    return result(sum, arena, true);
}

static double side_size(const struct histogram_side *side)
{
    double size = 0;

    for (size_t i = 0; i < side->count; i++)
        size += fabs(side->counts[i]);
    return size;
}

/* All of a histogram: however its buckets are put together, none is larger. */
static double size_of(const struct histogram *histogram)
{
    return fabs(histogram->count) + fabs(histogram->sum) + fabs(histogram->zero_count) +
           side_size(&histogram->positive) + side_size(&histogram->negative);
}

void histogram_mean_begin(struct histogram_mean *mean, struct arena *arena, const struct histogram *first)
{
    mean->count = 1;
    mean->reach = size_of(first);
    mean->running = false;
    histogram_sum_begin(&mean->sum, arena, first);
}

unsigned histogram_mean_add(struct histogram_mean *mean, const struct histogram *other)
{
    unsigned told = 0;
    double part;

    mean->count++;
    mean->reach += size_of(other);
    if (!mean->running && mean->reach < DBL_MAX / 2)
        return histogram_sum_add(&mean->sum, other);
    if (!mean->running) {
        struct histogram_sum before = mean->sum;
        histogram_sum_copy(&mean->next, &mean->sum);
        told = histogram_sum_add(&mean->next, other);
        if (told & HISTOGRAM_INCOMPATIBLE)
            return told;
        if (!histogram_sum_overflows(&mean->next)) {
            mean->sum = mean->next;
            mean->next = before;
            return told;
        }
        mean->running = true;
        histogram_sum_divide(&mean->sum, mean->count - 1);
    }
    part = (mean->count - 1) / mean->count;
    histogram_sum_multiply(&mean->sum, part);
    histogram_sum_begin(&mean->next, mean->sum.arena, other);
    histogram_sum_divide(&mean->next, mean->count);
    return told | histogram_sum_add(&mean->sum, histogram_sum_result(&mean->next, mean->sum.arena));
}

void histogram_mean_settle(struct histogram_mean *mean)
{
    if (!mean->running)
        histogram_sum_divide(&mean->sum, mean->count);
    histogram_sum_settle(&mean->sum);
}

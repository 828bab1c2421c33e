/* histogram.c - native histograms as values: copies, soundness, equality, counter resets. */
#include "model/histogram.h"

#include "model/histogram_bucket.h"
#include "model/histogram_sum.h"
#include "model/series_source.h"

#include <math.h>
#include <string.h>

/* Far beyond what any double needs, near enough that adding two of them is no overflow. */
enum { INDEX_MAX = 1 << 30 };

bool histogram_is_custom(const struct histogram *histogram)
{
    return histogram->schema == HISTOGRAM_CUSTOM;
}

bool histogram_is_stale(const struct histogram *histogram)
{
    return value_is_stale(histogram->sum);
}

static const void *copy_array(struct arena *arena, const void *from, size_t count, size_t size)
{
    void *to;

    if (!count)
        return NULL;
    to = arena_array(arena, count, size);
    memcpy(to, from, count * size);
    return to;
}

static void copy_side(struct arena *arena, struct histogram_side *side)
{
    side->spans = copy_array(arena, side->spans, side->span_count, sizeof(*side->spans));
    side->counts = copy_array(arena, side->counts, side->count, sizeof(*side->counts));
}

struct histogram *histogram_copy(struct arena *arena, const struct histogram *histogram)
{
    struct histogram *copy = arena_alloc(arena, sizeof(*copy));

    *copy = *histogram;
    copy_side(arena, &copy->positive);
    copy_side(arena, &copy->negative);
    copy->bounds = copy_array(arena, copy->bounds, copy->bound_count, sizeof(*copy->bounds));
    return copy;
}

static err check_spans(const struct histogram_side *side, bool custom, int64_t index_max, uint64_t *ret_reach)
{
    uint64_t buckets = 0;
    int64_t index = 0;

    for (size_t i = 0; i < side->span_count; i++) {
        const struct histogram_span *span = &side->spans[i];
        if (span->offset < 0 && (i > 0 || custom))
            return err_new(ERR_INVALID, "span number %zu with offset %d: histogram has a span whose offset is negative",
                           i + 1, span->offset);
        buckets += span->length;
        index += (int64_t)span->offset + span->length;
        if (index > index_max || index < -index_max)
            return err_new(ERR_INVALID, "span number %zu reaches bucket %lld, which no number falls into", i + 1,
                           (long long)index);
    }
    if (buckets != side->count)
        return err_new(ERR_INVALID,
                       "spans need %llu buckets, have %zu buckets: histogram spans specify different number of "
                       "buckets than provided",
                       (unsigned long long)buckets, side->count);
    *ret_reach = (uint64_t)(index > 0 ? index : 0);
    return NULL;
}

static err check_counts(const struct histogram_side *side, const char *name, double *total)
{
    for (size_t i = 0; i < side->count; i++) {
        if (side->counts[i] < 0)
            return err_new(ERR_INVALID,
                           "%s side: bucket number %zu has observation count of %g: histogram has a bucket whose "
                           "observation count is negative",
                           name, i + 1, side->counts[i]);
        *total += side->counts[i];
    }
    return NULL;
}

static err check_custom(const struct histogram *histogram)
{
    uint64_t reach;

    for (size_t i = 0; i < histogram->bound_count; i++) {
        double bound = histogram->bounds[i];
        if (isnan(bound))
            return err_new(ERR_INVALID, "custom buckets: histogram custom bounds must not be NaN");
        if (i > 0 && bound <= histogram->bounds[i - 1])
            return err_new(ERR_INVALID,
                           "custom buckets: previous bound is %f and current is %f: histogram custom bounds must be "
                           "in strictly increasing order",
                           histogram->bounds[i - 1], bound);
    }
    if (histogram->bound_count && isinf(histogram->bounds[histogram->bound_count - 1]) &&
        histogram->bounds[histogram->bound_count - 1] > 0)
        return err_new(ERR_INVALID, "custom buckets: last +Inf bound must not be explicitly defined: histogram custom "
                                    "bounds must be finite");
    TRY(err_wrap(check_spans(&histogram->positive, true, INDEX_MAX, &reach), "custom buckets"));
    if (histogram->bound_count + 1 < reach)
        return err_new(ERR_INVALID,
                       "custom buckets: only %zu custom bounds defined which is insufficient to cover total span "
                       "length of %llu: histogram custom bounds are too few",
                       histogram->bound_count, (unsigned long long)reach);
    if (histogram->zero_count != 0)
        return err_new(ERR_INVALID, "custom buckets: must have zero count of 0");
    if (histogram->zero_threshold != 0)
        return err_new(ERR_INVALID, "custom buckets: must have zero threshold of 0");
    if (histogram->negative.span_count)
        return err_new(ERR_INVALID, "custom buckets: must not have negative spans");
    if (histogram->negative.count)
        return err_new(ERR_INVALID, "custom buckets: must not have negative buckets");
    return NULL;
}

err histogram_check_shape(const struct histogram *histogram)
{
    uint64_t reach;

    if (histogram_is_custom(histogram))
        return check_custom(histogram);
    if (histogram->schema < HISTOGRAM_SCHEMA_MIN || histogram->schema > HISTOGRAM_SCHEMA_MAX)
        return err_new(ERR_INVALID,
                       "histogram has an invalid schema, which must be between %d and %d for exponential buckets, or "
                       "%d for custom buckets, got schema %d",
                       HISTOGRAM_SCHEMA_MIN, HISTOGRAM_SCHEMA_MAX, HISTOGRAM_CUSTOM, histogram->schema);
    /* Prometheus doesn't ask, and would never end adding up NaNs. */
    if (!(histogram->zero_threshold >= 0))
        return err_new(ERR_INVALID, "histogram has a zero threshold of %g, which must not be negative or NaN",
                       histogram->zero_threshold);
    TRY(err_wrap(check_spans(&histogram->positive, false, INDEX_MAX, &reach), "positive side"));
    TRY(err_wrap(check_spans(&histogram->negative, false, INDEX_MAX, &reach), "negative side"));
    if (histogram->bound_count)
        return err_new(ERR_INVALID, "histogram with exponential schema must not have custom bounds");
    return NULL;
}

err histogram_validate(const struct histogram *histogram)
{
    double total = histogram->zero_count;

    TRY(histogram_check_shape(histogram));
    TRY(check_counts(&histogram->negative, "negative", &total));
    if (histogram->zero_count < 0)
        return err_new(ERR_INVALID,
                       "zero bucket has observation count of %g: histogram has a bucket whose observation count is "
                       "negative",
                       histogram->zero_count);
    if (histogram->count < 0)
        return err_new(ERR_INVALID, "observation count is %g: histogram's observation count is negative",
                       histogram->count);
    TRY(check_counts(&histogram->positive, "positive", &total));
    /* Rounding excuses floats, not integers. NaN is counted and falls into no bucket. */
    if (!histogram->integral || histogram_is_stale(histogram))
        return NULL;
    if (isnan(histogram->sum) && total > histogram->count)
        return err_new(ERR_INVALID,
                       "%.0f observations found in buckets, but the Count field is %.0f: histogram's observation count "
                       "should be at least the number of observations found in the buckets",
                       total, histogram->count);
    if (!isnan(histogram->sum) && total != histogram->count)
        return err_new(ERR_INVALID,
                       "%.0f observations found in buckets, but the Count field is %.0f: histogram's observation count "
                       "should equal the number of observations found in the buckets (in absence of NaN)",
                       total, histogram->count);
    return NULL;
}

const struct histogram *histogram_compact(struct arena *arena, const struct histogram *histogram)
{
    struct histogram_sum sum = { 0 };
    struct histogram *compact;

    histogram_sum_begin(&sum, arena, histogram);
    compact = (struct histogram *)histogram_sum_compact(&sum, arena);
    compact->integral = histogram->integral;
    return compact;
}

static bool spans_fit(const struct histogram_side *side)
{
    uint64_t reach;
    err e CLEANUP(err_freep) = check_spans(side, false, INT32_MAX - 1, &reach);

    return !e;
}

const struct histogram *histogram_reduce(struct arena *arena, const struct histogram *histogram, int32_t schema)
{
    struct histogram_sum sum = { 0 };
    struct histogram *coarse;

    if (histogram_is_custom(histogram) || !spans_fit(&histogram->positive) || !spans_fit(&histogram->negative))
        return histogram;
    histogram_sum_begin(&sum, arena, histogram);
    histogram_sum_reduce(&sum, schema);
    coarse = (struct histogram *)histogram_sum_result(&sum, arena);
    coarse->integral = histogram->integral;
    return coarse;
}

static bool same_bits(double a, double b)
{
    uint64_t a_bits, b_bits;

    memcpy(&a_bits, &a, sizeof(a_bits));
    memcpy(&b_bits, &b, sizeof(b_bits));
    return a_bits == b_bits;
}

static bool sides_equal(const struct histogram_side *a, const struct histogram_side *b)
{
    struct side_walk walk_a = side_walk(a, false), walk_b = side_walk(b, false);
    int32_t index_a, index_b;
    double count_a, count_b;

    if (a->count != b->count)
        return false;
    while (side_walk_next(&walk_a, &index_a, &count_a))
        if (!side_walk_next(&walk_b, &index_b, &count_b) || index_a != index_b || !same_bits(count_a, count_b))
            return false;
    return true;
}

bool histogram_bounds_equal(const double *a, size_t a_count, const double *b, size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; a != b && i < a_count; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

bool histogram_equal(const struct histogram *a, const struct histogram *b)
{
    return a->schema == b->schema && same_bits(a->count, b->count) && same_bits(a->sum, b->sum) &&
           histogram_bounds_equal(a->bounds, a->bound_count, b->bounds, b->bound_count) &&
           a->zero_threshold == b->zero_threshold && same_bits(a->zero_count, b->zero_count) &&
           sides_equal(&a->negative, &b->negative) && sides_equal(&a->positive, &b->positive);
}

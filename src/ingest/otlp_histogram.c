/* otlp_histogram.c - histograms of OTLP as native ones. */
#include "ingest/otlp_histogram.h"

#include <math.h>

enum { SCHEMA_RESERVED_MAX = 52 };
static const double zero_threshold_default = 1e-128; /* as Prometheus takes it */

static struct histogram_side side_of(struct arena *arena, const struct otlp_numbers *counts, int32_t offset)
{
    struct histogram_span *span = arena_alloc(arena, sizeof(*span));

    if (!counts->count)
        return (struct histogram_side){ 0 };
    *span = (struct histogram_span){ offset, (uint32_t)counts->count };
    return (struct histogram_side){ span, 1, counts->at, counts->count };
}

err otlp_explicit_histogram(struct arena *arena, const struct otlp_point *point, const struct histogram **ret_histogram)
{
    struct otlp_numbers counts = point->counts;
    double *all = arena_alloc(arena, sizeof(*all));

    if (counts.count == 0 && point->bounds.count == 0) {
        *all = point->count;
        counts = (struct otlp_numbers){ all, 1, 1 };
    }
    if (counts.count != point->bounds.count + 1)
        return err_new(ERR_INVALID, "the histogram has %zu bucket counts for %zu bounds", counts.count,
                       point->bounds.count);
    struct histogram histogram = {
        .schema = HISTOGRAM_CUSTOM,
        .integral = true,
        .count = point->count,
        .sum = point->sum,
        .positive = side_of(arena, &counts, 0),
        .bounds = point->bounds.at,
        .bound_count = point->bounds.count,
    };
    while (histogram.bound_count && histogram.bounds[histogram.bound_count - 1] == INFINITY) {
        /* Some senders name the last bound, which is implied. */
        double *merged = arena_array(arena, counts.count, sizeof(*merged));
        for (size_t i = 0; i < counts.count; i++)
            merged[i < counts.count - 1 ? i : i - 1] += counts.at[i];
        counts = (struct otlp_numbers){ merged, counts.count - 1, counts.count };
        histogram.bound_count--;
        histogram.positive = side_of(arena, &counts, 0);
    }
    TRY(histogram_validate(&histogram));
    *ret_histogram = histogram_copy(arena, &histogram);
    return NULL;
}

static bool offset_fits(const struct otlp_buckets *buckets)
{
    int64_t last = (int64_t)buckets->offset + 1 + (int64_t)buckets->counts.count;

    return buckets->offset > INT32_MIN && last < INT32_MAX;
}

err otlp_exponential_histogram(struct arena *arena, const struct otlp_point *point,
                               const struct histogram **ret_histogram)
{
    if (point->scale < HISTOGRAM_SCHEMA_MIN || point->scale > SCHEMA_RESERVED_MAX)
        return err_new(ERR_INVALID, "an exponential histogram of scale %d can't be kept: it must be %d to %d",
                       (int)point->scale, HISTOGRAM_SCHEMA_MIN, SCHEMA_RESERVED_MAX);
    if (!offset_fits(&point->positive) || !offset_fits(&point->negative))
        return err_new(ERR_INVALID, "an exponential histogram has buckets beyond every number");
    /* Bucket 0 is (1, base] there and (1/base, 1] here. */
    const struct histogram wire = {
        .schema = point->scale,
        .integral = true,
        .zero_threshold = point->zero_threshold > 0 ? point->zero_threshold : zero_threshold_default,
        .zero_count = point->zero_count,
        .count = point->count,
        .sum = point->sum,
        .positive = side_of(arena, &point->positive.counts, point->positive.offset + 1),
        .negative = side_of(arena, &point->negative.counts, point->negative.offset + 1),
    };
    const struct histogram *histogram = &wire;
    if (histogram->schema > HISTOGRAM_SCHEMA_MAX)
        histogram = histogram_reduce(arena, histogram, HISTOGRAM_SCHEMA_MAX);
    TRY(histogram_validate(histogram));
    *ret_histogram = histogram_copy(arena, histogram_compact(arena, histogram));
    return NULL;
}

double *otlp_classic_counts(struct arena *arena, const struct histogram *histogram)
{
    double *counts = arena_array(arena, histogram->bound_count + 1, sizeof(*counts));
    size_t bucket = 0, next = 0;

    for (size_t i = 0; i < histogram->positive.span_count; i++) {
        bucket += (size_t)histogram->positive.spans[i].offset;
        for (uint32_t k = 0; k < histogram->positive.spans[i].length && bucket <= histogram->bound_count; k++)
            counts[bucket++] = histogram->positive.counts[next++];
    }
    return counts;
}

/* histogram_trim.c - a native histogram without its upper or lower part: the operators </ and >/.
 *
 * DESIGN. A bucket that the edge cuts keeps the part of its count that interpolation puts on the right side. The sum is
 * unknown then; it is estimated with each kept observation in the middle of what is left of its bucket. Of a bucket
 * without end nothing can be said, so it stays or goes whole. */
#include "model/histogram_bucket.h"
#include "model/histogram_stat.h"
#include "model/histogram_sum.h"

#include <math.h>

/* What stays of a bucket, and where its observations are taken to be. */
struct rest {
    double count, middle;
};

struct trim {
    bool custom, upper; /* upper: what is above the edge goes */
    double edge;
    bool changed;
    double count, sum; /* of what stays */
};

static double finite_or_zero(double value)
{
    return isinf(value) ? 0 : value;
}

static double middle(const struct trim *trim, double lower, double upper, bool positive)
{
    double mean;

    if (isinf(lower))
        return isinf(upper) ? 0 : upper > 0 ? upper / 2 : upper;
    if (isinf(upper))
        return lower;
    if (trim->custom)
        return (lower + upper) / 2;
    mean = sqrt(fabs(lower * upper));
    return positive ? mean : -mean;
}

/* Of a bucket that begins at -Inf. One that ends above 0 is taken to begin there: only custom buckets do. */
static struct rest trim_from_below(const struct trim *trim, const struct bucket *bucket)
{
    bool finite_end = bucket->upper > 0 && !isinf(bucket->upper);
    double edge = trim->edge;

    if (!trim->upper) {
        if (edge <= bucket->lower)
            return (struct rest){ bucket->count, 0 };
        if (edge >= 0 && bucket->upper > edge && finite_end)
            return (struct rest){ bucket->count * (1 - edge / bucket->upper), (edge + bucket->upper) / 2 };
        return (struct rest){ 0, finite_or_zero(bucket->upper) };
    }
    if (edge >= bucket->upper)
        return (struct rest){ bucket->count, 0 };
    if (edge > 0 && finite_end)
        return (struct rest){ bucket->count * edge / bucket->upper, edge / 2 };
    if (bucket->upper <= 0)
        return (struct rest){ bucket->count, edge };
    return (struct rest){ 0, finite_or_zero(bucket->upper) };
}

/* Of a bucket that the edge is in. */
static struct rest trim_cut(const struct trim *trim, const struct bucket *bucket, bool positive)
{
    double below;

    if (bucket->lower == -INFINITY)
        return trim_from_below(trim, bucket);
    if (bucket->upper == INFINITY) {
        if (!trim->upper && trim->edge >= bucket->lower)
            return (struct rest){ bucket->count, trim->edge };
        return (struct rest){ 0, finite_or_zero(bucket->lower) };
    }
    below = bucket->count * bucket_fraction_below(bucket, trim->edge, trim->custom);
    if (trim->upper)
        return (struct rest){ below, middle(trim, bucket->lower, trim->edge, positive) };
    return (struct rest){ bucket->count - below, middle(trim, trim->edge, bucket->upper, positive) };
}

static double trim_bucket(struct trim *trim, const struct bucket *bucket, bool positive)
{
    struct rest rest = { 0 };

    if (bucket->count == 0)
        return 0;
    if (trim->upper ? bucket->upper <= trim->edge : bucket->lower >= trim->edge)
        rest = (struct rest){ bucket->count, middle(trim, bucket->lower, bucket->upper, positive) };
    else if (trim->upper ? bucket->lower < trim->edge : bucket->upper > trim->edge)
        rest = trim_cut(trim, bucket, positive);
    trim->changed |= rest.count != bucket->count;
    trim->count += rest.count;
    trim->sum += rest.middle * rest.count;
    return rest.count;
}

static bool trim_side(struct trim *trim, struct bucket_walk walk, struct tally *tally, bool positive)
{
    bool populated = false;
    struct bucket bucket;

    for (size_t i = 0; bucket_walk_next(&walk, &bucket); i++) {
        populated |= bucket.count != 0;
        tally->counts[i].sum = trim_bucket(trim, &bucket, positive);
    }
    return populated;
}

static double trim_zero(struct trim *trim, const struct histogram *histogram, bool positive, bool negative)
{
    double lower = positive && !negative ? 0 : -histogram->zero_threshold;
    double upper = negative && !positive ? 0 : histogram->zero_threshold;
    double kept_lower = !trim->upper && trim->edge > lower ? trim->edge : lower;
    double kept_upper = trim->upper && trim->edge < upper ? trim->edge : upper;
    struct rest rest = { histogram->zero_count, (kept_lower + kept_upper) / 2 };

    if (trim->upper ? trim->edge <= lower : trim->edge >= upper && trim->edge > lower)
        rest = (struct rest){ 0 };
    else if (kept_lower != lower || kept_upper != upper)
        rest.count *= (kept_upper - kept_lower) / (upper - lower);
    trim->changed |= rest.count != histogram->zero_count;
    trim->count += rest.count;
    trim->sum += rest.middle * rest.count;
    return rest.count;
}

const struct histogram *histogram_trim(struct arena *arena, const struct histogram *histogram, double edge, bool upper)
{
    struct trim trim = { .custom = histogram_is_custom(histogram), .upper = upper, .edge = edge };
    struct histogram_sum sum = { 0 };
    bool positive, negative;

    histogram_sum_begin(&sum, arena, histogram);
    positive = trim_side(&trim, bucket_walk_positive(histogram), &sum.positive, true);
    negative = trim_side(&trim, bucket_walk_negative(histogram), &sum.negative, false);
    if (histogram->zero_count > 0)
        sum.zero_count.sum = trim_zero(&trim, histogram, positive, negative);
    if (!trim.changed)
        return histogram_copy(arena, histogram);
    sum.count.sum = trim.count;
    sum.sum.sum = trim.sum;
    return histogram_sum_compact(&sum, arena);
}

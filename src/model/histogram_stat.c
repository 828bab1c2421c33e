/* histogram_stat.c - quantiles, fractions and variance of a native histogram.
 *
 * DESIGN. Within an exponential bucket observations are taken to be spread evenly over the logarithm, within a custom
 * bucket and the zero bucket evenly over the value; with buckets of one sign only, the zero bucket has that sign too.
 */
#include "model/histogram_stat.h"

#include "base/kahan.h"
#include "model/histogram_bucket.h"

#include <math.h>

static void halve_zero_bucket(const struct histogram *histogram, struct bucket *bucket)
{
    if (!histogram->negative.count && histogram->positive.count)
        bucket->lower = 0;
    else if (!histogram->positive.count && histogram->negative.count)
        bucket->upper = 0;
}

/* The value at a part of the bucket's observations. */
static double value_at(const struct histogram *histogram, const struct bucket *bucket, double part)
{
    double lower, upper;

    if (histogram_is_custom(histogram) || (bucket->lower <= 0 && bucket->upper >= 0))
        return bucket->lower + (bucket->upper - bucket->lower) * part;
    lower = bucket_log2(fabs(bucket->lower));
    upper = bucket_log2(fabs(bucket->upper));
    if (bucket->lower > 0)
        return exp2(lower + (upper - lower) * part);
    return -exp2(upper + (lower - upper) * (1 - part));
}

/* What of the count is in no bucket, because it was NaN. */
static bool some_are_nan(const struct histogram *histogram, struct bucket_walk *walk, double count)
{
    struct bucket bucket;

    while (bucket_walk_next(walk, &bucket))
        count += bucket.count;
    return count < histogram->count;
}

double histogram_quantile(const struct histogram *histogram, double q, enum nan_effect *ret_effect)
{
    struct bucket bucket = { 0 };
    struct bucket_walk walk;
    double count = 0, rank;
    bool descending;

    *ret_effect = NAN_NONE;
    if (q < 0 || q > 1)
        return q < 0 ? -INFINITY : INFINITY;
    if (histogram->count == 0 || isnan(q))
        return NAN;
    /* NaNs would be above all buckets: ranks count from below then. */
    descending = !isnan(histogram->sum) && q >= 0.5;
    rank = (descending ? 1 - q : q) * histogram->count;
    walk = bucket_walk_all(histogram, descending);
    while (bucket_walk_next(&walk, &bucket)) {
        count += bucket.count;
        if (bucket.count != 0 && count >= rank)
            break;
    }
    if (histogram_is_custom(histogram)) {
        if (bucket.lower == -INFINITY) {
            if (bucket.upper <= 0)
                return bucket.upper;
            bucket.lower = 0;
        } else if (bucket.upper == INFINITY) {
            return bucket.lower;
        }
    } else if (bucket.lower < 0 && bucket.upper > 0) {
        halve_zero_bucket(histogram, &bucket);
    }
    if (count > histogram->count)
        count = histogram->count; /* rounding */
    if (count < rank) {
        *ret_effect = isnan(histogram->sum) ? NAN_IS_THE_RESULT : NAN_NONE;
        return isnan(histogram->sum) ? NAN : bucket.upper;
    }
    rank = descending ? count - rank : rank - (count - bucket.count);
    if (isnan(histogram->sum) && some_are_nan(histogram, &walk, count))
        *ret_effect = NAN_SKEWS;
    return value_at(histogram, &bucket, rank / bucket.count);
}

/* How many observations are below `value`, if this bucket decides that: false where it is farther up. */
static bool rank_of(const struct histogram *histogram, const struct bucket *bucket, double value, double below,
                    double *ret_rank)
{
    bool linear = histogram_is_custom(histogram) || (bucket->lower <= 0 && bucket->upper >= 0);

    if (bucket->lower >= value)
        *ret_rank = below;
    else if (bucket->upper <= value)
        return false;
    else if (linear && bucket->lower == -INFINITY)
        *ret_rank = bucket->count;
    else
        *ret_rank = below + bucket->count * bucket_fraction_below(bucket, value, linear);
    return true;
}

double histogram_fraction(const struct histogram *histogram, double lower, double upper, enum nan_effect *ret_effect)
{
    struct bucket_walk walk = bucket_walk_all(histogram, false);
    double below = 0, count = 0, lower_rank = 0, upper_rank = 0;
    bool lower_known = false, upper_known = false;
    struct bucket bucket;

    *ret_effect = NAN_NONE;
    if (histogram->count == 0 || isnan(lower) || isnan(upper))
        return NAN;
    if (lower >= upper)
        return 0;
    while (!(lower_known && upper_known) && bucket_walk_next(&walk, &bucket)) {
        count += bucket.count;
        if (bucket.lower <= 0 && bucket.upper >= 0)
            halve_zero_bucket(histogram, &bucket);
        if (!lower_known)
            lower_known = rank_of(histogram, &bucket, lower, below, &lower_rank);
        if (!upper_known)
            upper_known = rank_of(histogram, &bucket, upper, below, &upper_rank);
        below += bucket.count;
    }
    if (isnan(histogram->sum)) {
        while (bucket_walk_next(&walk, &bucket))
            count += bucket.count;
        if (count < histogram->count)
            *ret_effect = NAN_SKEWS;
    } else {
        count = histogram->count;
    }
    if (!lower_known || lower_rank > count)
        lower_rank = count;
    if (!upper_known || upper_rank > count)
        upper_rank = count;
    return (upper_rank - lower_rank) / histogram->count;
}

double histogram_variance(const struct histogram *histogram)
{
    struct bucket_walk walk = bucket_walk_all(histogram, false);
    double mean = histogram->sum / histogram->count;
    struct kahan total = { 0 };
    struct bucket bucket;

    while (bucket_walk_next(&walk, &bucket)) {
        double value, distance;
        if (bucket.count == 0)
            continue;
        if (histogram_is_custom(histogram))
            value = (bucket.upper + bucket.lower) / 2;
        else if (bucket.lower <= 0 && bucket.upper >= 0)
            value = 0;
        else
            value = copysign(sqrt(bucket.upper * bucket.lower), bucket.upper);
        distance = value - mean;
        kahan_add(&total, bucket.count * distance * distance);
    }
    return kahan_total(total) / histogram->count;
}

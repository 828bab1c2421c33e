/* classic_histogram.c - quantiles and fractions of histograms that come as cumulative buckets, in Prometheus'
 * arithmetic. */
#include "promql/classic_histogram.h"

#include <float.h>
#include <math.h>

/* coalesce - buckets of equal bounds, as they meet when names or labels are gone, become one. Returns how many stay. */
static size_t coalesce(struct classic_bucket *buckets, size_t count)
{
    size_t last = 0;

    for (size_t i = 1; i < count; i++) {
        if (buckets[i].bound == buckets[last].bound)
            buckets[last].count += buckets[i].count;
        else
            buckets[++last] = buckets[i];
    }
    return last + 1;
}

/* almost_equal - within a share of 1e-12 of their sum: what rates of the same counter may differ by. */
static bool almost_equal(double a, double b)
{
    const double tolerance = 1e-12;
    double sum = fabs(a) + fabs(b), difference = fabs(a - b);

    if ((isnan(a) && isnan(b)) || a == b)
        return true;
    if (a == 0 || b == 0 || sum < DBL_MIN)
        return difference < tolerance * DBL_MIN;
    return difference / fmin(sum, DBL_MAX) < tolerance;
}

/* repair - no bucket counts less than the one below it. */
static struct classic_repair repair(struct classic_bucket *buckets, size_t count)
{
    struct classic_repair done = { .min_bound = INFINITY, .max_bound = -INFINITY };
    double before = buckets[0].count;

    for (size_t i = 1; i < count; i++) {
        struct classic_bucket *bucket = &buckets[i];
        if (almost_equal(before, bucket->count)) {
            bucket->count = before;
        } else if (bucket->count < before) {
            done.forced = true;
            done.min_bound = fmin(done.min_bound, bucket->bound);
            done.max_bound = fmax(done.max_bound, bucket->bound);
            done.max_diff = fmax(done.max_diff, before - bucket->count);
            bucket->count = before;
        } else {
            before = bucket->count;
        }
    }
    return done;
}

double classic_quantile(double q, struct classic_bucket *buckets, size_t count, struct classic_repair *ret_repair)
{
    *ret_repair = (struct classic_repair){ 0 };
    if (isnan(q))
        return NAN;
    if (q < 0 || q > 1)
        return q < 0 ? -INFINITY : INFINITY;
    if (buckets[count - 1].bound != INFINITY)
        return NAN;
    count = coalesce(buckets, count);
    *ret_repair = repair(buckets, count);
    double observations = buckets[count - 1].count, rank = q * observations;
    if (count < 2 || observations == 0)
        return NAN;
    size_t low = 0, high = count - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (buckets[middle].count >= rank)
            high = middle;
        else
            low = middle + 1;
    }
    if (low == count - 1)
        return buckets[count - 2].bound;
    if (low == 0 && buckets[0].bound <= 0)
        return buckets[0].bound;
    double from = 0, within = buckets[low].count;
    if (low > 0) {
        from = buckets[low - 1].bound;
        within -= buckets[low - 1].count;
        rank -= buckets[low - 1].count;
    }
    return from + (buckets[low].bound - from) * (rank / within);
}

/* rank_of - how many observations lie below a value; all of `below` do below the bucket that holds it. */
static double rank_of(double value, const struct classic_bucket *buckets, size_t count)
{
    double below = 0, from = buckets[0].bound <= 0 ? -INFINITY : 0;

    for (size_t i = 0; i < count; i++) {
        if (from >= value)
            return below;
        if (buckets[i].bound > value) {
            /* Nothing can be said within a bucket that has no end: all of it, or none, counts. */
            if (from == -INFINITY)
                return buckets[i].count;
            return below + (buckets[i].count - below) * (value - from) / (buckets[i].bound - from);
        }
        below = buckets[i].count;
        from = buckets[i].bound;
    }
    return buckets[count - 1].count;
}

double classic_fraction(double lower, double upper, struct classic_bucket *buckets, size_t count)
{
    if (buckets[count - 1].bound != INFINITY)
        return NAN;
    count = coalesce(buckets, count);
    double observations = buckets[count - 1].count;
    if (observations == 0 || isnan(lower) || isnan(upper))
        return NAN;
    if (lower >= upper)
        return 0;
    double low = rank_of(lower, buckets, count), high = rank_of(upper, buckets, count);
    low = low > observations ? observations : low;
    high = high > observations ? observations : high;
    return (high - low) / observations;
}

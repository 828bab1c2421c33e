/* classic_histogram.h - histograms of cumulative buckets, one series a bucket: what histogram_quantile() and
 * histogram_fraction() read out of them.
 *
 * Owner: the caller's array, which is reordered and repaired. Threads: any. */
#pragma once
#include "base/lang.h"

struct classic_bucket {
    double bound; /* upper, inclusive: the label le */
    double count; /* of it and all below */
};

/* What was wrong with counts that should only rise, where it was more than rounding. */
struct classic_repair {
    bool forced;
    double min_bound, max_bound; /* of the buckets that were lifted */
    double max_diff;
};

/* classic_quantile - by linear interpolation within the bucket; the buckets are in the order of their bounds, equal
 * bounds are added up. NaN without observations, without a bucket of +Inf, or with that one only; the highest finite
 * bound where the quantile lies above it. */
double classic_quantile(double q, struct classic_bucket *buckets, size_t count, struct classic_repair *ret_repair);
/* classic_fraction - the part of the observations between two values; NaN where classic_quantile has none. */
double classic_fraction(double lower, double upper, struct classic_bucket *buckets, size_t count);

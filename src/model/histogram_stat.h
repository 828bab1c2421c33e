/* histogram_stat.h - what a native histogram says of the values that it saw, as far as its buckets tell.
 *
 * Owner: none. Threads: any. */
#pragma once
#include "model/histogram.h"

/* Observations of NaN are in the count, and in no bucket. */
enum nan_effect { NAN_NONE, NAN_SKEWS, NAN_IS_THE_RESULT };

/* histogram_quantile - q in [0, 1], below it -Inf, above it +Inf; NaN of an empty histogram. Interpolates
 * exponentially, within custom and zero buckets linearly. */
double histogram_quantile(const struct histogram *histogram, double q, enum nan_effect *ret_effect);
/* histogram_fraction - the part of the observations between two values. */
double histogram_fraction(const struct histogram *histogram, double lower, double upper, enum nan_effect *ret_effect);
/* histogram_variance - with each observation at its bucket's geometric mean (custom: arithmetic). */
double histogram_variance(const struct histogram *histogram);
/* histogram_trim - without what is above (upper) or below `edge`; count and sum are estimated anew. */
const struct histogram *histogram_trim(struct arena *arena, const struct histogram *histogram, double edge, bool upper);

/* quantile.h - the quantile of a few numbers, as quantile(), quantile_over_time() and mad_over_time() mean it.
 *
 * Owner: values. Threads: any. */
#pragma once
#include <stddef.h>

/* quantile_of - between the two neighbours of rank q * (count - 1), weighted; NaNs are lower than everything. NaN for
 * no values or a q that is NaN, -Inf for q < 0, +Inf for q > 1. Reorders the values; takes O(count). */
double quantile_of(double q, double *values, size_t count);

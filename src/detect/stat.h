/* stat.h - the distributions and order statistics that the detectors stand on.
 *
 * Owner: nobody, pure functions. Threads: any. Arrays hold finite numbers; callers drop the others first. */
#pragma once
#include "base/lang.h"

/* stat_beta - the regularised incomplete beta function I_x(a, b), a and b > 0, x in 0..1. Continued fraction by
 * Lentz' method: Press et al., Numerical Recipes, 3rd ed., section 6.4. */
double stat_beta(double a, double b, double x);
/* stat_t_p - two-sided p-value of Student's t with `freedom` > 0 degrees of freedom (they may be fractional). */
double stat_t_p(double t, double freedom);
/* stat_t_quantile - t such that P(|T| <= t) = coverage, 0 < coverage < 1. */
double stat_t_quantile(double coverage, double freedom);
/* stat_normal_p - two-sided p-value of a standard normal. */
double stat_normal_p(double z);

/* The next three reorder `values`. NaN where count is 0. */
double stat_median(double *values, size_t count);
/* stat_quantile - linear between neighbours (type 7 of Hyndman and Fan, The American Statistician, 1996). */
double stat_quantile(double *values, size_t count, double q);
/* stat_mad - median absolute deviation about `center`, times 1.4826: the standard deviation of normal values. */
double stat_mad(double *values, size_t count, double center);

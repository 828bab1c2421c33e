/* stat.c - incomplete beta, Student's t, medians. */
#include "detect/stat.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { BETA_TURNS_MAX = 300, BISECTIONS = 200 };

static double away_from_zero(double x)
{
    return fabs(x) < DBL_MIN / DBL_EPSILON ? DBL_MIN / DBL_EPSILON : x;
}

static double beta_fraction(double a, double b, double x)
{
    double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), h = d;

    for (int m = 1; m <= BETA_TURNS_MAX; m++) {
        double even = m * (b - m) * x / ((a - 1 + 2 * m) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 1 + 2 * m));

        d = 1 / away_from_zero(1 + even * d);
        c = away_from_zero(1 + even / c);
        h *= d * c;
        d = 1 / away_from_zero(1 + odd * d);
        c = away_from_zero(1 + odd / c);
        h *= d * c;
        if (fabs(d * c - 1) < 4 * DBL_EPSILON)
            break;
    }
    return h;
}

double stat_beta(double a, double b, double x)
{
    if (!(x > 0))
        return 0;
    if (x >= 1)
        return 1;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double stat_t_p(double t, double freedom)
{
    if (isnan(t) || !(freedom > 0))
        return 1;
    if (isinf(t))
        return 0;
    if (freedom > 1e7)
        return stat_normal_p(t); /* the gamma functions' difference loses its digits there */
    return stat_beta(freedom / 2, 0.5, freedom / (freedom + t * t));
}

double stat_t_quantile(double coverage, double freedom)
{
    double low = 0, high = 1;

    if (!(freedom > 0))
        return INFINITY;
    while (stat_t_p(high, freedom) > 1 - coverage && high < 1e300)
        high *= 2;
    for (int i = 0; i < BISECTIONS && high - low > 1e-12 * high; i++) {
        double middle = (low + high) / 2;
        if (stat_t_p(middle, freedom) > 1 - coverage)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

double stat_normal_p(double z)
{
    return isnan(z) ? 1 : erfc(fabs(z) / M_SQRT2);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double stat_quantile(double *values, size_t count, double q)
{
    if (count == 0)
        return NAN;
    qsort(values, count, sizeof *values, by_value);
    double place = q * (double)(count - 1);
    size_t below = (size_t)place;
    if (below + 1 >= count)
        return values[count - 1];
    return values[below] + (place - (double)below) * (values[below + 1] - values[below]);
}

double stat_median(double *values, size_t count)
{
    return stat_quantile(values, count, 0.5);
}

double stat_mad(double *values, size_t count, double center)
{
    for (size_t i = 0; i < count; i++)
        values[i] = fabs(values[i] - center);
    return 1.4826 * stat_median(values, count);
}

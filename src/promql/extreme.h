/* extreme.h - the greater and the lesser of two numbers as Go's math.Max and math.Min have it.
 *
 * Owner: values. Threads: any. */
#pragma once
#include <math.h>

/* extreme_of - sign 1: the greater, -1: the lesser. An infinity of that sign wins over NaN, NaN over all others, and
 * zeros are told apart by their sign. */
static inline double extreme_of(double a, double b, double sign)
{
    if ((isinf(a) && a * sign > 0) || (isinf(b) && b * sign > 0))
        return INFINITY * sign;
    if (isnan(a) || isnan(b))
        return NAN;
    if (a == 0 && b == 0)
        return !!signbit(a) == (sign < 0) ? a : b;
    return a * sign > b * sign ? a : b;
}

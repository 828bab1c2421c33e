/* functions_math.c - functions of one number: abs() to tanh(), and round(). */
#include "promql/function.h"

#include <math.h>

static double of_deg(double value)
{
    return value * 180 / M_PI;
}

static double of_rad(double value)
{
    return value * M_PI / 180;
}

/* of_sgn - zeros keep their sign, NaN stays NaN. */
static double of_sgn(double value)
{
    return value < 0 ? -1 : value > 0 ? 1 : value;
}

/* The row of a function of one number. */
#define MATH(function_name, of, text)                                                                                  \
    static double apply_##function_name(double value, const double *args, size_t arg_count)                            \
    {                                                                                                                  \
        (void)args, (void)arg_count;                                                                                   \
        return of(value);                                                                                              \
    }                                                                                                                  \
    static const struct function function_##function_name = {                                                          \
        .name = #function_name,                                                                                        \
        .doc = text,                                                                                                   \
        .args = { TYPE_VECTOR },                                                                                       \
        .arg_count = 1,                                                                                                \
        .result = TYPE_VECTOR,                                                                                         \
        .math = apply_##function_name,                                                                                 \
    };                                                                                                                 \
    REGISTER(function, function_##function_name)

MATH(abs, fabs, "The absolute value of each sample.");
MATH(acos, acos, "The arccosine of each sample, in radians.");
MATH(acosh, acosh, "The inverse hyperbolic cosine of each sample.");
MATH(asin, asin, "The arcsine of each sample, in radians.");
MATH(asinh, asinh, "The inverse hyperbolic sine of each sample.");
MATH(atan, atan, "The arctangent of each sample, in radians.");
MATH(atanh, atanh, "The inverse hyperbolic tangent of each sample.");
MATH(ceil, ceil, "Each sample rounded up to the next integer.");
MATH(cos, cos, "The cosine of each sample, which is in radians.");
MATH(cosh, cosh, "The hyperbolic cosine of each sample.");
MATH(deg, of_deg, "Radians to degrees.");
MATH(exp, exp, "e to the power of each sample.");
MATH(floor, floor, "Each sample rounded down to the next integer.");
MATH(ln, log, "The natural logarithm of each sample.");
MATH(log10, log10, "The decimal logarithm of each sample.");
MATH(log2, log2, "The binary logarithm of each sample.");
MATH(rad, of_rad, "Degrees to radians.");
MATH(sgn, of_sgn, "The sign of each sample: -1, 0 or 1.");
MATH(sin, sin, "The sine of each sample, which is in radians.");
MATH(sinh, sinh, "The hyperbolic sine of each sample.");
MATH(sqrt, sqrt, "The square root of each sample.");
MATH(tan, tan, "The tangent of each sample, which is in radians.");
MATH(tanh, tanh, "The hyperbolic tangent of each sample.");

/* of_round - to the nearest multiple, ties upwards. By the inverse, which loses fewer digits for 0.1 and its like. */
static double of_round(double value, const double *args, size_t arg_count)
{
    double inverse = 1.0 / (arg_count ? args[0] : 1.0);

    return floor(value * inverse + 0.5) / inverse;
}

static const struct function function_round = {
    .name = "round",
    .doc = "Each sample rounded to the nearest integer, or to the nearest multiple of the second argument.",
    .args = { TYPE_VECTOR, TYPE_SCALAR },
    .arg_count = 2,
    .optional = 1,
    .result = TYPE_VECTOR,
    .math = of_round,
};
REGISTER(function, function_round);

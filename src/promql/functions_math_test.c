/* functions_math_test.c - rows can be found, and give what Prometheus gives. */
#include "base/test.h"
#include "promql/function.h"

#include <math.h>

static double apply(const char *name, double value, const double *args, size_t arg_count)
{
    const struct function *function = function_find(str_of(name));

    ASSERT_TRUE(function && function->math);
    return function->math(value, args, arg_count);
}

TEST(functions_of_one_number_give_what_prometheus_gives)
{
    static const struct {
        const char *name;
        double value, expected;
    } cases[] = {
        { "abs", -1.5, 1.5 },
        { "acos", 0.5, 1.0471975511965979 },
        { "acosh", 2, 1.3169578969248166 },
        { "acosh", 0.5, NAN },
        { "asin", 0.5, 0.5235987755982989 },
        { "asinh", -2, -1.4436354751788103 },
        { "atan", 1, 0.7853981633974483 },
        { "atanh", 0.5, 0.5493061443340548 },
        { "ceil", -1.5, -1 },
        { "cosh", 1, 1.5430806348152437 },
        { "deg", M_PI, 180 },
        { "exp", 1, M_E },
        { "floor", -1.5, -2 },
        { "ln", -1, NAN },
        { "ln", 0, -INFINITY },
        { "log10", 1000, 3 },
        { "log2", 8, 3 },
        { "rad", 180, M_PI },
        { "sgn", -17, -1 },
        { "sgn", 0, 0 },
        { "sgn", NAN, NAN },
        { "sinh", 1, 1.1752011936438014 },
        { "sqrt", -1, NAN },
        { "tanh", 1, 0.7615941559557649 },
        { "round", 2.5, 3 },
        { "round", -2.5, -2 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        double is = apply(cases[i].name, cases[i].value, NULL, 0);
        ASSERT_TRUE(is == cases[i].expected || fabs(is - cases[i].expected) < 1e-12 ||
                    (isnan(is) && isnan(cases[i].expected)));
    }
    ASSERT_NEAR(2.6, apply("round", 2.63, &(double){ 0.1 }, 1), 1e-12);
    ASSERT_NEAR(NAN, apply("round", 2.63, &(double){ 0 }, 1), 0);
}

TEST(functions_have_one_row_each_with_one_implementation)
{
    size_t count = 0;

    FOR_EACH_REGISTERED (function, it) {
        ASSERT_TRUE(function_find(str_of(it->name)) == it);
        ASSERT_EQ_INT(1, (it->math != NULL) + (it->range != NULL) + (it->open != NULL));
        ASSERT_TRUE(it->doc && it->arg_count <= FUNCTION_ARGS_MAX && it->optional <= it->arg_count);
        ASSERT_TRUE(it->variadic == 0 || it->optional == 1);
        count++;
    }
    ASSERT_TRUE(count >= 24);
    ASSERT_TRUE(function_find(S("no_such_function")) == NULL);
}

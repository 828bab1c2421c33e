/* quantile_test.c - the quantile is the one that sorting finds. */
#include "base/test.h"
#include "promql/quantile.h"

#include <math.h>
#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

TEST(quantile_lies_between_its_neighbours)
{
    double values[] = { 3, 1, 2, 4 };

    ASSERT_NEAR(2.5, quantile_of(0.5, values, 4), 0);
    ASSERT_NEAR(1, quantile_of(0, values, 4), 0);
    ASSERT_NEAR(4, quantile_of(1, values, 4), 0);
    ASSERT_NEAR(3.7, quantile_of(0.9, values, 4), 1e-12);
}

TEST(quantile_of_what_is_no_share_is_no_number)
{
    double values[] = { 3, 1 };

    ASSERT_NEAR(NAN, quantile_of(0.5, values, 0), 0);
    ASSERT_NEAR(NAN, quantile_of(NAN, values, 2), 0);
    ASSERT_TRUE(quantile_of(-0.1, values, 2) == -INFINITY);
    ASSERT_TRUE(quantile_of(1.1, values, 2) == INFINITY);
}

TEST(quantile_puts_nan_below_everything)
{
    double values[] = { 5, NAN, 7, NAN };

    ASSERT_NEAR(NAN, quantile_of(0.3, values, 4), 0);
    ASSERT_NEAR(7, quantile_of(1, values, 4), 0);
}

TEST(quantile_agrees_with_sorting)
{
    uint64_t seed = 17;

    for (size_t round = 0; round < 500; round++) {
        double values[100], sorted[100], q = test_uniform(&seed);
        size_t count = 1 + (size_t)(test_uniform(&seed) * 99);
        for (size_t i = 0; i < count; i++)
            values[i] = sorted[i] = floor(test_uniform(&seed) * 20);
        qsort(sorted, count, sizeof(sorted[0]), by_value);
        double rank = q * (double)(count - 1), part = rank - floor(rank);
        size_t at = (size_t)rank, next = at + 1 < count ? at + 1 : at;
        ASSERT_NEAR(sorted[at] * (1 - part) + sorted[next] * part, quantile_of(q, values, count), 0);
    }
}

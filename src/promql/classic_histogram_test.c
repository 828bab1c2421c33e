/* classic_histogram_test.c - quantiles and fractions of cumulative buckets. */
#include "base/test.h"
#include "promql/classic_histogram.h"

#include <math.h>

TEST(classic_quantile_interpolates_within_its_bucket)
{
    struct classic_bucket buckets[] = { { 0.1, 10 }, { 1, 30 }, { INFINITY, 40 } };
    struct classic_repair repair;

    ASSERT_NEAR(0.05, classic_quantile(0.125, buckets, 3, &repair), 1e-15);
    ASSERT_NEAR(0.55, classic_quantile(0.5, buckets, 3, &repair), 1e-15);
    ASSERT_NEAR(1, classic_quantile(0.9, buckets, 3, &repair), 0);
    ASSERT_NEAR(0, classic_quantile(0, buckets, 3, &repair), 0);
    ASSERT_TRUE(classic_quantile(-1, buckets, 3, &repair) == -INFINITY);
    ASSERT_TRUE(classic_quantile(2, buckets, 3, &repair) == INFINITY);
    ASSERT_FALSE(repair.forced);
}

TEST(classic_quantile_is_no_number_without_the_last_bucket_or_observations)
{
    struct classic_bucket open_ended[] = { { 0.1, 10 }, { 1, 30 } }, empty[] = { { 1, 0 }, { INFINITY, 0 } },
                          alone[] = { { INFINITY, 5 } };
    struct classic_repair repair;

    ASSERT_NEAR(NAN, classic_quantile(0.5, open_ended, 2, &repair), 0);
    ASSERT_NEAR(NAN, classic_quantile(0.5, empty, 2, &repair), 0);
    ASSERT_NEAR(NAN, classic_quantile(0.5, alone, 1, &repair), 0);
    ASSERT_NEAR(NAN, classic_fraction(0, 1, open_ended, 2), 0);
}

TEST(classic_quantile_lifts_what_fell_and_says_how_far)
{
    struct classic_bucket buckets[] = { { 1, 10 }, { 2, 5 }, { 3, 10 * (1 + 1e-14) }, { 4, 9 }, { INFINITY, 20 } };
    struct classic_repair repair;

    ASSERT_NEAR(1, classic_quantile(0.5, buckets, 5, &repair), 0);
    ASSERT_TRUE(repair.forced);
    ASSERT_NEAR(2, repair.min_bound, 0);
    ASSERT_NEAR(4, repair.max_bound, 0);
    ASSERT_NEAR(5, repair.max_diff, 0);
}

TEST(classic_quantile_adds_up_buckets_of_equal_bounds)
{
    struct classic_bucket buckets[] = { { 1, 10 }, { 1, 10 }, { INFINITY, 20 }, { INFINITY, 20 } };
    struct classic_repair repair;

    ASSERT_NEAR(1, classic_quantile(0.5, buckets, 4, &repair), 0);
}

TEST(classic_fraction_is_what_lies_between)
{
    struct classic_bucket buckets[] = { { 0.1, 10 }, { 1, 30 }, { INFINITY, 40 } },
                          negative[] = { { -1, 10 }, { 0, 20 }, { INFINITY, 20 } };

    ASSERT_NEAR(0.25, classic_fraction(0, 0.1, buckets, 3), 1e-15);
    ASSERT_NEAR(0.5, classic_fraction(-INFINITY, 0.55, buckets, 3), 1e-15);
    ASSERT_NEAR(0.25, classic_fraction(5, INFINITY, buckets, 3), 1e-15);
    ASSERT_NEAR(0, classic_fraction(1, 1, buckets, 3), 0);
    ASSERT_NEAR(NAN, classic_fraction(NAN, 1, buckets, 3), 0);
    ASSERT_NEAR(0.75, classic_fraction(-INFINITY, -0.5, negative, 3), 1e-15);
}

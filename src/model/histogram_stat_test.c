/* histogram_stat_test.c - what native histograms say of their observations. */
#include "model/histogram_stat.h"

#include "base/test.h"
#include "model/histogram_draw_test.h"

#include <math.h>

static const struct histogram *parse(struct arena *arena, const char *text)
{
    const struct histogram *histogram;

    ASSERT_OK(histogram_parse(arena, str_of(text), &histogram));
    return histogram;
}

TEST(histogram_quantiles_interpolate_within_the_bucket)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const struct histogram *exponential = parse(arena, "{{schema:0 count:12 sum:100 z_bucket:2 z_bucket_w:0.001 "
                                                       "buckets:[2 3 0 1 4]}}");
    const struct histogram *custom = parse(arena, "{{schema:-53 count:4 sum:9 custom_values:[4 8] buckets:[1 2 1]}}");
    enum nan_effect effect;

    ASSERT_TRUE(isinf(histogram_quantile(exponential, 1.01, &effect)));
    ASSERT_NEAR(16, histogram_quantile(exponential, 1, &effect), 1e-12);
    ASSERT_NEAR(1.5874010519682, histogram_quantile(exponential, 0.5, &effect), 1e-12);
    ASSERT_NEAR(0.0006, histogram_quantile(exponential, 0.1, &effect), 1e-12);
    ASSERT_NEAR(6, histogram_quantile(custom, 0.5, &effect), 1e-12);
    ASSERT_NEAR(8, histogram_quantile(custom, 1, &effect), 1e-12);
    ASSERT_TRUE(isnan(histogram_quantile(parse(arena, "{{}}"), 0.5, &effect)));
}

TEST(histogram_quantiles_say_when_nan_was_observed)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const struct histogram *some = parse(arena, "{{count:4 sum:NaN buckets:[1 2]}}");
    enum nan_effect effect;

    ASSERT_NEAR(0.75, histogram_quantile(some, 0.1, &effect), 0.25);
    ASSERT_EQ_INT(NAN_SKEWS, effect);
    ASSERT_TRUE(isnan(histogram_quantile(some, 0.9, &effect)));
    ASSERT_EQ_INT(NAN_IS_THE_RESULT, effect);
    histogram_fraction(some, 0, 1, &effect);
    ASSERT_EQ_INT(NAN_SKEWS, effect);
}

TEST(histogram_fractions_are_the_inverse_of_quantiles)
{
    uint64_t seed = 9;

    for (int i = 0; i < 500; i++) {
        struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
        const struct histogram *drawn = draw_histogram(arena, &seed, i % 3 == 0);
        double q = test_uniform(&seed), value, fraction;
        enum nan_effect effect;
        value = histogram_quantile(drawn, q, &effect);
        fraction = histogram_fraction(drawn, -INFINITY, value, &effect);
        if (drawn->count == 0) {
            ASSERT_TRUE(isnan(value) && isnan(fraction));
            continue;
        }
        /* A quantile in a bucket without end, or at a value that many have, stands for a range of them. */
        ASSERT_TRUE(drawn->schema == HISTOGRAM_CUSTOM || value == 0 || fabs(fraction - q) < 1e-6);
    }
}

TEST(histogram_variance_is_that_of_the_middles)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);

    ASSERT_NEAR(4,
                histogram_variance(parse(arena, "{{schema:-53 count:4 sum:16 custom_values:[0 4 8] "
                                                "buckets:[0 2 2]}}")),
                1e-12);
    ASSERT_NEAR(0, histogram_variance(parse(arena, "{{count:5 sum:0 z_bucket:5 z_bucket_w:0.1}}")), 1e-12);
}

TEST(histogram_trims_what_is_beyond_the_edge)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const struct histogram *custom = parse(arena, "{{schema:-53 count:6 sum:30 custom_values:[5 10] buckets:[1 4 1]}}");
    const struct histogram *kept = histogram_trim(arena, custom, 7.5, true);

    ASSERT_NEAR(3, kept->count, 1e-12);
    ASSERT_NEAR(2.5 + 2 * 6.25, kept->sum, 1e-12);
    kept = histogram_trim(arena, custom, 7.5, false);
    ASSERT_NEAR(3, kept->count, 1e-12);
    ASSERT_NEAR(2 * 8.75 + 10, kept->sum, 1e-12);
    ASSERT_TRUE(histogram_equal(custom, histogram_trim(arena, custom, -INFINITY, false)));
}

TEST(histogram_trimming_both_ways_keeps_every_observation)
{
    uint64_t seed = 21;

    for (int i = 0; i < 500; i++) {
        struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
        const struct histogram *drawn = draw_histogram(arena, &seed, false);
        double edge = test_uniform(&seed) * 20 - 10;
        const struct histogram *lower = histogram_trim(arena, drawn, edge, true);
        const struct histogram *upper = histogram_trim(arena, drawn, edge, false);
        ASSERT_NEAR(drawn->count, lower->count + upper->count, 1e-6 * (1 + drawn->count));
    }
}

/* trend_test.c - distributions against tables, estimators against slow obvious models, intervals by simulation. */
#include "base/test.h"
#include "detect/stat.h"
#include "detect/trend.h"

#include <math.h>
#include <stdlib.h>

enum { ARENA_BYTES = 1 << 24 };

static uint64_t seed = 88172645463325252ULL;

static double uniform(void)
{
    return test_uniform(&seed);
}

static double normal(void)
{
    return test_normal(&seed);
}

TEST(distributions_are_those_of_the_tables)
{
    ASSERT_NEAR(0.6875, stat_beta(2, 3, 0.5), 1e-12);
    ASSERT_NEAR(1.0 / 3, stat_beta(0.5, 0.5, 0.25), 1e-12); /* 2/pi asin(sqrt(x)) */
    ASSERT_NEAR(pow(0.3, 7), stat_beta(7, 1, 0.3), 1e-15);
    ASSERT_NEAR(0, stat_beta(2, 3, 0), 0);
    ASSERT_NEAR(1, stat_beta(2, 3, 1), 0);
    ASSERT_NEAR(12.706204736, stat_t_quantile(0.95, 1), 1e-8);
    ASSERT_NEAR(2.570581836, stat_t_quantile(0.95, 5), 1e-8);
    ASSERT_NEAR(2.228138852, stat_t_quantile(0.95, 10), 1e-8);
    ASSERT_NEAR(2.750, stat_t_quantile(0.99, 30), 1e-4);
    ASSERT_NEAR(0.05, stat_t_p(1.959963985, 1e9), 1e-8);
    ASSERT_NEAR(0.05, stat_normal_p(1.959963985), 1e-9);
    ASSERT_NEAR(1, stat_t_p(0, 7), 1e-12);
    ASSERT_NEAR(1, stat_t_p(NAN, 7), 0);
    ASSERT_NEAR(0, stat_t_p(INFINITY, 7), 0);
}

TEST(stat_beta_is_the_area_under_its_density)
{
    for (int round = 0; round < 20; round++) {
        double a = 0.7 + 8 * uniform(), b = 0.7 + 8 * uniform(), x = uniform(), area = 0;
        int steps = 200000;
        double scale = exp(lgamma(a + b) - lgamma(a) - lgamma(b));
        for (int i = 0; i < steps; i++) {
            double u = x * (i + 0.5) / steps;
            area += scale * pow(u, a - 1) * pow(1 - u, b - 1) * x / steps;
        }
        ASSERT_NEAR(area, stat_beta(a, b, x), 2e-4);
    }
}

TEST(order_statistics)
{
    double odd[] = { 5, 1, 3 }, even[] = { 4, 1, 3, 2 }, spread[] = { 1, 1, 2, 2, 4, 6, 9 };

    ASSERT_NEAR(3, stat_median(odd, 3), 0);
    ASSERT_NEAR(2.5, stat_median(even, 4), 0);
    ASSERT_NEAR(3.25, stat_quantile(even, 4, 0.75), 1e-12);
    ASSERT_NEAR(1.4826, stat_mad(spread, 7, 2), 1e-12); /* the example of every textbook: MAD 1 about 2 */
    ASSERT_NEAR(NAN, stat_median(odd, 0), 0);
}

TEST(line_of_a_textbook_example)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(ARENA_BYTES);
    double t[] = { 1, 2, 3, 4, 5 }, v[] = { 2, 4, 5, 4, 5 };
    struct trend_line line;

    ASSERT_TRUE(trend_line_fit(arena, (struct trend_points){ t, v, 5 }, &line));
    ASSERT_NEAR(0.6, line.slope, 1e-12);
    ASSERT_NEAR(2.2, trend_line_at(&line, 0), 1e-12);
    ASSERT_NEAR(0.6, line.r2, 1e-12);
    ASSERT_NEAR(0.1240, line.p_value, 1e-4); /* t = 2.1213 with 3 degrees of freedom; residuals without memory */
    ASSERT_NEAR(sqrt(0.8), line.residual_sd, 1e-12);
    ASSERT_NEAR(0.708333333, line.robust_slope, 1e-8);
}

TEST(lines_of_strange_samples_are_defined)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(ARENA_BYTES);
    double t[] = { 0, 60, 60, 30, NAN, 120, 600 }, v[] = { 1, 3, 99, 98, 97, NAN, 21 };
    double constant[] = { 7e11, 7e11, 7e11, 7e11, 7e11, 7e11, 7e11 }, even[] = { 0, 1, 2, 3, 4, 5, 6 };
    struct trend_points clean = trend_clean(arena, t, v, 7);
    struct trend_line line;

    ASSERT_EQ_INT(3, (int64_t)clean.count); /* equal, backward, NaN and infinite ones are gone */
    ASSERT_TRUE(trend_line_fit(arena, clean, &line));
    ASSERT_NEAR(1.0 / 30, line.slope, 1e-12);
    ASSERT_NEAR(1, line.r2, 1e-12);
    ASSERT_NEAR(0, line.p_value, 0); /* exact */
    ASSERT_NEAR(3000 - 30, trend_line_crossing(&line, 100).high, 1e-6);

    ASSERT_TRUE(trend_line_fit(arena, (struct trend_points){ even, constant, 7 }, &line));
    ASSERT_NEAR(0, line.slope, 0);
    ASSERT_NEAR(0, line.r2, 0);
    ASSERT_NEAR(1, line.p_value, 0);
    ASSERT_TRUE(isnan(trend_line_crossing(&line, 8e11).at));

    ASSERT_FALSE(trend_line_fit(arena, (struct trend_points){ even, constant, 2 }, &line));
    ASSERT_FALSE(trend_line_fit(arena, (struct trend_points){ even, constant, 0 }, &line));
    ASSERT_NEAR(NAN, trend_sen_slope(arena, (struct trend_points){ even, constant, 1 }), 0);
    ASSERT_NEAR(1, trend_mann_kendall((struct trend_points){ even, constant, 7 }).p_value, 0);
    ASSERT_NEAR(1, trend_mann_kendall((struct trend_points){ even, even, 3 }).p_value, 0);
}

/* The test as its definition has it, with ties counted value by value. */
static double slow_mann_kendall_z(const double *v, size_t n)
{
    double s = 0, ties = 0;
    double *sorted = calloc(n, sizeof *sorted);

    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            s += v[j] > v[i] ? 1 : v[j] < v[i] ? -1 : 0;
    for (size_t i = 0; i < n; i++)
        sorted[i] = v[i];
    stat_median(sorted, n); /* sorts */
    for (size_t i = 0; i < n;) {
        size_t same = 1;
        while (i + same < n && sorted[i + same] == sorted[i])
            same++;
        ties += (double)same * ((double)same - 1) * (2 * (double)same + 5);
        i += same;
    }
    free(sorted);
    double variance = ((double)n * ((double)n - 1) * (2 * (double)n + 5) - ties) / 18;
    return s == 0 ? 0 : (s > 0 ? s - 1 : s + 1) / sqrt(variance);
}

TEST(mann_kendall_and_sen_agree_with_slow_models)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(ARENA_BYTES);
    double t[60], v[60], slopes[60 * 60];

    for (int round = 0; round < 200; round++) {
        size_t n = 4 + (size_t)(uniform() * 56), pairs = 0;
        double now = 0;
        for (size_t i = 0; i < n; i++) {
            t[i] = now += 0.1 + uniform() * 10;
            v[i] = floor(uniform() * 12) + 0.1 * (double)i;
            if (round % 2)
                v[i] = floor(v[i]); /* many ties */
        }
        struct trend_points points = { t, v, n };
        ASSERT_NEAR(slow_mann_kendall_z(v, n), trend_mann_kendall(points).z, 1e-9);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < i; j++)
                slopes[pairs++] = (v[i] - v[j]) / (t[i] - t[j]);
        ASSERT_NEAR(stat_median(slopes, pairs), trend_sen_slope(arena, points), 1e-12);
    }
}

TEST(a_few_outliers_do_not_turn_the_robust_slope)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(ARENA_BYTES);
    double t[100], v[100];
    struct trend_line line;

    for (int i = 0; i < 100; i++) {
        t[i] = i;
        v[i] = 0.5 * i + 0.1 * normal() + (i % 9 == 0 ? 500 : 0);
    }
    ASSERT_TRUE(trend_line_fit(arena, (struct trend_points){ t, v, 100 }, &line));
    ASSERT_NEAR(0.5, line.robust_slope, 0.02);
}

TEST(intervals_hold_what_they_promise)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(ARENA_BYTES);
    int rounds = 2000, slope_inside = 0, eta_inside = 0, next_inside = 0, significant = 0;
    double t[30], v[30], flat[30], low, high;
    struct trend_line line;

    for (int round = 0; round < rounds; round++) {
        double now = 0;
        for (int i = 0; i < 30; i++) {
            t[i] = now += 0.2 + 1.6 * uniform();
            v[i] = 10 + 0.8 * t[i] + 3 * normal();
            flat[i] = 10 + 3 * normal();
        }
        ASSERT_TRUE(trend_line_fit(arena, (struct trend_points){ t, v, 30 }, &line));
        slope_inside += line.slope_low <= 0.8 && 0.8 <= line.slope_high;
        struct trend_crossing crossing = trend_line_crossing(&line, 50); /* truth: at 50 */
        eta_inside += crossing.low <= 50 && 50 <= crossing.high;
        trend_line_predict(&line, 40, &low, &high);
        double next = 10 + 0.8 * 40 + 3 * normal();
        next_inside += low <= next && next <= high;
        ASSERT_TRUE(trend_line_fit(arena, (struct trend_points){ t, flat, 30 }, &line));
        significant += line.p_value < 0.05;
        arena_reset(arena);
    }
    /* 95 % of 2,000, and four standard errors (0.5 points) on the narrow side; the reduction of the effective sample
     * makes them a little too wide, never too narrow. */
    ASSERT_TRUE(slope_inside >= 0.93 * rounds && slope_inside <= 0.99 * rounds);
    ASSERT_TRUE(eta_inside >= 0.93 * rounds && eta_inside <= 0.99 * rounds);
    ASSERT_TRUE(next_inside >= 0.93 * rounds && next_inside <= 0.99 * rounds);
    ASSERT_TRUE(significant <= 0.07 * rounds);
}

TEST(neighbours_that_resemble_each_other_prove_less)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(ARENA_BYTES);
    double t[200], v[200];
    int rounds = 500, significant = 0;
    struct trend_line line;

    for (int round = 0; round < rounds; round++) {
        double x = 0;
        for (int i = 0; i < 200; i++) {
            x = 0.8 * x + normal();
            t[i] = i;
            v[i] = x;
        }
        ASSERT_TRUE(trend_line_fit(arena, (struct trend_points){ t, v, 200 }, &line));
        significant += line.p_value < 0.05;
        arena_reset(arena);
    }
    ASSERT_TRUE(significant <= 0.10 * rounds); /* without the correction it is a half */
}

TEST(crossings_without_a_sure_slope_have_no_upper_end)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(ARENA_BYTES);
    double t[12], v[12];
    struct trend_line line;

    for (int i = 0; i < 12; i++) {
        t[i] = i;
        v[i] = (i % 2 ? 9 : -9) + 0.2 * i;
    }
    ASSERT_TRUE(trend_line_fit(arena, (struct trend_points){ t, v, 12 }, &line));
    struct trend_crossing crossing = trend_line_crossing(&line, 100);
    ASSERT_TRUE(isfinite(crossing.at));
    ASSERT_TRUE(isinf(crossing.high));
    ASSERT_TRUE(isnan(crossing.low) || crossing.low <= crossing.at);
}

TEST(robust_z_ignores_earlier_incidents)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(ARENA_BYTES);
    double usual[] = { 1.0, 1.2, 0.8, 1.1, 0.9, 1.0, 50, 60, 1.1, 0.9 }, still[] = { 0, 0, 0, 0 };

    ASSERT_NEAR(1.05, trend_robust_z(arena, usual, 10, 5, 0).baseline, 1e-12);
    ASSERT_TRUE(trend_robust_z(arena, usual, 10, 5, 0).z > 10);
    ASSERT_NEAR(0.2, trend_robust_z(arena, still, 4, 0.1, 0.5).z, 1e-12); /* the floor */
    ASSERT_NEAR(0, trend_robust_z(arena, still, 4, 0, 0).z, 0);
    ASSERT_TRUE(isinf(trend_robust_z(arena, still, 4, 0.1, 0).z));
    ASSERT_NEAR(NAN, trend_robust_z(arena, still, 0, 1, 1).baseline, 0);
}

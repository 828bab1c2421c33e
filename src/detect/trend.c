/* trend.c - least squares, Theil-Sen, Mann-Kendall, Fieller, robust z. */
#include "detect/trend.h"

#include "detect/stat.h"

#include <math.h>
#include <string.h>

enum { SEN_POINTS_MAX = 200 };

struct trend_points trend_clean(struct arena *arena, const double *time, const double *value, size_t count)
{
    double *times = arena_array(arena, count + 1, sizeof *times);
    double *values = arena_array(arena, count + 1, sizeof *values);
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (!isfinite(time[i]) || !isfinite(value[i]) || (kept > 0 && time[i] <= times[kept - 1]))
            continue;
        times[kept] = time[i];
        values[kept++] = value[i];
    }
    return (struct trend_points){ times, values, kept };
}

double trend_sen_slope(struct arena *arena, struct trend_points points)
{
    double step = points.count > SEN_POINTS_MAX ? (double)(points.count - 1) / (SEN_POINTS_MAX - 1) : 1;
    size_t used = points.count > SEN_POINTS_MAX ? SEN_POINTS_MAX : points.count;
    double *slopes = arena_array(arena, used * used / 2 + 1, sizeof *slopes);
    size_t count = 0;

    for (size_t i = 0; i < used; i++) {
        size_t a = (size_t)((double)i * step);
        for (size_t j = i + 1; j < used; j++) {
            size_t b = (size_t)((double)j * step);
            slopes[count++] = (points.value[b] - points.value[a]) / (points.time[b] - points.time[a]);
        }
    }
    return stat_median(slopes, count);
}

/* Correlation of each residual with the one before it, 0..0.98. */
static double residual_memory(const struct trend_line *line, struct trend_points points)
{
    double products = 0, squares = 0, before = 0;

    for (size_t i = 0; i < points.count; i++) {
        double residual = points.value[i] - trend_line_at(line, points.time[i]);
        products += i > 0 ? residual * before : 0;
        squares += residual * residual;
        before = residual;
    }
    if (!(squares > 0))
        return 0;
    return fmin(0.98, fmax(0, products / squares));
}

bool trend_line_fit(struct arena *arena, struct trend_points points, struct trend_line *ret_line)
{
    double n = (double)points.count, time = 0, value = 0, tt = 0, tv = 0, vv = 0;
    struct trend_line line = { .p_value = 1 };

    if (points.count < 3)
        return false;
    for (size_t i = 0; i < points.count; i++) {
        time += (points.time[i] - points.time[0]) / n;
        value += points.value[i] / n;
    }
    line.center_time = points.time[0] + time;
    line.center_value = value;
    for (size_t i = 0; i < points.count; i++) {
        double t = points.time[i] - line.center_time, v = points.value[i] - value;
        tt += t * t;
        tv += t * v;
        vv += v * v;
    }
    if (!(tt > 0))
        return false;
    line.slope = tv / tt;
    /* What rounding left of a constant is no variation. */
    double noise = 1e-14 * fmax(fabs(value), 1e-300);
    bool constant = vv <= n * noise * noise;
    if (constant)
        line.slope = 0;
    double left = constant ? 0 : fmax(0, vv - tv * tv / tt);
    line.r2 = constant ? 0 : fmin(1, tv * tv / (tt * vv));
    if (line.r2 > 1 - 1e-13)
        left = 0;
    double memory = left > 0 ? residual_memory(&line, points) : 0;
    line.effective = fmax(2, n * (1 - memory) / (1 + memory));
    line.time_spread = tt * line.effective / n;
    double freedom = line.effective - 2;
    line.residual_sd = sqrt(left / (n - 2));
    double error = line.residual_sd / sqrt(line.time_spread);
    if (!constant && left == 0)
        line.p_value = 0;
    else if (!constant && freedom > 0)
        line.p_value = stat_t_p(line.slope / error, freedom);
    double reach = left == 0 ? 0 : freedom > 0 ? stat_t_quantile(0.95, freedom) * error : INFINITY;
    line.slope_low = line.slope - reach;
    line.slope_high = line.slope + reach;
    line.robust_slope = trend_sen_slope(arena, points);
    *ret_line = line;
    return true;
}

double trend_line_at(const struct trend_line *line, double time)
{
    return line->center_value + line->slope * (time - line->center_time);
}

void trend_line_predict(const struct trend_line *line, double time, double *ret_low, double *ret_high)
{
    double away = time - line->center_time, reach = 0;

    if (line->residual_sd > 0 && line->effective > 2)
        reach = stat_t_quantile(0.95, line->effective - 2) * line->residual_sd *
                sqrt(1 + 1 / line->effective + away * away / line->time_spread);
    else if (line->residual_sd > 0)
        reach = INFINITY;
    *ret_low = trend_line_at(line, time) - reach;
    *ret_high = trend_line_at(line, time) + reach;
}

struct trend_monotone trend_mann_kendall(struct trend_points points)
{
    struct trend_monotone result = { .p_value = 1 };
    double n = (double)points.count, ties = 0, tied_pairs = 0;

    if (points.count < 4)
        return result;
    for (size_t i = 0; i < points.count; i++) {
        double same = 1;
        bool first = true;
        for (size_t j = 0; j < points.count; j++) {
            if (j > i)
                result.s += (points.value[j] > points.value[i]) - (points.value[j] < points.value[i]);
            if (j != i && points.value[j] == points.value[i]) {
                same++;
                first = first && j > i;
            }
        }
        if (first && same > 1) {
            ties += same * (same - 1) * (2 * same + 5);
            tied_pairs += same * (same - 1) / 2;
        }
    }
    double variance = (n * (n - 1) * (2 * n + 5) - ties) / 18, pairs = n * (n - 1) / 2;
    if (!(variance > 0) || tied_pairs >= pairs)
        return (struct trend_monotone){ .p_value = 1 };
    result.tau = result.s / sqrt(pairs * (pairs - tied_pairs));
    result.z = result.s == 0 ? 0 : (result.s - (result.s > 0 ? 1 : -1)) / sqrt(variance);
    result.p_value = stat_normal_p(result.z);
    return result;
}

struct trend_crossing trend_line_crossing(const struct trend_line *line, double limit)
{
    struct trend_crossing crossing = { NAN, NAN, INFINITY };
    double d = limit - line->center_value, b = line->slope;

    if (b == 0)
        return (struct trend_crossing){ NAN, NAN, NAN };
    crossing.at = line->center_time + d / b;
    if (line->residual_sd == 0)
        return (struct trend_crossing){ crossing.at, crossing.at, crossing.at };
    if (line->effective <= 2)
        return crossing;
    /* (d - b u)^2 = k^2 (1/n + u^2/S), u the time from the centre: a quadratic whose roots bound the crossing. */
    double k = stat_t_quantile(0.95, line->effective - 2) * line->residual_sd;
    double a = b * b - k * k / line->time_spread;
    double root = d * d * b * b - a * (d * d - k * k / line->effective);
    if (root < 0)
        return crossing;
    if (a > 0) {
        crossing.low = line->center_time + (d * b - sqrt(root)) / a;
        crossing.high = line->center_time + (d * b + sqrt(root)) / a;
    } else if (a < 0) {
        /* Any steeper slope is possible, none at all too: bounded on the near side only. */
        double near = (d * b - sqrt(root)) / a, far = (d * b + sqrt(root)) / a;
        crossing.low = line->center_time + (d / b >= 0 ? fmax(near, far) : -INFINITY);
        if (crossing.low > crossing.at)
            crossing.low = NAN;
    }
    return crossing;
}

struct trend_deviation trend_robust_z(struct arena *arena, const double *baseline, size_t count, double value,
                                      double floor)
{
    struct trend_deviation result = { .baseline = NAN };
    double *values = arena_array(arena, count + 1, sizeof *values);

    if (count == 0)
        return result;
    memcpy(values, baseline, count * sizeof *values);
    result.baseline = stat_median(values, count);
    result.scale = fmax(stat_mad(values, count, result.baseline), floor);
    if (result.scale > 0)
        result.z = (value - result.baseline) / result.scale;
    else
        result.z = value == result.baseline ? 0 : copysign(INFINITY, value - result.baseline);
    return result;
}

/* assess.c - the choice of the algorithm, regression on load, and anomalies by robust z. */
#include "detect/assess.h"

#include "base/time.h"
#include "detect/growth.h"
#include "detect/trend.h"

#include <math.h>

enum { REGRESSION_MIN = 5, BASELINE_MIN = 20, RECENT_READINGS = 3 };

const char *algorithm_name(enum algorithm algorithm)
{
    static const char *const names[ALGORITHMS] = { "linear_regression", "monotonic_increase", "linear_extrapolation",
                                                   "z_score_anomaly" };
    return names[algorithm];
}

static double ramp(double x, double from, double to)
{
    return fmin(1, fmax(0, (x - from) / (to - from)));
}

struct window {
    struct trend_points points;
    size_t samples;
};

/* Means of the readings of (from, to], times in seconds before now. */
static struct window means_of(struct arena *arena, const struct history *history, int64_t from, int64_t to, int64_t now)
{
    struct reading_list list = history_window(arena, history, from, to);
    double *time = arena_array(arena, list.count + 1, sizeof *time);
    double *value = arena_array(arena, list.count + 1, sizeof *value);
    struct window window = { 0 };

    for (size_t i = 0; i < list.count; i++) {
        time[i] = (double)(list.at[i].time_ms - now) / 1000;
        value[i] = list.at[i].mean;
        window.samples += list.at[i].samples;
    }
    window.points = (struct trend_points){ time, value, list.count };
    return window;
}

/* How unusual the newest `recent_ms` are against all that the window holds before them. */
static struct trend_deviation surprise(struct arena *arena, const struct history *history,
                                       const struct assess_options *options, int64_t recent_ms, double *ret_recent,
                                       struct window *ret_before)
{
    int64_t now = history_last_ms(history);
    struct window recent = means_of(arena, history, now - recent_ms, now, now);
    *ret_before = means_of(arena, history, now - options->window_ms, now - recent_ms, now);

    *ret_recent = trend_robust_z(arena, recent.points.value, recent.points.count, 0, 1).baseline;
    return trend_robust_z(arena, ret_before->points.value, ret_before->points.count, *ret_recent, options->noise_floor);
}

static struct assessment nothing(const struct history *history)
{
    struct assessment none = { .eta_seconds = NAN, .eta_low = NAN, .eta_high = NAN, .learning = true };

    none.evidence = (struct evidence){ .p_value = 1, .baseline = NAN };
    none.value = history_last(history);
    return none;
}

static void fit_evidence(struct assessment *judged, const struct trend_line *line, const struct window *window)
{
    size_t last = window->points.count - 1;

    judged->evidence.slope_per_hour = line->slope * 3600;
    judged->evidence.r2 = line->r2;
    judged->evidence.p_value = line->p_value;
    judged->evidence.samples = window->samples;
    judged->evidence.window_seconds = window->points.time[last] - window->points.time[0];
}

/* Where the line goes, if it surely goes anywhere. */
static void fit_eta(struct assessment *judged, const struct trend_line *line, const struct assess_options *options)
{
    double eta = (options->limit - trend_line_at(line, 0)) / line->slope;

    if (!(line->slope > 0) || line->p_value >= 0.05 || !(eta < 10 * (double)options->horizon_ms / 1000))
        return;
    struct trend_crossing crossing = trend_line_crossing(line, options->limit);
    judged->eta_seconds = fmax(0, eta);
    judged->eta_low = fmax(0, isnan(crossing.low) ? 0 : crossing.low);
    judged->eta_high = isfinite(crossing.high) ? fmax(0, crossing.high) : NAN;
}

static double regression_risk(const struct trend_line *line, const struct assess_options *options, double span_s,
                              double eta_s)
{
    double horizon = (double)options->horizon_ms / 1000, seen = span_s / (span_s + eta_s);
    double agree =
        line->robust_slope > 0 ? fmin(line->robust_slope / line->slope, line->slope / line->robust_slope) : 0;
    double confidence =
        ramp(-log10(fmax(line->p_value, 1e-12)), 1.3, 3) * ramp(agree, 0.3, 0.5) * ramp(seen, 0.15, 0.4);
    double rise = line->slope * span_s;

    confidence *= ramp(rise / fmax(line->residual_sd, options->noise_floor), 1.5, 3);
    return confidence * (eta_s <= horizon ? 0.95 - 0.2 * eta_s / horizon : 0.7 * horizon / eta_s);
}

static struct assessment linear_regression(struct arena *arena, const struct history *history,
                                           const struct assess_options *options)
{
    struct assessment best = nothing(history);
    int64_t now = history_last_ms(history), known = now - history_first_ms(history);
    bool any = false;

    for (int64_t length = options->window_ms; length >= options->min_window_ms && length > known / 1024; length /= 2) {
        struct window window = means_of(arena, history, now - length, now, now);
        struct assessment judged = nothing(history);
        struct trend_line line;
        if (length > 2 * known && any)
            continue;
        if (window.points.count < REGRESSION_MIN || !trend_line_fit(arena, window.points, &line))
            continue;
        judged.evidence.baseline = window.points.value[0];
        fit_evidence(&judged, &line, &window);
        judged.learning = known < options->min_window_ms;
        double eta = line.slope > 0 ? fmax(0, (options->limit - trend_line_at(&line, 0)) / line.slope) : INFINITY;
        fit_eta(&judged, &line, options);
        if (line.slope > 0 && !judged.learning)
            judged.risk = regression_risk(&line, options, judged.evidence.window_seconds, eta);
        if (!any || judged.risk > best.risk + 0.05) /* of nearly equal ones, the longest */
            best = judged;
        any = true;
    }
    /* Loaded now, and is that unusual for it? */
    struct window before;
    double recent;
    struct trend_deviation far = surprise(arena, history, options, 15 * MINUTE_MS, &recent, &before);
    if (before.points.count >= BASELINE_MIN) {
        best.evidence.baseline = far.baseline;
        double loaded = ramp(recent, options->threshold, 100);
        if (recent >= options->threshold)
            best.risk = fmax(best.risk, 0.4 + 0.2 * loaded + 0.3 * ramp(far.z, 3, 6));
    }
    best.value = isnan(recent) ? best.value : recent;
    return best;
}

static struct assessment z_score(struct arena *arena, const struct history *history,
                                 const struct assess_options *options)
{
    struct assessment judged = nothing(history);
    struct window before;
    struct trend_line line;
    double recent;
    int64_t now = history_last_ms(history), known = now - history_first_ms(history);
    int64_t recent_ms = options->min_window_ms / 2;
    if (recent_ms > known / 4)
        recent_ms = known / 4;
    struct trend_deviation far = surprise(arena, history, options, recent_ms, &recent, &before);
    struct window all = means_of(arena, history, now - options->window_ms, now, now);

    if (all.points.count >= 3 && trend_line_fit(arena, all.points, &line))
        fit_evidence(&judged, &line, &all);
    judged.value = isnan(recent) ? judged.value : recent;
    judged.evidence.baseline = far.baseline;
    if (before.points.count < BASELINE_MIN)
        return judged;
    judged.learning = false;
    /* The p-value here is the anomaly's, by Cantelli's bound: nothing is known of the tail's shape. */
    judged.evidence.p_value = far.z > 0 ? 1 / (1 + far.z * far.z) : 1;
    double near = options->threshold > 0 ? fmin(1, fmax(0, judged.value / options->threshold)) : 0;
    judged.risk = ramp(far.z, 2, 6) * sqrt(near);
    return judged;
}

static struct assessment run(struct arena *arena, enum algorithm algorithm, const struct history *history,
                             const struct assess_options *options)
{
    switch (algorithm) {
    case LINEAR_REGRESSION:
        return linear_regression(arena, history, options);
    case MONOTONIC_INCREASE:
        return growth_assess(arena, history, options, false);
    case LINEAR_EXTRAPOLATION:
        return growth_assess(arena, history, options, true);
    default:
        return z_score(arena, history, options);
    }
}

struct assessment assess(struct arena *arena, enum algorithm algorithm, const struct history *history,
                         const struct assess_options *options)
{
    struct trend_line line;

    if (history_samples(history) == 0)
        return nothing(history);
    struct assessment judged = run(arena, algorithm, history, options);
    if (judged.evidence.samples > 0)
        return judged;
    /* Too little for the algorithm, but perhaps enough for a line that people can look at. */
    int64_t now = history_last_ms(history);
    struct window all = means_of(arena, history, now - options->window_ms, now, now);
    if (trend_line_fit(arena, all.points, &line)) {
        fit_evidence(&judged, &line, &all);
        judged.evidence.baseline = all.points.value[0];
        if (algorithm != Z_SCORE_ANOMALY)
            fit_eta(&judged, &line, options);
    }
    return judged;
}

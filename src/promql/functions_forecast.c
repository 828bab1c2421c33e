/* functions_forecast.c - lines and curves through a window: deriv, predict_linear, double_exponential_smoothing. */
#include "base/kahan.h"
#include "promql/window.h"

#include <math.h>

/* at_least_two - the floats, where there are two of them; histograms beside them are left out, which is said. */
static bool at_least_two(struct window *window, struct floats *ret_floats)
{
    *ret_floats = window_floats(window);
    if (ret_floats->count && ret_floats->histograms)
        window_note_ignored(window);
    return ret_floats->count >= 2;
}

struct line {
    double slope, intercept; /* per second; at the time asked for */
};

/* line_through - least squares, all sums Kahan's. A constant gets no slope from rounding. */
static struct line line_through(const struct floats *floats, int64_t intercept_ms)
{
    struct kahan x = { 0 }, y = { 0 }, xy = { 0 }, xx = { 0 };
    double count = (double)floats->count, constant = floats->values[0];
    bool is_constant = true;

    for (size_t i = 0; i < floats->count; i++) {
        double at = (double)(floats->times[i] - intercept_ms) / 1e3, value = floats->values[i];
        if (i && value != constant)
            is_constant = false;
        kahan_add(&x, at);
        kahan_add(&y, value);
        kahan_add(&xy, at * value);
        kahan_add(&xx, at * at);
    }
    if (is_constant)
        return isinf(constant) ? (struct line){ NAN, NAN } : (struct line){ 0, constant };
    double sum_x = x.sum + x.lost, sum_y = y.sum + y.lost;
    double covariance = (xy.sum + xy.lost) - sum_x * sum_y / count;
    double variance = (xx.sum + xx.lost) - sum_x * sum_x / count;
    double slope = covariance / variance;
    return (struct line){ slope, sum_y / count - slope * sum_x / count };
}

static enum presence deriv(struct window *window, double *ret_value)
{
    struct floats floats;

    if (!at_least_two(window, &floats))
        return POINT_NONE;
    *ret_value = line_through(&floats, floats.times[0]).slope; /* a time nearby keeps the digits */
    return POINT_FLOAT;
}

static enum presence predict_linear(struct window *window, double *ret_value)
{
    struct floats floats;

    if (!at_least_two(window, &floats))
        return POINT_NONE;
    struct line line = line_through(&floats, window->time_ms);
    *ret_value = line.slope * window->args[0] + line.intercept;
    return POINT_FLOAT;
}

/* double_exponential_smoothing - level and trend, after Holt (1957, reprinted in IJF 20, 2004). */
static enum presence double_exponential_smoothing(struct window *window, double *ret_value)
{
    double smoothing = window->args[0], trending = window->args[1];
    struct floats floats;

    if (smoothing <= 0 || smoothing >= 1)
        window->failure = err_new(ERR_RANGE, "invalid smoothing factor. Expected: 0 < sf < 1, got: %f", smoothing);
    else if (trending <= 0 || trending >= 1)
        window->failure = err_new(ERR_RANGE, "invalid trend factor. Expected: 0 < tf < 1, got: %f", trending);
    if (window->failure || !at_least_two(window, &floats))
        return POINT_NONE;
    double level = floats.values[0], before = 0, trend = floats.values[1] - floats.values[0];
    for (size_t i = 1; i < floats.count; i++) {
        double raw = smoothing * floats.values[i];
        if (i > 1)
            trend = trending * (level - before) + (1 - trending) * trend;
        double expected = (1 - smoothing) * (level + trend);
        before = level;
        level = raw + expected;
    }
    *ret_value = level;
    return POINT_FLOAT;
}

static const struct function function_deriv = {
    .name = "deriv",
    .doc = "The per-second slope of a gauge over the window, by linear regression.",
    .args = { TYPE_MATRIX },
    .arg_count = 1,
    .result = TYPE_VECTOR,
    .range = deriv,
};
REGISTER(function, function_deriv);

static const struct function function_predict_linear = {
    .name = "predict_linear",
    .doc = "What a gauge will be so many seconds from now, by linear regression over the window.",
    .args = { TYPE_MATRIX, TYPE_SCALAR },
    .arg_count = 2,
    .result = TYPE_VECTOR,
    .of_time = true,
    .range = predict_linear,
};
REGISTER(function, function_predict_linear);

static const struct function function_double_exponential_smoothing = {
    .name = "double_exponential_smoothing",
    .doc = "A smoothed value of a gauge; the factors, 0 to 1, weigh new values and trends.",
    .args = { TYPE_MATRIX, TYPE_SCALAR, TYPE_SCALAR },
    .arg_count = 3,
    .result = TYPE_VECTOR,
    .experimental = true,
    .range = double_exponential_smoothing,
};
REGISTER(function, function_double_exponential_smoothing);

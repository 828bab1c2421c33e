/* functions_forecast.c - lines and curves through a window: deriv, predict_linear, double_exponential_smoothing. */
#include "base/kahan.h"
#include "promql/window.h"

#include <math.h>
#include <string.h>

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

/* Times of the windows so far and their sums. Where series are scraped as regularly as steps follow, times lie around
 * the step as they did in the window before, and are neither converted nor summed again: sums[n - 1] is of the n
 * samples next to the end that they are counted from, so it serves shorter windows, too. Summed from the newest sample
 * back, sums may differ from Prometheus' in the last bit. */
struct line_times {
    size_t count, room;
    int64_t interval_ms;  /* from any to the next; 0: not the same */
    int64_t *offsets_ms;  /* from the intercept */
    double_pair *seconds; /* 1 and the same offset, to be multiplied by a value */
    double_pair *sums;    /* of the seconds and of their squares, up to this one */
    struct kahan_pair sum;
};

static void make_room(struct arena *arena, struct line_times *times, size_t count)
{
    struct line_times before = *times;

    if (count <= times->room)
        return;
    times->room = count * 2;
    times->offsets_ms = arena_array(arena, times->room, sizeof(*times->offsets_ms));
    times->seconds = arena_array(arena, times->room, sizeof(*times->seconds));
    times->sums = arena_array(arena, times->room, sizeof(*times->sums));
    if (before.count == 0)
        return;
    memcpy(times->offsets_ms, before.offsets_ms, before.count * sizeof(*times->offsets_ms));
    memcpy(times->seconds, before.seconds, before.count * sizeof(*times->seconds));
    memcpy(times->sums, before.sums, before.count * sizeof(*times->sums));
}

/* regular_interval - between any two samples of the window; 0 where it isn't the same. Each sample of a series is
 * looked at once. */
static int64_t regular_interval(struct window *window, const struct floats *floats)
{
    const int64_t *series = window->times - window->first;
    size_t i = window->regular_end;

    if (floats->histograms)
        return 0;
    if (i <= window->first)
        window->regular = i = window->first;
    for (; i <= window->last; i++)
        if (i >= window->regular + 2 && series[i] - series[i - 1] != series[i - 1] - series[i - 2])
            window->regular = i - 1;
    window->regular_end = i;
    return window->regular <= window->first ? floats->times[1] - floats->times[0] : 0;
}

/* same_times - whether those that both have are the same. */
static bool same_times(const struct line_times *times, const int64_t *from, size_t count, int64_t intercept_ms,
                       ptrdiff_t by)
{
    for (size_t i = 0; i < count && i < times->count; i++)
        if (from[(ptrdiff_t)i * by] - intercept_ms != times->offsets_ms[i])
            return false;
    return true;
}

/* line_times - of this window, counted from its first sample on (by 1) or from its last one back (by -1). */
static const struct line_times *line_times(struct window *window, const struct floats *floats, int64_t intercept_ms,
                                           ptrdiff_t by)
{
    struct line_times *times = *window->kept;
    const int64_t *from = by > 0 ? floats->times : floats->times + floats->count - 1;
    int64_t interval_ms = regular_interval(window, floats) * by;

    if (!times)
        times = *window->kept = arena_alloc(window->ev->arena, sizeof(*times));
    bool both_regular = interval_ms && interval_ms == times->interval_ms;
    if (!same_times(times, from, both_regular ? 1 : floats->count, intercept_ms, by)) {
        times->count = 0;
        times->sum = (struct kahan_pair){ 0 };
    }
    if (floats->count > times->count)
        times->interval_ms = interval_ms;
    make_room(window->ev->arena, times, floats->count);
    for (; times->count < floats->count; times->count++) {
        int64_t offset_ms = from[(ptrdiff_t)times->count * by] - intercept_ms;
        double at = (double)offset_ms / 1e3;
        times->offsets_ms[times->count] = offset_ms;
        times->seconds[times->count] = (double_pair){ 1, at };
        kahan_pair_add(&times->sum, (double_pair){ at, at * at });
        times->sums[times->count] = times->sum.sum + times->sum.lost;
    }
    return times;
}

static bool is_constant(const struct floats *floats)
{
    for (size_t i = 1; i < floats->count; i++)
        if (floats->values[i] != floats->values[0])
            return false;
    return true;
}

/* sums_of_values - of them and of their products with their times, in Prometheus' order and to the same bits. */
static double_pair sums_of_values(const double *values, size_t count, const double_pair *seconds, ptrdiff_t by)
{
    struct kahan y = { 0 }, xy = { 0 };
    struct kahan_pair both = { 0 };

    for (size_t i = 0; i < count; i++)
        kahan_pair_add(&both, seconds[(ptrdiff_t)i * by] * (double_pair){ values[i], values[i] });
    double_pair sum = both.sum + both.lost;
    if (isfinite(sum[0]) && isfinite(sum[1]))
        return sum;
    for (size_t i = 0; i < count; i++) {
        kahan_add(&y, values[i]);
        kahan_add(&xy, seconds[(ptrdiff_t)i * by][1] * values[i]);
    }
    return (double_pair){ y.sum + y.lost, xy.sum + xy.lost };
}

/* line_through - least squares, all sums Kahan's. A constant gets no slope from rounding. */
static struct line line_through(struct window *window, const struct floats *floats, int64_t intercept_ms)
{
    ptrdiff_t by = intercept_ms == floats->times[0] ? 1 : -1;
    double count = (double)floats->count, constant = floats->values[0];

    if (is_constant(floats))
        return isinf(constant) ? (struct line){ NAN, NAN } : (struct line){ 0, constant };
    const struct line_times *times = line_times(window, floats, intercept_ms, by);
    const double_pair *first = by > 0 ? times->seconds : times->seconds + floats->count - 1;
    double_pair x = times->sums[floats->count - 1], y = sums_of_values(floats->values, floats->count, first, by);
    double covariance = y[1] - x[0] * y[0] / count, variance = x[1] - x[0] * x[0] / count;
    double slope = covariance / variance;
    return (struct line){ slope, y[0] / count - slope * x[0] / count };
}

static enum presence deriv(struct window *window, double *ret_value)
{
    struct floats floats;

    if (!at_least_two(window, &floats))
        return POINT_NONE;
    *ret_value = line_through(window, &floats, floats.times[0]).slope; /* a time nearby keeps the digits */
    return POINT_FLOAT;
}

static enum presence predict_linear(struct window *window, double *ret_value)
{
    struct floats floats;

    if (!at_least_two(window, &floats))
        return POINT_NONE;
    struct line line = line_through(window, &floats, window->time_ms);
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

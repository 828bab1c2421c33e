/* functions_rate.c - how fast a series moves: rate, increase, delta, irate, idelta.
 *
 * DESIGN. Arithmetic and its order are Prometheus': the difference of the last and the first sample, the value before
 * each counter reset added, extrapolated to the ends of the range as far as samples would have been expected there,
 * and not below the point where a counter was zero. Resets are found by the walker's next_drop, so a step costs as
 * much as the window has resets. */
#include "promql/rate.h"
#include "promql/start_reset.h"
#include "promql/window.h"

double range_seconds(const struct window *window)
{
    struct window_lengths *lengths = window->lengths;
    int64_t ms = window->end_ms - window->start_ms;

    if (lengths->range_ms != ms) {
        int64_t seconds = ms / 1000;
        lengths->range_ms = ms;
        lengths->range = (double)seconds + (double)(ms % 1000) / 1000;
    }
    return lengths->range;
}

/* lost_by_resets - what a counter had counted before each of its resets within the window. */
static double lost_by_resets(const struct window *window, double increase)
{
    bool overlap = false;

    if (!window->starts && window->next_drop) {
        size_t end = window->first + window->count;
        for (uint32_t at = window->next_drop[window->first]; at < end; at = window->next_drop[at])
            increase += window->values[at - window->first - 1];
        return increase;
    }
    for (size_t i = 1; i < window->count; i++) {
        overlap = overlap || start_overlaps(window, i);
        if (window->values[i] < window->values[i - 1] || start_is_reset(window, i))
            increase += window->values[i - 1];
    }
    if (overlap)
        annotate_start_overlap(window->ev, window->call->call.args[0], window->metric);
    return increase;
}

/* lengths_of - of this window, divided where it lies otherwise than the one before. */
static const struct window_lengths *lengths_of(const struct window *window)
{
    struct window_lengths *lengths = window->lengths;
    int64_t first_ms = window->times[0], last_ms = window->times[window->count - 1];
    int64_t to_start_ms = first_ms - window->start_ms, to_end_ms = window->end_ms - last_ms;
    int64_t sampled_ms = last_ms - first_ms;

    if (lengths->count == window->count && lengths->to_start_ms == to_start_ms && lengths->to_end_ms == to_end_ms &&
        lengths->sampled_ms == sampled_ms)
        return lengths;
    lengths->to_start_ms = to_start_ms;
    lengths->to_end_ms = to_end_ms;
    lengths->sampled_ms = sampled_ms;
    lengths->count = window->count;
    lengths->to_start = (double)to_start_ms / 1000;
    lengths->to_end = (double)to_end_ms / 1000;
    lengths->sampled = (double)sampled_ms / 1000;
    lengths->average = window->count > 1 ? lengths->sampled / (double)(window->count - 1) : 0;
    return lengths;
}

double rate_factor(const struct window *window, struct rate_kind kind, double first, double increase)
{
    const struct window_lengths *lengths = lengths_of(window);
    double to_start = lengths->to_start, to_end = lengths->to_end, sampled = lengths->sampled;
    double average = lengths->average, threshold = average * 1.1, factor = 1;

    if (kind.counter && start_is_within(window)) {
        /* The counter is known to have been zero then. */
        to_start = 0;
        sampled = (double)(window->times[window->count - 1] - window->starts[0]) / 1000;
    } else {
        if (to_start >= threshold)
            to_start = average / 2;
        if (kind.counter && increase > 0 && first >= 0) {
            double to_zero = sampled * (first / increase);
            to_start = to_zero < to_start ? to_zero : to_start;
        }
    }
    if (to_end >= threshold)
        to_end = average / 2;
    if (sampled != 0)
        factor = (sampled + to_start + to_end) / sampled;
    return kind.per_second ? factor / range_seconds(window) : factor;
}

/* between - the value at a time between two neighbours; a counter that was reset counts from zero. */
static double between(const struct floats *floats, size_t index, int64_t time_ms, bool counter)
{
    double from = floats->values[index], to = floats->values[index + 1];

    if (counter && to < from)
        from = 0;
    return from + (to - from) * (double)(time_ms - floats->times[index]) /
                      (double)(floats->times[index + 1] - floats->times[index]);
}

/* corrected - the difference of two ends with the counter resets between them made up for. */
static double corrected(double left, double right, const double *values, size_t count)
{
    double correction = 0, before = left;

    for (size_t i = 0; i < count; i++) {
        if (values[i] < before)
            correction += before;
        before = values[i];
    }
    if (right < before)
        correction += before;
    return right - left + correction;
}

/* extended_rate - of an anchored or smoothed selector: nothing is extrapolated, as its window reaches over the ends of
 * the range. Smoothed: the values at the very ends lie between the neighbours. */
static enum presence extended_rate(const struct window *window, const struct floats *floats, struct rate_kind kind,
                                   double *ret_value)
{
    const int64_t *times = floats->times;
    size_t first = 0, last = floats->count - 1;

    for (size_t i = 1; i < last && times[i] <= window->start_ms; i++)
        first = i;
    if (window->smoothed)
        for (size_t i = last; i-- > 0 && times[i] >= window->end_ms;)
            last = i;
    if (times[last] <= window->start_ms || (window->smoothed && times[first] > window->end_ms))
        return POINT_NONE;
    double left = floats->values[first], right = floats->values[last];
    if (window->smoothed && times[first] < window->start_ms)
        left = between(floats, first, window->start_ms, kind.counter);
    if (window->smoothed && last > 0 && times[last] > window->end_ms)
        right = between(floats, last - 1, window->end_ms, kind.counter);
    *ret_value = right - left;
    if (kind.counter) {
        size_t from = times[first] <= window->start_ms ? first + 1 : first;
        size_t end = times[last] >= window->end_ms ? last : last + 1;
        *ret_value = corrected(left, right, floats->values + from, end > from ? end - from : 0);
    }
    if (kind.per_second)
        *ret_value /= range_seconds(window);
    return POINT_FLOAT;
}

static enum presence extrapolated_rate(struct window *window, struct rate_kind kind, double *ret_value)
{
    struct floats floats = window_floats(window);

    if (floats.count && floats.histograms)
        window_warn_mixed(window);
    if (floats.histograms && !floats.count)
        return window->anchored || window->smoothed ? extended_histogram_rate(window, kind)
                                                    : histogram_rate(window, kind);
    if (floats.histograms || !floats.count)
        return POINT_NONE;
    if (window->anchored || window->smoothed)
        return extended_rate(window, &floats, kind, ret_value);
    if (window->count == 1 && !(kind.counter && start_is_within(window)))
        return POINT_NONE;
    double increase = window->values[window->count - 1] - window->values[0];
    if (kind.counter)
        increase = lost_by_resets(window, increase);
    if (kind.counter && start_is_within(window))
        increase += window->values[0];
    *ret_value = increase * rate_factor(window, kind, window->values[0], increase);
    return POINT_FLOAT;
}

static enum presence rate(struct window *window, double *ret_value)
{
    return extrapolated_rate(window, (struct rate_kind){ .counter = true, .per_second = true }, ret_value);
}

static enum presence increase(struct window *window, double *ret_value)
{
    return extrapolated_rate(window, (struct rate_kind){ .counter = true }, ret_value);
}

static enum presence delta(struct window *window, double *ret_value)
{
    return extrapolated_rate(window, (struct rate_kind){ 0 }, ret_value);
}

/* last_difference - of the last two samples; for a counter that was reset between them, the last one itself. */
static enum presence last_difference(struct window *window, bool counter, double *ret_value)
{
    size_t last = window->count - 1;

    if (window->count < 2)
        return POINT_NONE;
    if (window_has_histogram(window, last) != window_has_histogram(window, last - 1))
        window_warn_mixed(window);
    if (window_has_histogram(window, last) && window_has_histogram(window, last - 1))
        return histogram_last_difference(window, counter);
    if (window_has_histogram(window, last) || window_has_histogram(window, last - 1))
        return POINT_NONE;
    double now = window->values[last], before = window->values[last - 1];
    *ret_value = counter && (now < before || start_is_reset(window, last)) ? now : now - before;
    return POINT_FLOAT;
}

static enum presence irate(struct window *window, double *ret_value)
{
    enum presence presence = last_difference(window, true, ret_value);

    if (presence == POINT_FLOAT)
        *ret_value /= (double)(window->times[window->count - 1] - window->times[window->count - 2]) / 1000;
    return presence;
}

static enum presence idelta(struct window *window, double *ret_value)
{
    return last_difference(window, false, ret_value);
}

static const struct function function_rate = {
    .name = "rate",
    .doc = "The per-second increase of a counter, averaged over the window.",
    .args = { TYPE_MATRIX },
    .arg_count = 1,
    .result = TYPE_VECTOR,
    .range = rate,
    .wants_drops = true,
    .takes_anchored = true,
    .takes_smoothed = true,
    .of_counters = true,
};
REGISTER(function, function_rate);

static const struct function function_increase = {
    .name = "increase",
    .doc = "The increase of a counter over the window.",
    .args = { TYPE_MATRIX },
    .arg_count = 1,
    .result = TYPE_VECTOR,
    .range = increase,
    .wants_drops = true,
    .takes_anchored = true,
    .takes_smoothed = true,
    .of_counters = true,
};
REGISTER(function, function_increase);

static const struct function function_delta = {
    .name = "delta",
    .doc = "The difference between the last and the first sample of a gauge, extrapolated to the window.",
    .args = { TYPE_MATRIX },
    .arg_count = 1,
    .result = TYPE_VECTOR,
    .range = delta,
    .takes_anchored = true,
    .takes_smoothed = true,
};
REGISTER(function, function_delta);

static const struct function function_irate = {
    .name = "irate",
    .doc = "The per-second increase of a counter between the last two samples of the window.",
    .args = { TYPE_MATRIX },
    .arg_count = 1,
    .result = TYPE_VECTOR,
    .range = irate,
};
REGISTER(function, function_irate);

static const struct function function_idelta = {
    .name = "idelta",
    .doc = "The difference between the last two samples of the window.",
    .args = { TYPE_MATRIX },
    .arg_count = 1,
    .result = TYPE_VECTOR,
    .range = idelta,
};
REGISTER(function, function_idelta);

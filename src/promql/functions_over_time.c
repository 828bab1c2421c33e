/* functions_over_time.c - sums, extremes, ends and spreads of a window: x_over_time(). */
#include "base/kahan.h"
#include "promql/quantile.h"
#include "promql/rate.h"
#include "promql/window.h"

#include <math.h>
#include <string.h>

static enum presence count_over_time(struct window *window, double *ret_value)
{
    *ret_value = (double)window->count;
    return POINT_FLOAT;
}

static enum presence present_over_time(struct window *window, double *ret_value)
{
    (void)window;
    *ret_value = 1;
    return POINT_FLOAT;
}

/* sample_at - one sample of the window as the result. */
static enum presence sample_at(struct window *window, size_t index, double *ret_value)
{
    if (window_has_histogram(window, index)) {
        window->histogram = window->histograms[index];
        return POINT_HISTOGRAM;
    }
    *ret_value = window->values[index];
    return POINT_FLOAT;
}

static enum presence first_over_time(struct window *window, double *ret_value)
{
    return sample_at(window, 0, ret_value);
}

static enum presence last_over_time(struct window *window, double *ret_value)
{
    return sample_at(window, window->count - 1, ret_value);
}

static enum presence ts_of_first_over_time(struct window *window, double *ret_value)
{
    *ret_value = (double)window->times[0] / 1000;
    return POINT_FLOAT;
}

static enum presence ts_of_last_over_time(struct window *window, double *ret_value)
{
    *ret_value = (double)window->times[window->count - 1] / 1000;
    return POINT_FLOAT;
}

/* some_floats - the floats where there are any; histograms beside them are left out, which is said. */
static bool some_floats(struct window *window, struct floats *ret_floats)
{
    *ret_floats = window_floats(window);
    if (ret_floats->count && ret_floats->histograms)
        window_note_ignored(window);
    return ret_floats->count > 0;
}

/* extreme_over_time - the greatest (sign 1) or least (sign -1) value; NaN where there is nothing else. As long as the
 * last window's is still within this one, only what came after it is looked at. */
static enum presence extreme_over_time(struct window *window, double sign, double *ret_value)
{
    struct floats floats;
    size_t at = 0, next = 1;

    if (!some_floats(window, &floats))
        return POINT_NONE;
    bool whole = floats.histograms == 0; /* else indices of the series are none of these */
    if (whole && window->extreme >= window->first && window->extreme_end > window->extreme) {
        at = window->extreme - window->first;
        next = window->extreme_end - window->first;
    }
    double best = floats.values[at] * sign;
    for (size_t i = next; i < floats.count; i++) {
        double value = floats.values[i] * sign;
        if (value > best || isnan(best)) {
            best = value;
            at = i;
        }
    }
    window->extreme = whole ? window->first + at : 0;
    window->extreme_end = whole ? window->first + floats.count : 0;
    *ret_value = floats.values[at];
    return POINT_FLOAT;
}

static enum presence max_over_time(struct window *window, double *ret_value)
{
    return extreme_over_time(window, 1, ret_value);
}

static enum presence min_over_time(struct window *window, double *ret_value)
{
    return extreme_over_time(window, -1, ret_value);
}

/* ts_of_extreme - when the greatest (sign 1) or least (sign -1) value was there last. */
static enum presence ts_of_extreme(struct window *window, double sign, double *ret_value)
{
    struct floats floats;
    size_t at = 0;

    if (!some_floats(window, &floats))
        return POINT_NONE;
    for (size_t i = 1; i < floats.count; i++)
        if (floats.values[i] * sign >= floats.values[at] * sign || isnan(floats.values[at]))
            at = i;
    *ret_value = (double)floats.times[at] / 1000;
    return POINT_FLOAT;
}

static enum presence ts_of_max_over_time(struct window *window, double *ret_value)
{
    return ts_of_extreme(window, 1, ret_value);
}

static enum presence ts_of_min_over_time(struct window *window, double *ret_value)
{
    return ts_of_extreme(window, -1, ret_value);
}

static enum presence sum_over_time(struct window *window, double *ret_value)
{
    struct floats floats = window_floats(window);
    struct kahan sum;

    if (floats.count && floats.histograms)
        window_warn_mixed(window);
    if (floats.histograms && !floats.count)
        return histogram_sum_over_time(window);
    if (floats.histograms || !floats.count)
        return POINT_NONE;
    if (!kahan_sum(floats.values, floats.count, &sum)) {
        sum = (struct kahan){ 0 };
        for (size_t i = 0; i < floats.count; i++)
            kahan_add(&sum, floats.values[i]);
    }
    *ret_value = kahan_total(sum);
    return POINT_FLOAT;
}

/* mean_of - the sum over the count, which is the more exact way; where the sum would overflow, the mean itself is
 * carried along from there on. */
static double mean_of(const double *values, size_t count)
{
    struct kahan sum;
    size_t at = 1;

    if (kahan_sum(values, count, &sum))
        return sum.sum / (double)count + sum.lost / (double)count;
    sum = (struct kahan){ values[0], 0 };
    for (; at < count; at++) {
        struct kahan next = sum;
        kahan_add(&next, values[at]);
        if (isinf(next.sum))
            break;
        sum = next;
    }
    if (at == count)
        return sum.sum / (double)count + sum.lost / (double)count;
    struct kahan mean = { sum.sum / (double)at, sum.lost / (double)at };
    for (; at < count; at++) {
        double so_far = (double)at + 1, share = (so_far - 1) / so_far;
        mean.sum *= share;
        mean.lost *= share;
        kahan_add(&mean, values[at] / so_far);
    }
    return mean.sum + mean.lost;
}

static enum presence avg_over_time(struct window *window, double *ret_value)
{
    struct floats floats = window_floats(window);

    if (floats.count && floats.histograms)
        window_warn_mixed(window);
    if (floats.histograms && !floats.count)
        return histogram_avg_over_time(window);
    if (floats.histograms || !floats.count)
        return POINT_NONE;
    *ret_value = mean_of(floats.values, floats.count);
    return POINT_FLOAT;
}

/* variance_in_one_pass - after Welford (Technometrics 4, 1962), each sum a Kahan sum. */
static double variance_in_one_pass(const double *values, size_t count)
{
    struct kahan mean = { 0 }, squares = { 0 };

    for (size_t i = 0; i < count; i++) {
        double delta = values[i] - (mean.sum + mean.lost);
        kahan_add(&mean, delta / (double)(i + 1));
        kahan_add(&squares, delta * (values[i] - (mean.sum + mean.lost)));
    }
    return (squares.sum + squares.lost) / (double)count;
}

/* variance_in_two_passes - of the distances from the mean, corrected by what the mean was rounded (Chan, Golub,
 * LeVeque, American Statistician 37, 1983). Agrees with one pass within the last digits and needs no division a sample.
 * Distances from the first value make a constant's variance exactly 0. Not finite where there is something that isn't.
 */
static double variance_in_two_passes(const double *values, size_t count)
{
    struct kahan_pair shifted = { 0 }, distance = { 0 }, squares = { 0 };
    double_pair first = { values[0], values[0] };

    for (size_t i = 0; i < count; i += 2)
        kahan_pair_add(&shifted,
                       (i + 1 < count ? double_pair_at(values + i) : (double_pair){ values[i], values[0] }) - first);
    double mean = values[0] + kahan_total(kahan_pair_joined(&shifted)) / (double)count;
    double_pair means = { mean, mean };
    for (size_t i = 0; i < count; i += 2) {
        double_pair delta = (i + 1 < count ? double_pair_at(values + i) : (double_pair){ values[i], mean }) - means;
        kahan_pair_add(&distance, delta);
        kahan_pair_add(&squares, delta * delta);
    }
    double off = kahan_total(kahan_pair_joined(&distance));
    return (kahan_total(kahan_pair_joined(&squares)) - off * off / (double)count) / (double)count;
}

/* stdvar_over_time - the population's variance. */
static enum presence stdvar_over_time(struct window *window, double *ret_value)
{
    struct floats floats;

    if (!some_floats(window, &floats))
        return POINT_NONE;
    *ret_value = variance_in_two_passes(floats.values, floats.count);
    if (!isfinite(*ret_value) || *ret_value < 0)
        *ret_value = variance_in_one_pass(floats.values, floats.count);
    return POINT_FLOAT;
}

static enum presence stddev_over_time(struct window *window, double *ret_value)
{
    enum presence presence = stdvar_over_time(window, ret_value);

    *ret_value = presence == POINT_FLOAT ? sqrt(*ret_value) : 0;
    return presence;
}

static enum presence quantile_over_time(struct window *window, double *ret_value)
{
    double q = window->args[0];
    struct floats floats;

    if (!some_floats(window, &floats))
        return POINT_NONE;
    if (isnan(q) || q < 0 || q > 1)
        annotate_warning(window->ev, window->call->call.args[0], "quantile value should be between 0 and 1, got %.*s",
                         STR_ARG(number_text(window->ev->arena, q)));
    double *values = window_scratch(window->ev, floats.count);
    memcpy(values, floats.values, floats.count * sizeof(*values));
    *ret_value = quantile_of(q, values, floats.count);
    return POINT_FLOAT;
}

/* mad_over_time - the median of the distances from the median. */
static enum presence mad_over_time(struct window *window, double *ret_value)
{
    struct floats floats;

    if (!some_floats(window, &floats))
        return POINT_NONE;
    double *values = window_scratch(window->ev, floats.count);
    memcpy(values, floats.values, floats.count * sizeof(*values));
    *ret_value = NAN;
    for (size_t i = 0; i < floats.count; i++)
        if (isnan(values[i]))
            return POINT_FLOAT;
    double median = quantile_of(0.5, values, floats.count);
    for (size_t i = 0; i < floats.count; i++)
        values[i] = fabs(values[i] - median);
    *ret_value = quantile_of(0.5, values, floats.count);
    return POINT_FLOAT;
}

/* The row of a function whose only argument is a range vector. */
#define OVER_TIME(function_name, text, ...)                                                                            \
    static const struct function function_##function_name = { .name = #function_name,                                  \
                                                              .doc = text,                                             \
                                                              .args = { TYPE_MATRIX },                                 \
                                                              .arg_count = 1,                                          \
                                                              .result = TYPE_VECTOR,                                   \
                                                              .range = function_name,                                  \
                                                              __VA_ARGS__ };                                           \
    REGISTER(function, function_##function_name)

OVER_TIME(avg_over_time, "The average of all samples in the window.");
OVER_TIME(count_over_time, "The number of samples in the window.");
OVER_TIME(first_over_time, "The oldest sample in the window.", .keeps_name = true);
OVER_TIME(last_over_time, "The most recent sample in the window.", .keeps_name = true);
OVER_TIME(mad_over_time, "The median absolute deviation of all samples in the window.", .experimental = true);
OVER_TIME(max_over_time, "The maximum of all samples in the window.");
OVER_TIME(min_over_time, "The minimum of all samples in the window.");
OVER_TIME(present_over_time, "1 for each series that has a sample in the window.");
OVER_TIME(stddev_over_time, "The population standard deviation of the samples in the window.");
OVER_TIME(stdvar_over_time, "The population variance of the samples in the window.");
OVER_TIME(sum_over_time, "The sum of all samples in the window.");
OVER_TIME(ts_of_first_over_time, "The time of the oldest sample in the window.", .experimental = true);
OVER_TIME(ts_of_last_over_time, "The time of the most recent sample in the window.", .experimental = true);
OVER_TIME(ts_of_max_over_time, "The time of the last sample in the window that has the maximum.", .experimental = true);
OVER_TIME(ts_of_min_over_time, "The time of the last sample in the window that has the minimum.", .experimental = true);

static const struct function function_quantile_over_time = {
    .name = "quantile_over_time",
    .doc = "The quantile, 0 to 1, of the samples in the window.",
    .args = { TYPE_SCALAR, TYPE_MATRIX },
    .arg_count = 2,
    .result = TYPE_VECTOR,
    .range = quantile_over_time,
};
REGISTER(function, function_quantile_over_time);

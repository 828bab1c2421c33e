/* rate.h - within the room: what rates of floats and of histograms share.
 *
 * Owner: values. Threads: the one that evaluates. */
#pragma once
#include "promql/function.h"

struct rate_kind {
    bool counter, per_second;
};

double range_seconds(const struct window *window);

/* rate_factor - how much longer than its samples the series is taken to have been within the range, over its seconds
 * for a rate. `first` and `increase` tell when a counter was zero; where the start of the first sample is known,
 * nothing is extrapolated to the left. */
double rate_factor(const struct window *window, struct rate_kind kind, double first, double increase);

/* Of a window that holds histograms only. POINT_NONE: they don't go together, which was said, or are too few. */
enum presence histogram_rate(struct window *window, struct rate_kind kind);
/* extended_histogram_rate - of an anchored or smoothed selector. */
enum presence extended_histogram_rate(struct window *window, struct rate_kind kind);
/* histogram_last_difference - of the last two samples, which are histograms; per second for a counter. */
enum presence histogram_last_difference(struct window *window, bool counter);
enum presence histogram_sum_over_time(struct window *window);
enum presence histogram_avg_over_time(struct window *window);

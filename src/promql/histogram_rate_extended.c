/* histogram_rate_extended.c - rates of native histograms over anchored and smoothed selectors.
 *
 * DESIGN. Nothing is extrapolated, as such a window reaches over the ends of its range. Anchored takes the sample at or
 * before the start for the one at the start; smoothed interpolates between the neighbours of both ends. */
#include "promql/rate.h"
#include "promql/window_histogram.h"

/* between - the histogram at a time between two samples; a counter that was reset counts from zero. NULL where they
 * don't go together, which was said. */
static const struct histogram *between(const struct window *window, size_t index, int64_t time_ms, bool counter)
{
    const struct histogram *from = window->histograms[index], *to = window->histograms[index + 1];
    int64_t from_ms = window->times[index], to_ms = window->times[index + 1];
    double part = (double)(time_ms - from_ms) / (double)(to_ms - from_ms);
    struct histogram_sum sum = { .plain = true };

    if (time_ms == from_ms || time_ms == to_ms)
        return time_ms == from_ms ? from : to;
    histogram_sum_begin(&sum, window->arena, to);
    if (counter && histogram_reset(to, from)) {
        histogram_sum_multiply(&sum, part);
        return histogram_sum_result(&sum, window->arena);
    }
    if (!window_subtract(window, &sum, from))
        return NULL;
    histogram_sum_multiply(&sum, part);
    return window_add(window, &sum, from) ? histogram_sum_result(&sum, window->arena) : NULL;
}

/* The samples that count, and what stands at the ends of the range. */
struct ends {
    size_t first, last;
    const struct histogram *left, *right;
};

static bool find_ends(const struct window *window, struct rate_kind kind, struct ends *ends)
{
    const int64_t *times = window->times;

    ends->first = 0;
    ends->last = window->count - 1;
    for (size_t i = 1; i < ends->last && times[i] <= window->start_ms; i++)
        ends->first = i;
    if (window->smoothed)
        for (size_t i = ends->last; i-- > 0 && times[i] >= window->end_ms;)
            ends->last = i;
    if (times[ends->last] <= window->start_ms || (window->smoothed && times[ends->first] > window->end_ms))
        return false;
    if (window_mixes_buckets(window, ends->first, ends->last + 1)) {
        window_warn_mixed_buckets(window);
        return false;
    }
    for (size_t i = ends->first; kind.counter && i <= ends->last; i++)
        if (window->histograms[i]->hint == RESET_GAUGE) {
            window_warn_no_counter(window);
            break;
        }
    ends->left = window->histograms[ends->first];
    ends->right = window->histograms[ends->last];
    if (window->smoothed && times[ends->first] < window->start_ms)
        ends->left = between(window, ends->first, window->start_ms, kind.counter);
    if (window->smoothed && ends->last > 0 && times[ends->last] > window->end_ms)
        ends->right = between(window, ends->last - 1, window->end_ms, kind.counter);
    return ends->left && ends->right;
}

/* add_lost - what was counted before each reset between the ends. The one that interpolation at the left end went over
 * is in it already. The last sample is at the right end itself, or was interpolated to it. */
static bool add_lost(const struct window *window, const struct ends *ends, struct histogram_sum *sum)
{
    const struct histogram *const *all = window->histograms, *before = ends->left;
    struct histogram_sum lost = { .plain = true };
    size_t next = ends->first + 1;
    bool any = false;

    if (window->smoothed && window->times[ends->first] < window->start_ms && histogram_reset(all[next], all[next - 1]))
        before = all[next++];
    if (next > ends->last)
        return true;
    for (;; next++) {
        const struct histogram *now = next < ends->last ? all[next] : ends->right;
        if (histogram_reset(now, before)) {
            if (!any)
                histogram_sum_begin(&lost, window->arena, before);
            else if (!window_add(window, &lost, before))
                return false;
            any = true;
        }
        before = now;
        if (next == ends->last)
            break;
    }
    return !any || window_add(window, sum, histogram_sum_result(&lost, window->arena));
}

enum presence extended_histogram_rate(struct window *window, struct rate_kind kind)
{
    struct histogram_sum sum = { .plain = true };
    struct ends ends;

    if (!find_ends(window, kind, &ends))
        return POINT_NONE;
    if (!kind.counter && (ends.left->hint != RESET_GAUGE || ends.right->hint != RESET_GAUGE))
        window_warn_no_gauge(window);
    histogram_sum_begin(&sum, window->arena, ends.right);
    if (!window_subtract(window, &sum, ends.left))
        return POINT_NONE;
    if (kind.counter && !add_lost(window, &ends, &sum))
        return POINT_NONE;
    if (kind.per_second)
        histogram_sum_divide(&sum, range_seconds(window));
    return window_result(window, &sum);
}

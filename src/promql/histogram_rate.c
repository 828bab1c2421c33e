/* histogram_rate.c - rates of native histograms: rate, increase, delta, irate, idelta over windows that hold nothing
 * else.
 *
 * DESIGN. As for floats: the last less the first sample, and what stood before each counter reset added. Before that,
 * the last is brought to the coarsest schema of the window, so that buckets are merged once. */
#include "promql/rate.h"
#include "promql/start_reset.h"
#include "promql/window_histogram.h"

static bool is_gauge(const struct histogram *histogram)
{
    return histogram->hint == RESET_GAUGE;
}

static bool was_reset(const struct window *window, size_t index, const struct histogram *before)
{
    return start_is_reset(window, index) || histogram_reset(window->histograms[index], before);
}

/* first_of - the first sample, or one without observations where a reset follows it: whatever buckets it had, they
 * don't matter then. */
static const struct histogram *first_of(const struct window *window, struct rate_kind kind)
{
    const struct histogram *first = window->histograms[0], *second = window->histograms[1];
    struct histogram *none;

    if (!kind.counter || !was_reset(window, 1, first))
        return first;
    none = arena_alloc(window->arena, sizeof(*none));
    none->schema = second->schema;
    none->bounds = second->bounds;
    none->bound_count = second->bound_count;
    return none;
}

/* may_subtract - whether the samples go together; notes what kind of metric they are not. *ret_schema: the coarsest. */
static bool may_subtract(const struct window *window, struct rate_kind kind, const struct histogram *first,
                         int32_t *ret_schema)
{
    size_t last = window->count - 1;
    const struct histogram *const *all = window->histograms;
    bool ends_differ = histogram_is_custom(all[last]) != histogram_is_custom(first), gauges = false;

    *ret_schema = all[last]->schema < first->schema ? all[last]->schema : first->schema;
    for (size_t i = 1; kind.counter && !ends_differ && i < last; i++) {
        if (histogram_is_custom(all[i]) != histogram_is_custom(first)) {
            window_warn_mixed_buckets(window);
            return false;
        }
        gauges |= is_gauge(all[i]);
        *ret_schema = all[i]->schema < *ret_schema ? all[i]->schema : *ret_schema;
    }
    if (kind.counter && (gauges || is_gauge(all[0]) || is_gauge(all[last])))
        window_warn_no_counter(window);
    if (ends_differ)
        window_warn_mixed_buckets(window);
    return !ends_differ;
}

/* add_lost - what was counted before each reset. */
static bool add_lost(const struct window *window, struct histogram_sum *sum, const struct histogram *first)
{
    const struct histogram *before = first;
    bool overlap = false;

    for (size_t i = 1; i < window->count; before = window->histograms[i++]) {
        overlap = overlap || start_overlaps(window, i);
        if (was_reset(window, i, before) && !window_add(window, sum, before))
            return false;
    }
    if (overlap)
        annotate_start_overlap(window->ev, window->call->call.args[0], window->metric);
    return true;
}

static bool increase_of(const struct window *window, struct rate_kind kind, struct histogram_sum *sum)
{
    const struct histogram *first = first_of(window, kind);
    size_t last = window->count - 1;
    int32_t schema;

    if (!may_subtract(window, kind, first, &schema))
        return false;
    histogram_sum_begin(sum, window->ev->arena, window->histograms[last]);
    histogram_sum_reduce(sum, schema);
    if (!window_subtract(window, sum, first))
        return false;
    if (kind.counter)
        return add_lost(window, sum, first);
    if (!is_gauge(window->histograms[0]) || !is_gauge(window->histograms[last]))
        window_warn_no_gauge(window);
    return true;
}

enum presence histogram_rate(struct window *window, struct rate_kind kind)
{
    struct histogram_sum *sum = window_sum(window, true);
    const struct histogram *first = window->histograms[0];
    bool start_known = kind.counter && start_is_within(window);

    if (window->count == 1) {
        if (!start_known)
            return POINT_NONE;
        histogram_sum_begin(sum, window->ev->arena, first);
    } else {
        if (!increase_of(window, kind, sum))
            return POINT_NONE;
        if (start_known && !window_add(window, sum, first))
            return POINT_NONE;
    }
    histogram_sum_multiply(sum, rate_factor(window, kind, first->count, sum->count.sum));
    return window_result(window, sum);
}

enum presence histogram_last_difference(struct window *window, bool counter)
{
    size_t last = window->count - 1;
    const struct histogram *now = window->histograms[last], *before = window->histograms[last - 1];
    struct histogram_sum *sum = window_sum(window, true);

    if (counter && (is_gauge(now) || is_gauge(before)))
        window_warn_no_counter(window);
    if (!counter && (!is_gauge(now) || !is_gauge(before)))
        window_warn_no_gauge(window);
    histogram_sum_begin(sum, window->ev->arena, now);
    if (!(counter && was_reset(window, last, before)) && !window_subtract(window, sum, before))
        return POINT_NONE;
    if (counter)
        histogram_sum_divide(sum, (double)(window->times[last] - window->times[last - 1]) / 1000);
    return window_result(window, sum);
}

/* window_histogram.c - sums and means of histograms in a window; what such functions have to tell. */
#include "promql/window_histogram.h"

#include "promql/rate.h"

static const struct expr *place(const struct window *window)
{
    return window->call->call.args[0];
}

void window_warn_mixed_buckets(const struct window *window)
{
    annotate_warning(window->ev, place(window),
                     "vector contains a mix of histograms with exponential and custom buckets schemas for metric name "
                     "\"%.*s\"",
                     STR_ARG(window->metric));
}

void window_warn_no_counter(const struct window *window)
{
    annotate_warning(window->ev, place(window), "this native histogram metric is not a counter: \"%.*s\"",
                     STR_ARG(window->metric));
}

void window_warn_no_gauge(const struct window *window)
{
    annotate_warning(window->ev, place(window), "this native histogram metric is not a gauge: \"%.*s\"",
                     STR_ARG(window->metric));
}

void window_note_reconciled(const struct window *window, const char *operation)
{
    annotate_info(window->ev, place(window), "mismatched custom buckets were reconciled during %s", operation);
}

struct histogram_sum *window_sum(const struct window *window, bool plain)
{
    struct evaluation *ev = window->ev;

    if (!ev->window_sum)
        ev->window_sum = arena_alloc(ev->arena, sizeof(*ev->window_sum));
    ev->window_sum->plain = plain;
    return ev->window_sum;
}

static bool tell(const struct window *window, unsigned told, const char *operation)
{
    if (told & HISTOGRAM_INCOMPATIBLE)
        window_warn_mixed_buckets(window);
    if (told & HISTOGRAM_RECONCILED)
        window_note_reconciled(window, operation);
    return !(told & HISTOGRAM_INCOMPATIBLE);
}

bool window_add(const struct window *window, struct histogram_sum *sum, const struct histogram *other)
{
    return tell(window, histogram_sum_add(sum, other), "addition");
}

bool window_subtract(const struct window *window, struct histogram_sum *sum, const struct histogram *other)
{
    return tell(window, histogram_sum_subtract(sum, other), "subtraction");
}

enum presence window_result(struct window *window, struct histogram_sum *sum)
{
    sum->hint = RESET_GAUGE;
    window->histogram = histogram_sum_compact(sum, window->arena);
    return POINT_HISTOGRAM;
}

bool window_mixes_buckets(const struct window *window, size_t first, size_t end)
{
    for (size_t i = first + 1; i < end; i++)
        if (histogram_is_custom(window->histograms[i]) != histogram_is_custom(window->histograms[first]))
            return true;
    return false;
}

/* tell_aggregated - what adding up all samples of the window had to tell. */
static void tell_aggregated(const struct window *window, unsigned told)
{
    bool reset = false, no_reset = false;

    for (size_t i = 0; i < window->count; i++) {
        reset |= window->histograms[i]->hint == RESET_YES;
        no_reset |= window->histograms[i]->hint == RESET_NO;
    }
    if (reset && no_reset)
        annotate_warning(window->ev, place(window), "conflicting counter resets during histogram aggregation");
    if (told & HISTOGRAM_RECONCILED)
        window_note_reconciled(window, "aggregation");
}

enum presence histogram_sum_over_time(struct window *window)
{
    struct histogram_sum *sum = window_sum(window, false);
    unsigned told = 0;

    if (window_mixes_buckets(window, 0, window->count)) {
        window_warn_mixed_buckets(window);
        return POINT_NONE;
    }
    histogram_sum_begin(sum, window->ev->arena, window->histograms[0]);
    for (size_t i = 1; i < window->count; i++)
        told |= histogram_sum_add(sum, window->histograms[i]);
    histogram_sum_settle(sum);
    tell_aggregated(window, told);
    window->histogram = histogram_sum_result(sum, window->arena);
    return POINT_HISTOGRAM;
}

enum presence histogram_avg_over_time(struct window *window)
{
    struct histogram_mean mean = { 0 };
    unsigned told = 0;

    if (window_mixes_buckets(window, 0, window->count)) {
        window_warn_mixed_buckets(window);
        return POINT_NONE;
    }
    histogram_mean_begin(&mean, window->arena, window->histograms[0]);
    for (size_t i = 1; i < window->count; i++)
        told |= histogram_mean_add(&mean, window->histograms[i]);
    histogram_mean_settle(&mean);
    tell_aggregated(window, told);
    window->histogram = histogram_sum_result(&mean.sum, window->arena);
    return POINT_HISTOGRAM;
}

/* functions_changes.c - how often a series changed, or was reset: changes, resets. */
#include "model/histogram.h"
#include "promql/start_reset.h"
#include "promql/window.h"

#include <math.h>

/* first_index - where to begin: for an anchored selector at the last sample at or before the start of the range. False
 * where such a one has nothing behind the start. */
static bool first_index(const struct window *window, size_t *ret_first)
{
    size_t first = 0;

    *ret_first = 0;
    if (!window->anchored)
        return true;
    while (first + 1 < window->count && window->times[first + 1] <= window->start_ms)
        first++;
    *ret_first = first;
    return window->times[window->count - 1] > window->start_ms;
}

/* changed - whether the sample at the index differs from the one before; a float and a histogram always do. */
static bool changed(const struct window *window, size_t index)
{
    double now = window->values[index], before = window->values[index - 1];

    if (!window_has_histogram(window, index) && !window_has_histogram(window, index - 1))
        return now != before && !(isnan(now) && isnan(before));
    if (!window_has_histogram(window, index) || !window_has_histogram(window, index - 1))
        return true;
    return !histogram_equal(window->histograms[index], window->histograms[index - 1]);
}

static bool was_reset(const struct window *window, size_t index)
{
    if (window_has_histogram(window, index) != window_has_histogram(window, index - 1))
        return true;
    if (start_is_reset(window, index))
        return true;
    if (!window_has_histogram(window, index))
        return window->values[index] < window->values[index - 1];
    return histogram_reset(window->histograms[index], window->histograms[index - 1]);
}

static enum presence changes(struct window *window, double *ret_value)
{
    size_t first, changes = 0;

    if (!first_index(window, &first))
        return POINT_NONE;
    for (size_t i = first + 1; i < window->count; i++)
        changes += changed(window, i);
    *ret_value = (double)changes;
    return POINT_FLOAT;
}

static enum presence resets(struct window *window, double *ret_value)
{
    size_t first, resets = 0;

    if (!first_index(window, &first))
        return POINT_NONE;
    if (window->next_drop && !window->starts && !window->histograms) {
        size_t end = window->first + window->count;
        for (uint32_t at = window->next_drop[window->first + first]; at < end; at = window->next_drop[at])
            resets++;
    } else {
        for (size_t i = first + 1; i < window->count; i++)
            resets += was_reset(window, i);
    }
    *ret_value = (double)resets;
    return POINT_FLOAT;
}

static const struct function function_changes = {
    .name = "changes",
    .doc = "How often the value changed within the window.",
    .args = { TYPE_MATRIX },
    .arg_count = 1,
    .result = TYPE_VECTOR,
    .range = changes,
    .takes_anchored = true,
};
REGISTER(function, function_changes);

static const struct function function_resets = {
    .name = "resets",
    .doc = "How often the counter was reset within the window.",
    .args = { TYPE_MATRIX },
    .arg_count = 1,
    .result = TYPE_VECTOR,
    .range = resets,
    .wants_drops = true,
    .takes_anchored = true,
};
REGISTER(function, function_resets);

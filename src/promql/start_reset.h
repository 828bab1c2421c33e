/* start_reset.h - within the room: counter resets that a start timestamp tells, though no value dropped.
 *
 * Owner: values. Threads: the one that evaluates. */
#pragma once
#include "promql/function.h"

/* start_is_reset - whether the sample at the index, which is at least 1, began anew after the one before it. */
static inline bool start_is_reset(const struct window *window, size_t index)
{
    if (!window->starts)
        return false;
    int64_t start = window->starts[index], before = window->times[index - 1], before_start = window->starts[index - 1];
    if (start == 0 || start >= window->times[index] || start < before)
        return false;
    if (start > before)
        return true;
    /* It begins exactly at the sample before: a delta, or a cumulative one whose start nobody knows. */
    return before_start <= before && before_start != 0 && before_start != before;
}

/* start_overlaps - whether the sample's start lies before the sample before it, but isn't that one's start either. */
static inline bool start_overlaps(const struct window *window, size_t index)
{
    if (!window->starts)
        return false;
    int64_t start = window->starts[index];
    return start != 0 && start < window->times[index - 1] && start != window->starts[index - 1];
}

/* start_is_within - whether the first sample's start lies within the range, before the sample. */
static inline bool start_is_within(const struct window *window)
{
    return window->starts && window->starts[0] != 0 && window->starts[0] > window->start_ms &&
           window->starts[0] < window->times[0];
}

/* window.h - within the room: what functions over windows share.
 *
 * Owner: the walker owns the window; what is returned lives until the next call of a function over it. Threads: the one
 * that evaluates. */
#pragma once
#include "promql/function.h"

/* The floats of a window, without the histograms between them. */
struct floats {
    const int64_t *times;
    const double *values;
    size_t count;
    size_t histograms; /* so many were left out */
};
struct floats window_floats(const struct window *window);

static inline bool window_has_histogram(const struct window *window, size_t index)
{
    return window->histograms && window->histograms[index];
}

/* window_scratch - room for so many doubles, which the next call may overwrite. */
double *window_scratch(struct evaluation *ev, size_t count);

/* Annotations at the first argument, with the series' name. */
void window_note_ignored(const struct window *window); /* histograms in a range that has floats, too */
void window_warn_mixed(const struct window *window);   /* floats and histograms, so there is no result */

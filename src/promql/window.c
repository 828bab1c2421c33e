/* window.c - what functions over windows share: floats by themselves, scratch room, annotations. */
#include "promql/window.h"

struct floats window_floats(const struct window *window)
{
    struct floats floats = { window->times, window->values, window->count, 0 };

    if (!window->histograms)
        return floats;
    for (size_t i = 0; i < window->count; i++)
        floats.histograms += window->histograms[i] != NULL;
    floats.count -= floats.histograms;
    if (floats.histograms == 0 || floats.count == 0)
        return floats;
    /* A mix is rare enough for a copy. */
    int64_t *times = arena_array(window->arena, floats.count, sizeof(*times));
    double *values = arena_array(window->arena, floats.count, sizeof(*values));
    for (size_t i = 0, next = 0; i < window->count; i++) {
        if (window->histograms[i])
            continue;
        times[next] = window->times[i];
        values[next++] = window->values[i];
    }
    floats.times = times;
    floats.values = values;
    return floats;
}

double *window_scratch(struct evaluation *ev, size_t count)
{
    if (ev->scratch.room < count) {
        ev->scratch.room = count * 2;
        ev->scratch.at = arena_array(ev->arena, ev->scratch.room, sizeof(double));
    }
    return ev->scratch.at;
}

void window_note_ignored(const struct window *window)
{
    annotate_info(window->ev, window->call->call.args[0],
                  "ignored histograms in a range containing both floats and histograms for metric name \"%.*s\"",
                  STR_ARG(window->metric));
}

void window_warn_mixed(const struct window *window)
{
    annotate_warning(window->ev, window->call->call.args[0],
                     "encountered a mix of histograms and floats for metric name \"%.*s\"", STR_ARG(window->metric));
}

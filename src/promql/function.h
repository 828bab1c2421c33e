/* function.h - the functions of PromQL, one row each: name, types, and how it is worked out.
 *
 * Owner: rows are static const, registered by the file that has the function. Threads: rows are called from any
 * evaluation; they keep nothing between calls but in what they are given.
 *
 * A row has exactly one of .math, .range, .open. Adding a function is adding a row. */
#pragma once
#include "base/registry.h"
#include "promql/eval.h"

enum { FUNCTION_ARGS_MAX = 8 };

/* How a window lies around its samples, in seconds. Where steps are regular it is the same at each, and not divided
 * anew. */
struct window_lengths {
    int64_t to_start_ms, to_end_ms, sampled_ms;
    size_t count; /* 0: of no window yet */
    double to_start, to_end, sampled, average;
    int64_t range_ms;
    double range;
};

/* The samples of one series that one step sees: (end - range, end], left-open. */
struct window {
    struct evaluation *ev;
    const struct expr *call; /* for annotations: call->call.args[] have the places */
    struct str metric;       /* name of the series, for annotations */
    const int64_t *times;    /* stale markers are left out */
    const double *values;
    const struct histogram *const *histograms; /* NULL: floats only */
    const int64_t *starts;                     /* NULL: no start timestamps */
    size_t count;                              /* at least 1 unless the row has .empty_windows */
    int64_t start_ms, end_ms;                  /* of the range, offset and @ applied */
    int64_t time_ms;                           /* of the step */
    const double *args;                /* scalar arguments at this step, in their order among the call's arguments */
    const struct histogram *histogram; /* result, where it is one */
    struct arena *arena;               /* for that result: as long as the column lives */
    err failure;                       /* what ends the query: the walker passes it up */
    /* Of a selector with that modifier, samples reach a lookback before start_ms, and for smoothed one after end_ms. */
    bool anchored, smoothed;
    /* A function's own, 0 at the beginning of each series: where the extreme of the last window was, and where that
     * ended. */
    size_t extreme, extreme_end;
    /* Likewise: from where to where samples follow each other at one interval. */
    size_t regular, regular_end;
    void **kept; /* a function's own in all series of the call: NULL at first; what it points to is in ev->arena */
    /* Kept by the walker for the functions that want O(1) a step. */
    struct window_lengths *lengths;
    size_t first, last;        /* indices of this window in the whole series */
    const uint32_t *next_drop; /* next_drop[i]: the first index j > i with values[j] < values[j - 1], over the whole
                                  series; UINT32_MAX: none. NULL unless .wants_drops */
};

struct function {
    const char *name;
    const char *doc; /* one line, for completion */
    enum value_type args[FUNCTION_ARGS_MAX];
    unsigned arg_count;
    int variadic;      /* 0: exactly arg_count; n > 0: up to n more of the last type; -1: any number more */
    unsigned optional; /* the last so many of args may be missing */
    enum value_type result;
    bool experimental;
    bool keeps_name; /* last_over_time, sort...: __name__ stays */
    bool of_time; /* depends on the step's time itself, not only on its arguments: time(), hour(), predict_linear() */

    /* math - of one float of an instant vector and the scalar arguments at the step; histograms are dropped. */
    double (*math)(double value, const double *args, size_t arg_count);
    /* range - of a window to a float (POINT_FLOAT, *ret_value) or a histogram (POINT_HISTOGRAM, window->histogram). */
    enum presence (*range)(struct window *window, double *ret_value);
    bool wants_drops;
    bool empty_windows;
    bool takes_anchored, takes_smoothed; /* else such a selector is an error */
    bool of_counters;                    /* rate, increase: an info says where a name doesn't look like a counter's */
    /* open - everything else: makes a stream of the call. */
    err (*open)(struct evaluation *ev, const struct grid *grid, const struct expr *call, struct stream **ret_stream);
};

const struct function *function_find(struct str name); /* NULL where there is none */

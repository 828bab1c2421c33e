/* range_walk.c - calls over range vectors: a window walks over each series of a selector or a subquery.
 *
 * DESIGN. Both ends of the window only move forward, so a step costs what the function costs and not the window's
 * length. Functions that want it find the next fall of the value from any sample on (next_drop), so a counter that was
 * not reset is worth its last value less its first. */
#include "model/histogram.h"
#include "promql/function.h"
#include "promql/range_source.h"

#include <math.h>
#include <string.h>

enum { CHECK_EACH = 1 << 20 }; /* samples in windows between two looks at the limits */

struct walker {
    struct stream stream;
    const struct expr *call;
    const struct function *function;
    struct range_source source;
    const double *args[FUNCTION_ARGS_MAX]; /* scalar columns */
    size_t arg_count;
    bool has_histograms;
    uint32_t *next_drop;
    size_t drop_room, no_drop; /* the first no_drop entries say: never */
    struct arena *results;     /* histograms of the column that was handed out last */
    void *kept;                /* by the function */
    struct column column;
    const struct histogram **histograms;
};

/* find_drops - for each sample the next one that is below its predecessor. */
static void find_drops(struct walker *walker, const struct run *run)
{
    size_t count = run->count, drops = 0;

    if (count > walker->drop_room) {
        walker->drop_room = count * 2;
        walker->next_drop = arena_array(walker->stream.ev->arena, walker->drop_room, sizeof(*walker->next_drop));
        walker->no_drop = 0;
    }
    for (size_t i = 1; i < count; i++)
        drops += run->values[i] < run->values[i - 1];
    if (!drops) { /* the usual case: what says so already stays */
        for (; walker->no_drop < count; walker->no_drop++)
            walker->next_drop[walker->no_drop] = UINT32_MAX;
        return;
    }
    uint32_t next = UINT32_MAX;
    for (size_t i = count; i--;) {
        walker->next_drop[i] = next;
        if (i && run->values[i] < run->values[i - 1])
            next = (uint32_t)i;
    }
    walker->no_drop = 0;
}

/* walk - all windows over one series; how many gave a float, and a histogram. */
static err walk(struct walker *walker, const struct run *run, size_t *ret_floats, size_t *ret_histograms)
{
    const struct range_source *source = &walker->source;
    const struct grid *grid = walker->stream.grid;
    const struct function *function = walker->function;
    struct column *column = &walker->column;
    double args[FUNCTION_ARGS_MAX];
    size_t first = 0, end = 0, floats = 0, histograms = 0, seen = 0;
    struct ticks ticks = moment_ticks(&source->moment, grid);
    struct window_lengths lengths = { 0 };
    struct window window = {
        .ev = walker->stream.ev,
        .call = walker->call,
        .metric = labels_name(run->labels),
        .args = args,
        .lengths = &lengths,
        .kept = &walker->kept,
        .arena = walker->results,
        .anchored = source->before_ms && !source->after_ms,
        .smoothed = source->after_ms > 0,
        .next_drop = function->wants_drops ? walker->next_drop : NULL,
    };

    for (size_t step = 0; step < grid->steps; step++, ticks.time += ticks.step) {
        window.time_ms = grid_time(grid, step);
        window.end_ms = ticks.time;
        window.start_ms = time_plus(ticks.time, -source->range_ms);
        int64_t from = time_plus(window.start_ms, -source->before_ms), to = time_plus(ticks.time, source->after_ms);
        while (end < run->count && run->times[end] <= to)
            end++;
        while (first < end && run->times[first] <= from)
            first++;
        column->present[step] = POINT_NONE;
        window.count = end - first;
        if (!window.count && !function->empty_windows)
            continue;
        window.times = run->times + first;
        window.values = run->values + first;
        seen += window.count;
        if (seen >= CHECK_EACH) { /* one long series alone may take minutes */
            TRY(evaluation_check(walker->stream.ev));
            seen = 0;
        }
        window.histograms = run->histograms ? run->histograms + first : NULL;
        window.starts = run->starts ? run->starts + first : NULL;
        window.first = first;
        window.last = end - 1;
        for (size_t i = 0; i < walker->arg_count; i++)
            args[i] = walker->args[i][step];
        enum presence presence = function->range(&window, &column->values[step]);
        if (window.failure)
            return window.failure;
        column->present[step] = (unsigned char)presence;
        floats += presence == POINT_FLOAT;
        if (presence == POINT_HISTOGRAM) {
            histograms++;
            if (!walker->histograms)
                walker->histograms = arena_array(walker->stream.ev->arena, grid->steps, sizeof(*walker->histograms));
            walker->histograms[step] = window.histogram;
        }
    }
    *ret_floats = floats;
    *ret_histograms = histograms;
    return NULL;
}

/* look_for_counter - an info where the series doesn't look like a counter: its __type__ says so, or, where it has none,
 * its name. */
static void look_for_counter(struct walker *walker, struct labels labels)
{
    struct evaluation *ev = walker->stream.ev;
    struct str name = labels_name(labels), type = labels_get(labels, S("__type__"));

    if (!name.length)
        return;
    if (ev->query->features->type_and_unit_labels && type.length) {
        if (!str_eq(type, S("counter")) && !str_eq(type, S("histogram")))
            annotate_info(ev, walker->source.arg,
                          "metric might not be a counter, __type__ label is not set to \"counter\" or \"histogram\", "
                          "got \"%.*s\": \"%.*s\"",
                          STR_ARG(type), STR_ARG(name));
    } else if (!str_ends(name, S("_total")) && !str_ends(name, S("_sum")) && !str_ends(name, S("_count")) &&
               !str_ends(name, S("_bucket")))
        annotate_info(ev, walker->source.arg,
                      "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"%.*s\"",
                      STR_ARG(name));
}

static err walker_next(struct stream *stream, struct column **ret_column)
{
    struct walker *walker = (struct walker *)stream;
    size_t floats = 0, histograms = 0;
    struct run run;

    *ret_column = NULL;
    for (;;) {
        TRY(range_source_next(&walker->source, &run));
        if (!run.times)
            return NULL;
        if (walker->has_histograms)
            arena_reset(walker->results);
        if (walker->function->wants_drops)
            find_drops(walker, &run);
        TRY(walk(walker, &run, &floats, &histograms));
        walker->has_histograms = run.histograms != NULL;
        if (walker->function->of_counters && floats)
            look_for_counter(walker, run.labels);
        if (floats || histograms)
            break;
        TRY(evaluation_check(stream->ev));
    }
    walker->column.labels = run.labels;
    walker->column.drop_name = run.drop_name || !walker->function->keeps_name;
    walker->column.histograms = histograms ? walker->histograms : NULL;
    *ret_column = &walker->column;
    return NULL;
}

static const char *safe_functions(bool smoothed)
{
    return smoothed ? "delta, increase, rate" : "changes, delta, increase, rate, resets";
}

err windows_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                 const struct function *function, struct stream **ret_stream)
{
    static const struct stream_ops ops = { .next = walker_next };
    struct walker *walker = stream_make(ev, grid, sizeof(*walker), &ops);
    const struct expr *arg = NULL;

    walker->call = call;
    walker->function = function;
    for (size_t i = 0; i < call->call.count; i++) {
        if (call->call.args[i]->type == TYPE_MATRIX)
            arg = expr_bare(call->call.args[i]);
        else if (call->call.args[i]->type == TYPE_SCALAR && walker->arg_count < FUNCTION_ARGS_MAX)
            TRY(scalar_column(ev, grid, call->call.args[i], &walker->args[walker->arg_count++]));
    }
    if (!arg)
        return err_new(ERR_INTERNAL, "%s without a range vector", function->name);
    if (arg->kind == EXPR_SELECTOR && ((arg->selector.anchored && !function->takes_anchored) ||
                                       (arg->selector.smoothed && !function->takes_smoothed)))
        return err_new(ERR_RANGE, "%s modifier can only be used with: %s - not with %s",
                       arg->selector.smoothed ? "smoothed" : "anchored", safe_functions(arg->selector.smoothed),
                       function->name);
    TRY(range_source_open(ev, grid, arg, &walker->source));
    walker->column = *column_new(ev, grid);
    walker->results = scratch_arena(ev);
    *ret_stream = &walker->stream;
    return NULL;
}

/* functions_timestamp.c - when samples were taken, and began: timestamp, start_timestamp. */
#include "promql/function.h"
#include "promql/mapped.h"

#include <math.h>

/* time_column - a selector's own stream has the times as values; samples that were worked out are of the step. */
static void time_column(struct mapped *mapped, struct column *column)
{
    bool of_selector = mapped->how != NULL;

    for (size_t i = 0; i < mapped->stream.grid->steps; i++) {
        if (column->present[i] == POINT_NONE)
            continue;
        column->present[i] = POINT_FLOAT;
        if (!of_selector)
            column->values[i] = (double)grid_time(mapped->stream.grid, i) / 1000;
    }
}

static err timestamp_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                          struct stream **ret_stream)
{
    const struct expr *of = expr_bare(call->call.args[0]);
    struct mapped mapped = { .apply = time_column, .how = of->kind == EXPR_SELECTOR ? of : NULL };
    struct stream *input;

    if (mapped.how)
        TRY(selector_open(ev, grid, of, SELECT_TIMES, &input));
    else
        TRY(stream_open(ev, grid, of, &input));
    return mapped_open(&mapped, input, ret_stream);
}

static void start_column(struct mapped *mapped, struct column *column)
{
    for (size_t i = 0; i < mapped->stream.grid->steps; i++) {
        if (column->present[i])
            column->present[i] = mapped->how && !isnan(column->values[i]) ? POINT_FLOAT : POINT_NONE;
    }
}

static err start_timestamp_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                                struct stream **ret_stream)
{
    const struct expr *of = expr_bare(call->call.args[0]);
    struct mapped mapped = { .apply = start_column, .how = of->kind == EXPR_SELECTOR ? of : NULL };
    struct stream *input;

    if (mapped.how)
        TRY(selector_open(ev, grid, of, SELECT_STARTS, &input));
    else
        TRY(stream_open(ev, grid, of, &input));
    return mapped_open(&mapped, input, ret_stream);
}

static const struct function function_timestamp = {
    .name = "timestamp",
    .doc = "The time of each sample, in seconds since 1970 UTC.",
    .args = { TYPE_VECTOR },
    .arg_count = 1,
    .result = TYPE_VECTOR,
    .of_time = true,
    .open = timestamp_open,
};
REGISTER(function, function_timestamp);

static const struct function function_start_timestamp = {
    .name = "start_timestamp",
    .doc = "When the counter of each sample began, in seconds since 1970 UTC, where that is known.",
    .args = { TYPE_VECTOR },
    .arg_count = 1,
    .result = TYPE_VECTOR,
    .experimental = true,
    .open = start_timestamp_open,
};
REGISTER(function, function_start_timestamp);

/* functions_clamp.c - values within bounds: clamp, clamp_min, clamp_max. */
#include "promql/extreme.h"
#include "promql/function.h"
#include "promql/mapped.h"

#include <math.h>

static void clamp_column(struct mapped *mapped, struct column *column)
{
    const double *low = mapped->args[0], *high = mapped->args[1];

    for (size_t i = 0; i < mapped->stream.grid->steps; i++) {
        double from = low ? low[i] : -INFINITY, to = high ? high[i] : INFINITY;
        if (column->present[i] != POINT_FLOAT || to < from)
            column->present[i] = POINT_NONE;
        else
            column->values[i] = extreme_of(from, extreme_of(to, column->values[i], -1), 1);
    }
}

static err clamp_between(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                         const struct expr *low, const struct expr *high, struct stream **ret_stream)
{
    struct mapped clamped = { .apply = clamp_column };
    struct stream *input;

    TRY(stream_open(ev, grid, call->call.args[0], &input));
    if (low)
        TRY(scalar_column(ev, grid, low, &clamped.args[0]));
    if (high)
        TRY(scalar_column(ev, grid, high, &clamped.args[1]));
    return mapped_open(&clamped, input, ret_stream);
}

static err clamp_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                      struct stream **ret_stream)
{
    return clamp_between(ev, grid, call, call->call.args[1], call->call.args[2], ret_stream);
}

static err clamp_min_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                          struct stream **ret_stream)
{
    return clamp_between(ev, grid, call, call->call.args[1], NULL, ret_stream);
}

static err clamp_max_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                          struct stream **ret_stream)
{
    return clamp_between(ev, grid, call, NULL, call->call.args[1], ret_stream);
}

static const struct function function_clamp = {
    .name = "clamp",
    .doc = "Each sample, but not below the second nor above the third argument; nothing where these cross.",
    .args = { TYPE_VECTOR, TYPE_SCALAR, TYPE_SCALAR },
    .arg_count = 3,
    .result = TYPE_VECTOR,
    .open = clamp_open,
};
REGISTER(function, function_clamp);

static const struct function function_clamp_min = {
    .name = "clamp_min",
    .doc = "Each sample, but not below the second argument.",
    .args = { TYPE_VECTOR, TYPE_SCALAR },
    .arg_count = 2,
    .result = TYPE_VECTOR,
    .open = clamp_min_open,
};
REGISTER(function, function_clamp_min);

static const struct function function_clamp_max = {
    .name = "clamp_max",
    .doc = "Each sample, but not above the second argument.",
    .args = { TYPE_VECTOR, TYPE_SCALAR },
    .arg_count = 2,
    .result = TYPE_VECTOR,
    .open = clamp_max_open,
};
REGISTER(function, function_clamp_max);

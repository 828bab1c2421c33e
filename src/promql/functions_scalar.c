/* functions_scalar.c - scalars: of the query's own times, of others, of vectors, and back: time, pi, start, end, range,
 * step, min_of, max_of, scalar, vector. */
#include "promql/extreme.h"
#include "promql/function.h"
#include "promql/mapped.h"

#include <math.h>
#include <string.h>

/* same_everywhere - one number at every step. */
static struct stream *same_everywhere(struct evaluation *ev, const struct grid *grid, double number)
{
    double *values = arena_array(ev->arena, grid->steps, sizeof(*values));

    for (size_t i = 0; i < grid->steps; i++)
        values[i] = number;
    return single_open(ev, grid, values);
}

static err time_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                     struct stream **ret_stream)
{
    double *values = arena_array(ev->arena, grid->steps, sizeof(*values));

    (void)call;
    for (size_t i = 0; i < grid->steps; i++)
        values[i] = (double)grid_time(grid, i) / 1000;
    *ret_stream = single_open(ev, grid, values);
    return NULL;
}

static err pi_open(struct evaluation *ev, const struct grid *grid, const struct expr *call, struct stream **ret_stream)
{
    (void)call;
    *ret_stream = same_everywhere(ev, grid, M_PI);
    return NULL;
}

/* The query's own span: the same in a subquery. The end is the one asked for, which may lie behind the last step. */

static err start_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                      struct stream **ret_stream)
{
    (void)call;
    *ret_stream = same_everywhere(ev, grid, (double)ev->query->start_ms / 1000);
    return NULL;
}

static err end_open(struct evaluation *ev, const struct grid *grid, const struct expr *call, struct stream **ret_stream)
{
    (void)call;
    *ret_stream = same_everywhere(ev, grid, (double)ev->query->end_ms / 1000);
    return NULL;
}

static err range_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                      struct stream **ret_stream)
{
    (void)call;
    *ret_stream = same_everywhere(ev, grid, (double)(ev->query->end_ms - ev->query->start_ms) / 1000);
    return NULL;
}

static err step_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                     struct stream **ret_stream)
{
    bool instant = ev->query->start_ms == ev->query->end_ms;

    (void)call;
    *ret_stream = same_everywhere(ev, grid, instant ? 0 : (double)ev->query->step_ms / 1000);
    return NULL;
}

static err extreme_open(struct evaluation *ev, const struct grid *grid, const struct expr *call, double sign,
                        struct stream **ret_stream)
{
    double *values = arena_array(ev->arena, grid->steps, sizeof(*values));
    const double *a, *b;

    TRY(scalar_column(ev, grid, call->call.args[0], &a));
    TRY(scalar_column(ev, grid, call->call.args[1], &b));
    for (size_t i = 0; i < grid->steps; i++)
        values[i] = extreme_of(a[i], b[i], sign);
    *ret_stream = single_open(ev, grid, values);
    return NULL;
}

static err max_of_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                       struct stream **ret_stream)
{
    return extreme_open(ev, grid, call, 1, ret_stream);
}

static err min_of_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                       struct stream **ret_stream)
{
    return extreme_open(ev, grid, call, -1, ret_stream);
}

/* scalar_open - the one float that a vector has; NaN where it has none, or several. */
static err scalar_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                       struct stream **ret_stream)
{
    double *values = arena_array(ev->arena, grid->steps, sizeof(*values));
    unsigned char *seen = arena_array(ev->arena, grid->steps, 1);
    struct stream *input;
    struct column *column;

    for (size_t i = 0; i < grid->steps; i++)
        values[i] = NAN;
    TRY(stream_open(ev, grid, call->call.args[0], &input));
    for (;;) {
        TRY(stream_next(input, &column));
        if (!column)
            break;
        for (size_t i = 0; i < grid->steps; i++) {
            if (column->present[i] != POINT_FLOAT)
                continue;
            values[i] = seen[i] ? NAN : column->values[i];
            seen[i] = 1;
        }
    }
    *ret_stream = single_open(ev, grid, values);
    return NULL;
}

static err vector_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                       struct stream **ret_stream)
{
    return stream_open(ev, grid, call->call.args[0], ret_stream);
}

static const struct function function_time = {
    .name = "time",
    .doc = "The time of the evaluation, in seconds since 1970 UTC.",
    .result = TYPE_SCALAR,
    .of_time = true,
    .open = time_open,
};
REGISTER(function, function_time);

static const struct function function_pi = {
    .name = "pi",
    .doc = "Pi.",
    .result = TYPE_SCALAR,
    .open = pi_open,
};
REGISTER(function, function_pi);

static const struct function function_start = {
    .name = "start",
    .doc = "The start of the query, in seconds since 1970 UTC.",
    .result = TYPE_SCALAR,
    .experimental = true,
    .open = start_open,
};
REGISTER(function, function_start);

static const struct function function_end = {
    .name = "end",
    .doc = "The end of the query, in seconds since 1970 UTC.",
    .result = TYPE_SCALAR,
    .experimental = true,
    .open = end_open,
};
REGISTER(function, function_end);

static const struct function function_range = {
    .name = "range",
    .doc = "The length of the query, in seconds.",
    .result = TYPE_SCALAR,
    .experimental = true,
    .open = range_open,
};
REGISTER(function, function_range);

static const struct function function_step = {
    .name = "step",
    .doc = "The step of a range query, in seconds; 0 in an instant query.",
    .result = TYPE_SCALAR,
    .experimental = true,
    .open = step_open,
};
REGISTER(function, function_step);

static const struct function function_max_of = {
    .name = "max_of",
    .doc = "The greater of two scalars.",
    .args = { TYPE_SCALAR, TYPE_SCALAR },
    .arg_count = 2,
    .result = TYPE_SCALAR,
    .experimental = true,
    .open = max_of_open,
};
REGISTER(function, function_max_of);

static const struct function function_min_of = {
    .name = "min_of",
    .doc = "The lesser of two scalars.",
    .args = { TYPE_SCALAR, TYPE_SCALAR },
    .arg_count = 2,
    .result = TYPE_SCALAR,
    .experimental = true,
    .open = min_of_open,
};
REGISTER(function, function_min_of);

static const struct function function_scalar = {
    .name = "scalar",
    .doc = "The value of a vector that has a single sample, else NaN.",
    .args = { TYPE_VECTOR },
    .arg_count = 1,
    .result = TYPE_SCALAR,
    .open = scalar_open,
};
REGISTER(function, function_scalar);

static const struct function function_vector = {
    .name = "vector",
    .doc = "A scalar as a vector without labels.",
    .args = { TYPE_SCALAR },
    .arg_count = 1,
    .result = TYPE_VECTOR,
    .open = vector_open,
};
REGISTER(function, function_vector);

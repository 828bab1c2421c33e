/* stream.c - opening the stream of an expression, columns, and the streams that need no file of their own.
 *
 * DESIGN. What is the same at every step (all its selectors have @) is evaluated over one step and repeated. So a
 * constant part of a long range costs what an instant query costs. */
#include "promql/streams.h"

#include "base/time.h"
#include "model/histogram.h"
#include "promql/function.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { SHARE_STEP = 1 << 20 };

void query_share_give(struct query_share *share)
{
    struct query_share *mine = share;

    atomic_fetch_sub(&share->budget->taken, share->held);
    share->held = 0;
    atomic_compare_exchange_strong(&share->budget->first, &mine, NULL);
}

/* share_take - that this query holds so much now. Growth is accounted by the megabyte: all queries write that number.
 */
static err share_take(struct query_share *share, size_t used)
{
    if (!share || used < share->held + SHARE_STEP)
        return NULL;
    size_t taken = atomic_fetch_add(&share->budget->taken, used - share->held) + used - share->held;
    share->held = used;
    if (taken <= share->max)
        return NULL;
    struct query_share *first = NULL;
    if (atomic_compare_exchange_strong(&share->budget->first, &first, share) || first == share)
        return NULL;
    return err_hint(err_new(ERR_UNAVAILABLE,
                            "the queries that run now would take more than %zu bytes of memory together", share->max),
                    "ask again when others have ended, or raise query.max_bytes_together");
}

err evaluation_check(struct evaluation *ev)
{
    const struct query *query = ev->query;
    size_t used = arena_used(ev->arena) + arena_used(query->arena) - ev->answer_before;
    uint64_t samples_max = query->limits && query->limits->samples_max ? query->limits->samples_max : 50000000;
    size_t bytes_max = query->limits && query->limits->bytes_max ? query->limits->bytes_max : (size_t)1 << 30;

    for (size_t i = 0; i < ev->scratch_arenas.count; i++)
        used += arena_used(ev->scratch_arenas.at[i]);
    if (used > ev->stats.peak_bytes)
        ev->stats.peak_bytes = used;
    if (ev->stats.samples > samples_max)
        return err_hint(err_new(ERR_RANGE, "query processing would load too many samples: more than %llu",
                                (unsigned long long)samples_max),
                        "narrow the selectors or the time range, or raise the limit of samples a query");
    if (used > bytes_max)
        return err_hint(err_new(ERR_RANGE, "the query would take more than %zu bytes of memory", bytes_max),
                        "aggregate earlier, ask for fewer series or steps, or raise the limit of bytes a query");
    TRY(share_take(query->limits ? query->limits->share : NULL, used));
    if (query->cancelled && __atomic_load_n(query->cancelled, __ATOMIC_RELAXED))
        return err_new(ERR_UNAVAILABLE, "query was canceled in expression evaluation");
    if (query->deadline_ms && time_mono_ms() >= query->deadline_ms)
        return err_hint(err_new(ERR_TIMEOUT, "query timed out in expression evaluation"),
                        "ask for fewer series or a shorter time, or raise the timeout");
    return NULL;
}

/* ---- columns ---- */

struct column *column_new(struct evaluation *ev, const struct grid *grid)
{
    struct column *column = arena_alloc(ev->arena, sizeof(*column));

    column->values = arena_array(ev->arena, grid->steps, sizeof(*column->values));
    column->present = arena_array(ev->arena, grid->steps, 1);
    return column;
}

void column_histograms(struct evaluation *ev, const struct grid *grid, struct column *column)
{
    if (!column->histograms)
        column->histograms = arena_array(ev->arena, grid->steps, sizeof(struct histogram *));
}

struct column *column_copy(struct evaluation *ev, const struct grid *grid, const struct column *from)
{
    struct column *column = column_new(ev, grid);
    struct label *labels = arena_array(ev->arena, from->labels.count, sizeof(*labels));

    if (from->labels.count)
        memcpy(labels, from->labels.at, from->labels.count * sizeof(*labels));
    column->labels = (struct labels){ labels, from->labels.count };
    column->drop_name = from->drop_name;
    memcpy(column->values, from->values, grid->steps * sizeof(*column->values));
    memcpy(column->present, from->present, grid->steps);
    if (!from->histograms)
        return column;
    column_histograms(ev, grid, column);
    for (size_t i = 0; i < grid->steps; i++)
        if (from->present[i] == POINT_HISTOGRAM)
            column->histograms[i] = histogram_copy(ev->arena, from->histograms[i]);
    return column;
}

err columns_read(struct stream *stream, struct column_list *ret_list)
{
    VEC(struct column *) list = { 0 };
    struct column *column;

    for (;;) {
        TRY(stream_next(stream, &column));
        if (!column)
            break;
        *vec_push(&list, stream->ev->arena) = column_copy(stream->ev, stream->grid, column);
    }
    *ret_list = (struct column_list){ list.at, list.count };
    return NULL;
}

/* ---- streams ---- */

static void free_arena(void *arena)
{
    arena_free(arena);
}

struct arena *scratch_arena(struct evaluation *ev)
{
    struct arena *arena = arena_new(SIZE_MAX);

    arena_defer(ev->arena, free_arena, arena);
    *vec_push(&ev->scratch_arenas, ev->arena) = arena;
    return arena;
}

void *stream_make(struct evaluation *ev, const struct grid *grid, size_t size, const struct stream_ops *ops)
{
    struct stream *stream = arena_alloc(ev->arena, size);

    *stream = (struct stream){ .ops = ops, .ev = ev, .grid = grid };
    return stream;
}

err stream_next(struct stream *stream, struct column **ret_column)
{
    TRY(evaluation_check(stream->ev));
    return stream->ops->next(stream, ret_column);
}

struct list_stream {
    struct stream stream;
    struct column_list list;
    size_t next;
};

static err list_next(struct stream *stream, struct column **ret_column)
{
    struct list_stream *from = (struct list_stream *)stream;

    *ret_column = from->next < from->list.count ? from->list.at[from->next++] : NULL;
    return NULL;
}

struct stream *stream_of_columns(struct evaluation *ev, const struct grid *grid, struct column_list list)
{
    static const struct stream_ops ops = { .next = list_next };
    struct list_stream *stream = stream_make(ev, grid, sizeof(*stream), &ops);

    stream->list = list;
    return &stream->stream;
}

static struct stream *constant_open(struct evaluation *ev, const struct grid *grid, double number)
{
    struct column **at = arena_alloc(ev->arena, sizeof(struct column *));

    *at = column_new(ev, grid);
    memset((*at)->present, POINT_FLOAT, grid->steps);
    for (size_t i = 0; i < grid->steps; i++)
        (*at)->values[i] = number;
    return stream_of_columns(ev, grid, (struct column_list){ at, 1 });
}

err scalar_column(struct evaluation *ev, const struct grid *grid, const struct expr *expr, const double **ret_values)
{
    struct stream *stream;
    struct column *column;

    TRY(stream_open(ev, grid, expr, &stream));
    TRY(stream_next(stream, &column));
    if (!column)
        return err_new(ERR_INTERNAL, "a scalar without a value");
    double *values = arena_array(ev->arena, grid->steps, sizeof(*values));
    memcpy(values, column->values, grid->steps * sizeof(*values));
    *ret_values = values;
    return NULL;
}

/* ---- one step for all ---- */

struct repeat_stream {
    struct stream stream;
    struct stream *input;
    struct grid one;
    struct column *column;
    const struct histogram **histograms;
};

static err repeat_next(struct stream *stream, struct column **ret_column)
{
    struct repeat_stream *repeat = (struct repeat_stream *)stream;
    struct column *column = repeat->column, *from;
    size_t steps = stream->grid->steps;

    TRY(stream_next(repeat->input, &from));
    *ret_column = from ? column : NULL;
    if (!from)
        return NULL;
    column->labels = from->labels;
    column->drop_name = from->drop_name;
    memset(column->present, from->present[0], steps);
    for (size_t i = 0; i < steps; i++)
        column->values[i] = from->values[0];
    column->histograms = NULL;
    if (from->present[0] != POINT_HISTOGRAM)
        return NULL;
    if (!repeat->histograms)
        repeat->histograms = arena_array(stream->ev->arena, steps, sizeof(*repeat->histograms));
    column->histograms = repeat->histograms;
    for (size_t i = 0; i < steps; i++)
        column->histograms[i] = from->histograms[0];
    return NULL;
}

static err open_kind(struct evaluation *ev, const struct grid *grid, const struct expr *expr,
                     struct stream **ret_stream);

static err repeat_open(struct evaluation *ev, const struct grid *grid, const struct expr *expr,
                       struct stream **ret_stream)
{
    static const struct stream_ops ops = { .next = repeat_next };
    struct repeat_stream *repeat = stream_make(ev, grid, sizeof(*repeat), &ops);

    repeat->one = (struct grid){ .start_ms = grid->start_ms, .step_ms = grid->step_ms, .steps = 1 };
    repeat->column = column_new(ev, grid);
    TRY(open_kind(ev, &repeat->one, expr, &repeat->input));
    *ret_stream = &repeat->stream;
    return NULL;
}

static bool call_is_fixed(const struct expr *call)
{
    const struct function *function = call->call.function;
    bool of_selector = call->call.count == 1 && expr_bare(call->call.args[0])->kind == EXPR_SELECTOR;

    /* timestamp(m @ 1) is the same everywhere, timestamp(abs(m @ 1)) is not. */
    if (function->of_time && !(of_selector && str_eq(str_of(function->name), S("timestamp"))))
        return false;
    for (size_t i = 0; i < call->call.count; i++)
        if (!expr_is_fixed(call->call.args[i]))
            return false;
    return true;
}

bool expr_is_fixed(const struct expr *expr)
{
    switch (expr->kind) {
    case EXPR_NUMBER:
    case EXPR_STRING:
    case EXPR_DURATION:
        return true;
    case EXPR_SELECTOR:
        return expr->selector.mods.at != AT_NONE;
    case EXPR_SUBQUERY:
        return expr->subquery.mods.at != AT_NONE;
    case EXPR_CALL:
        return call_is_fixed(expr);
    case EXPR_AGGREGATE:
        return expr_is_fixed(expr->aggregate.expr);
    case EXPR_UNARY:
        return expr_is_fixed(expr->unary.expr);
    case EXPR_BINARY:
        return expr_is_fixed(expr->binary.left) && expr_is_fixed(expr->binary.right);
    case EXPR_PAREN:
        return expr_is_fixed(expr->paren);
    }
    return false;
}

static err call_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                     struct stream **ret_stream)
{
    const struct function *function = call->call.function;

    if (function->open)
        return function->open(ev, grid, call, ret_stream);
    struct stream *plain;
    TRY(function->math ? math_open(ev, grid, call, &plain) : windows_open(ev, grid, call, function, &plain));
    if (!function->keeps_name)
        return stream_named(plain, ret_stream);
    *ret_stream = plain;
    return NULL;
}

static err open_kind(struct evaluation *ev, const struct grid *grid, const struct expr *expr,
                     struct stream **ret_stream)
{
    switch (expr->kind) {
    case EXPR_NUMBER:
        *ret_stream = constant_open(ev, grid, expr->number);
        return NULL;
    case EXPR_SELECTOR:
        return selector_open(ev, grid, expr, SELECT_VALUES, ret_stream);
    case EXPR_CALL:
        return call_open(ev, grid, expr, ret_stream);
    case EXPR_AGGREGATE:
        return aggregate_open(ev, grid, expr, ret_stream);
    case EXPR_UNARY:
        return unary_open(ev, grid, expr, ret_stream);
    case EXPR_BINARY:
        return binary_open(ev, grid, expr, ret_stream);
    case EXPR_STRING:
    case EXPR_SUBQUERY:
    case EXPR_PAREN:
    case EXPR_DURATION:
        break;
    }
    return err_new(ERR_INTERNAL, "an expression of type %s is no stream", value_type_name(expr->type));
}

err stream_open(struct evaluation *ev, const struct grid *grid, const struct expr *expr, struct stream **ret_stream)
{
    TRY(evaluation_check(ev)); /* what was opened so far has made its columns */
    expr = expr_bare((struct expr *)expr);
    if (grid->steps > 1 && expr->kind != EXPR_NUMBER && expr_is_fixed(expr))
        return repeat_open(ev, grid, expr, ret_stream);
    return open_kind(ev, grid, expr, ret_stream);
}

/* binary.c - operators on points, and the streams that change one vector point by point: signs, scalars, functions of a
 * number. */
#include "model/histogram.h"
#include "promql/function.h"
#include "promql/histogram_point.h"
#include "promql/streams.h"

#include <math.h>

bool operator_is_comparison(enum operator op)
{
    return op >= OP_EQ && op <= OP_GE;
}

double operator_apply(enum operator op, double left, double right)
{
    switch (op) {
    case OP_ADD:
        return left + right;
    case OP_SUB:
        return left - right;
    case OP_MUL:
        return left * right;
    case OP_DIV:
        return left / right;
    case OP_MOD:
        return fmod(left, right);
    case OP_POW:
        return pow(left, right);
    case OP_ATAN2:
        return atan2(left, right);
    case OP_EQ:
        return left == right;
    case OP_NE:
        return left != right;
    case OP_LT:
        return left < right;
    case OP_LE:
        return left <= right;
    case OP_GT:
        return left > right;
    case OP_GE:
        return left >= right;
    case OP_NONE:
    case OP_AND:
    case OP_OR:
    case OP_UNLESS:
    case OP_TRIM_UPPER:
    case OP_TRIM_LOWER:
        break;
    }
    return NAN;
}

/* note_types - once in a row: every point of a vector may be of the wrong type. */
static void note_types(struct evaluation *ev, const struct expr *expr, bool left, bool right)
{
    const char *op = operator_text(expr->binary.op);
    struct types_noted noted = { expr, left, right };

    if (ev->noted.expr == expr && ev->noted.left == left && ev->noted.right == right)
        return;
    ev->noted = noted;
    annotate_info(ev, expr, "incompatible sample types encountered for binary operator \"%s\": %s %s %s", op,
                  left ? "histogram" : "float", op, right ? "histogram" : "float");
}

enum verdict point_operate(struct evaluation *ev, const struct expr *expr, struct arena *arena, struct operand left,
                           struct operand right, struct operand *ret_result)
{
    enum operator op = expr->binary.op;
    enum verdict verdict = VERDICT_NO_RESULT;

    *ret_result = (struct operand){ 0 };
    if (left.histogram || right.histogram) {
        verdict = histogram_operate(ev, expr, arena, left, right, ret_result);
    } else if (operator_is_comparison(op)) {
        ret_result->value = left.value;
        return operator_apply(op, left.value, right.value) != 0 ? VERDICT_KEEP : VERDICT_DROP;
    } else if (op != OP_TRIM_UPPER && op != OP_TRIM_LOWER) {
        ret_result->value = operator_apply(op, left.value, right.value);
        return VERDICT_KEEP;
    }
    if (verdict == VERDICT_NO_RESULT)
        note_types(ev, expr, left.histogram != NULL, right.histogram != NULL);
    return verdict == VERDICT_FAILED ? VERDICT_NO_RESULT : verdict;
}

/* ---- a vector and a scalar ---- */

struct scaled {
    struct stream stream;
    const struct expr *expr;
    struct stream *vector;
    const double *scalar;
    bool scalar_left;
    struct arena *results;
};

/* scale_float - for the usual case, a vector of floats. */
static void scale_float(const struct scaled *scaled, struct column *column, size_t step)
{
    const struct expr *expr = scaled->expr;
    double value = column->values[step], scalar = scaled->scalar[step];
    double result =
        operator_apply(expr->binary.op, scaled->scalar_left ? scalar : value, scaled->scalar_left ? value : scalar);

    if (!operator_is_comparison(expr->binary.op) || expr->binary.returns_bool)
        column->values[step] = result;
    else if (result == 0)
        column->present[step] = POINT_NONE;
}

static void scale_point(struct scaled *scaled, struct column *column, size_t step)
{
    const struct expr *expr = scaled->expr;
    struct operand scalar = { .value = scaled->scalar[step] }, result;
    struct operand point = { .value = column->values[step],
                             .histogram = column->present[step] == POINT_HISTOGRAM ? column->histograms[step] : NULL };
    enum verdict verdict = point_operate(scaled->stream.ev, expr, scaled->results, scaled->scalar_left ? scalar : point,
                                         scaled->scalar_left ? point : scalar, &result);

    if (verdict == VERDICT_NO_RESULT || (verdict == VERDICT_DROP && !expr->binary.returns_bool)) {
        column->present[step] = POINT_NONE;
        return;
    }
    if (expr->binary.returns_bool)
        result = (struct operand){ .value = verdict == VERDICT_KEEP };
    else if (operator_is_comparison(expr->binary.op))
        result = point; /* the vector's, even where it stands on the right */
    column->present[step] = result.histogram ? POINT_HISTOGRAM : POINT_FLOAT;
    column->values[step] = result.value;
    if (column->histograms)
        column->histograms[step] = result.histogram;
}

static bool changes_meaning(enum operator op)
{
    return op >= OP_ADD && op <= OP_ATAN2;
}

static err scaled_next(struct stream *stream, struct column **ret_column)
{
    struct scaled *scaled = (struct scaled *)stream;
    const struct expr *expr = scaled->expr;
    bool trims = expr->binary.op == OP_TRIM_LOWER || expr->binary.op == OP_TRIM_UPPER;

    TRY(stream_next(scaled->vector, ret_column));
    struct column *column = *ret_column;
    if (!column)
        return NULL;
    if (column->histograms)
        arena_reset(scaled->results);
    for (size_t step = 0; step < stream->grid->steps; step++)
        if (column->present[step] == POINT_FLOAT && !trims)
            scale_float(scaled, column, step);
        else if (column->present[step])
            scale_point(scaled, column, step);
    if (changes_meaning(expr->binary.op) || expr->binary.returns_bool)
        column->drop_name = true;
    return NULL;
}

static err scaled_open(struct evaluation *ev, const struct grid *grid, const struct expr *expr,
                       struct stream **ret_stream)
{
    static const struct stream_ops ops = { .next = scaled_next };
    struct scaled *scaled = stream_make(ev, grid, sizeof(*scaled), &ops);
    bool left = expr->binary.left->type == TYPE_SCALAR;

    scaled->expr = expr;
    scaled->scalar_left = left;
    scaled->results = scratch_arena(ev);
    TRY(scalar_column(ev, grid, left ? expr->binary.left : expr->binary.right, &scaled->scalar));
    TRY(stream_open(ev, grid, left ? expr->binary.right : expr->binary.left, &scaled->vector));
    *ret_stream = &scaled->stream;
    return changes_meaning(expr->binary.op) || expr->binary.returns_bool ? stream_named(*ret_stream, ret_stream) : NULL;
}

static err scalars_open(struct evaluation *ev, const struct grid *grid, const struct expr *expr,
                        struct stream **ret_stream)
{
    struct column **at = arena_alloc(ev->arena, sizeof(struct column *));
    const double *left, *right;

    TRY(scalar_column(ev, grid, expr->binary.left, &left));
    TRY(scalar_column(ev, grid, expr->binary.right, &right));
    *at = column_new(ev, grid);
    for (size_t step = 0; step < grid->steps; step++) {
        (*at)->values[step] = operator_apply(expr->binary.op, left[step], right[step]);
        (*at)->present[step] = POINT_FLOAT;
    }
    *ret_stream = stream_of_columns(ev, grid, (struct column_list){ at, 1 });
    return NULL;
}

err binary_open(struct evaluation *ev, const struct grid *grid, const struct expr *expr, struct stream **ret_stream)
{
    bool left = expr->binary.left->type == TYPE_SCALAR, right = expr->binary.right->type == TYPE_SCALAR;

    if (left && right)
        return scalars_open(ev, grid, expr, ret_stream);
    if (left || right)
        return scaled_open(ev, grid, expr, ret_stream);
    if (expr->binary.op >= OP_AND && expr->binary.op <= OP_UNLESS)
        return set_operation_open(ev, grid, expr, ret_stream);
    return match_open(ev, grid, expr, ret_stream);
}

/* ---- a sign ---- */

struct negated {
    struct stream stream;
    struct stream *input;
    bool vector;
    struct arena *results;
};

static err negated_next(struct stream *stream, struct column **ret_column)
{
    struct negated *negated = (struct negated *)stream;

    TRY(stream_next(negated->input, ret_column));
    struct column *column = *ret_column;
    if (!column)
        return NULL;
    for (size_t step = 0; step < stream->grid->steps; step++)
        column->values[step] = -column->values[step];
    if (column->histograms) {
        arena_reset(negated->results);
        for (size_t step = 0; step < stream->grid->steps; step++)
            if (column->present[step] == POINT_HISTOGRAM)
                column->histograms[step] = histogram_scaled(negated->results, column->histograms[step], -1);
    }
    column->drop_name |= negated->vector;
    return NULL;
}

err unary_open(struct evaluation *ev, const struct grid *grid, const struct expr *expr, struct stream **ret_stream)
{
    static const struct stream_ops ops = { .next = negated_next };

    if (expr->unary.op != OP_SUB)
        return stream_open(ev, grid, expr->unary.expr, ret_stream);
    struct negated *negated = stream_make(ev, grid, sizeof(*negated), &ops);
    negated->vector = expr->type == TYPE_VECTOR;
    negated->results = scratch_arena(ev);
    TRY(stream_open(ev, grid, expr->unary.expr, &negated->input));
    *ret_stream = &negated->stream;
    return negated->vector ? stream_named(*ret_stream, ret_stream) : NULL;
}

/* ---- a function of a number ---- */

struct mapped {
    struct stream stream;
    struct stream *input;
    double (*math)(double value, const double *args, size_t arg_count);
    const double *args[FUNCTION_ARGS_MAX];
    size_t arg_count;
    bool keeps_name;
};

static err mapped_next(struct stream *stream, struct column **ret_column)
{
    struct mapped *mapped = (struct mapped *)stream;
    double args[FUNCTION_ARGS_MAX];

    TRY(stream_next(mapped->input, ret_column));
    struct column *column = *ret_column;
    if (!column)
        return NULL;
    for (size_t step = 0; step < stream->grid->steps; step++) {
        if (column->present[step] == POINT_HISTOGRAM)
            column->present[step] = POINT_NONE;
        if (column->present[step] == POINT_NONE)
            continue;
        for (size_t i = 0; i < mapped->arg_count; i++)
            args[i] = mapped->args[i][step];
        column->values[step] = mapped->math(column->values[step], args, mapped->arg_count);
    }
    column->histograms = NULL;
    column->drop_name |= !mapped->keeps_name;
    return NULL;
}

err math_open(struct evaluation *ev, const struct grid *grid, const struct expr *call, struct stream **ret_stream)
{
    static const struct stream_ops ops = { .next = mapped_next };
    struct mapped *mapped = stream_make(ev, grid, sizeof(*mapped), &ops);

    mapped->math = call->call.function->math;
    mapped->keeps_name = call->call.function->keeps_name;
    for (size_t i = 0; i < call->call.count; i++) {
        const struct expr *arg = call->call.args[i];
        if (arg->type == TYPE_VECTOR)
            TRY(stream_open(ev, grid, arg, &mapped->input));
        else if (arg->type == TYPE_SCALAR && mapped->arg_count < FUNCTION_ARGS_MAX)
            TRY(scalar_column(ev, grid, arg, &mapped->args[mapped->arg_count++]));
    }
    if (!mapped->input)
        return err_new(ERR_INTERNAL, "%s without a vector", call->call.function->name);
    *ret_stream = &mapped->stream;
    return NULL;
}

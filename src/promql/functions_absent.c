/* functions_absent.c - what isn't there: absent, absent_over_time. */
#include "promql/function.h"
#include "promql/streams.h"

/* labels_asked_for - those that the selector's matchers determine: one "=" and no other matcher of the label.
 * Prometheus drops a label with two matchers, even equal ones; so do we. */
static struct labels labels_asked_for(struct arena *arena, const struct expr *expr)
{
    struct labels labels = { 0 };

    if (expr->kind != EXPR_SELECTOR)
        return labels;
    for (size_t i = 0; i < expr->selector.matcher_count; i++) {
        const struct matcher *matcher = &expr->selector.matchers[i];
        bool again = false;
        for (size_t before = 0; before < i; before++)
            again = again || (str_eq(expr->selector.matchers[before].name, matcher->name) &&
                              expr->selector.matchers[before].type == MATCH_EQ);
        if (!str_eq(matcher->name, S("__name__")))
            labels =
                labels_with(arena, labels, matcher->name, matcher->type == MATCH_EQ && !again ? matcher->value : S(""));
    }
    return labels;
}

/* where_none_is - 1 at the steps at which no series of the input has a sample. */
static err where_none_is(struct stream *input, struct labels labels, struct stream **ret_stream)
{
    size_t steps = input->grid->steps, there = 0;
    struct column *absent = column_new(input->ev, input->grid), *column;

    for (size_t i = 0; i < steps; i++) {
        absent->present[i] = POINT_FLOAT;
        absent->values[i] = 1;
    }
    while (there < steps) {
        TRY(stream_next(input, &column));
        if (!column)
            break;
        for (size_t i = 0; i < steps; i++) {
            there += column->present[i] && absent->present[i];
            if (column->present[i])
                absent->present[i] = POINT_NONE;
        }
    }
    absent->labels = labels;
    struct column **at = arena_alloc(input->ev->arena, sizeof(*at));
    *at = absent;
    *ret_stream = stream_of_columns(input->ev, input->grid, (struct column_list){ at, there < steps ? 1 : 0 });
    return NULL;
}

static err absent_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                       struct stream **ret_stream)
{
    struct stream *input;

    TRY(stream_open(ev, grid, call->call.args[0], &input));
    return where_none_is(input, labels_asked_for(ev->arena, expr_bare(call->call.args[0])), ret_stream);
}

static err absent_over_time_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                                 struct stream **ret_stream)
{
    struct stream *input;

    TRY(windows_open(ev, grid, call, function_find(S("present_over_time")), &input));
    return where_none_is(input, labels_asked_for(ev->arena, expr_bare(call->call.args[0])), ret_stream);
}

static const struct function function_absent = {
    .name = "absent",
    .doc = "1 where the vector has no sample, with the labels that the selector asks for.",
    .args = { TYPE_VECTOR },
    .arg_count = 1,
    .result = TYPE_VECTOR,
    .open = absent_open,
};
REGISTER(function, function_absent);

static const struct function function_absent_over_time = {
    .name = "absent_over_time",
    .doc = "1 where the window has no sample, with the labels that the selector asks for.",
    .args = { TYPE_MATRIX },
    .arg_count = 1,
    .result = TYPE_VECTOR,
    .open = absent_over_time_open,
};
REGISTER(function, function_absent_over_time);

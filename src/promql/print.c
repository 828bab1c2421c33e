/* print.c - a tree as one line of PromQL, as Prometheus prints it. */
#include "promql/print.h"

#include "base/duration.h"
#include "base/float_text.h"
#include "promql/function.h"
#include "promql/parse.h"
#include "promql/quote.h"

#include <math.h>
#include <stdlib.h>

static void print_ms(struct buf *out, int64_t ms)
{
    duration_add(out, (struct duration){ ms });
}

static void print_labels(struct buf *out, const struct str *labels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_add(out, S(", "));
        label_name_add(out, labels[i]);
    }
}

static void print_number(struct buf *out, const struct expr *expr)
{
    if (!expr->is_duration) {
        float_add_plain(out, expr->number);
        return;
    }
    if (expr->number < 0)
        buf_add_c(out, '-');
    print_ms(out, span_ms(fabs(expr->number)));
}

static void print_length(struct buf *out, const struct expr *expr)
{
    static const char *const calls[] = {
        [DURATION_STEP] = "step(",
        [DURATION_RANGE] = "range(",
        [DURATION_MIN_OF] = "min_of(",
        [DURATION_MAX_OF] = "max_of(",
    };
    const struct expr *left = expr->duration.left, *right = expr->duration.right;

    if (expr->kind == EXPR_NUMBER) {
        print_number(out, expr);
        return;
    }
    if (expr->duration.wrapped)
        buf_add_c(out, '(');
    if (expr->duration.kind != DURATION_OPERATOR) {
        buf_add(out, str_of(calls[expr->duration.kind]));
        if (left) {
            print_length(out, left);
            buf_add(out, S(", "));
            print_length(out, right);
        }
        buf_add_c(out, ')');
    } else {
        if (left) {
            print_length(out, left);
            buf_add_c(out, ' ');
        }
        if (left || expr->duration.op == OP_SUB) /* a plus in front goes without saying */
            buf_add(out, str_of(operator_text(expr->duration.op)));
        if (left)
            buf_add_c(out, ' ');
        print_length(out, right);
    }
    if (expr->duration.wrapped)
        buf_add_c(out, ')');
}

static void print_span(struct buf *out, const struct span_of_time *span)
{
    if (span->expr)
        print_length(out, span->expr);
    else
        print_ms(out, span->ms);
}

static void print_at(struct buf *out, const struct modifiers *mods)
{
    if (mods->at == AT_TIME)
        buf_addf(out, " @ %.3f", (double)mods->at_ms / 1000);
    else if (mods->at != AT_NONE)
        buf_add(out, mods->at == AT_START ? S(" @ start()") : S(" @ end()"));
}

/* needs_wrapping - behind "offset" a sum must begin with a parenthesis, or it would end at its first operand. Here
 * Prometheus loses what "offset (1h) + 5m" said. */
static bool needs_wrapping(const struct expr *length)
{
    if (!length || length->kind != EXPR_DURATION || length->duration.kind != DURATION_OPERATOR)
        return false;
    const struct expr *first = length;
    while (first->kind == EXPR_DURATION && !first->duration.wrapped && first->duration.kind == DURATION_OPERATOR &&
           first->duration.left)
        first = first->duration.left;
    return first != length && !(first->kind == EXPR_DURATION && first->duration.wrapped);
}

static void print_offset(struct buf *out, const struct modifiers *mods)
{
    bool wrap = needs_wrapping(mods->offset.expr);

    if (!mods->offset.expr && mods->offset.ms == 0)
        return;
    buf_add(out, wrap ? S(" offset (") : S(" offset "));
    print_span(out, &mods->offset);
    if (wrap)
        buf_add_c(out, ')');
}

static int compare_texts(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static struct str matcher_text(struct arena *arena, const struct matcher *matcher)
{
    static const char *const operators[] = {
        [MATCH_EQ] = "=", [MATCH_NE] = "!=", [MATCH_RE] = "=~", [MATCH_NRE] = "!~"
    };
    struct buf text CLEANUP(buf_clear) = { 0 };

    buf_init(&text, 8 * (matcher->name.length + matcher->value.length) + 16);
    label_name_add(&text, matcher->name);
    buf_add(&text, str_of(operators[matcher->type]));
    quote_add(&text, matcher->value);
    return str_copy(arena, buf_str(&text));
}

/* stands_in_front - the matcher that the name in front of the braces made. */
static bool stands_in_front(const struct expr *expr, const struct matcher *matcher)
{
    return matcher->type == MATCH_EQ && str_eq(matcher->name, S("__name__")) && matcher->value.length &&
           str_eq(matcher->value, expr->selector.name);
}

/* print_matchers - sorted by their text, but the name that stands in front. */
static void print_matchers(struct buf *out, const struct expr *expr)
{
    const struct matcher *matchers = expr->selector.matchers;
    size_t least = 0, count = 0;

    for (size_t i = 0; i < expr->selector.matcher_count; i++) {
        if (stands_in_front(expr, &matchers[i]))
            continue;
        least += matchers[i].name.length + matchers[i].value.length + 4; /* a="", */
        count++;
    }
    if (count == 0) {
        /* Prometheus prints nothing here, which info(x, ) can't be read back from. */
        if (!expr->selector.name.length)
            buf_add(out, S("{}"));
        return;
    }
    /* Nothing is sorted for a line that is too short: whether one fits is asked at every level of a tree. */
    if (!buf_reserve(out, least))
        return;
    struct arena *arena CLEANUP(arena_freep) = arena_new(16 << 20);
    struct str *texts = arena_array(arena, count, sizeof(*texts));
    for (size_t i = count = 0; i < expr->selector.matcher_count; i++)
        if (!stands_in_front(expr, &matchers[i]))
            texts[count++] = matcher_text(arena, &matchers[i]);
    qsort(texts, count, sizeof(*texts), compare_texts);
    for (size_t i = 0; i < count; i++) {
        buf_add_c(out, i ? ',' : '{');
        buf_add(out, texts[i]);
    }
    buf_add_c(out, '}');
}

static void print_selector(struct buf *out, const struct expr *expr)
{
    struct str extended = expr->selector.anchored ? S(" anchored") : expr->selector.smoothed ? S(" smoothed") : S("");
    bool ranged = expr->selector.range.given;

    buf_add(out, expr->selector.name);
    print_matchers(out, expr);
    if (ranged) {
        buf_add_c(out, '[');
        print_span(out, &expr->selector.range);
        buf_add_c(out, ']');
        buf_add(out, extended);
    }
    print_at(out, &expr->selector.mods);
    if (!ranged)
        buf_add(out, extended);
    print_offset(out, &expr->selector.mods);
}

void print_subquery_span(struct buf *out, const struct expr *expr)
{
    const struct span_of_time *step = &expr->subquery.step;

    buf_add_c(out, '[');
    print_span(out, &expr->subquery.range);
    buf_add_c(out, ':');
    if (step->expr || step->ms)
        print_span(out, step);
    buf_add_c(out, ']');
    print_at(out, &expr->subquery.mods);
    print_offset(out, &expr->subquery.mods);
}

void print_aggregation(struct buf *out, const struct expr *expr)
{
    buf_add(out, str_of(aggregation_name(expr->aggregate.op)));
    if (!expr->aggregate.without && expr->aggregate.label_count == 0)
        return;
    buf_add(out, expr->aggregate.without ? S(" without (") : S(" by ("));
    print_labels(out, expr->aggregate.labels, expr->aggregate.label_count);
    buf_add(out, S(") "));
}

/* print_fill_value - as Go's %v: an exponent below 1e-4 and from 1e6 on. */
static void print_fill_value(struct buf *out, const char *name, double value)
{
    buf_addf(out, " %s (", name);
    float_add(out, value, -4, 6);
    buf_add_c(out, ')');
}

static void print_fill(struct buf *out, const struct vector_matching *matching)
{
    if (matching->fill_left && matching->fill_right && matching->fill_left_value == matching->fill_right_value) {
        print_fill_value(out, "fill", matching->fill_left_value);
        return;
    }
    if (matching->fill_left)
        print_fill_value(out, "fill_left", matching->fill_left_value);
    if (matching->fill_right)
        print_fill_value(out, "fill_right", matching->fill_right_value);
}

void print_operator(struct buf *out, const struct expr *expr)
{
    const struct vector_matching *matching = expr->binary.matching;

    buf_add(out, str_of(operator_text(expr->binary.op)));
    if (expr->binary.returns_bool)
        buf_add(out, S(" bool"));
    if (!matching)
        return;
    bool grouped = matching->cardinality == MANY_TO_ONE || matching->cardinality == ONE_TO_MANY;
    if (matching->label_count || matching->on || grouped) {
        buf_add(out, matching->on ? S(" on (") : S(" ignoring ("));
        print_labels(out, matching->labels, matching->label_count);
        buf_add_c(out, ')');
    }
    if (grouped) {
        buf_add(out, matching->cardinality == MANY_TO_ONE ? S(" group_left (") : S(" group_right ("));
        print_labels(out, matching->include, matching->include_count);
        buf_add_c(out, ')');
    }
    print_fill(out, matching);
}

static void print_aggregate(struct buf *out, const struct expr *expr)
{
    print_aggregation(out, expr);
    buf_add_c(out, '(');
    if (expr->aggregate.param) {
        promql_print(out, expr->aggregate.param);
        buf_add(out, S(", "));
    }
    promql_print(out, expr->aggregate.expr);
    buf_add_c(out, ')');
}

static void print_call(struct buf *out, const struct expr *expr)
{
    buf_add(out, str_of(expr->call.function->name));
    buf_add_c(out, '(');
    for (size_t i = 0; i < expr->call.count; i++) {
        if (i)
            buf_add(out, S(", "));
        promql_print(out, expr->call.args[i]);
    }
    buf_add_c(out, ')');
}

void promql_print(struct buf *out, const struct expr *expr)
{
    if (out->failed) /* too long already */
        return;
    switch (expr->kind) {
    case EXPR_NUMBER:
        print_number(out, expr);
        return;
    case EXPR_STRING:
        quote_add(out, expr->text);
        return;
    case EXPR_SELECTOR:
        print_selector(out, expr);
        return;
    case EXPR_SUBQUERY:
        promql_print(out, expr->subquery.expr);
        print_subquery_span(out, expr);
        return;
    case EXPR_CALL:
        print_call(out, expr);
        return;
    case EXPR_AGGREGATE:
        print_aggregate(out, expr);
        return;
    case EXPR_UNARY:
        buf_add(out, str_of(operator_text(expr->unary.op)));
        promql_print(out, expr->unary.expr);
        return;
    case EXPR_BINARY:
        promql_print(out, expr->binary.left);
        buf_add_c(out, ' ');
        print_operator(out, expr);
        buf_add_c(out, ' ');
        promql_print(out, expr->binary.right);
        return;
    case EXPR_PAREN:
        buf_add_c(out, '(');
        promql_print(out, expr->paren);
        buf_add_c(out, ')');
        return;
    case EXPR_DURATION:
        print_length(out, expr);
        return;
    }
}

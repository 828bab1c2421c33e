/* print_pretty.c - a tree over several lines, where one would be longer than 100 bytes. */
#include "promql/function.h"
#include "promql/parse.h"
#include "promql/print.h"

enum { LINE_MAX_BYTES = 100 };

/* fits - on one line. Printing stops at its end, so that asking at every level stays cheap. */
static bool fits(const struct expr *expr)
{
    struct buf line CLEANUP(buf_clear) = { 0 };

    buf_init(&line, LINE_MAX_BYTES);
    promql_print(&line, expr);
    return !line.failed;
}

static void indent(struct buf *out, unsigned level)
{
    for (unsigned i = 0; i < level; i++)
        buf_add(out, S("  "));
}

static void pretty(struct buf *out, const struct expr *expr, unsigned level);

static void open_lines(struct buf *out)
{
    buf_add(out, S("(\n"));
}

static void close_lines(struct buf *out, unsigned level)
{
    buf_add_c(out, '\n');
    indent(out, level);
    buf_add_c(out, ')');
}

static void pretty_call(struct buf *out, const struct expr *expr, unsigned level)
{
    indent(out, level);
    buf_add(out, str_of(expr->call.function->name));
    open_lines(out);
    for (size_t i = 0; i < expr->call.count; i++) {
        if (i)
            buf_add(out, S(",\n"));
        pretty(out, expr->call.args[i], level + 1);
    }
    close_lines(out, level);
}

static void pretty_aggregate(struct buf *out, const struct expr *expr, unsigned level)
{
    indent(out, level);
    print_aggregation(out, expr);
    open_lines(out);
    if (expr->aggregate.param) {
        pretty(out, expr->aggregate.param, level + 1);
        buf_add(out, S(",\n"));
    }
    pretty(out, expr->aggregate.expr, level + 1);
    close_lines(out, level);
}

/* pretty_unary - the sign stands where its operand's indent would. */
static void pretty_unary(struct buf *out, const struct expr *expr, unsigned level)
{
    struct buf operand CLEANUP(buf_clear) = { 0 };

    buf_init(&operand, out->max);
    pretty(&operand, expr->unary.expr, level);
    indent(out, level);
    buf_add(out, str_of(operator_text(expr->unary.op)));
    buf_add(out, str_trim(buf_str(&operand)));
    out->failed |= operand.failed;
}

static void pretty(struct buf *out, const struct expr *expr, unsigned level)
{
    bool split = !fits(expr);

    if (out->failed)
        return;
    if (expr->kind == EXPR_UNARY) {
        pretty_unary(out, expr, level);
    } else if (expr->kind == EXPR_SUBQUERY) {
        /* On one line it comes without an indent, as Prometheus has it. */
        if (split) {
            pretty(out, expr->subquery.expr, level);
            print_subquery_span(out, expr);
        } else {
            promql_print(out, expr);
        }
    } else if (split && expr->kind == EXPR_AGGREGATE) {
        pretty_aggregate(out, expr, level);
    } else if (split && expr->kind == EXPR_CALL) {
        pretty_call(out, expr, level);
    } else if (split && expr->kind == EXPR_BINARY) {
        pretty(out, expr->binary.left, level + 1);
        buf_add_c(out, '\n');
        indent(out, level);
        print_operator(out, expr);
        buf_add_c(out, '\n');
        pretty(out, expr->binary.right, level + 1);
    } else if (split && expr->kind == EXPR_PAREN) {
        indent(out, level);
        open_lines(out);
        pretty(out, expr->paren, level + 1);
        close_lines(out, level);
    } else {
        indent(out, level);
        promql_print(out, expr);
    }
}

void promql_print_pretty(struct buf *out, const struct expr *expr)
{
    pretty(out, expr, 0);
}

/* print_json.c - a tree as /parse_query answers it, for editors that show it. */
#include "base/float_text.h"
#include "promql/function.h"
#include "promql/parse.h"
#include "promql/print.h"

static const char *const type_names[] = {
    [TYPE_NONE] = "none",     [TYPE_SCALAR] = "scalar", [TYPE_VECTOR] = "vector",
    [TYPE_MATRIX] = "matrix", [TYPE_STRING] = "string",
};

static void put_text(struct json_writer *w, const char *key, const char *value)
{
    json_put_str(w, str_of(key), str_of(value));
}

static void put_strings(struct json_writer *w, struct str key, const struct str *strings, size_t count)
{
    json_key(w, key);
    json_begin_array(w);
    for (size_t i = 0; i < count; i++)
        json_add_str(w, strings[i]);
    json_end_array(w);
}

static void put_expr(struct json_writer *w, struct str key, const struct expr *expr)
{
    json_key(w, key);
    if (expr)
        promql_print_json(w, expr);
    else
        json_add_null(w);
}

static void put_number(struct json_writer *w, double value)
{
    struct buf text CLEANUP(buf_clear) = { 0 };

    buf_init(&text, 512);
    float_add_plain(&text, value);
    json_put_str(w, S("val"), buf_str(&text));
}

/* add_length - of an expression of lengths, or null. */
static void add_length(struct json_writer *w, const struct expr *expr)
{
    static const char *const calls[] = {
        [DURATION_STEP] = "step",
        [DURATION_RANGE] = "range",
        [DURATION_MIN_OF] = "min_of",
        [DURATION_MAX_OF] = "max_of",
    };

    if (!expr) {
        json_add_null(w);
        return;
    }
    json_begin_object(w);
    if (expr->kind == EXPR_NUMBER) {
        json_put_bool(w, S("duration"), expr->is_duration);
        put_text(w, "type", "numberLiteral");
        put_number(w, expr->number);
    } else {
        bool call = expr->duration.kind != DURATION_OPERATOR;
        json_key(w, S("lhs"));
        add_length(w, expr->duration.left);
        put_text(w, "op", call ? calls[expr->duration.kind] : operator_text(expr->duration.op));
        json_key(w, S("rhs"));
        add_length(w, expr->duration.right);
        put_text(w, "type", "durationExpr");
        json_put_bool(w, S("wrapped"), expr->duration.wrapped);
    }
    json_end_object(w);
}

static void put_span(struct json_writer *w, struct str key, struct str expr_key, const struct span_of_time *span)
{
    json_put_i64(w, key, span->expr ? 0 : span->ms);
    json_key(w, expr_key);
    add_length(w, span->expr);
}

static void put_modifiers(struct json_writer *w, const struct modifiers *mods)
{
    put_span(w, S("offset"), S("offsetExpr"), &mods->offset);
    json_key(w, S("startOrEnd"));
    if (mods->at == AT_START || mods->at == AT_END)
        json_add_str(w, mods->at == AT_START ? S("start") : S("end"));
    else
        json_add_null(w);
    json_key(w, S("timestamp"));
    if (mods->at == AT_TIME)
        json_add_i64(w, mods->at_ms);
    else
        json_add_null(w);
}

static void put_selector(struct json_writer *w, const struct expr *expr)
{
    static const char *const types[] = { [MATCH_EQ] = "=", [MATCH_NE] = "!=", [MATCH_RE] = "=~", [MATCH_NRE] = "!~" };
    bool ranged = expr->selector.range.given;

    json_put_bool(w, S("anchored"), expr->selector.anchored);
    json_key(w, S("matchers"));
    json_begin_array(w);
    for (size_t i = 0; i < expr->selector.matcher_count; i++) {
        json_begin_object(w);
        json_put_str(w, S("name"), expr->selector.matchers[i].name);
        put_text(w, "type", types[expr->selector.matchers[i].type]);
        json_put_str(w, S("value"), expr->selector.matchers[i].value);
        json_end_object(w);
    }
    json_end_array(w);
    json_put_str(w, S("name"), expr->selector.name);
    put_modifiers(w, &expr->selector.mods);
    if (ranged)
        put_span(w, S("range"), S("rangeExpr"), &expr->selector.range);
    json_put_bool(w, S("smoothed"), expr->selector.smoothed);
    put_text(w, "type", ranged ? "matrixSelector" : "vectorSelector");
}

static void put_function(struct json_writer *w, const struct function *function)
{
    json_key(w, S("func"));
    json_begin_object(w);
    json_key(w, S("argTypes"));
    json_begin_array(w);
    for (size_t i = 0; i < function->arg_count; i++)
        json_add_str(w, str_of(type_names[function->args[i]]));
    json_end_array(w);
    put_text(w, "name", function->name);
    put_text(w, "returnType", type_names[function->result]);
    json_put_i64(w, S("variadic"), function->variadic < 0 ? -1 : function->variadic + (int)function->optional);
    json_end_object(w);
}

static void put_call(struct json_writer *w, const struct expr *expr)
{
    json_key(w, S("args"));
    json_begin_array(w);
    for (size_t i = 0; i < expr->call.count; i++)
        promql_print_json(w, expr->call.args[i]);
    json_end_array(w);
    put_function(w, expr->call.function);
    put_text(w, "type", "call");
}

static void put_fill(struct json_writer *w, struct str key, bool given, double value)
{
    json_key(w, key);
    if (given)
        json_add_double(w, value);
    else
        json_add_null(w);
}

static void put_matching(struct json_writer *w, const struct vector_matching *matching)
{
    static const char *const names[] = {
        [ONE_TO_ONE] = "one-to-one",
        [MANY_TO_ONE] = "many-to-one",
        [ONE_TO_MANY] = "one-to-many",
        [MANY_TO_MANY] = "many-to-many",
    };

    json_key(w, S("matching"));
    if (!matching) {
        json_add_null(w);
        return;
    }
    json_begin_object(w);
    put_text(w, "card", names[matching->cardinality]);
    json_key(w, S("fillValues"));
    json_begin_object(w);
    put_fill(w, S("lhs"), matching->fill_left, matching->fill_left_value);
    put_fill(w, S("rhs"), matching->fill_right, matching->fill_right_value);
    json_end_object(w);
    put_strings(w, S("include"), matching->include, matching->include_count);
    put_strings(w, S("labels"), matching->labels, matching->label_count);
    json_put_bool(w, S("on"), matching->on);
    json_end_object(w);
}

static void put_binary(struct json_writer *w, const struct expr *expr)
{
    json_put_bool(w, S("bool"), expr->binary.returns_bool);
    put_expr(w, S("lhs"), expr->binary.left);
    put_matching(w, expr->binary.matching);
    put_text(w, "op", operator_text(expr->binary.op));
    put_expr(w, S("rhs"), expr->binary.right);
    put_text(w, "type", "binaryExpr");
}

static void put_aggregate(struct json_writer *w, const struct expr *expr)
{
    put_expr(w, S("expr"), expr->aggregate.expr);
    put_strings(w, S("grouping"), expr->aggregate.labels, expr->aggregate.label_count);
    put_text(w, "op", aggregation_name(expr->aggregate.op));
    put_expr(w, S("param"), expr->aggregate.param);
    put_text(w, "type", "aggregation");
    json_put_bool(w, S("without"), expr->aggregate.without);
}

static void put_subquery(struct json_writer *w, const struct expr *expr)
{
    put_expr(w, S("expr"), expr->subquery.expr);
    put_modifiers(w, &expr->subquery.mods);
    put_span(w, S("range"), S("rangeExpr"), &expr->subquery.range);
    put_span(w, S("step"), S("stepExpr"), &expr->subquery.step);
    put_text(w, "type", "subquery");
}

void promql_print_json(struct json_writer *w, const struct expr *expr)
{
    if (expr->kind == EXPR_DURATION) {
        add_length(w, expr);
        return;
    }
    json_begin_object(w);
    switch (expr->kind) {
    case EXPR_NUMBER:
        put_text(w, "type", "numberLiteral");
        put_number(w, expr->number);
        break;
    case EXPR_STRING:
        put_text(w, "type", "stringLiteral");
        json_put_str(w, S("val"), expr->text);
        break;
    case EXPR_SELECTOR:
        put_selector(w, expr);
        break;
    case EXPR_SUBQUERY:
        put_subquery(w, expr);
        break;
    case EXPR_CALL:
        put_call(w, expr);
        break;
    case EXPR_AGGREGATE:
        put_aggregate(w, expr);
        break;
    case EXPR_UNARY:
        put_expr(w, S("expr"), expr->unary.expr);
        put_text(w, "op", operator_text(expr->unary.op));
        put_text(w, "type", "unaryExpr");
        break;
    case EXPR_BINARY:
        put_binary(w, expr);
        break;
    case EXPR_PAREN:
        put_expr(w, S("expr"), expr->paren);
        put_text(w, "type", "parenExpr");
        break;
    case EXPR_DURATION:
        break;
    }
    json_end_object(w);
}

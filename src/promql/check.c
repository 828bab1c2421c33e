/* check.c - what the grammar can't say: types, numbers of arguments, matchers that select something. In the order in
 * which Prometheus looks, as the first complaint is the one that is told. */
#include "promql/parse_parts.h"
#include "promql/quote.h"

static err check(struct str text, struct expr *expr, bool may_match_all);

static err expect_type(struct str text, struct expr *expr, enum value_type wanted, const char *where)
{
    TRY(check(text, expr, false));
    if (expr->type == wanted)
        return NULL;
    return lex_error(text, expr->from, "expected type %s in %s, got %s", value_type_name(wanted), where,
                     value_type_name(expr->type));
}

static err check_aggregate(struct str text, struct expr *expr)
{
    enum aggregation op = expr->aggregate.op;

    TRY(expect_type(text, expr->aggregate.expr, TYPE_VECTOR, "aggregation expression"));
    if (!expr->aggregate.param)
        return NULL;
    return expect_type(text, expr->aggregate.param, op == AGG_COUNT_VALUES ? TYPE_STRING : TYPE_SCALAR,
                       "aggregation parameter");
}

static bool is_comparison(enum operator op)
{
    return op >= OP_EQ && op <= OP_GE;
}

static bool is_set_operator(enum operator op)
{
    return op == OP_AND || op == OP_OR || op == OP_UNLESS;
}

/* operator_at - the first byte behind the left side that is no space, for complaints about the operator. */
static size_t operator_at(struct str text, const struct expr *expr)
{
    size_t at = expr->binary.left->to;

    while (at < text.length && (text.at[at] == ' ' || (text.at[at] >= '\t' && text.at[at] <= '\r')))
        at++;
    return at;
}

static err check_group_labels(struct str text, struct expr *expr)
{
    const struct vector_matching *matching = expr->binary.matching;
    struct buf quoted CLEANUP(buf_clear) = { 0 };

    for (size_t i = 0; matching->on && i < matching->label_count; i++)
        for (size_t j = 0; j < matching->include_count; j++) {
            if (!str_eq(matching->labels[i], matching->include[j]))
                continue;
            buf_init(&quoted, 2048);
            quote_add(&quoted, matching->labels[i]);
            return lex_error(text, operator_at(text, expr), "label %s must not occur in ON and GROUP clause at once",
                             buf_c(&quoted));
        }
    return NULL;
}

/* check_matching - of two vectors; where one side is none there may be nothing to match by. */
static err check_matching(struct str text, struct expr *expr, bool vectors)
{
    const struct vector_matching *matching = expr->binary.matching;
    bool filled = matching->fill_left || matching->fill_right;

    if (!vectors) {
        if (matching->label_count)
            return lex_error(text, expr->from, "vector matching only allowed between instant vectors");
        if (filled)
            return lex_error(text, expr->from, "filling in missing series only allowed between instant vectors");
        expr->binary.matching = NULL;
    } else if (is_set_operator(expr->binary.op)) {
        if (matching->cardinality != MANY_TO_MANY)
            return lex_error(text, expr->from, "no grouping allowed for \"%s\" operation",
                             operator_text(expr->binary.op));
        if (filled)
            return lex_error(text, expr->from, "filling in missing series not allowed for set operators");
    }
    return NULL;
}

static err check_binary(struct str text, struct expr *expr)
{
    struct expr *left = expr->binary.left, *right = expr->binary.right;
    struct vector_matching *matching = expr->binary.matching;
    enum operator op = expr->binary.op;
    static const char sides[] = "binary expression must contain only scalar and instant vector types";

    TRY(check(text, left, false));
    TRY(check(text, right, false));
    if (expr->binary.returns_bool && !is_comparison(op))
        return lex_error(text, operator_at(text, expr), "bool modifier can only be used on comparison operators");
    if (is_comparison(op) && !expr->binary.returns_bool && expr->type == TYPE_SCALAR)
        return lex_error(text, operator_at(text, expr), "comparisons between scalars must use BOOL modifier");
    if (is_set_operator(op) && matching->cardinality == ONE_TO_ONE)
        matching->cardinality = MANY_TO_MANY;
    TRY(check_group_labels(text, expr));
    if (left->type != TYPE_SCALAR && left->type != TYPE_VECTOR)
        return lex_error(text, left->from, sides);
    if (right->type != TYPE_SCALAR && right->type != TYPE_VECTOR)
        return lex_error(text, right->from, sides);
    TRY(check_matching(text, expr, left->type == TYPE_VECTOR && right->type == TYPE_VECTOR));
    if (is_set_operator(op) && (left->type == TYPE_SCALAR || right->type == TYPE_SCALAR))
        return lex_error(text, expr->from, "set operator \"%s\" not allowed in binary scalar expression",
                         operator_text(op));
    return NULL;
}

static err check_argument_count(struct str text, const struct expr *call)
{
    const struct function *function = call->call.function;
    size_t least = function->arg_count - function->optional, count = call->call.count;
    size_t most = function->variadic < 0 ? SIZE_MAX : function->arg_count + (size_t)function->variadic;

    if (least == most && count != least)
        return lex_error(text, call->from, "expected %zu argument(s) in call to \"%s\", got %zu", least, function->name,
                         count);
    if (count < least)
        return lex_error(text, call->from, "expected at least %zu argument(s) in call to \"%s\", got %zu", least,
                         function->name, count);
    if (count > most)
        return lex_error(text, call->from, "expected at most %zu argument(s) in call to \"%s\", got %zu", most,
                         function->name, count);
    return NULL;
}

/* check_info_labels - the second argument of info() selects labels, not a metric. */
static err check_info_labels(struct str text, const struct expr *call)
{
    const struct expr *labels = call->call.args[1];

    if (labels->type != TYPE_VECTOR)
        return lex_error(text, call->from, "expected type instant vector in call to function \"info\", got %s",
                         value_type_name(labels->type));
    if (labels->kind != EXPR_SELECTOR)
        return lex_error(text, labels->from, "expected label selectors only");
    if (labels->selector.name.length)
        return lex_error(text, labels->from, "expected label selectors only, got vector selector instead");
    return NULL;
}

static err check_call(struct str text, struct expr *call)
{
    const struct function *function = call->call.function;
    bool info = str_eq(str_of(function->name), S("info"));

    TRY(check_argument_count(text, call));
    if (info && call->call.count > 1)
        TRY(check_info_labels(text, call));
    for (size_t i = 0; i < call->call.count; i++) {
        struct expr *arg = call->call.args[i];
        enum value_type wanted = function->args[i < function->arg_count ? i : function->arg_count - 1];
        TRY(check(text, arg, info && i == 1));
        if (arg->type != wanted)
            return lex_error(text, arg->from, "expected type %s in call to function \"%s\", got %s",
                             value_type_name(wanted), function->name, value_type_name(arg->type));
    }
    return NULL;
}

static err check_selector(struct str text, const struct expr *expr, bool may_match_all)
{
    struct buf names CLEANUP(buf_clear) = { 0 };
    const struct matcher *matchers = expr->selector.matchers;
    size_t count = expr->selector.matcher_count;

    buf_init(&names, 3000);
    if (expr->selector.name.length) {
        for (size_t i = 0; i + 1 < count; i++) {
            if (!str_eq(matchers[i].name, S("__name__")))
                continue;
            quote_add(&names, expr->selector.name);
            buf_add(&names, S(" or "));
            quote_add(&names, matchers[i].value);
            return lex_error(text, expr->from, "metric name must not be set twice: %s", buf_c(&names));
        }
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        may_match_all |= !matcher_matches(&matchers[i], S(""));
    if (may_match_all)
        return NULL;
    return lex_error(text, expr->from, "vector selector must contain at least one non-empty matcher");
}

static err check_subquery(struct str text, struct expr *expr)
{
    static const char *const short_names[] = {
        [TYPE_NONE] = "none",     [TYPE_SCALAR] = "scalar", [TYPE_VECTOR] = "vector",
        [TYPE_MATRIX] = "matrix", [TYPE_STRING] = "string",
    };
    enum value_type type = expr->subquery.expr->type;

    TRY(check(text, expr->subquery.expr, false));
    if (type == TYPE_VECTOR)
        return NULL;
    return lex_error(text, expr->from, "subquery is only allowed on instant vector, got %s instead", short_names[type]);
}

static err check(struct str text, struct expr *expr, bool may_match_all)
{
    switch (expr->kind) {
    case EXPR_AGGREGATE:
        return check_aggregate(text, expr);
    case EXPR_BINARY:
        return check_binary(text, expr);
    case EXPR_CALL:
        return check_call(text, expr);
    case EXPR_PAREN:
        return check(text, expr->paren, false);
    case EXPR_UNARY:
        TRY(check(text, expr->unary.expr, false));
        if (expr->type == TYPE_SCALAR || expr->type == TYPE_VECTOR)
            return NULL;
        return lex_error(text, expr->from,
                         "unary expression only allowed on expressions of type scalar or instant vector, got \"%s\"",
                         value_type_name(expr->type));
    case EXPR_SUBQUERY:
        return check_subquery(text, expr);
    case EXPR_SELECTOR:
        return check_selector(text, expr, may_match_all);
    case EXPR_NUMBER:
    case EXPR_STRING:
    case EXPR_DURATION:
        return NULL;
    }
    return NULL;
}

err check_expr(struct str text, struct expr *expr)
{
    return check(text, expr, false);
}

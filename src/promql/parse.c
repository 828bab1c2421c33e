/* parse.c - PromQL's operators, aggregations, calls and literals. */
#include "promql/parse.h"

#include "promql/parse_parts.h"
#include "promql/quote.h"

const struct promql_features promql_all_features = { true, true, true, true, true, true };

struct parser parser_make(struct arena *arena, struct str text, const struct promql_features *features)
{
    return (struct parser){
        .arena = arena,
        .features = features,
        .lexer = { .text = text },
        .context = { "", "" },
    };
}

err parser_peek(struct parser *p)
{
    if (p->has_token)
        return NULL;
    TRY(lex_next(&p->lexer, &p->token));
    p->has_token = true;
    switch (p->token.kind) {
    case TOKEN_RIGHT_BRACE:
    case TOKEN_RIGHT_PAREN:
    case TOKEN_RIGHT_BRACKET:
    case TOKEN_DURATION:
    case TOKEN_NUMBER:
        p->closing = p->token.to;
        return NULL;
    default:
        return NULL;
    }
}

struct token parser_take(struct parser *p)
{
    p->has_token = false;
    return p->token;
}

bool parser_is(const struct parser *p, enum token_kind kind)
{
    return p->token.kind == kind;
}

bool parser_is_operator(const struct parser *p, enum operator op)
{
    return p->token.kind == TOKEN_OPERATOR && p->token.value == (int)op;
}

err parser_accept(struct parser *p, enum token_kind kind, bool *ret_taken)
{
    TRY(parser_peek(p));
    *ret_taken = parser_is(p, kind);
    if (*ret_taken)
        parser_take(p);
    return NULL;
}

err parser_unexpected_in(struct parser *p, const char *where, const char *expected)
{
    struct buf what CLEANUP(buf_clear) = { 0 };

    buf_init(&what, 4096);
    token_describe(&what, &p->token);
    return lex_error(p->lexer.text, p->token.from, "unexpected %s%s%s%s%s", buf_c(&what), *where ? " in " : "", where,
                     *expected ? ", expected " : "", expected);
}

err parser_unexpected(struct parser *p)
{
    return parser_unexpected_in(p, p->context.where, p->context.expected);
}

err parser_deeper(struct parser *p)
{
    if (++p->depth <= PROMQL_DEPTH_MAX)
        return NULL;
    return lex_error(p->lexer.text, p->lexer.at, "nested more than %d levels deep", (int)PROMQL_DEPTH_MAX);
}

struct expr *expr_new(struct parser *p, enum expr_kind kind, enum value_type type, uint32_t from, uint32_t to)
{
    struct expr *expr = arena_alloc(p->arena, sizeof(*expr));

    *expr = (struct expr){ .kind = kind, .type = type, .depth = 1, .from = from, .to = to };
    return expr;
}

err expr_adopt(struct parser *p, struct expr *parent, const struct expr *child)
{
    if (parent->depth <= child->depth)
        parent->depth = child->depth + 1;
    if (parent->depth <= PROMQL_DEPTH_MAX)
        return NULL;
    return lex_error(p->lexer.text, parent->from, "nested more than %d levels deep", (int)PROMQL_DEPTH_MAX);
}

err parse_number(struct parser *p, const struct token *token, struct expr **ret_expr)
{
    struct expr *expr = expr_new(p, EXPR_NUMBER, TYPE_SCALAR, token->from, token->to);

    expr->is_duration = token->kind == TOKEN_DURATION;
    *ret_expr = expr;
    if (expr->is_duration)
        return lex_duration_value(p->lexer.text, token, &expr->number);
    return lex_number_value(p->lexer.text, token, &expr->number);
}

/* parse_arguments - (expr, ...), the parenthesis not yet taken. */
static err parse_arguments(struct parser *p, struct expr *parent, struct expr ***ret_args, size_t *ret_count)
{
    VEC(struct expr *) args = { 0 };
    bool done, comma;

    TRY(parser_peek(p));
    if (!parser_is(p, TOKEN_LEFT_PAREN))
        return parser_unexpected(p);
    parser_take(p);
    TRY(parser_accept(p, TOKEN_RIGHT_PAREN, &done));
    while (!done) {
        struct expr *arg;
        TRY(parse_expr(p, &arg));
        TRY(expr_adopt(p, parent, arg));
        *vec_push(&args, p->arena) = arg;
        TRY(parser_accept(p, TOKEN_COMMA, &comma));
        if (comma) {
            uint32_t at = p->token.from;
            TRY(parser_peek(p));
            if (!token_starts_expr(&p->token))
                return lex_error(p->lexer.text, at, "trailing commas not allowed in function call args");
            continue;
        }
        TRY(parser_accept(p, TOKEN_RIGHT_PAREN, &done));
        if (!done)
            return parser_unexpected(p);
    }
    *ret_args = args.at;
    *ret_count = args.count;
    return NULL;
}

static err parse_call(struct parser *p, const struct token *name, struct expr **ret_expr)
{
    struct expr *call = expr_new(p, EXPR_CALL, TYPE_NONE, name->from, name->to);

    TRY(parse_arguments(p, call, &call->call.args, &call->call.count));
    call->to = p->closing;
    call->call.function = function_find(name->text);
    *ret_expr = call;
    if (!call->call.function)
        return lex_error(p->lexer.text, name->from, "unknown function with name \"%.*s\"", STR_ARG(name->text));
    if (call->call.function->experimental && !p->features->experimental_functions)
        return lex_error(p->lexer.text, name->from, "function \"%.*s\" is not enabled", STR_ARG(name->text));
    call->type = call->call.function->result;
    return NULL;
}

/* parse_by - by (...) or without (...), if there is one. */
static err parse_by(struct parser *p, struct expr *aggregate)
{
    TRY(parser_peek(p));
    if (!parser_is(p, TOKEN_BY) && !parser_is(p, TOKEN_WITHOUT))
        return NULL;
    aggregate->aggregate.without = parser_take(p).kind == TOKEN_WITHOUT;
    aggregate->aggregate.grouped = true;
    return parse_grouping(p, &aggregate->aggregate.labels, &aggregate->aggregate.label_count);
}

static bool aggregation_has_param(enum aggregation op)
{
    return op == AGG_TOPK || op == AGG_BOTTOMK || op == AGG_COUNT_VALUES || op == AGG_QUANTILE || op == AGG_LIMITK ||
           op == AGG_LIMIT_RATIO;
}

/* take_arguments - as many as the aggregation wants. */
static err take_arguments(struct parser *p, struct expr *aggregate, struct expr **args, size_t count)
{
    enum aggregation op = aggregate->aggregate.op;
    size_t wanted = aggregation_has_param(op) ? 2 : 1;

    if (count == 0)
        return lex_error(p->lexer.text, aggregate->from, "no arguments for aggregate expression provided");
    if ((op == AGG_LIMITK || op == AGG_LIMIT_RATIO) && !p->features->experimental_functions)
        return lex_error(p->lexer.text, aggregate->from,
                         "%s() is experimental and must be enabled with "
                         "--enable-feature=promql-experimental-functions",
                         aggregation_name(op));
    if (count != wanted)
        return lex_error(p->lexer.text, aggregate->from,
                         "wrong number of arguments for aggregate expression provided, expected %zu, got %zu", wanted,
                         count);
    if (wanted == 2)
        aggregate->aggregate.param = args[0];
    aggregate->aggregate.expr = args[wanted - 1];
    return NULL;
}

static err parse_aggregate(struct parser *p, const struct token *name, struct expr **ret_expr)
{
    struct expr *aggregate = expr_new(p, EXPR_AGGREGATE, TYPE_VECTOR, name->from, name->to), **args;
    struct context around = p->context;
    size_t count;

    aggregate->aggregate.op = (enum aggregation)name->value;
    p->context = (struct context){ "aggregation", "" };
    TRY(parse_by(p, aggregate));
    TRY(parse_arguments(p, aggregate, &args, &count));
    aggregate->to = p->closing;
    p->context = around;
    if (!aggregate->aggregate.grouped) {
        TRY(parse_by(p, aggregate));
        if (aggregate->aggregate.grouped)
            aggregate->to = p->closing;
    }
    *ret_expr = aggregate;
    return take_arguments(p, aggregate, args, count);
}

static err parse_selector(struct parser *p, const struct token *name, struct expr **ret_expr)
{
    struct expr *selector = expr_new(p, EXPR_SELECTOR, TYPE_VECTOR, p->token.from, p->token.to);
    VEC(struct matcher) matchers = { 0 };

    *ret_expr = selector;
    if (name) {
        selector->from = name->from;
        selector->to = name->to;
        selector->selector.name = name->text;
    }
    TRY(parser_peek(p));
    if (parser_is(p, TOKEN_LEFT_BRACE))
        TRY(parse_braces(p, selector));
    if (!name)
        return NULL;
    for (size_t i = 0; i < selector->selector.matcher_count; i++)
        *vec_push(&matchers, p->arena) = selector->selector.matchers[i];
    TRY(matcher_make(p->arena, MATCH_EQ, S("__name__"), name->text, vec_push(&matchers, p->arena)));
    selector->selector.matchers = matchers.at;
    selector->selector.matcher_count = matchers.count;
    return NULL;
}

static err parse_paren(struct parser *p, struct expr **ret_expr)
{
    struct token open = parser_take(p);
    struct expr *paren, *inner;

    TRY(parse_expr(p, &inner));
    TRY(parser_peek(p));
    if (!parser_is(p, TOKEN_RIGHT_PAREN))
        return parser_unexpected(p);
    paren = expr_new(p, EXPR_PAREN, inner->type, open.from, parser_take(p).to);
    paren->paren = inner;
    *ret_expr = paren;
    return expr_adopt(p, paren, inner);
}

/* parse_word - a name is a function's in front of a parenthesis, an aggregation's in front of its grouping too, and a
 * metric's otherwise. */
static err parse_word(struct parser *p, struct expr **ret_expr)
{
    struct token word = parser_take(p);
    bool may_call = word.kind == TOKEN_IDENTIFIER || word.kind >= TOKEN_START;

    TRY(parser_peek(p));
    bool paren = parser_is(p, TOKEN_LEFT_PAREN);
    if (word.kind == TOKEN_AGGREGATION && (paren || parser_is(p, TOKEN_BY) || parser_is(p, TOKEN_WITHOUT)))
        return parse_aggregate(p, &word, ret_expr);
    if (may_call && paren)
        return parse_call(p, &word, ret_expr);
    return parse_selector(p, &word, ret_expr);
}

/* parse_primary - what has no operator in front. */
static err parse_primary(struct parser *p, struct expr **ret_expr)
{
    struct token token;

    TRY(parser_peek(p));
    if (token_is_metric_name(&p->token))
        return parse_word(p, ret_expr);
    switch (p->token.kind) {
    case TOKEN_NUMBER:
    case TOKEN_DURATION:
        token = parser_take(p);
        return parse_number(p, &token, ret_expr);
    case TOKEN_STRING:
        token = parser_take(p);
        *ret_expr = expr_new(p, EXPR_STRING, TYPE_STRING, token.from, token.to);
        (*ret_expr)->text = lex_unquote(p->arena, token.text);
        return NULL;
    case TOKEN_LEFT_PAREN:
        return parse_paren(p, ret_expr);
    case TOKEN_LEFT_BRACE:
        return parse_selector(p, NULL, ret_expr);
    default:
        return parser_unexpected(p);
    }
}

static int precedence(const struct token *token)
{
    if (token->kind != TOKEN_OPERATOR)
        return 0;
    switch ((enum operator)token->value) {
    case OP_OR:
        return 1;
    case OP_AND:
    case OP_UNLESS:
        return 2;
    case OP_ADD:
    case OP_SUB:
        return 4;
    case OP_MUL:
    case OP_DIV:
    case OP_MOD:
    case OP_ATAN2:
        return 5;
    case OP_POW:
        return 6;
    default:
        return 3;
    }
}

static err parse_binary(struct parser *p, int at_least, struct expr **ret_expr);

/* parse_operand - a sign binds like a product: -2 ^ 2 is -(2 ^ 2), -2 * 3 is (-2) * 3. A signed number is a number. */
static err parse_operand(struct parser *p, struct expr **ret_expr)
{
    struct expr *inner;

    TRY(parser_peek(p));
    if (!parser_is_operator(p, OP_ADD) && !parser_is_operator(p, OP_SUB)) {
        TRY(parse_primary(p, ret_expr));
        return parse_postfix(p, ret_expr);
    }
    struct token sign = parser_take(p);
    TRY(parser_deeper(p));
    TRY(parse_binary(p, 6, &inner));
    p->depth--;
    if (inner->kind == EXPR_NUMBER) {
        if (sign.value == OP_SUB)
            inner->number = -inner->number;
        inner->from = sign.from;
        *ret_expr = inner;
        return NULL;
    }
    struct expr *unary = expr_new(p, EXPR_UNARY, inner->type, sign.from, inner->to);
    unary->unary.op = (enum operator)sign.value;
    unary->unary.expr = inner;
    *ret_expr = unary;
    return expr_adopt(p, unary, inner);
}

static err parse_fill_value(struct parser *p, double *ret_value)
{
    struct expr *number;
    bool negative;

    TRY(parser_peek(p));
    if (!parser_is(p, TOKEN_LEFT_PAREN))
        return parser_unexpected(p);
    parser_take(p);
    TRY(parser_peek(p));
    negative = parser_is_operator(p, OP_SUB);
    if (negative || parser_is_operator(p, OP_ADD))
        parser_take(p);
    TRY(parser_peek(p));
    if (!parser_is(p, TOKEN_NUMBER) && !parser_is(p, TOKEN_DURATION))
        return parser_unexpected(p);
    struct token token = parser_take(p);
    TRY(parse_number(p, &token, &number));
    *ret_value = negative ? -number->number : number->number;
    TRY(parser_peek(p));
    if (!parser_is(p, TOKEN_RIGHT_PAREN))
        return parser_unexpected(p);
    parser_take(p);
    return NULL;
}

/* parse_fill - fill (v), or fill_left (v) and fill_right (v) in either order. */
static err parse_fill(struct parser *p, struct vector_matching *matching)
{
    TRY(parser_peek(p));
    if (parser_is(p, TOKEN_FILL)) {
        parser_take(p);
        matching->fill_left = matching->fill_right = true;
        TRY(parse_fill_value(p, &matching->fill_left_value));
        matching->fill_right_value = matching->fill_left_value;
        return NULL;
    }
    for (;;) {
        TRY(parser_peek(p));
        if (parser_is(p, TOKEN_FILL_LEFT) && !matching->fill_left) {
            parser_take(p);
            matching->fill_left = true;
            TRY(parse_fill_value(p, &matching->fill_left_value));
        } else if (parser_is(p, TOKEN_FILL_RIGHT) && !matching->fill_right) {
            parser_take(p);
            matching->fill_right = true;
            TRY(parse_fill_value(p, &matching->fill_right_value));
        } else {
            return NULL;
        }
    }
}

/* parse_matching - bool, on, ignoring, group_left, group_right and fill, between operator and right side. */
static err parse_matching(struct parser *p, struct expr *binary)
{
    struct vector_matching *matching = arena_alloc(p->arena, sizeof(*matching));

    binary->binary.matching = matching;
    TRY(parser_accept(p, TOKEN_BOOL, &binary->binary.returns_bool));
    TRY(parser_peek(p));
    if (parser_is(p, TOKEN_ON) || parser_is(p, TOKEN_IGNORING)) {
        matching->on = parser_take(p).kind == TOKEN_ON;
        TRY(parse_grouping(p, &matching->labels, &matching->label_count));
        TRY(parser_peek(p));
        if (parser_is(p, TOKEN_GROUP_LEFT) || parser_is(p, TOKEN_GROUP_RIGHT)) {
            matching->cardinality = parser_take(p).kind == TOKEN_GROUP_LEFT ? MANY_TO_ONE : ONE_TO_MANY;
            TRY(parser_peek(p));
            if (parser_is(p, TOKEN_LEFT_PAREN) || !token_starts_expr(&p->token))
                TRY(parse_grouping(p, &matching->include, &matching->include_count));
        }
    }
    return parse_fill(p, matching);
}

static err parse_binary(struct parser *p, int at_least, struct expr **ret_expr)
{
    struct expr *left, *right;

    TRY(parse_operand(p, &left));
    for (;;) {
        TRY(parser_peek(p));
        int rank = precedence(&p->token);
        if (rank == 0 || rank < at_least)
            break;
        struct token op = parser_take(p);
        struct expr *binary = expr_new(p, EXPR_BINARY, TYPE_VECTOR, left->from, left->to);
        binary->binary.op = (enum operator)op.value;
        TRY(parse_matching(p, binary));
        TRY(parser_deeper(p));
        TRY(parse_binary(p, op.value == OP_POW ? rank : rank + 1, &right));
        p->depth--;
        binary->binary.left = left;
        binary->binary.right = right;
        binary->to = right->to;
        if (left->type == TYPE_SCALAR && right->type == TYPE_SCALAR)
            binary->type = TYPE_SCALAR;
        TRY(expr_adopt(p, binary, left));
        TRY(expr_adopt(p, binary, right));
        if (!p->features->binop_fill && (binary->binary.matching->fill_left || binary->binary.matching->fill_right))
            return lex_error(p->lexer.text, binary->from, "binop fill modifiers are experimental and not enabled");
        left = binary;
    }
    *ret_expr = left;
    return NULL;
}

err parse_expr(struct parser *p, struct expr **ret_expr)
{
    TRY(parser_deeper(p));
    TRY(arena_check(p->arena));
    TRY(parse_binary(p, 1, ret_expr));
    p->depth--;
    return NULL;
}

static err check_length(struct str text)
{
    if (text.length <= PROMQL_TEXT_MAX)
        return NULL;
    return err_new(ERR_INVALID, "the expression has %zu bytes; at most %d are taken", text.length,
                   (int)PROMQL_TEXT_MAX);
}

static err expect_end(struct parser *p)
{
    TRY(parser_peek(p));
    return parser_is(p, TOKEN_END) ? NULL : parser_unexpected(p);
}

err promql_parse(struct arena *arena, struct str text, const struct promql_features *features, struct expr **ret_expr)
{
    struct parser p = parser_make(arena, text, features);

    TRY(check_length(text));
    TRY(parser_peek(&p));
    if (parser_is(&p, TOKEN_END))
        return lex_error(text, 0, "no expression found in input");
    TRY(parse_expr(&p, ret_expr));
    TRY(expect_end(&p));
    return check_expr(text, *ret_expr);
}

err promql_parse_selector(struct arena *arena, struct str text, struct matcher **ret_matchers, size_t *ret_count)
{
    struct parser p = parser_make(arena, text, &promql_all_features);
    struct expr *selector;

    TRY(check_length(text));
    TRY(parser_peek(&p));
    if (token_is_metric_name(&p.token)) {
        struct token name = parser_take(&p);
        TRY(parse_selector(&p, &name, &selector));
    } else if (parser_is(&p, TOKEN_LEFT_BRACE)) {
        TRY(parse_selector(&p, NULL, &selector));
    } else {
        return parser_unexpected(&p);
    }
    TRY(expect_end(&p));
    *ret_matchers = selector->selector.matchers;
    *ret_count = selector->selector.matcher_count;
    return NULL;
}

err promql_parse_metric(struct arena *arena, struct str text, struct labels *ret_labels)
{
    struct parser p = parser_make(arena, text, &promql_all_features);

    TRY(check_length(text));
    TRY(parse_metric(&p, ret_labels));
    return expect_end(&p);
}

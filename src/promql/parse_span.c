/* parse_span.c - what stands behind an expression: [range], [range:step], offset, @, anchored, smoothed; and lengths of
 * time with their arithmetic. */
#include "promql/parse_parts.h"

#include <math.h>

static err check_duration_literal(struct parser *p, uint32_t at, struct expr *number)
{
    if (number->number <= 0x1p63 / 1e9 && number->number >= -0x1p63 / 1e9)
        return NULL;
    return lex_error(p->lexer.text, at, "duration out of range");
}

static err check_enabled(struct parser *p, const struct expr *length)
{
    if (p->features->duration_expressions)
        return NULL;
    return lex_error(p->lexer.text, length->from, "experimental duration expression is not enabled");
}

static struct expr *duration_new(struct parser *p, enum duration_kind kind, uint32_t from, uint32_t to)
{
    struct expr *expr = expr_new(p, EXPR_DURATION, TYPE_SCALAR, from, to);

    expr->duration.kind = kind;
    return expr;
}

/* expect - the next token is of that kind, and taken. */
static err expect(struct parser *p, enum token_kind kind)
{
    TRY(parser_peek(p));
    if (!parser_is(p, kind))
        return parser_unexpected(p);
    parser_take(p);
    return NULL;
}

/* parse_length_call - step(), range(), min_of(a, b), max_of(a, b). */
static err parse_length_call(struct parser *p, struct expr **ret_length)
{
    static const enum duration_kind kinds[] = {
        [TOKEN_STEP] = DURATION_STEP,
        [TOKEN_RANGE] = DURATION_RANGE,
        [TOKEN_MAX_OF] = DURATION_MAX_OF,
        [TOKEN_MIN_OF] = DURATION_MIN_OF,
    };
    struct token name = parser_take(p);
    struct expr *call = duration_new(p, kinds[name.kind], name.from, name.to);

    TRY(expect(p, TOKEN_LEFT_PAREN));
    if (name.kind == TOKEN_MAX_OF || name.kind == TOKEN_MIN_OF) {
        TRY(parse_length(p, &call->duration.left));
        TRY(expect(p, TOKEN_COMMA));
        TRY(parse_length(p, &call->duration.right));
        TRY(expr_adopt(p, call, call->duration.left));
        TRY(expr_adopt(p, call, call->duration.right));
    }
    TRY(expect(p, TOKEN_RIGHT_PAREN));
    call->to = p->closing;
    *ret_length = call;
    return check_enabled(p, call);
}

/* sign_length - a sign in front of it: a number takes it on. A plus leaves no trace, unless `keep`. */
static err sign_length(struct parser *p, const struct token *sign, bool keep, struct expr **length)
{
    struct expr *inner = *length;
    bool minus = sign->value == OP_SUB;

    if (inner->kind == EXPR_NUMBER) {
        inner->number = minus ? -inner->number : inner->number;
        TRY(check_duration_literal(p, sign->from, inner));
        inner->from = sign->from;
        return NULL;
    }
    if (!minus && !keep)
        return NULL;
    *length = duration_new(p, DURATION_OPERATOR, sign->from, inner->to);
    (*length)->duration.op = (enum operator)sign->value;
    (*length)->duration.right = inner;
    return expr_adopt(p, *length, inner);
}

/* parse_wrapped - (length). */
static err parse_wrapped(struct parser *p, struct expr **ret_length)
{
    parser_take(p);
    TRY(parse_length(p, ret_length));
    TRY(expect(p, TOKEN_RIGHT_PAREN));
    if ((*ret_length)->kind == EXPR_DURATION)
        (*ret_length)->duration.wrapped = true;
    return NULL;
}

static err parse_length_binary(struct parser *p, int at_least, struct expr **ret_length);

static bool is_sign(const struct parser *p)
{
    return parser_is_operator(p, OP_ADD) || parser_is_operator(p, OP_SUB);
}

static err parse_length_operand(struct parser *p, struct expr **ret_length)
{
    TRY(parser_peek(p));
    if (is_sign(p)) {
        struct token sign = parser_take(p);
        TRY(parser_deeper(p));
        TRY(parse_length_binary(p, 3, ret_length));
        p->depth--;
        return sign_length(p, &sign, false, ret_length);
    }
    if (parser_is(p, TOKEN_NUMBER) || parser_is(p, TOKEN_DURATION)) {
        struct token token = parser_take(p);
        TRY(parse_number(p, &token, ret_length));
        return check_duration_literal(p, token.from, *ret_length);
    }
    if (p->token.kind >= TOKEN_STEP)
        return parse_length_call(p, ret_length);
    if (!parser_is(p, TOKEN_LEFT_PAREN))
        return parser_unexpected(p);
    TRY(parse_wrapped(p, ret_length));
    return check_enabled(p, *ret_length);
}

static int length_precedence(const struct token *token)
{
    if (token->kind != TOKEN_OPERATOR)
        return 0;
    switch ((enum operator)token->value) {
    case OP_ADD:
    case OP_SUB:
        return 1;
    case OP_MUL:
    case OP_DIV:
    case OP_MOD:
        return 2;
    case OP_POW:
        return 3;
    default:
        return 0;
    }
}

/* join - left and right by an operator. */
static err join_lengths(struct parser *p, const struct token *op, struct expr *right, struct expr **left)
{
    struct expr *both = duration_new(p, DURATION_OPERATOR, (*left)->from, right->to);
    bool divides = op->value == OP_DIV || op->value == OP_MOD;

    TRY(check_enabled(p, *left));
    if (divides && right->kind == EXPR_NUMBER && right->number == 0)
        return lex_error(p->lexer.text, op->from, "%s by zero", op->value == OP_DIV ? "division" : "modulo");
    both->duration.op = (enum operator)op->value;
    both->duration.left = *left;
    both->duration.right = right;
    TRY(expr_adopt(p, both, *left));
    TRY(expr_adopt(p, both, right));
    *left = both;
    return NULL;
}

static err parse_length_rest(struct parser *p, int at_least, struct expr **length)
{
    for (;;) {
        struct expr *right;
        TRY(parser_peek(p));
        int rank = length_precedence(&p->token);
        if (rank == 0 || rank < at_least)
            return NULL;
        struct token op = parser_take(p);
        TRY(parser_deeper(p));
        TRY(parse_length_binary(p, op.value == OP_POW ? rank : rank + 1, &right));
        p->depth--;
        TRY(join_lengths(p, &op, right, length));
    }
}

static err parse_length_binary(struct parser *p, int at_least, struct expr **ret_length)
{
    TRY(parse_length_operand(p, ret_length));
    return parse_length_rest(p, at_least, ret_length);
}

err parse_length(struct parser *p, struct expr **ret_length)
{
    TRY(parser_deeper(p));
    TRY(parse_length_binary(p, 1, ret_length));
    p->depth--;
    return NULL;
}

/* parse_offset_length - a number, a call or a parenthesis, with a sign or without, ends the offset: what follows it is
 * the expression's again, as in "foo offset 5m + bar". */
err parse_offset_length(struct parser *p, struct expr **ret_length)
{
    struct context around = p->context;
    bool literal, call, paren;

    p->context = (struct context){ "offset", "number, duration, step(), or range()" };
    TRY(parser_peek(p));
    bool has_sign = is_sign(p);
    struct token sign = p->token;
    if (has_sign)
        parser_take(p);
    TRY(parser_peek(p));
    literal = parser_is(p, TOKEN_NUMBER) || parser_is(p, TOKEN_DURATION);
    call = p->token.kind >= TOKEN_STEP;
    paren = parser_is(p, TOKEN_LEFT_PAREN);
    if (has_sign && paren)
        TRY(parse_wrapped(p, ret_length));
    else if (literal || call || paren || has_sign)
        TRY(parse_length_operand(p, ret_length));
    else
        return parser_unexpected(p);
    if (has_sign)
        TRY(sign_length(p, &sign, call, ret_length));
    if (!literal && !call && !(has_sign && paren))
        TRY(parse_length_rest(p, 1, ret_length));
    p->context = around;
    return NULL;
}

struct span_of_time span_of_length(struct expr *length)
{
    if (length->kind == EXPR_NUMBER)
        return (struct span_of_time){ .ms = span_ms(length->number), .given = true };
    return (struct span_of_time){ .expr = length, .given = true };
}

/* modifiers_of - of what may have them: selectors and subqueries. */
static struct modifiers *modifiers_of(struct expr *expr)
{
    if (expr->kind == EXPR_SELECTOR)
        return &expr->selector.mods;
    return expr->kind == EXPR_SUBQUERY ? &expr->subquery.mods : NULL;
}

static err parse_offset(struct parser *p, struct expr *expr)
{
    struct modifiers *mods = modifiers_of(expr);
    struct expr *length;

    parser_take(p);
    TRY(parse_offset_length(p, &length));
    if (!mods)
        return lex_error(p->lexer.text, expr->from,
                         "offset modifier must be preceded by an instant vector selector or range vector selector or "
                         "a subquery");
    if (mods->offset.ms != 0 || mods->offset.expr)
        return lex_error(p->lexer.text, expr->from, "offset may not be set multiple times");
    mods->offset = span_of_length(length);
    expr->to = length->to;
    return NULL;
}

/* parse_at_time - seconds since 1970, signed; *ret_word instead where it is start or end. */
static err parse_at_time(struct parser *p, double *ret_seconds, enum at_kind *ret_kind)
{
    struct expr *number;

    TRY(parser_peek(p));
    if (parser_is(p, TOKEN_START) || parser_is(p, TOKEN_END_WORD)) {
        *ret_kind = parser_take(p).kind == TOKEN_START ? AT_START : AT_END;
        TRY(expect(p, TOKEN_LEFT_PAREN));
        return expect(p, TOKEN_RIGHT_PAREN);
    }
    *ret_kind = AT_TIME;
    bool minus = parser_is_operator(p, OP_SUB);
    if (is_sign(p))
        parser_take(p);
    TRY(parser_peek(p));
    if (!parser_is(p, TOKEN_NUMBER) && !parser_is(p, TOKEN_DURATION))
        return parser_unexpected(p);
    struct token token = parser_take(p);
    TRY(parse_number(p, &token, &number));
    *ret_seconds = minus ? -number->number : number->number;
    return NULL;
}

static err parse_at(struct parser *p, struct expr *expr)
{
    struct modifiers *mods = modifiers_of(expr);
    struct context around = p->context;
    double seconds = 0;
    enum at_kind kind;

    parser_take(p);
    p->context = (struct context){ "@", "timestamp" };
    TRY(parse_at_time(p, &seconds, &kind));
    p->context = around;
    if (!(seconds < 0x1p63 && seconds > -0x1p63)) {
        struct buf said CLEANUP(buf_clear) = { 0 };
        buf_init(&said, 512);
        if (isfinite(seconds))
            buf_addf(&said, "%f", seconds);
        else
            buf_add_double(&said, seconds);
        return lex_error(p->lexer.text, expr->from, "timestamp out of bounds for @ modifier: %s", buf_c(&said));
    }
    if (!mods)
        return lex_error(p->lexer.text, expr->from,
                         "@ modifier must be preceded by an instant vector selector or range vector selector or a "
                         "subquery");
    if (mods->at != AT_NONE)
        return lex_error(p->lexer.text, expr->from, "@ <timestamp> may not be set multiple times");
    mods->at = kind;
    /* Times that don't fit into milliseconds are as far away as they can be. */
    double ms = round(seconds * 1000);
    mods->at_ms = ms >= 0x1p63 ? INT64_MAX : ms <= -0x1p63 ? INT64_MIN : (int64_t)ms;
    expr->to = p->closing;
    return NULL;
}

static err parse_extended(struct parser *p, struct expr *expr)
{
    bool anchored = parser_take(p).kind == TOKEN_ANCHORED;
    const char *name = anchored ? "anchored" : "smoothed";

    if (!p->features->extended_selectors)
        return lex_error(p->lexer.text, expr->from, "%s modifier is experimental and not enabled", name);
    if (expr->kind == EXPR_SUBQUERY)
        return lex_error(p->lexer.text, expr->from, "%s modifier is not supported for subqueries", name);
    if (expr->kind != EXPR_SELECTOR)
        return lex_error(p->lexer.text, expr->from, "%s modifier not implemented", name);
    if (anchored)
        expr->selector.anchored = true;
    else
        expr->selector.smoothed = true;
    if (expr->selector.anchored && expr->selector.smoothed)
        return lex_error(p->lexer.text, expr->from, "anchored and smoothed modifiers cannot be used together");
    return NULL;
}

static err parse_positive_length(struct parser *p, struct expr **ret_length)
{
    TRY(parse_length(p, ret_length));
    if ((*ret_length)->kind == EXPR_NUMBER && (*ret_length)->number <= 0)
        return lex_error(p->lexer.text, (*ret_length)->from, "duration must be greater than 0");
    return NULL;
}

/* make_range - an instant selector becomes one of ranges. */
static err make_range(struct parser *p, uint32_t bracket, struct expr *length, struct expr *expr)
{
    const char *wrong = NULL;

    if (expr->kind != EXPR_SELECTOR || expr->selector.range.given)
        wrong = "ranges only allowed for vector selectors";
    else if (expr->selector.mods.offset.ms != 0)
        wrong = "no offset modifiers allowed before range";
    else if (expr->selector.mods.at == AT_TIME)
        wrong = "no @ modifiers allowed before range";
    if (wrong)
        return lex_error(p->lexer.text, bracket, "%s", wrong);
    expr->selector.range = span_of_length(length);
    expr->type = TYPE_MATRIX;
    expr->to = p->closing;
    return NULL;
}

/* parse_subquery_step - what follows the colon. */
static err parse_subquery_step(struct parser *p, struct expr *range, struct expr **expr)
{
    struct expr *subquery = expr_new(p, EXPR_SUBQUERY, TYPE_MATRIX, (*expr)->from, 0), *step;
    bool done;

    subquery->subquery.expr = *expr;
    subquery->subquery.range = span_of_length(range);
    p->context = (struct context){ "subquery selector", "number, duration, step(), range(), or \"]\"" };
    TRY(parser_accept(p, TOKEN_RIGHT_BRACKET, &done));
    if (!done) {
        TRY(parse_positive_length(p, &step));
        subquery->subquery.step = span_of_length(step);
        p->context = (struct context){ "subquery selector", "\"]\"" };
        TRY(expect(p, TOKEN_RIGHT_BRACKET));
    }
    subquery->to = p->closing;
    TRY(expr_adopt(p, subquery, *expr));
    *expr = subquery;
    return NULL;
}

static err parse_brackets(struct parser *p, struct expr **expr)
{
    uint32_t bracket = parser_take(p).from;
    struct context around = p->context;
    struct expr *length;
    bool colon;

    p->context = (struct context){ "subquery or range selector", "number, duration, step(), or range()" };
    TRY(parse_positive_length(p, &length));
    p->context = (struct context){ "subquery or range", "\":\" or \"]\"" };
    TRY(parser_accept(p, TOKEN_COLON, &colon));
    if (colon) {
        TRY(parse_subquery_step(p, length, expr));
    } else {
        TRY(expect(p, TOKEN_RIGHT_BRACKET));
        TRY(make_range(p, bracket, length, *expr));
    }
    p->context = around;
    return NULL;
}

err parse_postfix(struct parser *p, struct expr **expr)
{
    for (;;) {
        TRY(parser_peek(p));
        switch (p->token.kind) {
        case TOKEN_LEFT_BRACKET:
            TRY(parse_brackets(p, expr));
            break;
        case TOKEN_OFFSET:
            TRY(parse_offset(p, *expr));
            break;
        case TOKEN_AT:
            TRY(parse_at(p, *expr));
            break;
        case TOKEN_ANCHORED:
        case TOKEN_SMOOTHED:
            TRY(parse_extended(p, *expr));
            break;
        default:
            return NULL;
        }
        TRY(arena_check(p->arena));
    }
}

/* parse_labels.c - what stands in braces, and lists of labels in parentheses. */
#include "promql/parse_parts.h"
#include "promql/quote.h"
#include "promql/regex_fault.h"

bool token_is_metric_name(const struct token *token)
{
    switch (token->kind) {
    case TOKEN_IDENTIFIER:
    case TOKEN_METRIC_IDENTIFIER:
    case TOKEN_AGGREGATION:
    case TOKEN_OFFSET:
    case TOKEN_SMOOTHED:
    case TOKEN_ANCHORED:
    case TOKEN_BY:
    case TOKEN_WITHOUT:
    case TOKEN_FILL:
    case TOKEN_FILL_LEFT:
    case TOKEN_FILL_RIGHT:
        return true;
    case TOKEN_OPERATOR:
        return token->value == OP_AND || token->value == OP_OR || token->value == OP_UNLESS;
    default:
        return token->kind >= TOKEN_START;
    }
}

bool token_starts_expr(const struct token *token)
{
    switch (token->kind) {
    case TOKEN_NUMBER:
    case TOKEN_DURATION:
    case TOKEN_STRING:
    case TOKEN_LEFT_PAREN:
    case TOKEN_LEFT_BRACE:
        return true;
    case TOKEN_OPERATOR:
        return token->value == OP_ADD || token->value == OP_SUB || token_is_metric_name(token);
    default:
        return token_is_metric_name(token);
    }
}

static bool token_is_label_name(const struct token *token)
{
    switch (token->kind) {
    case TOKEN_BOOL:
    case TOKEN_ON:
    case TOKEN_IGNORING:
    case TOKEN_GROUP_LEFT:
    case TOKEN_GROUP_RIGHT:
        return true;
    case TOKEN_WITHOUT: /* the one keyword that Prometheus forgot */
        return false;
    case TOKEN_OPERATOR:
        return token->value == OP_ATAN2 || token_is_metric_name(token);
    default:
        return token_is_metric_name(token);
    }
}

static err parse_grouping_label(struct parser *p, struct str *ret_label)
{
    TRY(parser_peek(p));
    if (parser_is(p, TOKEN_STRING)) {
        struct token token = parser_take(p);
        *ret_label = lex_unquote(p->arena, token.text);
        if (ret_label->length && str_is_utf8(*ret_label))
            return NULL;
        struct buf quoted CLEANUP(buf_clear) = { 0 };
        buf_init(&quoted, 2048);
        quote_add(&quoted, *ret_label);
        return lex_error(p->lexer.text, token.from, "invalid label name for grouping: %s", buf_c(&quoted));
    }
    if (!token_is_label_name(&p->token))
        return parser_unexpected_in(p, "grouping opts", "label");
    *ret_label = parser_take(p).text;
    return NULL;
}

err parse_grouping(struct parser *p, struct str **ret_labels, size_t *ret_count)
{
    VEC(struct str) labels = { 0 };
    bool done;

    TRY(parser_peek(p));
    if (!parser_is(p, TOKEN_LEFT_PAREN))
        return parser_unexpected_in(p, "grouping opts", "\"(\"");
    parser_take(p);
    TRY(parser_accept(p, TOKEN_RIGHT_PAREN, &done));
    while (!done) {
        bool comma;
        TRY(parse_grouping_label(p, vec_push(&labels, p->arena)));
        TRY(parser_accept(p, TOKEN_COMMA, &comma));
        TRY(parser_accept(p, TOKEN_RIGHT_PAREN, &done));
        if (!comma && !done)
            return parser_unexpected_in(p, "grouping opts", "\",\" or \")\"");
    }
    *ret_labels = labels.at;
    *ret_count = labels.count;
    return NULL;
}

static bool match_type_of(const struct token *token, enum match_type *ret_type)
{
    switch (token->kind) {
    case TOKEN_EQL:
        *ret_type = MATCH_EQ;
        return true;
    case TOKEN_EQL_REGEX:
        *ret_type = MATCH_RE;
        return true;
    case TOKEN_NEQ_REGEX:
        *ret_type = MATCH_NRE;
        return true;
    default:
        *ret_type = MATCH_NE;
        return token->kind == TOKEN_OPERATOR && token->value == OP_NE;
    }
}

/* make_matcher - a regular expression that isn't one is told as Prometheus tells it; what only our engine can't do, in
 * its own words. */
static err make_matcher(struct parser *p, uint32_t at, enum match_type type, struct str name, struct str value,
                        struct matcher *ret_matcher)
{
    struct buf why CLEANUP(buf_clear) = { 0 };

    buf_init(&why, 4096 + value.length);
    if ((type == MATCH_RE || type == MATCH_NRE) && regex_fault(value, &why))
        return lex_error(p->lexer.text, at, "error parsing regexp: %s", buf_c(&why));
    err e = matcher_make(p->arena, type, name, value, ret_matcher);
    if (!e)
        return NULL;
    err placed = lex_error(p->lexer.text, at, "%s", err_message(e));
    err_free(e);
    return placed;
}

static err parse_matcher(struct parser *p, struct matcher *ret_matcher)
{
    enum match_type type;

    TRY(parser_peek(p));
    if (!parser_is(p, TOKEN_IDENTIFIER) && !parser_is(p, TOKEN_STRING))
        return parser_unexpected_in(p, "label matching", "identifier or \"}\"");
    struct token first = parser_take(p);
    bool quoted = first.kind == TOKEN_STRING;
    struct str name = quoted ? lex_unquote(p->arena, first.text) : first.text;
    TRY(parser_peek(p));
    if (!match_type_of(&p->token, &type)) {
        if (quoted)
            return matcher_make(p->arena, MATCH_EQ, S("__name__"), name, ret_matcher);
        return parser_unexpected_in(p, "label matching", "label matching operator");
    }
    parser_take(p);
    TRY(parser_peek(p));
    if (!parser_is(p, TOKEN_STRING))
        return parser_unexpected_in(p, "label matching", "string");
    struct token value = parser_take(p);
    return make_matcher(p, first.from, type, name, lex_unquote(p->arena, value.text), ret_matcher);
}

err parse_braces(struct parser *p, struct expr *selector)
{
    VEC(struct matcher) matchers = { 0 };
    struct token open = parser_take(p);
    bool done;

    if (!selector->selector.name.length)
        selector->from = open.from;
    TRY(parser_accept(p, TOKEN_RIGHT_BRACE, &done));
    while (!done) {
        bool comma;
        TRY(arena_check(p->arena));
        TRY(parse_matcher(p, vec_push(&matchers, p->arena)));
        TRY(parser_accept(p, TOKEN_COMMA, &comma));
        TRY(parser_accept(p, TOKEN_RIGHT_BRACE, &done));
        if (!comma && !done)
            return parser_unexpected_in(p, "label matching", "\",\" or \"}\"");
    }
    selector->to = p->closing;
    selector->selector.matchers = matchers.at;
    selector->selector.matcher_count = matchers.count;
    return NULL;
}

static err parse_label(struct parser *p, struct label *ret_label)
{
    TRY(parser_peek(p));
    if (!parser_is(p, TOKEN_IDENTIFIER) && !parser_is(p, TOKEN_STRING))
        return parser_unexpected_in(p, "label set", "identifier or \"}\"");
    struct token first = parser_take(p);
    bool quoted = first.kind == TOKEN_STRING;
    struct str name = quoted ? lex_unquote(p->arena, first.text) : first.text;
    TRY(parser_peek(p));
    if (!parser_is(p, TOKEN_EQL)) {
        *ret_label = (struct label){ S("__name__"), name };
        return quoted ? NULL : parser_unexpected_in(p, "label set", "\"=\"");
    }
    parser_take(p);
    TRY(parser_peek(p));
    if (!parser_is(p, TOKEN_STRING))
        return parser_unexpected_in(p, "label set", "string");
    *ret_label = (struct label){ name, lex_unquote(p->arena, parser_take(p).text) };
    return NULL;
}

err parse_metric(struct parser *p, struct labels *ret_labels)
{
    VEC(struct label) labels = { 0 };
    struct str name = { 0 };
    bool braces, done;

    TRY(parser_peek(p));
    if (token_is_metric_name(&p->token))
        name = parser_take(p).text;
    TRY(parser_accept(p, TOKEN_LEFT_BRACE, &braces));
    if (braces) {
        TRY(parser_accept(p, TOKEN_RIGHT_BRACE, &done));
        while (!done) {
            bool comma;
            TRY(parse_label(p, vec_push(&labels, p->arena)));
            TRY(parser_accept(p, TOKEN_COMMA, &comma));
            TRY(parser_accept(p, TOKEN_RIGHT_BRACE, &done));
            if (!comma && !done)
                return parser_unexpected_in(p, "label set", "\",\" or \"}\"");
        }
    }
    if (name.length)
        *vec_push(&labels, p->arena) = (struct label){ S("__name__"), name };
    *ret_labels = labels_make(p->arena, labels.at, labels.count);
    return NULL;
}

/* parse_parts.h - within the parser: what its files share.
 *
 * Owner: the parse. Threads: the one that parses.
 *
 * DESIGN. By recursive descent, operators by precedence. Tokens are read as late as possible, since Prometheus reports
 * the first thing that it stumbles over, and an error of the next token may come after one of meaning. Where a token
 * fits nowhere, the text names the innermost construct that has something to say: `context`. */
#pragma once
#include "promql/function.h"
#include "promql/lex.h"
#include "promql/parse.h"

struct context {
    const char *where, *expected; /* "" where there is nothing to say */
};

struct parser {
    struct arena *arena;
    const struct promql_features *features;
    struct lexer lexer;
    struct token token; /* the next one, if it was read */
    bool has_token;
    uint32_t closing; /* behind the last token that may close an expression */
    struct context context;
    unsigned depth;
};

struct parser parser_make(struct arena *arena, struct str text, const struct promql_features *features);
/* peek - read the next token unless it has been read. advance - and take it. */
err parser_peek(struct parser *p) MUST_USE;
struct token parser_take(struct parser *p); /* after parser_peek */
/* parser_accept - take the next token if it is of the kind. */
err parser_accept(struct parser *p, enum token_kind kind, bool *ret_taken) MUST_USE;
bool parser_is(const struct parser *p, enum token_kind kind);
bool parser_is_operator(const struct parser *p, enum operator op);
/* unexpected - of the token that was peeked; unexpected_in - in a place of its own. */
err parser_unexpected(struct parser *p) MUST_USE;
err parser_unexpected_in(struct parser *p, const char *where, const char *expected) MUST_USE;
/* parser_deeper - one level of nesting more, which parser_shallower takes back. */
err parser_deeper(struct parser *p) MUST_USE;

struct expr *expr_new(struct parser *p, enum expr_kind kind, enum value_type type, uint32_t from, uint32_t to);
/* expr_adopt - `parent` is over `child` now: its depth grows. */
err expr_adopt(struct parser *p, struct expr *parent, const struct expr *child) MUST_USE;

err parse_expr(struct parser *p, struct expr **ret_expr) MUST_USE;
/* parse_number - the token taken, as a number of its own. */
err parse_number(struct parser *p, const struct token *token, struct expr **ret_expr) MUST_USE;
/* parse_braces - {matchers}; parse_grouping - (labels). The token before them has been taken, theirs not. */
err parse_braces(struct parser *p, struct expr *selector) MUST_USE;
err parse_grouping(struct parser *p, struct str **ret_labels, size_t *ret_count) MUST_USE;
err parse_metric(struct parser *p, struct labels *ret_labels) MUST_USE;
bool token_is_metric_name(const struct token *token);
bool token_starts_expr(const struct token *token);
/* parse_postfix - [range], [range:step], offset, @, anchored and smoothed behind an expression, as long as there are
 * some. */
err parse_postfix(struct parser *p, struct expr **expr) MUST_USE;
/* parse_offset_length - what follows the word offset. parse_length - within brackets. */
err parse_offset_length(struct parser *p, struct expr **ret_length) MUST_USE;
err parse_length(struct parser *p, struct expr **ret_length) MUST_USE;
/* span_of_length - a number in seconds, or a duration, as what the tree keeps. */
struct span_of_time span_of_length(struct expr *length);

/* check_expr - types and what else the grammar can't say. */
err check_expr(struct str text, struct expr *expr) MUST_USE;

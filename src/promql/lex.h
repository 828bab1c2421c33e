/* lex.h - within the room: text to tokens, one at a time, with Prometheus' complaints about what is none.
 *
 * Owner: the parse. Threads: the one that parses. Tokens point into the text. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"

enum token_kind {
    TOKEN_END,
    /* described by what they are and what they say */
    TOKEN_IDENTIFIER,
    TOKEN_METRIC_IDENTIFIER, /* with a colon */
    TOKEN_STRING,
    TOKEN_NUMBER,
    TOKEN_DURATION,
    /* punctuation */
    TOKEN_LEFT_PAREN,
    TOKEN_RIGHT_PAREN,
    TOKEN_LEFT_BRACE,
    TOKEN_RIGHT_BRACE,
    TOKEN_LEFT_BRACKET,
    TOKEN_RIGHT_BRACKET,
    TOKEN_COMMA,
    TOKEN_COLON,
    TOKEN_EQL,
    /* described as <op:...> */
    TOKEN_OPERATOR, /* token.value is its enum operator */
    TOKEN_EQL_REGEX,
    TOKEN_NEQ_REGEX,
    TOKEN_AT,
    TOKEN_AGGREGATION, /* token.value is its enum aggregation */
    /* keywords */
    TOKEN_OFFSET,
    TOKEN_SMOOTHED,
    TOKEN_ANCHORED,
    TOKEN_BY,
    TOKEN_WITHOUT,
    TOKEN_ON,
    TOKEN_IGNORING,
    TOKEN_GROUP_LEFT,
    TOKEN_GROUP_RIGHT,
    TOKEN_FILL,
    TOKEN_FILL_LEFT,
    TOKEN_FILL_RIGHT,
    TOKEN_BOOL,
    /* words that are functions in places */
    TOKEN_START,
    TOKEN_END_WORD,
    TOKEN_STEP,
    TOKEN_RANGE,
    TOKEN_MAX_OF,
    TOKEN_MIN_OF,
};

struct token {
    enum token_kind kind;
    int value;
    uint32_t from, to;
    struct str text;
};

enum lex_state { LEX_STATEMENT, LEX_BRACES, LEX_BRACKETS };

struct lexer {
    struct str text;
    enum lex_state state;
    size_t start, at;
    int paren_depth;
    bool brace_open, bracket_open, got_colon, got_duration;
};

/* lex_next - the next token; comments and spaces are skipped. ERR_INVALID with place and complaint; after that the
 * lexer is not to be asked again. */
err lex_next(struct lexer *lexer, struct token *ret_token) MUST_USE;
/* lex_error - "line:column: parse error: ..." for a byte of the text. */
err lex_error(struct str text, size_t at, const char *format, ...) PRINTF_LIKE(3, 4) MUST_USE;
/* token_describe - as Prometheus names it behind "unexpected": identifier "foo", <op:+>, end of input. */
void token_describe(struct buf *out, const struct token *token);
/* lex_number_value - what a number literal means: Go's integers with their prefixes and underscores, else its floats.
 */
err lex_number_value(struct str text, const struct token *token, double *ret_value) MUST_USE;
/* lex_duration_value - the seconds of a duration literal. */
err lex_duration_value(struct str text, const struct token *token, double *ret_seconds) MUST_USE;
/* lex_unquote - what a string literal, already lexed, says. */
struct str lex_unquote(struct arena *arena, struct str literal);

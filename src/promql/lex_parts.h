/* lex_parts.h - within the lexer: what its two files share.
 *
 * Owner: the parse. Threads: the one that parses. */
#pragma once
#include "promql/lex.h"

enum { LEX_END = 0x110000 }; /* no character */

uint32_t lex_rune(const struct lexer *lexer, size_t *ret_width);       /* LEX_END at the end of the text */
char lex_peek(const struct lexer *lexer);                              /* 0 at the end */
err lex_number(struct lexer *lexer, struct token *ret_token) MUST_USE; /* or a duration */
uint32_t lex_digit(uint32_t rune);                                     /* 16 where it is no hexadecimal digit */
err lex_emit(struct lexer *lexer, enum token_kind kind, int value, struct token *ret_token) MUST_USE;

static inline bool lex_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool lex_is_alpha(char c)
{
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool lex_is_alnum(char c)
{
    return lex_is_alpha(c) || lex_is_digit(c);
}

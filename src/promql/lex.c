/* lex.c - PromQL text to tokens.
 *
 * DESIGN. Three states, as the same characters mean different things in and outside of braces and brackets. Complaints
 * and their places are Prometheus', so what it says of a wrong character is said here of the same one. Numbers and
 * durations are lex_number.c's. */
#include "promql/lex.h"

#include "promql/ast.h"
#include "promql/lex_parts.h"
#include "promql/quote.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct keyword {
    struct str name;
    enum token_kind kind;
    int value;
} keywords[] = {
    { { "and", 3 }, TOKEN_OPERATOR, OP_AND },
    { { "or", 2 }, TOKEN_OPERATOR, OP_OR },
    { { "unless", 6 }, TOKEN_OPERATOR, OP_UNLESS },
    { { "atan2", 5 }, TOKEN_OPERATOR, OP_ATAN2 },
    { { "sum", 3 }, TOKEN_AGGREGATION, AGG_SUM },
    { { "avg", 3 }, TOKEN_AGGREGATION, AGG_AVG },
    { { "count", 5 }, TOKEN_AGGREGATION, AGG_COUNT },
    { { "min", 3 }, TOKEN_AGGREGATION, AGG_MIN },
    { { "max", 3 }, TOKEN_AGGREGATION, AGG_MAX },
    { { "group", 5 }, TOKEN_AGGREGATION, AGG_GROUP },
    { { "stddev", 6 }, TOKEN_AGGREGATION, AGG_STDDEV },
    { { "stdvar", 6 }, TOKEN_AGGREGATION, AGG_STDVAR },
    { { "topk", 4 }, TOKEN_AGGREGATION, AGG_TOPK },
    { { "bottomk", 7 }, TOKEN_AGGREGATION, AGG_BOTTOMK },
    { { "count_values", 12 }, TOKEN_AGGREGATION, AGG_COUNT_VALUES },
    { { "quantile", 8 }, TOKEN_AGGREGATION, AGG_QUANTILE },
    { { "limitk", 6 }, TOKEN_AGGREGATION, AGG_LIMITK },
    { { "limit_ratio", 11 }, TOKEN_AGGREGATION, AGG_LIMIT_RATIO },
    { { "offset", 6 }, TOKEN_OFFSET, 0 },
    { { "smoothed", 8 }, TOKEN_SMOOTHED, 0 },
    { { "anchored", 8 }, TOKEN_ANCHORED, 0 },
    { { "by", 2 }, TOKEN_BY, 0 },
    { { "without", 7 }, TOKEN_WITHOUT, 0 },
    { { "on", 2 }, TOKEN_ON, 0 },
    { { "ignoring", 8 }, TOKEN_IGNORING, 0 },
    { { "group_left", 10 }, TOKEN_GROUP_LEFT, 0 },
    { { "group_right", 11 }, TOKEN_GROUP_RIGHT, 0 },
    { { "fill", 4 }, TOKEN_FILL, 0 },
    { { "fill_left", 9 }, TOKEN_FILL_LEFT, 0 },
    { { "fill_right", 10 }, TOKEN_FILL_RIGHT, 0 },
    { { "bool", 4 }, TOKEN_BOOL, 0 },
    { { "start", 5 }, TOKEN_START, 0 },
    { { "end", 3 }, TOKEN_END_WORD, 0 },
    { { "step", 4 }, TOKEN_STEP, 0 },
    { { "range", 5 }, TOKEN_RANGE, 0 },
    { { "max_of", 6 }, TOKEN_MAX_OF, 0 },
    { { "min_of", 6 }, TOKEN_MIN_OF, 0 },
    { { "inf", 3 }, TOKEN_NUMBER, 0 },
    { { "nan", 3 }, TOKEN_NUMBER, 0 },
};

err lex_error(struct str text, size_t at, const char *format, ...)
{
    char said[4096];
    va_list args;
    size_t line = 1, column = at + 1;

    va_start(args, format);
    vsnprintf(said, sizeof(said), format, args);
    va_end(args);
    if (text.length == 0)
        return err_new(ERR_INVALID, "unknown position: parse error: %s", said);
    for (size_t i = 0; i < at && i < text.length; i++) {
        if (text.at[i] != '\n')
            continue;
        line++;
        column = at - i;
    }
    return err_new(ERR_INVALID, "%zu:%zu: parse error: %s", line, column, said);
}

uint32_t lex_rune(const struct lexer *lexer, size_t *ret_width)
{
    *ret_width = 0;
    if (lexer->at >= lexer->text.length)
        return LEX_END;
    return rune_decode(str_slice(lexer->text, lexer->at, lexer->text.length), ret_width);
}

char lex_peek(const struct lexer *lexer)
{
    return lexer->at < lexer->text.length ? lexer->text.at[lexer->at] : 0;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* complain_of - "unexpected ...: 'c'" of one character; Go prints the end of the text as U+FFFD. */
static err complain_of(const struct lexer *lexer, const char *what, uint32_t rune, const char *behind)
{
    struct buf quoted CLEANUP(buf_clear) = { 0 };

    buf_init(&quoted, 64);
    quote_add_rune(&quoted, rune == LEX_END ? RUNE_ERROR : rune);
    return lex_error(lexer->text, lexer->start, "%s %s%s", what, buf_c(&quoted), behind);
}

/* complain_of_code - the same with the character's number: "U+0063 'c'". */
static err complain_of_code(const struct lexer *lexer, const char *what, uint32_t rune, const char *behind)
{
    struct buf quoted CLEANUP(buf_clear) = { 0 };

    buf_init(&quoted, 64);
    if (rune_is_printable(rune)) {
        buf_add(&quoted, S(" '"));
        rune_encode(&quoted, rune);
        buf_add_c(&quoted, '\'');
    }
    return lex_error(lexer->text, lexer->start, "%s U+%04X%s%s", what, (unsigned)rune, buf_c(&quoted), behind);
}

/* lex_emit - the token from start to at. NULL, so that callers may return it. */
err lex_emit(struct lexer *lexer, enum token_kind kind, int value, struct token *ret_token)
{
    *ret_token = (struct token){ kind, value, (uint32_t)lexer->start, (uint32_t)lexer->at,
                                 str_slice(lexer->text, lexer->start, lexer->at) };
    lexer->start = lexer->at;
    return NULL;
}

static const struct keyword *keyword_find(struct str word)
{
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
        if (str_eq_nocase(keywords[i].name, word))
            return &keywords[i];
    return NULL;
}

static bool paren_follows(const struct lexer *lexer)
{
    size_t at = lexer->at;

    while (at < lexer->text.length && is_space(lexer->text.at[at]))
        at++;
    return at < lexer->text.length && lexer->text.at[at] == '(';
}

static err lex_word(struct lexer *lexer, struct token *ret_token)
{
    bool colon = false;

    for (; lex_is_alnum(lex_peek(lexer)) || lex_peek(lexer) == ':'; lexer->at++)
        colon |= lex_peek(lexer) == ':';
    const struct keyword *keyword = keyword_find(str_slice(lexer->text, lexer->start, lexer->at));
    /* These came late: metrics of that name must stay possible. */
    if (keyword && keyword->kind >= TOKEN_FILL && keyword->kind <= TOKEN_FILL_RIGHT && !paren_follows(lexer))
        keyword = NULL;
    if (keyword)
        return lex_emit(lexer, keyword->kind, keyword->value, ret_token);
    return lex_emit(lexer, colon ? TOKEN_METRIC_IDENTIFIER : TOKEN_IDENTIFIER, 0, ret_token);
}

/* lex_duration_word - step, range, max_of, min_of within brackets. */
static bool lex_duration_word(struct lexer *lexer, struct token *ret_token)
{
    while (lex_is_alpha(lex_peek(lexer)))
        lexer->at++;
    const struct keyword *keyword = keyword_find(str_slice(lexer->text, lexer->start, lexer->at));
    if (!keyword || keyword->kind < TOKEN_STEP)
        return false;
    return lex_emit(lexer, keyword->kind, 0, ret_token) == NULL;
}

static bool starts_duration_word(char c)
{
    return c && strchr("srmSRM", c);
}

static err lex_escape(struct lexer *lexer, char quote)
{
    size_t width, digits, base, limit = 0x10FFFF;
    uint32_t rune = lex_rune(lexer, &width), value = 0;

    lexer->at += width;
    if (rune == (unsigned char)quote || (rune < 128 && rune && strchr("abfnrtv\\", (int)rune)))
        return NULL;
    if (rune >= '0' && rune <= '7') {
        digits = 3, base = 8, limit = 255;
        lexer->at -= width;
    } else if (rune == 'x') {
        digits = 2, base = 16, limit = 255;
    } else if (rune == 'u' || rune == 'U') {
        digits = rune == 'u' ? 4 : 8, base = 16;
    } else if (rune == LEX_END) {
        return lex_error(lexer->text, lexer->start, "escape sequence not terminated");
    } else {
        return complain_of_code(lexer, "unknown escape sequence", rune, "");
    }
    for (; digits; digits--) {
        rune = lex_rune(lexer, &width);
        uint32_t digit = lex_digit(rune);
        if (rune == LEX_END)
            return lex_error(lexer->text, lexer->start, "escape sequence not terminated");
        if (digit >= base)
            return complain_of_code(lexer, "illegal character", rune, " in escape sequence");
        value = value * (uint32_t)base + digit;
        lexer->at += width;
    }
    if (value > limit || (value >= 0xD800 && value < 0xE000))
        return lex_error(lexer->text, lexer->start, "escape sequence is an invalid Unicode code point");
    return NULL;
}

/* lex_string - the quote is the byte at `start`. */
static err lex_string(struct lexer *lexer, struct token *ret_token)
{
    char quote = lex_peek(lexer);
    size_t width;

    for (lexer->at++;;) {
        uint32_t rune = lex_rune(lexer, &width);
        lexer->at += width;
        if (rune == RUNE_ERROR)
            return lex_error(lexer->text, lexer->start, "invalid UTF-8 rune");
        if (rune == LEX_END || (rune == '\n' && quote != '`'))
            return lex_error(lexer->text, lexer->start, "unterminated %s string", quote == '`' ? "raw" : "quoted");
        if (rune == (unsigned char)quote)
            return lex_emit(lexer, TOKEN_STRING, 0, ret_token);
        if (rune == '\\' && quote != '`')
            TRY(lex_escape(lexer, quote));
    }
}

/* lex_symbol - an operator of one or two characters. */
static bool lex_symbol(struct lexer *lexer, struct token *ret_token)
{
    static const struct {
        char text[3];
        enum operator op;
    } symbols[] = {
        { "==", OP_EQ },         { "!=", OP_NE }, { "<=", OP_LE }, { "</", OP_TRIM_UPPER }, { ">=", OP_GE },
        { ">/", OP_TRIM_LOWER }, { "<", OP_LT },  { ">", OP_GT },  { "*", OP_MUL },         { "/", OP_DIV },
        { "%", OP_MOD },         { "+", OP_ADD }, { "-", OP_SUB }, { "^", OP_POW },
    };
    struct str rest = str_slice(lexer->text, lexer->at, lexer->text.length);

    for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
        if (!str_starts(rest, str_of(symbols[i].text)))
            continue;
        lexer->at += strlen(symbols[i].text);
        return lex_emit(lexer, TOKEN_OPERATOR, symbols[i].op, ret_token) == NULL;
    }
    return false;
}

/* one - a token of a single character. */
static err one(struct lexer *lexer, enum token_kind kind, struct token *ret_token)
{
    lexer->at++;
    return lex_emit(lexer, kind, 0, ret_token);
}

static err lex_paren(struct lexer *lexer, struct token *ret_token)
{
    if (lex_peek(lexer) == '(') {
        lexer->paren_depth++;
        return one(lexer, TOKEN_LEFT_PAREN, ret_token);
    }
    TRY(one(lexer, TOKEN_RIGHT_PAREN, ret_token));
    return --lexer->paren_depth < 0 ? complain_of(lexer, "unexpected right parenthesis", ')', "") : NULL;
}

static err lex_equals(struct lexer *lexer, struct token *ret_token)
{
    lexer->at++;
    if (lex_peek(lexer) == '~')
        return complain_of(lexer, "unexpected character after '=':", '~', "");
    return lex_emit(lexer, TOKEN_EQL, 0, ret_token);
}

static err lex_open_bracket(struct lexer *lexer, struct token *ret_token)
{
    if (lexer->bracket_open)
        return complain_of(lexer, "unexpected left bracket", '[', "");
    TRY(one(lexer, TOKEN_LEFT_BRACKET, ret_token));
    lexer->got_colon = false;
    lexer->bracket_open = true;
    lexer->state = LEX_BRACKETS;
    return NULL;
}

static err lex_close_bracket(struct lexer *lexer, struct token *ret_token)
{
    if (!lexer->bracket_open)
        return complain_of(lexer, "unexpected right bracket", ']', "");
    lexer->bracket_open = false;
    return one(lexer, TOKEN_RIGHT_BRACKET, ret_token);
}

/* lex_letter_in_brackets - behind a duration only a colon and few words may follow. */
static err lex_letter_in_brackets(struct lexer *lexer, struct token *ret_token)
{
    char c = lex_peek(lexer);

    if (c == ':') {
        if (lexer->got_colon)
            return complain_of(lexer, "unexpected colon", ':', "");
        lexer->got_colon = true;
        return one(lexer, TOKEN_COLON, ret_token);
    }
    if (starts_duration_word(c) && lex_duration_word(lexer, ret_token))
        return NULL;
    return complain_of(lexer, "unexpected character:", (unsigned char)c, ", expected ':'");
}

static err lex_statement(struct lexer *lexer, struct token *ret_token)
{
    char c = lex_peek(lexer), next = lexer->at + 1 < lexer->text.length ? lexer->text.at[lexer->at + 1] : 0;
    size_t width;

    if (lexer->at >= lexer->text.length) {
        if (lexer->paren_depth != 0)
            return lex_error(lexer->text, lexer->start, "unclosed left parenthesis");
        if (lexer->bracket_open)
            return lex_error(lexer->text, lexer->start, "unclosed left bracket");
        return lex_emit(lexer, TOKEN_END, 0, ret_token);
    }
    if (lex_symbol(lexer, ret_token))
        return NULL;
    if (lex_is_digit(c) || (c == '.' && lex_is_digit(next)))
        return lex_number(lexer, ret_token);
    if (lex_is_alpha(c) || c == ':')
        return lexer->bracket_open ? lex_letter_in_brackets(lexer, ret_token) : lex_word(lexer, ret_token);
    switch (c) {
    case ',':
        return one(lexer, TOKEN_COMMA, ret_token);
    case '@':
        return one(lexer, TOKEN_AT, ret_token);
    case '=':
        return lex_equals(lexer, ret_token);
    case '!':
        lexer->at++;
        return complain_of(lexer, "unexpected character after '!':", lex_rune(lexer, &width), "");
    case '"':
    case '\'':
    case '`':
        return lex_string(lexer, ret_token);
    case '(':
    case ')':
        return lex_paren(lexer, ret_token);
    case '{':
        lexer->brace_open = true;
        return one(lexer, TOKEN_LEFT_BRACE, ret_token);
    case '[':
        return lex_open_bracket(lexer, ret_token);
    case ']':
        return lex_close_bracket(lexer, ret_token);
    default:
        return complain_of(lexer, "unexpected character:", lex_rune(lexer, &width), "");
    }
}

static err lex_in_braces(struct lexer *lexer, struct token *ret_token)
{
    char c = lex_peek(lexer), next = lexer->at + 1 < lexer->text.length ? lexer->text.at[lexer->at + 1] : 0;
    size_t width;

    if (lexer->at >= lexer->text.length)
        return lex_error(lexer->text, lexer->start, "unexpected end of input inside braces");
    if (lex_is_alpha(c)) {
        while (lex_is_alnum(lex_peek(lexer)))
            lexer->at++;
        return lex_emit(lexer, TOKEN_IDENTIFIER, 0, ret_token);
    }
    switch (c) {
    case ',':
        return one(lexer, TOKEN_COMMA, ret_token);
    case '"':
    case '\'':
    case '`':
        return lex_string(lexer, ret_token);
    case '=':
        lexer->at += next == '~';
        return one(lexer, next == '~' ? TOKEN_EQL_REGEX : TOKEN_EQL, ret_token);
    case '!':
        lexer->at++;
        if (next == '~')
            return one(lexer, TOKEN_NEQ_REGEX, ret_token);
        if (next != '=')
            return complain_of(lexer, "unexpected character after '!' inside braces:", lex_rune(lexer, &width), "");
        lexer->at++;
        return lex_emit(lexer, TOKEN_OPERATOR, OP_NE, ret_token);
    case '{':
        return complain_of(lexer, "unexpected left brace", '{', "");
    case '}':
        lexer->brace_open = false;
        return one(lexer, TOKEN_RIGHT_BRACE, ret_token);
    default:
        return complain_of(lexer, "unexpected character inside braces:", lex_rune(lexer, &width), "");
    }
}

/* lex_in_brackets - up to the first number or duration; what follows that is a statement again. */
static err lex_in_brackets(struct lexer *lexer, struct token *ret_token)
{
    char c = lex_peek(lexer), next = lexer->at + 1 < lexer->text.length ? lexer->text.at[lexer->at + 1] : 0;
    size_t width;

    if (lexer->at >= lexer->text.length)
        return lex_error(lexer->text, lexer->start, "unexpected end of input in duration expression");
    if (lex_is_digit(c) || (c == '.' && lex_is_digit(next))) {
        lexer->got_duration = true;
        lexer->state = LEX_STATEMENT;
        return lex_number(lexer, ret_token);
    }
    if (strchr("+-*/%^", c) && lex_symbol(lexer, ret_token))
        return NULL;
    if (starts_duration_word(c) && lex_duration_word(lexer, ret_token))
        return NULL;
    switch (c) {
    case ']':
        lexer->bracket_open = lexer->got_colon = false;
        lexer->state = LEX_STATEMENT;
        return one(lexer, TOKEN_RIGHT_BRACKET, ret_token);
    case ':':
        TRY(one(lexer, TOKEN_COLON, ret_token));
        if (!lexer->got_duration)
            return lex_error(lexer->text, lexer->start, "unexpected colon before duration in duration expression");
        if (lexer->got_colon)
            return lex_error(lexer->text, lexer->start, "unexpected repeated colon in duration expression");
        lexer->got_colon = true;
        return NULL;
    case ',':
        return one(lexer, TOKEN_COMMA, ret_token);
    case '(':
    case ')':
        return lex_paren(lexer, ret_token);
    default:
        return complain_of(lexer, "unexpected character in duration expression:",
                           starts_duration_word(c) ? (unsigned char)c : lex_rune(lexer, &width), "");
    }
}

static void skip_comment(struct lexer *lexer)
{
    while (lexer->at < lexer->text.length && lexer->text.at[lexer->at] != '\n' && lexer->text.at[lexer->at] != '\r')
        lexer->at++;
    lexer->start = lexer->at;
}

err lex_next(struct lexer *lexer, struct token *ret_token)
{
    for (;;) {
        while (is_space(lex_peek(lexer)))
            lexer->at++;
        lexer->start = lexer->at;
        if (lexer->state == LEX_BRACKETS || lex_peek(lexer) != '#')
            break;
        skip_comment(lexer);
    }
    if (lexer->state == LEX_BRACKETS)
        return lex_in_brackets(lexer, ret_token);
    return lexer->brace_open ? lex_in_braces(lexer, ret_token) : lex_statement(lexer, ret_token);
}

void token_describe(struct buf *out, const struct token *token)
{
    static const char *const names[] = {
        [TOKEN_IDENTIFIER] = "identifier ", [TOKEN_METRIC_IDENTIFIER] = "metric identifier ",
        [TOKEN_STRING] = "string ",         [TOKEN_NUMBER] = "number ",
        [TOKEN_DURATION] = "duration ",
    };
    struct str text = token->text;
    size_t width, runes = 0, at = 0;

    if (token->kind == TOKEN_END) {
        buf_add(out, S("end of input"));
    } else if (token->kind >= TOKEN_OPERATOR && token->kind <= TOKEN_BOOL) {
        const char *what = token->kind == TOKEN_AGGREGATION ? "aggr:" : token->kind < TOKEN_AGGREGATION ? "op:" : "";
        buf_addf(out, "<%s%.*s>", what, STR_ARG(text));
    } else {
        if (token->kind < TOKEN_LEFT_PAREN)
            buf_add(out, str_of(names[token->kind]));
        bool whole = token->kind <= TOKEN_METRIC_IDENTIFIER || text.length <= 10;
        for (; !whole && runes < 10 && at < text.length; runes++, at += width)
            rune_decode(str_slice(text, at, text.length), &width);
        quote_add(out, whole ? text : str_slice(text, 0, at));
        if (!whole)
            buf_add(out, S("..."));
    }
}

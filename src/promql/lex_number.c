/* lex_number.c - numbers, durations and strings: how far they reach, and what they say. */
#include "promql/lex_parts.h"
#include "promql/quote.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

uint32_t lex_digit(uint32_t rune)
{
    if (rune >= '0' && rune <= '9')
        return rune - '0';
    if ((rune | 32) >= 'a' && (rune | 32) <= 'f')
        return (rune | 32) - 'a' + 10;
    return 16;
}

static bool next_is(const struct lexer *lexer, const char *set)
{
    char c = lex_peek(lexer);

    return c && strchr(set, c);
}

static bool accept(struct lexer *lexer, const char *set)
{
    bool is = next_is(lexer, set);

    lexer->at += is;
    return is;
}

static bool at_end(const struct lexer *lexer)
{
    return lexer->at >= lexer->text.length;
}

/* scan_part - a dot, an exponent's letter, an underscore, or digits, inside a number. False where it cannot stand. */
static bool scan_part(struct lexer *lexer, const char *digits, bool *dotted, bool *raised)
{
    if (accept(lexer, ".")) {
        bool again = *dotted;
        *dotted = true;
        return !again && !accept(lexer, "_.") && !digits[10]; /* no fractions of hexadecimal numbers */
    }
    /* In hexadecimal numbers an "e" is tried as an exponent first, as Prometheus does. */
    if (accept(lexer, "eE")) {
        if (*raised)
            return false;
        *raised = true;
        accept(lexer, "+-");
        return !accept(lexer, "._eE") && !at_end(lexer);
    }
    if (accept(lexer, "_"))
        return !accept(lexer, "._eE") && !at_end(lexer);
    while (accept(lexer, digits))
        continue;
    return true;
}

/* scan_number - true where a number ends here. What it means, and whether anything, is not asked yet. */
static bool scan_number(struct lexer *lexer)
{
    const char *digits = "0123456789", *inside = "0123456789._eE";
    bool dotted = false, raised = false;
    size_t begin = lexer->at;

    if (accept(lexer, "0") && accept(lexer, "xX")) {
        accept(lexer, "_");
        digits = "0123456789abcdefABCDEF";
        inside = "0123456789abcdefABCDEF._eE";
    }
    accept(lexer, ".");
    accept(lexer, digits);
    while (next_is(lexer, inside))
        if (!scan_part(lexer, digits, &dotted, &raised))
            return false;
    return lexer->at > begin && !lex_is_alnum(lex_peek(lexer));
}

/* scan_duration - the rest of one, the number in front of its first unit being read. */
static bool scan_duration(struct lexer *lexer)
{
    if (!accept(lexer, "smhdwy"))
        return false;
    accept(lexer, "s");
    while (accept(lexer, "0123456789")) {
        while (accept(lexer, "0123456789"))
            continue;
        if (!accept(lexer, "smhdw"))
            return false;
        accept(lexer, "s");
    }
    if (!lex_is_alnum(lex_peek(lexer)))
        return true;
    lexer->at++;
    return false;
}

err lex_number(struct lexer *lexer, struct token *ret_token)
{
    struct buf quoted CLEANUP(buf_clear) = { 0 };

    if (scan_number(lexer))
        return lex_emit(lexer, TOKEN_NUMBER, 0, ret_token);
    if (scan_duration(lexer))
        return lex_emit(lexer, TOKEN_DURATION, 0, ret_token);
    buf_init(&quoted, 2048);
    quote_add(&quoted, str_slice(lexer->text, lexer->start, lexer->at));
    return lex_error(lexer->text, lexer->start, "bad number or duration syntax: %s", buf_c(&quoted));
}

/* underscores_fit - each stands between digits, or between the prefix and a digit. */
static bool underscores_fit(struct str text)
{
    char before = '^';
    bool hex = false;
    size_t i = 0;

    if (text.length >= 2 && text.at[0] == '0' && strchr("bBoOxX", text.at[1])) {
        hex = (text.at[1] | 32) == 'x';
        before = '0';
        i = 2;
    }
    for (; i < text.length; i++) {
        char c = text.at[i];
        if (lex_is_digit(c) || (hex && lex_digit((unsigned char)c) < 16)) {
            before = '0';
        } else if (c == '_') {
            if (before != '0')
                return false;
            before = '_';
        } else {
            if (before == '_')
                return false;
            before = '!';
        }
    }
    return before != '_';
}

static bool as_integer(const char *digits, double *ret_value)
{
    int base = digits[0] != '0' || !digits[1] ? 10 : (digits[1] | 32) == 'x' ? 16 : 8;
    char *end;

    errno = 0;
    long long value = strtoll(base == 16 ? digits + 2 : digits, &end, base);
    if (errno || *end || end == digits || (base == 16 && !digits[2]))
        return false;
    *ret_value = (double)value;
    return true;
}

err lex_number_value(struct str text, const struct token *token, double *ret_value)
{
    struct buf digits CLEANUP(buf_clear) = { 0 }, quoted CLEANUP(buf_clear) = { 0 };
    const char *why = "invalid syntax";
    char *end;

    buf_init(&digits, token->text.length);
    for (size_t i = 0; i < token->text.length; i++)
        if (token->text.at[i] != '_')
            buf_add_c(&digits, token->text.at[i]);
    if (underscores_fit(token->text)) {
        bool hex = token->text.length > 1 && (token->text.at[1] | 32) == 'x';
        if (as_integer(buf_c(&digits), ret_value))
            return NULL;
        *ret_value = strtod(buf_c(&digits), &end);
        /* A hexadecimal float needs its exponent, which the lexer doesn't take. */
        bool named = (token->text.at[0] | 32) == 'i' || (token->text.at[0] | 32) == 'n';
        if (!*end && !hex && (named || isfinite(*ret_value)))
            return NULL;
        if (!*end && !hex)
            why = "value out of range";
    }
    buf_init(&quoted, 2048);
    quote_add(&quoted, token->text);
    return lex_error(text, token->from, "error parsing number: strconv.ParseFloat: parsing %s: %s", buf_c(&quoted),
                     why);
}

/* unit_of - nanoseconds; *ret_rank rises from large units to small ones. 0: there is no such unit. */
static uint64_t unit_of(struct str name, int *ret_rank)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {
        { "y", 365ull * 86400 * 1000000000 },
        { "w", 7ull * 86400 * 1000000000 },
        { "d", 86400ull * 1000000000 },
        { "h", 3600ull * 1000000000 },
        { "m", 60ull * 1000000000 },
        { "s", 1000000000ull },
        { "ms", 1000000ull },
    };

    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        *ret_rank = (int)i + 1;
        if (str_eq(str_of(units[i].name), name))
            return units[i].ns;
    }
    return 0;
}

err lex_duration_value(struct str text, const struct token *token, double *ret_seconds)
{
    struct buf quoted CLEANUP(buf_clear) = { 0 };
    struct str rest = token->text;
    uint64_t total = 0;
    int last_rank = 0;

    buf_init(&quoted, 2048);
    quote_add(&quoted, token->text);
    while (rest.length) {
        size_t digits = 0, letters;
        uint64_t count;
        int rank;
        while (digits < rest.length && lex_is_digit(rest.at[digits]))
            digits++;
        for (letters = digits; letters < rest.length && !lex_is_digit(rest.at[letters]);)
            letters++;
        if (!str_to_u64(str_slice(rest, 0, digits), &count) || letters == digits)
            return lex_error(text, token->from, "not a valid duration string: %s", buf_c(&quoted));
        struct str name = str_slice(rest, digits, letters);
        uint64_t ns = unit_of(name, &rank);
        if (!ns)
            return lex_error(text, token->from, "unknown unit \"%.*s\" in duration %s", STR_ARG(name), buf_c(&quoted));
        if (rank <= last_rank)
            return lex_error(text, token->from, "not a valid duration string: %s", buf_c(&quoted));
        last_rank = rank;
        if (count > (1ull << 63) / ns || (total += count * ns) > INT64_MAX)
            return lex_error(text, token->from, "duration out of range");
        rest = str_slice(rest, letters, rest.length);
    }
    uint64_t seconds = total / 1000000000;
    *ret_seconds = (double)seconds + (double)(total % 1000000000) / 1e9;
    return NULL;
}

static uint32_t escape_value(const char **at, size_t digits, uint32_t base)
{
    uint32_t value = 0;

    for (; digits; digits--)
        value = value * base + lex_digit((unsigned char)*(*at)++);
    return value;
}

struct str lex_unquote(struct arena *arena, struct str literal)
{
    static const char names[] = "a\ab\bf\fn\nr\rt\tv\v";
    struct str inside = str_slice(literal, 1, literal.length - 1);
    struct buf out CLEANUP(buf_clear) = { 0 };
    const char *at = inside.at, *end = at + inside.length;

    if (literal.at[0] == '`' || !inside.length || !memchr(at, '\\', inside.length))
        return inside;
    buf_init(&out, inside.length);
    while (at < end) {
        if (*at != '\\') {
            buf_add_c(&out, *at++);
            continue;
        }
        char kind = at[1];
        const char *name = strchr(names, kind);
        at += 2;
        if (kind == 'x')
            buf_add_c(&out, (char)escape_value(&at, 2, 16));
        else if (kind == 'u' || kind == 'U')
            rune_encode(&out, escape_value(&at, kind == 'u' ? 4 : 8, 16));
        else if (kind >= '0' && kind <= '7')
            at--, buf_add_c(&out, (char)escape_value(&at, 3, 8));
        else
            buf_add_c(&out, name ? name[1] : kind);
    }
    return str_copy(arena, buf_str(&out));
}

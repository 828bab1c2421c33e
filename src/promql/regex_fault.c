/* regex_fault.c - RE2's syntax, walked to find the first fault in a pattern.
 *
 * DESIGN. Matching is PCRE's (model/matcher.c); this only says what is wrong, in the words that people know from
 * Prometheus and look up. A repetition needs something to repeat: that is all that has to be remembered on the way. */
#include "promql/regex_fault.h"

#include "promql/lex_parts.h"
#include "promql/quote.h"

#include <string.h>

struct walk {
    struct str pattern;
    size_t at;
    size_t depth;       /* open parentheses */
    bool operand;       /* something that can be repeated stands in front */
    size_t last_repeat; /* where the repetition in front began; SIZE_MAX: none */
    struct buf *out;
};

static char peek(const struct walk *w, size_t ahead)
{
    return w->at + ahead < w->pattern.length ? w->pattern.at[w->at + ahead] : 0;
}

static bool at_end(const struct walk *w)
{
    return w->at >= w->pattern.length;
}

/* fault - always false, for return. */
static bool fault(struct walk *w, const char *what, size_t from, size_t to)
{
    struct str part = str_slice(w->pattern, from, to);

    buf_addf(w->out, "%s: `%.*s`", what, STR_ARG(part));
    return false;
}

static uint32_t next_rune(struct walk *w)
{
    size_t width;
    uint32_t rune = rune_decode(str_slice(w->pattern, w->at, w->pattern.length), &width);

    w->at += width;
    return rune;
}

static bool walk_name(struct walk *w, size_t name_at)
{
    size_t from = w->at, end = str_find(w->pattern, S(">"), w->at);

    if (end == SIZE_MAX)
        return fault(w, "invalid named capture", from, w->pattern.length);
    bool good = end > name_at;
    for (size_t i = name_at; i < end; i++)
        good &= lex_is_alnum(w->pattern.at[i]);
    if (!good)
        return fault(w, "invalid named capture", from, end + 1);
    w->at = end + 1;
    w->depth++;
    w->operand = false;
    return true;
}

/* walk_group - what begins with "(?". */
static bool walk_group(struct walk *w)
{
    size_t from = w->at;
    bool minus = false, saw_flag = false;

    if (peek(w, 2) == 'P' && peek(w, 3) == '<' && w->pattern.length - w->at > 4)
        return walk_name(w, w->at + 4);
    if (peek(w, 2) == '<' && w->pattern.length - w->at > 3)
        return walk_name(w, w->at + 3);
    w->at += 2;
    while (!at_end(w)) {
        uint32_t c = next_rune(w);
        if (c == ':' || c == ')') {
            if (minus && !saw_flag)
                break;
            w->depth += c == ':';
            w->operand &= c != ':';
            return true;
        }
        if (c == '-' && !minus) {
            minus = true;
            saw_flag = false;
        } else if (c < 128 && strchr("imsU", (int)c)) {
            saw_flag = true;
        } else {
            break;
        }
    }
    return fault(w, "invalid or unsupported Perl syntax", from, w->at);
}

static bool walk_repeat(struct walk *w, size_t from)
{
    if (peek(w, 0) == '?')
        w->at++;
    if (w->last_repeat != SIZE_MAX)
        return fault(w, "invalid nested repetition operator", w->last_repeat, w->at);
    if (!w->operand)
        return fault(w, "missing argument to repetition operator", from, w->at);
    w->last_repeat = from;
    return true;
}

/* walk_count - a number without needless zeros, those above a million as they come; -1: there is none. */
static int walk_count(struct walk *w)
{
    int value = 0;

    if (!lex_is_digit(peek(w, 0)) || (peek(w, 0) == '0' && lex_is_digit(peek(w, 1))))
        return -1;
    for (; lex_is_digit(peek(w, 0)); w->at++)
        value = value > 1000000 ? value : value * 10 + (peek(w, 0) - '0');
    return value;
}

/* walk_braces - {n}, {n,}, {n,m}; anything else in braces is text. */
static bool walk_braces(struct walk *w)
{
    size_t from = w->at;

    w->at++;
    int least = walk_count(w), most = least;
    if (least >= 0 && peek(w, 0) == ',') {
        w->at++;
        most = peek(w, 0) == '}' ? least : walk_count(w);
    }
    if (least < 0 || most < 0 || peek(w, 0) != '}') {
        w->at = from + 1;
        w->operand = true;
        w->last_repeat = SIZE_MAX;
        return true;
    }
    w->at++;
    if (least > 1000 || most > 1000 || least > most)
        return fault(w, "invalid repeat count", from, w->at);
    return walk_repeat(w, from);
}

static bool walk_unicode_class(struct walk *w)
{
    size_t from = w->at, end;

    w->at += 2;
    if (at_end(w))
        return fault(w, "invalid character class range", from, w->at);
    if (next_rune(w) != '{')
        return true;
    end = str_find(w->pattern, S("}"), from);
    if (end == SIZE_MAX)
        return fault(w, "invalid character class range", from, w->pattern.length);
    w->at = end + 1;
    return true;
}

/* walk_hex - behind \x: two digits, or any number of them in braces. */
static bool walk_hex(struct walk *w, uint32_t *ret_rune)
{
    uint32_t value = 0, digits = 0, c = at_end(w) ? 0 : next_rune(w);

    if (c != '{') {
        uint32_t second = at_end(w) ? 0 : next_rune(w);
        *ret_rune = lex_digit(c) * 16 + lex_digit(second);
        return lex_digit(c) < 16 && lex_digit(second) < 16;
    }
    while (!at_end(w)) {
        c = next_rune(w);
        if (c == '}') {
            *ret_rune = value;
            return digits > 0;
        }
        value = value * 16 + lex_digit(c);
        if (lex_digit(c) == 16 || value > 0x10FFFF)
            return false;
        digits++;
    }
    return false;
}

/* walk_escape - one character that is written with a backslash. */
static bool walk_escape(struct walk *w, uint32_t *ret_rune)
{
    size_t from = w->at;

    w->at++;
    if (at_end(w))
        return fault(w, "trailing backslash at end of expression", 0, 0);
    uint32_t c = next_rune(w);
    *ret_rune = c;
    if (c < 128 && !(lex_is_alnum((char)c) && c != '_'))
        return true;
    if (c == '0' || (c >= '1' && c <= '7' && peek(w, 0) >= '0' && peek(w, 0) <= '7')) {
        *ret_rune = c - '0';
        for (int i = 1; i < 3 && peek(w, 0) >= '0' && peek(w, 0) <= '7'; i++)
            *ret_rune = *ret_rune * 8 + (uint32_t)(w->pattern.at[w->at++] - '0');
        return true;
    }
    if (c == 'x' && walk_hex(w, ret_rune))
        return true;
    const char *names = "a\af\fn\nr\rt\tv\v", *name = c < 128 && c > 32 ? strchr(names, (int)c) : NULL;
    if (!name)
        return fault(w, "invalid escape sequence", from, w->at);
    *ret_rune = (unsigned char)name[1];
    return true;
}

static bool class_name_is_known(struct str name)
{
    static const char *const names[] = { "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph",
                                         "lower", "print", "punct", "space", "upper", "word",  "xdigit" };

    if (str_starts(name, S("^")))
        name = str_slice(name, 1, name.length);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(name, str_of(names[i])))
            return true;
    return false;
}

static bool walk_class_char(struct walk *w, size_t bracket, uint32_t *ret_rune)
{
    if (at_end(w))
        return fault(w, "missing closing ]", bracket, w->pattern.length);
    if (peek(w, 0) == '\\')
        return walk_escape(w, ret_rune);
    *ret_rune = next_rune(w);
    return true;
}

static bool walk_class_part(struct walk *w, size_t bracket)
{
    uint32_t low = 0, high = 0;
    size_t from = w->at, end;

    if (peek(w, 0) == '[' && peek(w, 1) == ':' && (end = str_find(w->pattern, S(":]"), w->at + 2)) != SIZE_MAX) {
        w->at = end + 2;
        if (class_name_is_known(str_slice(w->pattern, from + 2, end)))
            return true;
        return fault(w, "invalid character class range", from, w->at);
    }
    if (peek(w, 0) == '\\' && (peek(w, 1) == 'p' || peek(w, 1) == 'P'))
        return walk_unicode_class(w);
    if (peek(w, 0) == '\\' && peek(w, 1) && strchr("dDsSwW", peek(w, 1))) {
        w->at += 2;
        return true;
    }
    if (!walk_class_char(w, bracket, &low))
        return false;
    if (peek(w, 0) != '-' || w->at + 1 >= w->pattern.length || peek(w, 1) == ']')
        return true;
    w->at++;
    if (!walk_class_char(w, bracket, &high))
        return false;
    return high >= low || fault(w, "invalid character class range", from, w->at);
}

static bool walk_class(struct walk *w)
{
    size_t bracket = w->at++;

    if (peek(w, 0) == '^')
        w->at++;
    for (bool first = true; first || at_end(w) || peek(w, 0) != ']'; first = false)
        if (!walk_class_part(w, bracket))
            return false;
    w->at++;
    w->operand = true;
    return true;
}

/* walk_backslash - outside of classes. */
static bool walk_backslash(struct walk *w)
{
    char c = peek(w, 1);
    uint32_t rune;

    w->operand = true;
    if (c == 'Q') {
        size_t end = str_find(w->pattern, S("\\E"), w->at + 2);
        w->at = end == SIZE_MAX ? w->pattern.length : end + 2;
        return true;
    }
    if (c == 'p' || c == 'P')
        return walk_unicode_class(w);
    if (c && strchr("AbBzdDsSwW", c)) {
        w->at += 2;
        return true;
    }
    return walk_escape(w, &rune);
}

static bool walk_one(struct walk *w)
{
    size_t from = w->at;
    char c = peek(w, 0);

    if (c == '*' || c == '+' || c == '?') {
        w->at++;
        return walk_repeat(w, from);
    }
    if (c == '{')
        return walk_braces(w);
    w->last_repeat = SIZE_MAX;
    switch (c) {
    case '(':
        if (peek(w, 1) == '?')
            return walk_group(w);
        w->depth++;
        w->at++;
        w->operand = false;
        return true;
    case '|':
        w->at++;
        w->operand = false;
        return true;
    case ')':
        if (w->depth-- == 0)
            return fault(w, "unexpected )", 0, w->pattern.length);
        w->at++;
        w->operand = true;
        return true;
    case '[':
        return walk_class(w);
    case '\\':
        return walk_backslash(w);
    default:
        next_rune(w);
        w->operand = true;
        return true;
    }
}

bool regex_fault(struct str pattern, struct buf *out)
{
    struct walk w = { .pattern = pattern, .last_repeat = SIZE_MAX, .out = out };

    while (!at_end(&w))
        if (!walk_one(&w))
            return true;
    return w.depth && !fault(&w, "missing closing )", 0, pattern.length);
}

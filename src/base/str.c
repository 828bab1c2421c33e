/* str.c - views of text. */
#include "base/str.h"

#include "base/arena.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

struct str str_of(const char *text)
{
    return text ? (struct str){ text, strlen(text) } : (struct str){ "", 0 };
}

struct str str_slice(struct str s, size_t from, size_t to)
{
    if (to > s.length)
        to = s.length;
    if (from > to)
        from = to;
    return (struct str){ s.at ? s.at + from : NULL, to - from };
}

bool str_eq(struct str a, struct str b)
{
    // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): only a view of no bytes has no place
    return a.length == b.length && (a.length == 0 || memcmp(a.at, b.at, a.length) == 0);
}

bool str_eq_nocase(struct str a, struct str b)
{
    return a.length == b.length && (a.length == 0 || strncasecmp(a.at, b.at, a.length) == 0);
}

int str_cmp(struct str a, struct str b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter ? memcmp(a.at, b.at, shorter) : 0;

    return order ? order : (a.length > b.length) - (a.length < b.length);
}

bool str_starts(struct str s, struct str prefix)
{
    return s.length >= prefix.length && str_eq(str_slice(s, 0, prefix.length), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.length >= suffix.length && str_eq(str_slice(s, s.length - suffix.length, s.length), suffix);
}

size_t str_find(struct str s, struct str part, size_t from)
{
    if (from > s.length || part.length > s.length - from)
        return SIZE_MAX;
    if (part.length == 0)
        return from;
    const char *found = memmem(s.at + from, s.length - from, part.at, part.length);
    return found ? (size_t)(found - s.at) : SIZE_MAX;
}

bool str_contains(struct str s, struct str part)
{
    return str_find(s, part, 0) != SIZE_MAX;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
    while (s.length && is_blank(s.at[0]))
        s = str_slice(s, 1, s.length);
    while (s.length && is_blank(s.at[s.length - 1]))
        s.length--;
    return s;
}

struct str str_cut(struct str s, char separator, struct str *rest)
{
    const char *found = s.length ? memchr(s.at, separator, s.length) : NULL;

    if (!found) {
        *rest = (struct str){ NULL, 0 };
        return s;
    }
    size_t before = (size_t)(found - s.at);
    *rest = str_slice(s, before + 1, s.length);
    return str_slice(s, 0, before);
}

uint64_t str_hash(struct str s)
{
    return XXH3_64bits(s.at, s.length);
}

struct str str_copy(struct arena *arena, struct str s)
{
    return (struct str){ str_c(arena, s), s.length };
}

char *str_c(struct arena *arena, struct str s)
{
    char *copy = arena_alloc(arena, s.length + 1);

    if (s.length)
        memcpy(copy, s.at, s.length);
    return copy;
}

struct str str_printf(struct arena *arena, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        abort(); /* only a broken format gets here */
    char *text = arena_alloc(arena, (size_t)length + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return (struct str){ text, (size_t)length };
}

struct str str_lower(struct arena *arena, struct str s)
{
    char *copy = str_c(arena, s);

    for (size_t i = 0; i < s.length; i++)
        if (copy[i] >= 'A' && copy[i] <= 'Z')
            copy[i] += 'a' - 'A';
    return (struct str){ copy, s.length };
}

enum { NUMBER_MAX = 400 }; /* longer digit strings exist only to hurt */

/* number_text - a terminated copy for libc; false for what libc would take and we don't. */
static bool number_text(struct str s, char copy[NUMBER_MAX + 1])
{
    if (s.length == 0 || s.length > NUMBER_MAX || is_blank(s.at[0]) || memchr(s.at, 0, s.length))
        return false;
    memcpy(copy, s.at, s.length);
    copy[s.length] = 0;
    return true;
}

bool str_to_i64(struct str s, int64_t *ret_value)
{
    char copy[NUMBER_MAX + 1], *end;

    if (!number_text(s, copy))
        return false;
    errno = 0;
    long long value = strtoll(copy, &end, 10);
    if (errno || *end || end == copy)
        return false;
    *ret_value = value;
    return true;
}

bool str_to_u64(struct str s, uint64_t *ret_value)
{
    char copy[NUMBER_MAX + 1], *end;

    if (!number_text(s, copy) || copy[0] == '-')
        return false;
    errno = 0;
    unsigned long long value = strtoull(copy, &end, 10);
    if (errno || *end || end == copy)
        return false;
    *ret_value = value;
    return true;
}

bool str_to_double(struct str s, double *ret_value)
{
    char copy[NUMBER_MAX + 1], *end;

    if (!number_text(s, copy) || strpbrk(copy, "xX"))
        return false;
    double value = strtod(copy, &end);
    if (*end || end == copy)
        return false;
    *ret_value = value;
    return true;
}

/* utf8_step - bytes of the well-formed character at s.at[0..] (Unicode 15, table 3-7), 0 where it is ill-formed. */
static size_t utf8_step(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.at;
    unsigned char low = 0x80, high = 0xBF;
    size_t need;

    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF) {
        need = 2;
    } else if (p[0] >= 0xE0 && p[0] <= 0xEF) {
        need = 3;
        low = p[0] == 0xE0 ? 0xA0 : 0x80;
        high = p[0] == 0xED ? 0x9F : 0xBF;
    } else if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        need = 4;
        low = p[0] == 0xF0 ? 0x90 : 0x80;
        high = p[0] == 0xF4 ? 0x8F : 0xBF;
    } else {
        return 0;
    }
    if (s.length < need || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < need; i++)
        if (p[i] < 0x80 || p[i] > 0xBF)
            return 0;
    return need;
}

bool str_is_utf8(struct str s)
{
    while (s.length) {
        uint64_t eight;
        if (s.length >= sizeof(eight)) { /* most text is ASCII */
            memcpy(&eight, s.at, sizeof(eight));
            if (!(eight & 0x8080808080808080u)) {
                s = str_slice(s, sizeof(eight), s.length);
                continue;
            }
        }
        size_t step = utf8_step(s);
        if (step == 0)
            return false;
        s = str_slice(s, step, s.length);
    }
    return true;
}

struct str str_utf8_scrub(struct arena *arena, struct str s)
{
    if (str_is_utf8(s) && !(s.length && memchr(s.at, 0, s.length)))
        return str_copy(arena, s);
    char *out = arena_alloc(arena, s.length * 3 + 1);
    size_t length = 0;
    while (s.length) {
        size_t step = s.at[0] == 0 ? 0 : utf8_step(s);
        if (step) {
            memcpy(out + length, s.at, step);
            length += step;
        } else {
            memcpy(out + length, "\xEF\xBF\xBD", 3);
            length += 3;
            step = 1;
        }
        s = str_slice(s, step, s.length);
    }
    return (struct str){ out, length };
}

struct str str_utf8_head(struct str s, size_t max)
{
    if (s.length <= max)
        return s;
    while (max && ((unsigned char)s.at[max] & 0xC0) == 0x80)
        max--;
    return str_slice(s, 0, max);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: Damerau-Levenshtein without touching a swapped pair again. */
size_t str_distance(struct str a, struct str b, size_t limit)
{
    enum { WORD_MAX = 64 };
    size_t rows[3][WORD_MAX + 1];

    if (a.length > WORD_MAX || b.length > WORD_MAX)
        return limit + 1;
    for (size_t j = 0; j <= b.length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.length; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.length; j++) {
            size_t change = above[j - 1] + (a.at[i - 1] != b.at[j - 1]);
            row[j] = least(change, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1])
                row[j] = least(row[j], above2[j - 2] + 1);
        }
    }
    size_t distance = rows[a.length % 3][b.length];
    return distance > limit ? limit + 1 : distance;
}

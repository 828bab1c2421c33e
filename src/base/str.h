/* str.h - a borrowed view of text: a pointer and a length, not terminated, never owned.
 *
 * Owner: whoever owns the bytes; a view must not outlive them. Threads: any (views are values).
 * Text from outside may hold any byte, NUL and broken UTF-8 included. */
#pragma once
#include "base/err.h"

struct arena;

struct str {
    const char *at;
    size_t length;
};

/* S("text") - a view of a literal. Also good in static initialisers. */
#define S(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
/* STR_ARG(s) - for "%.*s". */
#define STR_ARG(s) (int)(s).length, (s).at

struct str str_of(const char *text);                        /* NULL is the empty view */
struct str str_slice(struct str s, size_t from, size_t to); /* bounds are clamped */
bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII only */
int str_cmp(struct str a, struct str b);        /* bytewise */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_contains(struct str s, struct str part);
/* str_find - index of the first `part` at or after `from`; SIZE_MAX where there is none. */
size_t str_find(struct str s, struct str part, size_t from);
struct str str_trim(struct str s); /* spaces, tabs, CR, LF */
/* str_cut - the text before the first `separator`; *rest is what follows it, or empty with at == NULL where there is
 * none. Loop: for (struct str rest = line, word; rest.at;) { word = str_cut(rest, ',', &rest); ... } */
struct str str_cut(struct str s, char separator, struct str *rest);
uint64_t str_hash(struct str s); /* xxh3, for tables in memory only: never stored */

/* Copies into an arena; str_c is NUL-terminated (a NUL inside cuts it short for libc, so check where that matters). */
struct str str_copy(struct arena *arena, struct str s);
char *str_c(struct arena *arena, struct str s);
struct str str_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
struct str str_lower(struct arena *arena, struct str s); /* ASCII only */

/* Numbers: the whole text must be the number, in C locale, no leading space. False where it is not, or does not fit.
 * str_to_double takes what strtod takes but hexadecimal; "inf" and "nan" included: check with isfinite. */
bool str_to_i64(struct str s, int64_t *ret_value) MUST_USE;
bool str_to_u64(struct str s, uint64_t *ret_value) MUST_USE;
bool str_to_double(struct str s, double *ret_value) MUST_USE;

/* UTF-8. str_utf8_scrub copies, each ill-formed sequence becoming U+FFFD, and NUL too. */
bool str_is_utf8(struct str s);
struct str str_utf8_scrub(struct arena *arena, struct str s);
/* str_utf8_head - the longest prefix of at most max bytes that does not cut a character. */
struct str str_utf8_head(struct str s, size_t max);
/* str_distance - edits (insert, delete, replace, swap of neighbours) between two words, for "did you mean"; above
 * `limit` it may stop and return limit + 1. Words longer than 64 bytes are never near. */
size_t str_distance(struct str a, struct str b, size_t limit);

/* matcher.c - label matchers, with Prometheus' regular expressions on PCRE2.
 *
 * DESIGN. Expressions are RE2's, as in Prometheus: what only PCRE knows (lookaround, back references, possessive
 * quantifiers, verbs) is refused, so that a rule means the same there and here. What PCRE could still be slow at is
 * ended by its match limit: such a value counts as not matched, and is counted. Most expressions never get that far:
 * alternatives of words and prefixes are compared as text. */
#include "base/metric.h"
#include "model/labels.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

METRIC(COUNTER, matcher_limit_hits_total, "Regular expressions given up because a value took them too many steps.",
       NULL);

enum { PATTERN_MAX = 16 * 1024, STEPS_MAX = 100000 };

enum regex_kind {
    REGEX_WORDS,  /* a|b|c */
    REGEX_PREFIX, /* words, each followed by anything: a.* */
    REGEX_SOME,   /* .+ */
    REGEX_PCRE,
};

struct regex {
    enum regex_kind kind;
    VEC(struct str) words;
    pcre2_code *code;
    pcre2_match_context *limits;
};

static void regex_free(void *object)
{
    struct regex *regex = object;

    pcre2_code_free(regex->code);
    pcre2_match_context_free(regex->limits);
}

static bool is_literal(struct str text)
{
    for (size_t i = 0; i < text.length; i++)
        if (strchr("^$.*+?()[]{}\\|", text.at[i]))
            return false;
    return true;
}

/* as_words - the common shapes that need no engine. */
static bool as_words(struct arena *arena, struct str pattern, struct regex *regex)
{
    struct str rest = pattern;

    if (str_eq(pattern, S(".+"))) {
        regex->kind = REGEX_SOME;
        return true;
    }
    if (str_ends(pattern, S(".*")) && is_literal(str_slice(pattern, 0, pattern.length - 2))) {
        regex->kind = REGEX_PREFIX;
        *vec_push(&regex->words, arena) = str_copy(arena, str_slice(pattern, 0, pattern.length - 2));
        return true;
    }
    regex->kind = REGEX_WORDS;
    if (pattern.length == 0)
        *vec_push(&regex->words, arena) = S("");
    while (pattern.length && rest.at) {
        struct str word = str_cut(rest, '|', &rest);
        if (!is_literal(word))
            return false;
        *vec_push(&regex->words, arena) = str_copy(arena, word);
    }
    return true;
}

/* group_is_re2 - what may follow "(?": flags, names, nothing else. */
static bool group_is_re2(struct str after)
{
    size_t at = 0;

    if (str_starts(after, S("P<")))
        return true;
    while (at < after.length && strchr("imsU-", after.at[at]))
        at++;
    return at < after.length && (after.at[at] == ':' || (after.at[at] == ')' && at > 0));
}

/* class_end - the index behind a bracket expression that begins at `at`. */
static size_t class_end(struct str pattern, size_t at)
{
    at++;
    if (at < pattern.length && pattern.at[at] == '^')
        at++;
    if (at < pattern.length && pattern.at[at] == ']')
        at++;
    for (; at < pattern.length && pattern.at[at] != ']'; at++) {
        if (pattern.at[at] == '\\')
            at++;
        else if (str_starts(str_slice(pattern, at, pattern.length), S("[:")))
            at = str_find(pattern, S(":]"), at) == SIZE_MAX ? at : str_find(pattern, S(":]"), at) + 1;
    }
    return at + 1;
}

/* Refuses what RE2 does not know; what is merely wrong is left to the compiler. */
err regex_check(struct str pattern)
{
    const char *what = NULL;

    for (size_t at = 0; at < pattern.length && !what;) {
        struct str rest = str_slice(pattern, at, pattern.length);
        char next = rest.length > 1 ? rest.at[1] : 0;
        if (str_starts(rest, S("\\Q"))) {
            size_t end = str_find(pattern, S("\\E"), at);
            at = end == SIZE_MAX ? pattern.length : end + 2;
        } else if (rest.at[0] == '\\') {
            if ((next >= '1' && next <= '9') || (next && strchr("gkKGRXZNhHVe", next)))
                what = "back references and escapes of its own kind";
            at += 2;
        } else if (rest.at[0] == '[') {
            at = class_end(pattern, at);
        } else if (rest.at[0] == '(' &&
                   (next == '*' || (next == '?' && !group_is_re2(str_slice(rest, 2, rest.length))))) {
            what = "lookaround, verbs and other special groups";
        } else if (strchr("*+?}", rest.at[0]) && next == '+') {
            what = "possessive quantifiers";
        } else {
            at++;
        }
    }
    if (!what)
        return NULL;
    return err_new(ERR_INVALID, "the regular expression '%.*s' uses what RE2 does not have: %s",
                   STR_ARG(str_utf8_head(pattern, 200)), what);
}

static err compile(struct str pattern, struct regex *regex)
{
    const uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY |
                             PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_AUTO_CAPTURE;
    unsigned char message[128];
    PCRE2_SIZE at;
    int code;

    regex->kind = REGEX_PCRE;
    regex->code = pcre2_compile((PCRE2_SPTR)pattern.at, pattern.length, options, &code, &at, NULL);
    if (!regex->code) {
        pcre2_get_error_message(code, message, sizeof(message));
        return err_new(ERR_INVALID, "the regular expression '%.*s' is wrong at character %zu: %s",
                       STR_ARG(str_utf8_head(pattern, 200)), (size_t)at, (const char *)message);
    }
    pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE); /* where it can't, the interpreter matches the same */
    regex->limits = pcre2_match_context_create(NULL);
    if (!regex->limits)
        abort();
    pcre2_set_match_limit(regex->limits, STEPS_MAX);
    pcre2_set_heap_limit(regex->limits, 1024);
    return NULL;
}

err matcher_make(struct arena *arena, enum match_type type, struct str name, struct str value,
                 struct matcher *ret_matcher)
{
    *ret_matcher = (struct matcher){ type, str_copy(arena, name), str_copy(arena, value), NULL };
    if (type == MATCH_EQ || type == MATCH_NE)
        return NULL;
    if (value.length > PATTERN_MAX)
        return err_new(ERR_INVALID, "a regular expression of %zu bytes; at most %d are taken", value.length,
                       (int)PATTERN_MAX);
    if (!str_is_utf8(value) || (value.length && memchr(value.at, 0, value.length)))
        return err_new(ERR_INVALID, "a regular expression must be UTF-8 without NUL");
    struct regex *regex = arena_alloc(arena, sizeof(*regex));
    if (!as_words(arena, value, regex)) {
        arena_defer(arena, regex_free, regex);
        TRY(regex_check(value));
        TRY(compile(ret_matcher->value, regex));
    }
    ret_matcher->regex = regex;
    return NULL;
}

static bool pcre_matches(const struct regex *regex, struct str value)
{
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);

    if (!match)
        abort();
    int code =
        pcre2_match(regex->code, (PCRE2_SPTR)(value.at ? value.at : ""), value.length, 0, 0, match, regex->limits);
    pcre2_match_data_free(match);
    if (code < 0 && code != PCRE2_ERROR_NOMATCH)
        metric_add(&matcher_limit_hits_total, 1);
    return code >= 0;
}

static bool regex_matches(const struct regex *regex, struct str value)
{
    switch (regex->kind) {
    case REGEX_WORDS:
        for (size_t i = 0; i < regex->words.count; i++)
            if (str_eq(regex->words.at[i], value))
                return true;
        return false;
    case REGEX_PREFIX:
        return str_starts(value, regex->words.at[0]);
    case REGEX_SOME:
        return value.length > 0;
    case REGEX_PCRE:
        return pcre_matches(regex, value);
    }
    return false;
}

bool matcher_matches(const struct matcher *matcher, struct str value)
{
    switch (matcher->type) {
    case MATCH_EQ:
        return str_eq(matcher->value, value);
    case MATCH_NE:
        return !str_eq(matcher->value, value);
    case MATCH_RE:
        return regex_matches(matcher->regex, value);
    case MATCH_NRE:
        return !regex_matches(matcher->regex, value);
    }
    return false;
}

bool matcher_words(const struct matcher *matcher, const struct str **ret_words, size_t *ret_count)
{
    const struct regex *regex = matcher->regex;

    if (matcher->type == MATCH_EQ || matcher->type == MATCH_NE) {
        *ret_words = &matcher->value;
        *ret_count = 1;
        return true;
    }
    if (regex->kind != REGEX_WORDS)
        return false;
    *ret_words = regex->words.at;
    *ret_count = regex->words.count;
    return true;
}

bool matchers_match(const struct matcher *matchers, size_t count, struct labels labels)
{
    for (size_t i = 0; i < count; i++)
        if (!matcher_matches(&matchers[i], labels_get(labels, matchers[i].name)))
            return false;
    return true;
}

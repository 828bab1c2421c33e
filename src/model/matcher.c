/* matcher.c - label matchers: equality, and anchored regular expressions with match limits. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "model/labels.h"

#include <pcre2.h>

enum { MATCH_STEPS_MAX = 100000 };

struct regex {
    pcre2_code *code;
    pcre2_match_context *limits;
};

static void regex_free(void *object)
{
    struct regex *regex = object;

    pcre2_code_free(regex->code);
    pcre2_match_context_free(regex->limits);
}

err matcher_make(struct arena *arena, enum match_type type, struct str name, struct str value,
                 struct matcher *ret_matcher)
{
    struct regex *regex;
    PCRE2_SIZE at;
    int code;

    *ret_matcher = (struct matcher){ .type = type, .name = name, .value = value };
    if (type == MATCH_EQ || type == MATCH_NE)
        return NULL;
    regex = arena_alloc(arena, sizeof(*regex));
    regex->code = pcre2_compile((PCRE2_SPTR)value.at, value.length,
                                PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C |
                                    PCRE2_DOLLAR_ENDONLY | PCRE2_DOTALL,
                                &code, &at, NULL);
    if (!regex->code) {
        unsigned char text[128];
        pcre2_get_error_message(code, text, sizeof(text));
        return err_new(ERR_INVALID, "regular expression '%.*s': %s at offset %zu", STR_ARG(value), (char *)text, at);
    }
    regex->limits = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(regex->limits, MATCH_STEPS_MAX);
    arena_defer(arena, regex_free, regex);
    ret_matcher->regex = regex;
    return NULL;
}

static bool regex_matches(const struct regex *regex, struct str value)
{
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    int found =
        pcre2_match(regex->code, (PCRE2_SPTR)(value.length ? value.at : ""), value.length, 0, 0, data, regex->limits);

    pcre2_match_data_free(data);
    return found >= 0;
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
    default:
        return !regex_matches(matcher->regex, value);
    }
}

bool matchers_match(const struct matcher *matchers, size_t count, struct labels labels)
{
    for (size_t i = 0; i < count; i++)
        if (!matcher_matches(&matchers[i], labels_get(labels, matchers[i].name)))
            return false;
    return true;
}

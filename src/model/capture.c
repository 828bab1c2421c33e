/* capture.c - groups of regular expressions, and templates that they fill, on PCRE2. */
#include "model/capture.h"

#include "base/buf.h"
#include "model/labels.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

enum { PATTERN_MAX = 16 * 1024, STEPS_MAX = 100000, EXPANDED_MAX = 1 << 20 };

struct capture {
    pcre2_code *code;
    pcre2_match_context *limits;
    pcre2_match_data *match;
};

static void capture_free(void *object)
{
    struct capture *capture = object;

    pcre2_match_data_free(capture->match);
    pcre2_match_context_free(capture->limits);
    pcre2_code_free(capture->code);
}

static err compile(struct arena *arena, struct str pattern, uint32_t more, const struct capture **ret_capture)
{
    const uint32_t options =
        PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C | more;
    struct capture *capture = arena_alloc(arena, sizeof(*capture));
    unsigned char message[128];
    PCRE2_SIZE at;
    int code;

    if (pattern.length > PATTERN_MAX)
        return err_new(ERR_INVALID, "a regular expression of %zu bytes; at most %d are taken", pattern.length,
                       (int)PATTERN_MAX);
    TRY(regex_check(pattern));
    arena_defer(arena, capture_free, capture);
    capture->code =
        pcre2_compile((PCRE2_SPTR)(pattern.at ? pattern.at : ""), pattern.length, options, &code, &at, NULL);
    if (!capture->code) {
        pcre2_get_error_message(code, message, sizeof(message));
        return err_new(ERR_INVALID, "the regular expression '%.*s' is wrong at character %zu: %s",
                       STR_ARG(str_utf8_head(pattern, 200)), (size_t)at, (const char *)message);
    }
    pcre2_jit_compile(capture->code, PCRE2_JIT_COMPLETE);
    capture->limits = pcre2_match_context_create(NULL);
    capture->match = pcre2_match_data_create_from_pattern(capture->code, NULL);
    if (!capture->limits || !capture->match)
        abort();
    pcre2_set_match_limit(capture->limits, STEPS_MAX);
    pcre2_set_heap_limit(capture->limits, 1024);
    *ret_capture = capture;
    return NULL;
}

err capture_make(struct arena *arena, struct str pattern, const struct capture **ret_capture)
{
    return compile(arena, pattern, PCRE2_DOTALL | PCRE2_ANCHORED | PCRE2_ENDANCHORED, ret_capture);
}

err capture_make_anywhere(struct arena *arena, struct str pattern, const struct capture **ret_capture)
{
    return compile(arena, pattern, 0, ret_capture);
}

static bool is_name_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80);
}

/* take_reference - the name behind a dollar sign; false where there is none, and the sign stands for itself. */
static bool take_reference(struct str *rest, struct str *ret_name)
{
    bool brace = rest->length && rest->at[0] == '{';
    size_t from = brace, to = from;

    while (to < rest->length && is_name_byte(rest->at[to]))
        to++;
    if (to == from || (brace && (to == rest->length || rest->at[to] != '}')))
        return false;
    *ret_name = str_slice(*rest, from, to);
    *rest = str_slice(*rest, to + brace, rest->length);
    return true;
}

/* group_text - what a group holds, by number or by name; empty where it took no part, or isn't there. */
static struct str group_text(const struct capture *capture, struct str text, struct str name)
{
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(capture->match);
    uint32_t count = pcre2_get_ovector_count(capture->match), number = count;
    uint64_t written;
    char name_c[64];

    if (str_to_u64(name, &written) && (name.length == 1 || name.at[0] != '0')) {
        number = written < count ? (uint32_t)written : count;
    } else if (name.length < sizeof(name_c)) {
        for (size_t i = 0; i < name.length; i++)
            name_c[i] = name.at[i];
        name_c[name.length] = 0;
        int found = pcre2_substring_number_from_name(capture->code, (PCRE2_SPTR)name_c);
        number = found > 0 ? (uint32_t)found : count;
    }
    if (number >= count || ends[2 * number] == PCRE2_UNSET)
        return S("");
    return str_slice(text, ends[2 * number], ends[2 * number + 1]);
}

static bool matches(const struct capture *capture, struct str text, size_t from, uint32_t options)
{
    return pcre2_match(capture->code, (PCRE2_SPTR)(text.at ? text.at : ""), text.length, from, options, capture->match,
                       capture->limits) >= 0;
}

/* expand - the template, with what the last match found. */
static void expand(struct buf *out, const struct capture *capture, struct str text, struct str template)
{
    for (struct str rest = template, name; rest.length;) {
        struct str after;
        buf_add(out, str_cut(rest, '$', &after));
        if (!after.at)
            break;
        rest = after;
        if (rest.length && rest.at[0] == '$') {
            buf_add_c(out, '$');
            rest = str_slice(rest, 1, rest.length);
        } else if (take_reference(&rest, &name)) {
            buf_add(out, group_text(capture, text, name));
        } else {
            buf_add_c(out, '$');
        }
    }
}

bool capture_expand(const struct capture *capture, struct arena *arena, struct str text, struct str template,
                    struct str *ret_text)
{
    struct buf out CLEANUP(buf_clear) = { .max = EXPANDED_MAX };

    if (!matches(capture, text, 0, 0))
        return false;
    expand(&out, capture, text, template);
    *ret_text = str_copy(arena, buf_str(&out));
    return true;
}

bool capture_found(const struct capture *capture, struct str text)
{
    return matches(capture, text, 0, 0);
}

struct str capture_replace(const struct capture *capture, struct arena *arena, struct str text, struct str template)
{
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(capture->match);
    struct buf out CLEANUP(buf_clear) = { .max = EXPANDED_MAX };
    size_t done = 0, from = 0;

    while (from <= text.length && matches(capture, text, from, 0)) {
        bool empty = ends[0] == ends[1];
        if (ends[1] > done || ends[0] == 0) { /* an empty match right behind another is none */
            buf_add(&out, str_slice(text, done, ends[0]));
            expand(&out, capture, text, template);
            done = ends[1];
        }
        for (from = ends[1] + empty; from < text.length && (text.at[from] & 0xc0) == 0x80;)
            from++;
    }
    buf_add(&out, str_slice(text, done, text.length));
    return str_copy(arena, buf_str(&out));
}

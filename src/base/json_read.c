/* json_read.c - RFC 8259 text into a tree: strict, bounded, with places in its errors.
 *
 * DESIGN. One pass, recursive, at most JSON_DEPTH_MAX deep. Children of the containers that are still open wait on two
 * stacks; a container that closes copies its own into the arena, exactly as many as they are. Lines and columns are
 * counted only when something is wrong. Why no library: docs/adr/0401-json.md. */
#include "base/json.h"
#include "base/vec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct arena *arena;
    struct str text;
    size_t at;
    int depth;
    VEC(struct json *) items;
    VEC(struct json_member) members;
};

static err wrong_at(const struct reader *r, size_t at, const char *what)
{
    int line = 1, column = 1;

    for (size_t i = 0; i < at; i++) {
        if (r->text.at[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)r->text.at[i] & 0xC0) != 0x80) {
            column++;
        }
    }
    return err_new(ERR_INVALID, "JSON line %d, column %d: %s", line, column, what);
}

static err wrong(const struct reader *r, const char *what)
{
    return wrong_at(r, r->at, what);
}

/* peek - the byte that comes next; '\0' at the end, where r->at tells it from a NUL. */
static char peek(const struct reader *r)
{
    return r->at < r->text.length ? r->text.at[r->at] : '\0';
}

static void skip_space(struct reader *r)
{
    while (r->at < r->text.length) {
        char c = r->text.at[r->at];
        if (c != ' ' && c != '\n' && c != '\t' && c != '\r')
            return;
        r->at++;
    }
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool read_hex(struct reader *r, unsigned *ret_unit)
{
    *ret_unit = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        char c = peek(r);
        unsigned digit;
        if (is_digit(c))
            digit = (unsigned)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (unsigned)((c | 0x20) - 'a') + 10;
        else
            return false;
        *ret_unit = *ret_unit * 16 + digit;
    }
    return true;
}

static char *put_utf8(char *out, unsigned code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xC0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *out++ = (char)(0xE0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
        *out++ = (char)(0x80 | (code & 0x3F));
    } else {
        *out++ = (char)(0xF0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 0x3F));
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
        *out++ = (char)(0x80 | (code & 0x3F));
    }
    return out;
}

static err read_unicode(struct reader *r, char **out)
{
    unsigned code, low;

    if (!read_hex(r, &code))
        return wrong(r, "\\u needs four hexadecimal digits");
    if (code >= 0xDC00 && code <= 0xDFFF)
        return wrong(r, "half of a surrogate pair stands alone");
    if (code >= 0xD800 && code <= 0xDBFF) {
        if (!str_starts(str_slice(r->text, r->at, r->text.length), S("\\u")))
            return wrong(r, "half of a surrogate pair stands alone");
        r->at += 2;
        if (!read_hex(r, &low) || low < 0xDC00 || low > 0xDFFF)
            return wrong(r, "half of a surrogate pair stands alone");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    *out = put_utf8(*out, code);
    return NULL;
}

static err read_escape(struct reader *r, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = peek(r);

    if (c == 'u') {
        r->at++;
        return read_unicode(r, out);
    }
    const char *found = c ? strchr(from, c) : NULL;
    if (!found)
        return wrong(r, "no such escape; there are \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
    *(*out)++ = to[found - from];
    r->at++;
    return NULL;
}

/* read_string - the text between quotes; an escape is never shorter than what it stands for. */
static err read_string(struct reader *r, struct str *ret_string)
{
    size_t start = ++r->at, end = start;

    while (end < r->text.length && r->text.at[end] != '"')
        end += r->text.at[end] == '\\' ? 2 : 1;
    if (end >= r->text.length)
        return wrong_at(r, start - 1, "this string has no end");
    char *string = arena_alloc(r->arena, end - start + 1), *out = string;
    while (r->at < end) {
        char c = r->text.at[r->at];
        if ((unsigned char)c < 0x20)
            return wrong(r, "control characters in strings must be escaped");
        r->at++;
        if (c == '\\')
            TRY(read_escape(r, &out));
        else
            *out++ = c;
    }
    r->at = end + 1;
    *ret_string = (struct str){ string, (size_t)(out - string) };
    return NULL;
}

static bool skip_digits(struct reader *r)
{
    size_t first = r->at;

    while (is_digit(peek(r)))
        r->at++;
    return r->at > first;
}

static double to_double(struct str text)
{
    char small[64];
    char *copy = text.length < sizeof(small) ? small : malloc(text.length + 1);

    if (!copy)
        abort();
    memcpy(copy, text.at, text.length);
    copy[text.length] = 0;
    double value = strtod(copy, NULL);
    if (copy != small)
        free(copy);
    return value;
}

static err read_number(struct reader *r, struct json *ret_json)
{
    size_t start = r->at;
    bool whole = true;

    if (peek(r) == '-')
        r->at++;
    size_t first = r->at;
    if (!skip_digits(r))
        return wrong(r, "a digit must follow");
    if (r->text.at[first] == '0' && r->at > first + 1)
        return wrong_at(r, first, "numbers don't begin with a superfluous 0");
    if (peek(r) == '.') {
        r->at++;
        whole = false;
        if (!skip_digits(r))
            return wrong(r, "a digit must follow");
    }
    if (peek(r) == 'e' || peek(r) == 'E') {
        r->at++;
        whole = false;
        if (peek(r) == '+' || peek(r) == '-')
            r->at++;
        if (!skip_digits(r))
            return wrong(r, "a digit must follow");
    }
    struct str text = str_slice(r->text, start, r->at);
    ret_json->type = JSON_NUMBER;
    ret_json->number.is_integer = whole && !str_eq(text, S("-0")) && str_to_i64(text, &ret_json->number.integer);
    ret_json->number.value = ret_json->number.is_integer ? (double)ret_json->number.integer : to_double(text);
    return NULL;
}

static err read_value(struct reader *r, struct json **ret_json);

static err read_array(struct reader *r, struct json *ret_json)
{
    size_t base = r->items.count;

    ret_json->type = JSON_ARRAY;
    r->at++;
    skip_space(r);
    if (peek(r) != ']') {
        for (;;) {
            struct json *item;
            TRY(read_value(r, &item));
            *vec_push(&r->items, NULL) = item;
            skip_space(r);
            if (peek(r) != ',')
                break;
            r->at++;
            skip_space(r);
            if (peek(r) == ']')
                return wrong(r, "there is a comma before the closing ]");
        }
        if (peek(r) != ']')
            return wrong(r, r->at < r->text.length ? "a comma or ] must follow" : "the text ends inside an array");
    }
    r->at++;
    size_t count = r->items.count - base;
    ret_json->array.items = arena_array(r->arena, count, sizeof(struct json *));
    ret_json->array.count = count;
    if (count)
        memcpy(ret_json->array.items, r->items.at + base, count * sizeof(struct json *));
    r->items.count = base;
    return NULL;
}

static int by_key(const void *a, const void *b)
{
    const struct json_member *const *x = a, *const *y = b;

    return str_cmp((*x)->key, (*y)->key);
}

/* json_repeated_key - also for YAML. Small objects are compared by pairs, others sorted: n log n, whatever was sent. */
const struct json_member *json_repeated_key(const struct json_member *members, size_t count)
{
    const struct json_member *found = NULL;

    if (count <= 12) {
        for (size_t i = 1; i < count; i++)
            for (size_t j = 0; j < i; j++)
                if (str_eq(members[i].key, members[j].key))
                    return &members[i];
        return NULL;
    }
    const struct json_member **sorted = malloc(count * sizeof(*sorted));
    if (!sorted)
        abort();
    for (size_t i = 0; i < count; i++)
        sorted[i] = &members[i];
    qsort(sorted, count, sizeof(*sorted), by_key);
    for (size_t i = 1; i < count && !found; i++)
        if (str_eq(sorted[i - 1]->key, sorted[i]->key))
            found = sorted[i] > sorted[i - 1] ? sorted[i] : sorted[i - 1];
    free(sorted);
    return found;
}

static err read_member(struct reader *r)
{
    struct json_member member = { .line = (int)r->at }; /* its offset, as long as it lies on the stack */

    if (peek(r) != '"')
        return wrong(r, r->at >= r->text.length ? "the text ends inside an object"
                        : peek(r) == '}'        ? "there is a comma before the closing }"
                                                : "a key in double quotes must follow");
    TRY(read_string(r, &member.key));
    skip_space(r);
    if (peek(r) != ':')
        return wrong(r, "a colon must follow the key");
    r->at++;
    skip_space(r);
    TRY(read_value(r, &member.value));
    *vec_push(&r->members, NULL) = member;
    return NULL;
}

static err read_object(struct reader *r, struct json *ret_json)
{
    size_t base = r->members.count;

    ret_json->type = JSON_OBJECT;
    r->at++;
    skip_space(r);
    if (peek(r) != '}') {
        for (;;) {
            TRY(read_member(r));
            skip_space(r);
            if (peek(r) != ',')
                break;
            r->at++;
            skip_space(r);
        }
        if (peek(r) != '}')
            return wrong(r, r->at < r->text.length ? "a comma or } must follow" : "the text ends inside an object");
    }
    r->at++;
    size_t count = r->members.count - base;
    const struct json_member *repeated = count ? json_repeated_key(r->members.at + base, count) : NULL;
    if (repeated) {
        struct str what = str_printf(r->arena, "the key '%.*s' stands twice in this object",
                                     STR_ARG(str_utf8_head(repeated->key, 100)));
        return wrong_at(r, (size_t)repeated->line, what.at);
    }
    ret_json->object.members = arena_array(r->arena, count, sizeof(struct json_member));
    ret_json->object.count = count;
    if (count)
        memcpy(ret_json->object.members, r->members.at + base, count * sizeof(struct json_member));
    for (size_t i = 0; i < count; i++)
        ret_json->object.members[i].line = 0;
    r->members.count = base;
    return NULL;
}

static err read_word(struct reader *r, struct json *ret_json)
{
    static const struct {
        struct str word;
        struct json value;
    } words[] = {
        { { "true", 4 }, { .type = JSON_BOOL, .boolean = true } },
        { { "false", 5 }, { .type = JSON_BOOL, .boolean = false } },
        { { "null", 4 }, { .type = JSON_NULL } },
    };
    struct str rest = str_slice(r->text, r->at, r->text.length);

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_starts(rest, words[i].word)) {
            *ret_json = words[i].value;
            r->at += words[i].word.length;
            return NULL;
        }
    if (rest.length == 0)
        return wrong(r, "the text ends where a value should stand");
    if (str_starts(rest, S("NaN")) || str_starts(rest, S("Infinity")))
        return wrong(r, "NaN and Infinity are not JSON");
    if (str_starts(rest, S("//")) || str_starts(rest, S("/*")))
        return wrong(r, "comments are not JSON");
    if (rest.at[0] == '\'')
        return wrong(r, "strings stand in double quotes");
    return wrong(r, "this is no value: an object, array, string, number, true, false or null should stand here");
}

static err read_value(struct reader *r, struct json **ret_json)
{
    struct json *json = *ret_json = arena_alloc(r->arena, sizeof(*json));
    err e = NULL;

    TRY(arena_check(r->arena));
    switch (peek(r)) {
    case '{':
    case '[':
        if (r->depth == JSON_DEPTH_MAX)
            return wrong(r, "nested more than 64 levels deep");
        r->depth++;
        e = peek(r) == '{' ? read_object(r, json) : read_array(r, json);
        r->depth--;
        return e;
    case '"':
        json->type = JSON_STRING;
        return read_string(r, &json->string);
    case '-':
        if (str_starts(str_slice(r->text, r->at, r->text.length), S("-Infinity")))
            return wrong(r, "NaN and Infinity are not JSON");
        return read_number(r, json);
    default:
        return is_digit(peek(r)) ? read_number(r, json) : read_word(r, json);
    }
}

/* check_utf8 - of the whole text at once, so that nothing below has to ask. */
static err check_utf8(const struct reader *r)
{
    size_t at = 0, length;

    if (str_is_utf8(r->text))
        return NULL;
    while (at < r->text.length) {
        for (length = 1; length <= 4 && !str_is_utf8(str_slice(r->text, at, at + length)); length++)
            ;
        if (length > 4)
            break;
        at += length;
    }
    return wrong_at(r, at, "this byte is not UTF-8");
}

static err read_document(struct reader *r, const struct json **ret_json)
{
    struct json *json;

    TRY(check_utf8(r));
    if (str_starts(r->text, S("\xEF\xBB\xBF")))
        return wrong(r, "a byte order mark is not JSON");
    skip_space(r);
    TRY(read_value(r, &json));
    skip_space(r);
    if (r->at < r->text.length)
        return wrong(r, "something follows the end of the document");
    *ret_json = json;
    return NULL;
}

err json_parse(struct arena *arena, struct str text, const struct json **ret_json)
{
    struct reader r = { .arena = arena, .text = text };

    if (text.length > JSON_BYTES_MAX)
        return err_new(ERR_TOO_LARGE, "JSON of %zu bytes; at most %d are read", text.length, (int)JSON_BYTES_MAX);
    err e = read_document(&r, ret_json);
    vec_clear(&r.items);
    vec_clear(&r.members);
    return e;
}

const struct json *json_get(const struct json *json, struct str key)
{
    if (!json || json->type != JSON_OBJECT)
        return NULL;
    for (size_t i = 0; i < json->object.count; i++)
        if (str_eq(json->object.members[i].key, key))
            return json->object.members[i].value;
    return NULL;
}

struct str json_str_or(const struct json *json, struct str fallback)
{
    return json && json->type == JSON_STRING ? json->string : fallback;
}

double json_number_or(const struct json *json, double fallback)
{
    return json && json->type == JSON_NUMBER ? json->number.value : fallback;
}

int64_t json_i64_or(const struct json *json, int64_t fallback)
{
    if (!json || json->type != JSON_NUMBER)
        return fallback;
    if (json->number.is_integer)
        return json->number.integer;
    double value = json->number.value; /* 5.0 and 5e3 are integers as well, as far as doubles are exact */
    return fabs(value) <= 0x1p53 && value == trunc(value) ? (int64_t)value : fallback;
}

bool json_bool_or(const struct json *json, bool fallback)
{
    return json && json->type == JSON_BOOL ? json->boolean : fallback;
}

const char *json_type_name(enum json_type type)
{
    static const char *const names[] = { "null", "a bool", "a number", "a string", "an array", "an object" };

    return names[type];
}

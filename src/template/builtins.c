/* builtins.c - the functions that every Go template has. */
#include "template/template.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static err truth(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    (void)run, (void)count;
    *ret_value = args[0]; /* and, or of one value; more are worked out one by one, see run.c */
    return NULL;
}

static err not(struct template_run * run, const struct value *args, size_t count, struct value *ret_value)
{
    (void)run, (void)count;
    *ret_value = value_bool(!value_is_true(&args[0]));
    return NULL;
}

static err len(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    (void)run, (void)count;
    switch (args[0].kind) {
    case VALUE_TEXT:
        *ret_value = value_int((int64_t)args[0].text.length);
        return NULL;
    case VALUE_LIST:
        *ret_value = value_int((int64_t)args[0].list->items.count);
        return NULL;
    case VALUE_MAP:
        *ret_value = value_int((int64_t)args[0].map->entries.count);
        return NULL;
    default:
        return err_new(ERR_RANGE, "len of type %s", value_kind_name(args[0].kind));
    }
}

static err index_one(const struct value *of, const struct value *at, struct value *ret_value)
{
    if (of->kind == VALUE_MAP && at->kind == VALUE_TEXT) {
        const struct value *entry = value_get(of, at->text);
        *ret_value = entry ? *entry : value_text(S(""));
        return NULL;
    }
    if (of->kind == VALUE_LIST && at->kind == VALUE_INT) {
        if (at->integer < 0 || (size_t)at->integer >= of->list->items.count)
            return err_new(ERR_RANGE, "index out of range: %lld", (long long)at->integer);
        *ret_value = of->list->items.at[at->integer];
        return NULL;
    }
    return err_new(ERR_RANGE, "can't index a %s with a %s", value_kind_name(of->kind), value_kind_name(at->kind));
}

static err index_of(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    (void)run;
    *ret_value = args[0];
    for (size_t i = 1; i < count; i++) {
        struct value of = *ret_value;
        TRY(index_one(&of, &args[i], ret_value));
    }
    return NULL;
}

static err slice(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    size_t length = args[0].kind == VALUE_TEXT ? args[0].text.length : 0, bounds[2] = { 0, length };

    (void)run;
    if (args[0].kind != VALUE_TEXT)
        return err_new(ERR_RANGE, "can't slice a %s", value_kind_name(args[0].kind));
    for (size_t i = 1; i < count; i++) {
        if (args[i].kind != VALUE_INT || args[i].integer < 0 || (size_t)args[i].integer > length)
            return err_new(ERR_RANGE, "slice bounds out of range");
        bounds[i - 1] = (size_t)args[i].integer;
    }
    if (bounds[0] > bounds[1])
        return err_new(ERR_RANGE, "slice bounds out of range");
    *ret_value = value_text(str_slice(args[0].text, bounds[0], bounds[1]));
    return NULL;
}

/* ---- printing ---- */

static err join(struct template_run *run, const struct value *args, size_t count, bool line, struct value *ret_value)
{
    struct buf out CLEANUP(buf_clear) = { .max = TEMPLATE_TEXT_MAX };

    for (size_t i = 0; i < count; i++) {
        /* Go's Print puts a blank between two operands when neither is a string; Println always. */
        if (i && (line || (args[i].kind != VALUE_TEXT && args[i - 1].kind != VALUE_TEXT)))
            buf_add_c(&out, ' ');
        value_add(&out, &args[i]);
    }
    if (line)
        buf_add_c(&out, '\n');
    return template_give(run, &out, ret_value);
}

static err print(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    return join(run, args, count, false, ret_value);
}

static err println(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    return join(run, args, count, true, ret_value);
}

struct verb {
    char flags[8];        /* - + # 0 and blank */
    int width, precision; /* -1: not given */
    char letter;
};

static void add_quoted(struct buf *out, struct str text)
{
    buf_add_c(out, '"');
    for (size_t i = 0; i < text.length; i++) {
        char c = text.at[i];
        if (c == '"' || c == '\\')
            buf_addf(out, "\\%c", c);
        else if (c == '\n')
            buf_add(out, S("\\n"));
        else if (c == '\t')
            buf_add(out, S("\\t"));
        else if (c == '\r')
            buf_add(out, S("\\r"));
        else if ((unsigned char)c < 0x20 || c == 0x7f)
            buf_addf(out, "\\x%02x", c);
        else
            buf_add_c(out, c);
    }
    buf_add_c(out, '"');
}

/* Go's complaint about an argument that the verb is not for. */
static void add_wrong(struct buf *out, char letter, const struct value *value)
{
    buf_addf(out, "%%!%c(%s=", letter, value_kind_name(value->kind));
    value_add(out, value);
    buf_add_c(out, ')');
}

static size_t characters(struct str text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.length; i++)
        count += (text.at[i] & 0xc0) != 0x80;
    return count;
}

static void pad(struct buf *out, const struct verb *verb, struct str text)
{
    size_t have = characters(text), want = verb->width > 0 ? (size_t)verb->width : 0;
    bool left = strchr(verb->flags, '-') != NULL;

    if (left)
        buf_add(out, text);
    for (; have < want; have++)
        buf_add_c(out, ' ');
    if (!left)
        buf_add(out, text);
}

static struct str head_characters(struct str text, int most)
{
    size_t end = 0;

    if (most < 0)
        return text;
    for (int seen = 0; end < text.length; end++)
        if ((text.at[end] & 0xc0) != 0x80 && seen++ == most)
            break;
    return str_slice(text, 0, end);
}

/* add_digits - the bare number, by C's own printing. */
static void add_digits(struct buf *out, const struct verb *verb, const struct value *value)
{
    long long integer = (long long)value->integer;
    int precision = verb->precision;

    switch (verb->letter) {
    case 'd':
        buf_addf(out, "%lld", integer);
        break;
    case 'x':
        buf_addf(out, "%llx", integer);
        break;
    case 'X':
        buf_addf(out, "%llX", integer);
        break;
    case 'o':
        buf_addf(out, "%llo", integer);
        break;
    case 'c':
        buf_addf(out, "%c", (int)integer);
        break;
    case 'e':
        buf_addf(out, "%.*e", precision < 0 ? 6 : precision, value->number);
        break;
    case 'E':
        buf_addf(out, "%.*E", precision < 0 ? 6 : precision, value->number);
        break;
    case 'f':
    case 'F':
        buf_addf(out, "%.*f", precision < 0 ? 6 : precision, value->number);
        break;
    default:
        if (precision < 0)
            value_add(out, value);
        else
            buf_addf(out, "%.*g", precision, value->number);
    }
}

static void add_number(struct buf *out, const struct verb *verb, const struct value *value)
{
    struct buf digits CLEANUP(buf_clear) = { .max = 2048 };
    struct buf text CLEANUP(buf_clear) = { .max = 4096 };

    add_digits(&digits, verb, value);
    struct str number = buf_str(&digits);
    if (str_starts(number, S("-"))) {
        buf_add_c(&text, '-');
        number = str_slice(number, 1, number.length);
    } else if (strchr(verb->flags, '+')) {
        buf_add_c(&text, '+');
    } else if (strchr(verb->flags, ' ')) {
        buf_add_c(&text, ' ');
    }
    if (strchr(verb->flags, '0') && !strchr(verb->flags, '-'))
        for (size_t have = text.length + number.length; (int)have < verb->width; have++)
            buf_add_c(&text, '0');
    buf_add(&text, number);
    pad(out, verb, buf_str(&text));
}

static void add_verb(struct buf *out, const struct verb *verb, const struct value *value)
{
    struct buf text CLEANUP(buf_clear) = { .max = TEMPLATE_TEXT_MAX };

    switch (verb->letter) {
    case 'v':
        value_add(&text, value);
        break;
    case 's':
        if (value->kind == VALUE_INT || value->kind == VALUE_FLOAT || value->kind == VALUE_BOOL)
            add_wrong(&text, 's', value);
        else
            value_add(&text, value);
        break;
    case 'q':
        if (value->kind == VALUE_TEXT)
            add_quoted(&text, value->text);
        else
            add_wrong(&text, 'q', value);
        break;
    case 't':
        if (value->kind == VALUE_BOOL)
            value_add(&text, value);
        else
            add_wrong(&text, 't', value);
        break;
    case 'T':
        buf_add(&text, str_of(value_kind_name(value->kind)));
        break;
    case 'c':
    case 'd':
    case 'x':
    case 'X':
    case 'o':
        if (value->kind == VALUE_INT) {
            add_number(out, verb, value);
            return;
        }
        add_wrong(&text, verb->letter, value);
        break;
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
        if (value->kind == VALUE_FLOAT) {
            add_number(out, verb, value);
            return;
        }
        add_wrong(&text, verb->letter, value);
        break;
    default:
        add_wrong(&text, verb->letter, value);
    }
    pad(out, verb, head_characters(buf_str(&text), strchr("sq", verb->letter) ? verb->precision : -1));
}

static int take_digits(struct str text, size_t *at)
{
    int number = 0;

    for (; *at < text.length && isdigit((unsigned char)text.at[*at]); ++*at)
        if (number < 1000)
            number = number * 10 + text.at[*at] - '0';
    return number;
}

static struct verb take_verb(struct str format, size_t *at)
{
    struct verb verb = { .width = -1, .precision = -1 };
    size_t flags = 0;

    while (*at < format.length && format.at[*at] && strchr("-+ #0", format.at[*at])) {
        if (flags + 1 < sizeof(verb.flags))
            verb.flags[flags++] = format.at[*at];
        ++*at;
    }
    if (*at < format.length && isdigit((unsigned char)format.at[*at]))
        verb.width = take_digits(format, at);
    if (*at < format.length && format.at[*at] == '.') {
        ++*at;
        verb.precision = take_digits(format, at);
    }
    verb.letter = *at < format.length ? format.at[(*at)++] : '!';
    return verb;
}

static err print_format(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    struct buf out CLEANUP(buf_clear) = { .max = TEMPLATE_TEXT_MAX };
    struct str format = args[0].text;
    size_t next = 1;

    if (args[0].kind != VALUE_TEXT)
        return err_new(ERR_RANGE, "wrong type for format: %s", value_kind_name(args[0].kind));
    for (size_t at = 0; at < format.length;) {
        if (format.at[at] != '%') {
            buf_add_c(&out, format.at[at++]);
            continue;
        }
        at++;
        struct verb verb = take_verb(format, &at);
        if (verb.letter == '%')
            buf_add_c(&out, '%');
        else if (next >= count)
            buf_addf(&out, "%%!%c(MISSING)", verb.letter);
        else
            add_verb(&out, &verb, &args[next++]);
    }
    if (next < count) {
        buf_add(&out, S("%!(EXTRA "));
        for (size_t i = next; i < count; i++) {
            buf_addf(&out, "%s%s=", i == next ? "" : ", ", value_kind_name(args[i].kind));
            value_add(&out, &args[i]);
        }
        buf_add_c(&out, ')');
    }
    return template_give(run, &out, ret_value);
}

/* ---- escaping ---- */

static struct str all_text(struct template_run *run, const struct value *args, size_t count)
{
    struct value text = value_text(S(""));

    err_free(join(run, args, count, false, &text));
    return text.text;
}

static err html(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    struct buf out CLEANUP(buf_clear) = { .max = TEMPLATE_TEXT_MAX };
    struct str text = all_text(run, args, count);

    for (size_t i = 0; i < text.length; i++) {
        switch (text.at[i]) {
        case '<':
            buf_add(&out, S("&lt;"));
            break;
        case '>':
            buf_add(&out, S("&gt;"));
            break;
        case '&':
            buf_add(&out, S("&amp;"));
            break;
        case '"':
            buf_add(&out, S("&#34;"));
            break;
        case '\'':
            buf_add(&out, S("&#39;"));
            break;
        default:
            buf_add_c(&out, text.at[i]);
        }
    }
    return template_give(run, &out, ret_value);
}

static err js(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    struct buf out CLEANUP(buf_clear) = { .max = TEMPLATE_TEXT_MAX };
    struct str text = all_text(run, args, count);

    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c == '\\' || c == '\'' || c == '"')
            buf_addf(&out, "\\%c", c);
        else if (c < 0x20 || strchr("<>&=", c))
            buf_addf(&out, "\\u%04X", c);
        else
            buf_add_c(&out, (char)c);
    }
    return template_give(run, &out, ret_value);
}

static err urlquery(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    struct buf out CLEANUP(buf_clear) = { .max = TEMPLATE_TEXT_MAX };
    struct str text = all_text(run, args, count);

    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c == ' ')
            buf_add_c(&out, '+');
        else if (isalnum(c) || strchr("-_.~", c))
            buf_add_c(&out, (char)c);
        else
            buf_addf(&out, "%%%02X", c);
    }
    return template_give(run, &out, ret_value);
}

/* ---- comparing ---- */

static err order_of(const struct value *a, const struct value *b, int *ret_order)
{
    if (!value_compare(a, b, ret_order))
        return err_new(ERR_RANGE, "incompatible types for comparison: %s and %s", value_kind_name(a->kind),
                       value_kind_name(b->kind));
    return NULL;
}

static err eq(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)
{
    int order = 1;

    (void)run;
    for (size_t i = 1; i < count && order != 0; i++)
        TRY(order_of(&args[0], &args[i], &order));
    *ret_value = value_bool(order == 0);
    return NULL;
}

#define COMPARISON(name, holds)                                                                                        \
    static err name(struct template_run *run, const struct value *args, size_t count, struct value *ret_value)         \
    {                                                                                                                  \
        int order;                                                                                                     \
        (void)run, (void)count;                                                                                        \
        TRY(order_of(&args[0], &args[1], &order));                                                                     \
        *ret_value = value_bool(holds);                                                                                \
        return NULL;                                                                                                   \
    }
COMPARISON(ne, order != 0)
COMPARISON(lt, order == -1)
COMPARISON(le, order == -1 || order == 0)
COMPARISON(gt, order == 1)
COMPARISON(ge, order == 1 || order == 0)

const struct template_function template_builtins[] = {
    { "and", 1, -1, truth },
    { "or", 1, -1, truth },
    { "not", 1, 1, not },
    { "len", 1, 1, len },
    { "index", 1, -1, index_of },
    { "slice", 1, 3, slice },
    { "print", 0, -1, print },
    { "printf", 1, -1, print_format },
    { "println", 0, -1, println },
    { "html", 0, -1, html },
    { "js", 0, -1, js },
    { "urlquery", 0, -1, urlquery },
    { "urlQueryEscape", 1, 1, urlquery }, /* as Prometheus calls it */
    { "eq", 2, -1, eq },
    { "ne", 2, 2, ne },
    { "lt", 2, 2, lt },
    { "le", 2, 2, le },
    { "gt", 2, 2, gt },
    { "ge", 2, 2, ge },
    { NULL, 0, 0, NULL },
};

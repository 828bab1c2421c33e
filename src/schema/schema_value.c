/* schema_value.c - one value into one slot, by the type of its field. */
#include "schema/parse.h"

#include "base/time.h"
#include "schema/config.h"
#include "schema/yaml.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a value_parse needs at hand. */
struct value {
    struct parse *parse;
    const struct field *field;
    const struct json *json;
    const struct place *place;
};

static void wrong(const struct value *v, const char *format, ...) PRINTF_LIKE(2, 3);
static void wrong(const struct value *v, const char *format, ...)
{
    char what[512];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    faults_add(&v->parse->faults, ERR_RANGE, v->place, v->place, v->json->line, v->json->column, "%s", what);
}

/* shown - a value as it stood there, short enough for a message. Secrets are never shown. */
static const char *shown(const struct value *v)
{
    struct arena *arena = v->parse->options->arena;
    struct buf text CLEANUP(buf_clear) = { 0 };

    if (v->field->flags & F_SECRET)
        return "this";
    buf_init(&text, 256);
    switch (v->json->type) {
    case JSON_STRING: {
        struct str head = str_utf8_head(v->json->string, 60);
        buf_addf(&text, "'%.*s%s'", STR_ARG(str_utf8_scrub(arena, head)),
                 head.length < v->json->string.length ? "..." : "");
        break;
    }
    case JSON_NUMBER:
        if (v->json->number.text)
            buf_add(&text, str_slice(str_of(v->json->number.text), 0, 60));
        else if (v->json->number.is_integer)
            buf_add_i64(&text, v->json->number.integer);
        else
            buf_add_double(&text, v->json->number.value);
        break;
    case JSON_BOOL:
        buf_add(&text, v->json->boolean ? S("true") : S("false"));
        break;
    default:
        buf_add(&text, str_of(json_type_name(v->json->type)));
    }
    return str_c(arena, buf_str(&text));
}

static void wrong_type(const struct value *v, const char *wanted)
{
    if (v->parse->text && v->json->type == JSON_STRING)
        wrong(v, "%s is not %s", shown(v), wanted);
    else
        wrong(v, "must be %s, not %s", wanted, json_type_name(v->json->type));
}

/* Bounds: both 0 is none; a maximum below the minimum is none either, so that .min alone says "at least". */
static bool has_min(const struct field *field)
{
    return field->min != 0 || field->max != 0;
}

static bool has_max(const struct field *field)
{
    return has_min(field) && field->max >= field->min;
}

static void add_bound(struct buf *out, const struct field *field, double bound)
{
    if (field->type == FIELD_DURATION)
        duration_add(out, (struct duration){ (int64_t)bound });
    else if (field->type == FIELD_SIZE && bound >= 1024)
        size_add(out, bound);
    else
        buf_add_double(out, bound);
}

static bool in_bounds(const struct value *v, double number, const char *of)
{
    const struct field *field = v->field;
    struct buf range CLEANUP(buf_clear) = { 0 };

    if ((!has_min(field) || number >= field->min) && (!has_max(field) || number <= field->max))
        return true;
    buf_init(&range, 256);
    buf_add(&range, has_max(field) ? S("") : S("at least "));
    add_bound(&range, field, field->min);
    if (has_max(field)) {
        buf_add(&range, S(" to "));
        add_bound(&range, field, field->max);
    }
    if (of)
        wrong(v, "%s; it has %.0f, allowed are %s", of, number, buf_c(&range));
    else
        wrong(v, "%s is out of range; allowed is %s", shown(v), buf_c(&range));
    return false;
}

/* scalar_text - the text of a value for a string field: a string, or in files any plain scalar as it was written. */
static bool scalar_text(const struct value *v, const struct json *json, struct str *ret_text)
{
    switch (json->type) {
    case JSON_STRING:
        *ret_text = json->string;
        return true;
    case JSON_NUMBER:
        *ret_text = str_of(json->number.text);
        return json->number.text != NULL;
    case JSON_BOOL:
        *ret_text = json->boolean ? S("true") : S("false");
        return v->parse->options->file != NULL;
    default:
        return false;
    }
}

/* text_parse - with the checks that all strings have; secrets of files are fetched from where they lie. */
static bool text_parse(const struct value *v, struct str *ret_text)
{
    struct arena *arena = v->parse->options->arena;

    if (!scalar_text(v, v->json, ret_text)) {
        wrong_type(v, "a string");
        return false;
    }
    if (ret_text->length && memchr(ret_text->at, 0, ret_text->length)) {
        wrong(v, "holds a NUL character");
        return false;
    }
    if ((v->field->flags & F_SECRET) && v->parse->options->file) {
        err e CLEANUP(err_freep) = secret_resolve(arena, *ret_text, ret_text);
        if (e) {
            wrong(v, "%s", err_message(e));
            return false;
        }
    }
    *ret_text = str_copy(arena, *ret_text);
    return true;
}

static void string_parse(const struct value *v, struct str *slot)
{
    struct str text;

    if (text_parse(v, &text) && in_bounds(v, (double)text.length, "the length in bytes is out of range"))
        *slot = text;
}

static void bool_parse(const struct value *v, bool *slot)
{
    if (v->json->type == JSON_BOOL)
        *slot = v->json->boolean;
    else
        wrong_type(v, "true or false");
}

static void int_parse(const struct value *v, int64_t *slot)
{
    const struct json *json = v->json;

    if (json->type != JSON_NUMBER) {
        wrong_type(v, "an integer");
        return;
    }
    int64_t value = json_i64_or(json, INT64_MIN);
    if (value == INT64_MIN && json->number.is_integer && !(v->field->flags & F_NULLABLE))
        *slot = value;
    else if (value == INT64_MIN && fabs(json->number.value) < 0x1p53)
        wrong(v, "%s is not an integer", shown(v));
    else if (value == INT64_MIN)
        wrong(v, "%s is out of range for an integer of 64 bits", shown(v));
    else if (in_bounds(v, (double)value, NULL))
        *slot = value;
}

static bool nonfinite_parse(struct str text, double *ret_value)
{
    if (str_eq(text, S("NaN")))
        *ret_value = NAN;
    else if (str_eq(text, S("+Inf")) || str_eq(text, S("Inf")))
        *ret_value = INFINITY;
    else if (str_eq(text, S("-Inf")))
        *ret_value = -INFINITY;
    else
        return false;
    return true;
}

static void double_parse(const struct value *v, double *slot)
{
    const struct json *json = v->json;

    if ((v->field->flags & F_NONFINITE) && json->type == JSON_STRING && nonfinite_parse(json->string, slot))
        return;
    if (json->type != JSON_NUMBER)
        wrong_type(v, "a number");
    else if (!isfinite(json->number.value))
        wrong(v, "is out of range for a number");
    else if (in_bounds(v, json->number.value, NULL))
        *slot = json->number.value;
}

static void duration_parse_value(const struct value *v, struct duration *slot)
{
    const struct json *json = v->json;
    struct duration duration = { 0 };

    bool is_zero = json->type == JSON_NUMBER && json->number.is_integer && json->number.integer == 0;
    if (!is_zero && !(json->type == JSON_STRING && duration_parse(json->string, &duration)))
        wrong(v, "%s is not a duration such as 500ms, 30s, 5m", shown(v));
    else if (in_bounds(v, (double)duration.ms, NULL))
        *slot = duration;
}

static void size_parse_value(const struct value *v, int64_t *slot)
{
    const struct json *json = v->json;
    int64_t bytes = -1;

    if (json->type == JSON_NUMBER)
        bytes = json_i64_or(json, -1);
    else if (json->type == JSON_STRING && !size_parse(json->string, &bytes))
        bytes = -1;
    if (bytes < 0)
        wrong(v, "%s is not a size such as 512, 64MB, 1GiB", shown(v));
    else if (in_bounds(v, (double)bytes, NULL))
        *slot = bytes;
}

static void time_parse_value(const struct value *v, int64_t *slot)
{
    const struct json *json = v->json;
    struct buf text CLEANUP(buf_clear) = { 0 };

    buf_init(&text, 64);
    if (json->type == JSON_NUMBER)
        buf_add_double(&text, json->number.value);
    struct str written = json->type == JSON_STRING ? json->string : buf_str(&text);
    if (!time_parse(written, slot))
        wrong(v, "%s is not a time such as 2026-11-22T10:45:57Z, or seconds since 1970", shown(v));
}

static const char *next_word(const void *arg, size_t index)
{
    return ((const char *const *)arg)[index];
}

/* An empty word holds a place in the list that cannot be written. */
static int word_index(const struct field *field, struct str text)
{
    for (int i = 0; text.length && field->words[i]; i++)
        if (str_eq(str_of(field->words[i]), text))
            return i;
    return -1;
}

static void enum_parse(const struct value *v, int *slot)
{
    struct buf words CLEANUP(buf_clear) = { 0 };
    struct str text;

    if (!scalar_text(v, v->json, &text)) {
        wrong_type(v, "a string");
        return;
    }
    *slot = word_index(v->field, text);
    if (*slot >= 0)
        return;
    buf_init(&words, 512);
    for (const char *const *word = v->field->words; *word; word++)
        if (**word)
            buf_addf(&words, "%s%s", words.length ? ", " : "", *word);
    const char *meant = nearest_word(text, next_word, v->field->words);
    wrong(v, meant ? "%s is none of %s; did you mean '%s'?" : "%s is none of %s", shown(v), buf_c(&words), meant);
}

static void strings_parse(const struct value *v, struct any_vec *slot)
{
    struct arena *arena = v->parse->options->arena;
    VEC(struct str) strings = { 0 };

    if (v->json->type != JSON_ARRAY) {
        wrong_type(v, "a list of strings");
        return;
    }
    if (!in_bounds(v, (double)v->json->array.count, "the length of the list is out of range"))
        return;
    for (size_t i = 0; i < v->json->array.count; i++) {
        struct place place = { v->place, { NULL, 0 }, i };
        struct value item = { v->parse, v->field, v->json->array.items[i], &place };
        struct str text;
        if (text_parse(&item, &text))
            *vec_push(&strings, arena) = text;
    }
    *slot = (struct any_vec){ strings.at, strings.count, strings.room };
}

static void pairs_parse(const struct value *v, struct any_vec *slot)
{
    struct arena *arena = v->parse->options->arena;
    VEC(struct pair) pairs = { 0 };

    if (v->json->type != JSON_OBJECT) {
        wrong_type(v, "an object of strings");
        return;
    }
    if (!in_bounds(v, (double)v->json->object.count, "the number of members is out of range"))
        return;
    for (size_t i = 0; i < v->json->object.count; i++) {
        const struct json_member *member = &v->json->object.members[i];
        struct place place = { v->place, member->key, 0 };
        struct value item = { v->parse, v->field, member->value, &place };
        struct str text;
        if (text_parse(&item, &text))
            *vec_push(&pairs, arena) = (struct pair){ str_copy(arena, member->key), text };
    }
    *slot = (struct any_vec){ pairs.at, pairs.count, pairs.room };
}

static void list_parse(const struct value *v, struct any_vec *slot)
{
    const struct schema *schema = v->field->schema;
    struct arena *arena = v->parse->options->arena;

    if (v->json->type != JSON_ARRAY) {
        wrong_type(v, "a list");
        return;
    }
    size_t count = v->json->array.count;
    if (!in_bounds(v, (double)count, "the length of the list is out of range"))
        return;
    *slot = (struct any_vec){ arena_array(arena, count, schema->size), count, count };
    for (size_t i = 0; i < count; i++) {
        struct place place = { v->place, { NULL, 0 }, i };
        object_parse(v->parse, schema, v->json->array.items[i], &place, (char *)slot->at + i * schema->size);
    }
}

static void optional_parse(const struct value *v, void **slot)
{
    void *object = arena_alloc(v->parse->options->arena, v->field->schema->size);

    object_parse(v->parse, v->field->schema, v->json, v->place, object);
    *slot = object;
}

void value_parse(struct parse *parse, const struct field *field, const struct json *json, const struct place *place,
                 void *slot)
{
    struct value v = { parse, field, json, place };

    switch (field->type) {
    case FIELD_END:
        break;
    case FIELD_STRING:
        string_parse(&v, slot);
        break;
    case FIELD_BOOL:
        bool_parse(&v, slot);
        break;
    case FIELD_INT:
        int_parse(&v, slot);
        break;
    case FIELD_DOUBLE:
        double_parse(&v, slot);
        break;
    case FIELD_DURATION:
        duration_parse_value(&v, slot);
        break;
    case FIELD_SIZE:
        size_parse_value(&v, slot);
        break;
    case FIELD_TIME:
        time_parse_value(&v, slot);
        break;
    case FIELD_ENUM:
        enum_parse(&v, slot);
        break;
    case FIELD_STRINGS:
        strings_parse(&v, slot);
        break;
    case FIELD_STRUCT:
        object_parse(parse, field->schema, json, place, slot);
        break;
    case FIELD_OPTIONAL:
        optional_parse(&v, slot);
        break;
    case FIELD_LIST:
        list_parse(&v, slot);
        break;
    case FIELD_PAIRS:
        pairs_parse(&v, slot);
        break;
    case FIELD_ANY:
        *(const struct json **)slot = json;
        break;
    }
}

static struct json *json_of_yaml(struct arena *arena, struct str text)
{
    const struct json *json;
    err e CLEANUP(err_freep) = yaml_parse(arena, text, "default", &json);

    return e ? NULL : (struct json *)(uintptr_t)json;
}

struct json *value_of_text(struct arena *arena, const struct field *field, struct str text)
{
    struct json *json = arena_alloc(arena, sizeof(*json));
    const struct json *number;
    err e CLEANUP(err_freep) = NULL;

    *json = (struct json){ .type = JSON_STRING, .string = text };
    switch (field ? field->type : FIELD_STRING) {
    case FIELD_BOOL:
        if (str_eq(text, S("true")) || str_eq(text, S("1")))
            *json = (struct json){ .type = JSON_BOOL, .boolean = true };
        else if (str_eq(text, S("false")) || str_eq(text, S("0")))
            *json = (struct json){ .type = JSON_BOOL, .boolean = false };
        break;
    case FIELD_INT:
    case FIELD_DOUBLE:
    case FIELD_SIZE:
        e = json_parse(arena, text, &number);
        if (!e && number->type == JSON_NUMBER)
            *json = *number;
        break;
    default:
        break;
    }
    return json;
}

/* default_parse - a default is read as a configuration file's value is. A wrong one is a bug in a table. */
static void default_parse(struct arena *arena, const struct field *field, void *slot)
{
    struct schema_options options = { .arena = arena };
    struct parse parse = { .options = &options, .faults = { .arena = arena }, .text = true };
    struct place place = { NULL, str_of(field->name), 0 };
    struct json *json;

    switch (field->type) {
    case FIELD_STRINGS:
    case FIELD_STRUCT:
    case FIELD_OPTIONAL:
    case FIELD_LIST:
    case FIELD_PAIRS:
    case FIELD_ANY:
        json = json_of_yaml(arena, str_of(field->def));
        break;
    default:
        json = value_of_text(arena, field, str_of(field->def));
    }
    if (json)
        value_parse(&parse, field, json, &place, slot);
    if (!json || parse.faults.list.count) {
        fprintf(stderr, "bug: the default of %s: %s\n", field->name,
                json ? parse.faults.list.at[0].message : field->def);
        abort();
    }
}

void value_default(struct arena *arena, const struct field *field, void *slot)
{
    if (field->def) {
        default_parse(arena, field, slot);
        return;
    }
    if (field->type == FIELD_STRUCT)
        schema_defaults(arena, field->schema, slot);
    if (field->type == FIELD_STRING && !(field->flags & F_NULLABLE))
        *(struct str *)slot = S("");
    if (!(field->flags & F_NULLABLE))
        return;
    if (field->type == FIELD_INT || field->type == FIELD_SIZE)
        *(int64_t *)slot = INT64_MIN;
    if (field->type == FIELD_DOUBLE)
        *(double *)slot = NAN;
    if (field->type == FIELD_ENUM)
        *(int *)slot = -1;
}

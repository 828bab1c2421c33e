/* schema_encode.c - structs as JSON. */
#include "schema/parse.h"

#include <math.h>
#include <string.h>

static const struct str redacted = { "<secret>", 8 };

/* url_password - where it stands in scheme://user:password@host; false where there is none. */
static bool url_password(struct str text, size_t *ret_from, size_t *ret_to)
{
    const char *end = text.at + text.length, *colon = NULL, *at = NULL;
    const char *user = text.length ? memmem(text.at, text.length, "://", 3) : NULL;

    if (!user)
        return false;
    for (const char *c = user += 3; c < end && !strchr("/?#", *c); c++) {
        if (*c == ':' && !colon)
            colon = c;
        if (*c == '@')
            at = c;
    }
    if (!colon || !at || colon > at)
        return false;
    *ret_from = (size_t)(colon + 1 - text.at);
    *ret_to = (size_t)(at - text.at);
    return true;
}

static void encode_str(struct json_writer *w, const struct field *field, struct str text, bool redact)
{
    struct buf cut CLEANUP(buf_clear) = { .max = SIZE_MAX / 2 };
    size_t from, to;

    if (redact && (field->flags & F_SECRET) && text.length) {
        text = redacted;
    } else if (redact && url_password(text, &from, &to)) {
        buf_add(&cut, str_slice(text, 0, from));
        buf_add(&cut, redacted);
        buf_add(&cut, str_slice(text, to, text.length));
        text = buf_str(&cut);
    }
    json_add_str(w, text);
}

static void encode_duration(struct json_writer *w, struct duration duration)
{
    struct buf text CLEANUP(buf_clear) = { 0 };

    buf_init(&text, 128);
    duration_add(&text, duration);
    json_add_str(w, buf_str(&text));
}

static void encode_double(struct json_writer *w, const struct field *field, double value)
{
    if (isfinite(value) || !(field->flags & F_NONFINITE))
        json_add_double(w, value);
    else
        json_add_str(w, isnan(value) ? S("NaN") : value > 0 ? S("+Inf") : S("-Inf"));
}

static void encode_strings(struct json_writer *w, const struct field *field, const struct any_vec *vec, bool redact)
{
    const struct str *strings = vec->at;

    json_begin_array(w);
    for (size_t i = 0; i < vec->count; i++)
        encode_str(w, field, strings[i], redact);
    json_end_array(w);
}

static void encode_pairs(struct json_writer *w, const struct field *field, const struct any_vec *vec, bool redact)
{
    const struct pair *pairs = vec->at;

    json_begin_object(w);
    for (size_t i = 0; i < vec->count; i++) {
        json_key(w, pairs[i].key);
        encode_str(w, field, pairs[i].value, redact);
    }
    json_end_object(w);
}

static void encode_list(struct json_writer *w, const struct schema *schema, const struct any_vec *vec, bool redact)
{
    json_begin_array(w);
    for (size_t i = 0; i < vec->count; i++)
        schema_encode(w, schema, (const char *)vec->at + i * schema->size, redact);
    json_end_array(w);
}

/* is_unset - the value that stands for "absent or null" (schema.h lists them). */
static bool is_unset(const struct field *field, const void *slot)
{
    if (field->type == FIELD_OPTIONAL || field->type == FIELD_ANY)
        return !*(void *const *)slot;
    if (!(field->flags & F_NULLABLE))
        return false;
    switch (field->type) {
    case FIELD_STRING:
        return !((const struct str *)slot)->at;
    case FIELD_INT:
    case FIELD_SIZE:
        return *(const int64_t *)slot == INT64_MIN;
    case FIELD_TIME:
        return *(const int64_t *)slot == 0;
    case FIELD_DURATION:
        return ((const struct duration *)slot)->ms == 0;
    case FIELD_DOUBLE:
        return isnan(*(const double *)slot);
    case FIELD_ENUM:
        return *(const int *)slot < 0;
    default:
        return false;
    }
}

static void encode_value(struct json_writer *w, const struct field *field, const void *slot, bool redact)
{
    switch (field->type) {
    case FIELD_END:
        break;
    case FIELD_STRING:
        encode_str(w, field, *(const struct str *)slot, redact);
        break;
    case FIELD_BOOL:
        json_add_bool(w, *(const bool *)slot);
        break;
    case FIELD_INT:
    case FIELD_SIZE:
        json_add_i64(w, *(const int64_t *)slot);
        break;
    case FIELD_DOUBLE:
        encode_double(w, field, *(const double *)slot);
        break;
    case FIELD_DURATION:
        encode_duration(w, *(const struct duration *)slot);
        break;
    case FIELD_TIME:
        json_add_time(w, *(const int64_t *)slot);
        break;
    case FIELD_ENUM:
        json_add_str(w, str_of(field->words[*(const int *)slot]));
        break;
    case FIELD_STRINGS:
        encode_strings(w, field, slot, redact);
        break;
    case FIELD_STRUCT:
        schema_encode(w, field->schema, slot, redact);
        break;
    case FIELD_OPTIONAL:
        schema_encode(w, field->schema, *(void *const *)slot, redact);
        break;
    case FIELD_LIST:
        encode_list(w, field->schema, slot, redact);
        break;
    case FIELD_PAIRS:
        encode_pairs(w, field, slot, redact);
        break;
    case FIELD_ANY:
        if (redact && (field->flags & F_SECRET))
            json_add_str(w, redacted);
        else
            json_add_tree(w, *(const struct json *const *)slot);
        break;
    }
}

void schema_encode(struct json_writer *w, const struct schema *schema, const void *object, bool redact)
{
    json_begin_object(w);
    for (const struct field *field = schema->fields; field->type != FIELD_END; field++) {
        const void *slot = field_slot(field, object);
        bool unset = is_unset(field, slot);
        if (unset && (field->flags & F_OMIT))
            continue;
        json_key(w, str_of(field->name));
        if (unset)
            json_add_null(w);
        else
            encode_value(w, field, slot, redact);
    }
    json_end_object(w);
}

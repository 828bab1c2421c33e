/* json_write.c - JSON as a stream into a buf. */
#include "base/json.h"
#include "base/time.h"

#include <math.h>

struct json_writer json_writer(struct buf *out)
{
    return (struct json_writer){ .out = out };
}

static void before_value(struct json_writer *w)
{
    if (w->comma)
        buf_add_c(w->out, ',');
    w->comma = true;
}

void json_begin_object(struct json_writer *w)
{
    before_value(w);
    buf_add_c(w->out, '{');
    w->comma = false;
}

void json_end_object(struct json_writer *w)
{
    buf_add_c(w->out, '}');
    w->comma = true;
}

void json_begin_array(struct json_writer *w)
{
    before_value(w);
    buf_add_c(w->out, '[');
    w->comma = false;
}

void json_end_array(struct json_writer *w)
{
    buf_add_c(w->out, ']');
    w->comma = true;
}

static void write_escaped(struct buf *out, struct str text)
{
    size_t plain = 0;

    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
            continue;
        buf_add(out, str_slice(text, plain, i));
        plain = i + 1;
        switch (c) {
        case '"':
        case '\\':
            buf_addf(out, "\\%c", c);
            break;
        case '\n':
            buf_add(out, S("\\n"));
            break;
        case '\r':
            buf_add(out, S("\\r"));
            break;
        case '\t':
            buf_add(out, S("\\t"));
            break;
        default:
            buf_addf(out, "\\u%04x", c);
        }
    }
    buf_add(out, str_slice(text, plain, text.length));
}

static void write_string(struct buf *out, struct str text)
{
    buf_add_c(out, '"');
    if (str_is_utf8(text)) {
        write_escaped(out, text);
    } else {
        struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
        write_escaped(out, str_utf8_scrub(arena, text));
    }
    buf_add_c(out, '"');
}

void json_key(struct json_writer *w, struct str key)
{
    before_value(w);
    write_string(w->out, key);
    buf_add_c(w->out, ':');
    w->comma = false;
}

void json_add_str(struct json_writer *w, struct str value)
{
    before_value(w);
    write_string(w->out, value);
}

void json_add_i64(struct json_writer *w, int64_t value)
{
    before_value(w);
    buf_add_i64(w->out, value);
}

void json_add_double(struct json_writer *w, double value)
{
    before_value(w);
    if (isfinite(value))
        buf_add_double(w->out, value);
    else
        buf_add(w->out, S("null"));
}

void json_add_bool(struct json_writer *w, bool value)
{
    before_value(w);
    buf_add(w->out, value ? S("true") : S("false"));
}

void json_add_null(struct json_writer *w)
{
    before_value(w);
    buf_add(w->out, S("null"));
}

void json_add_time(struct json_writer *w, int64_t time_ms)
{
    before_value(w);
    buf_add_c(w->out, '"');
    time_add_rfc3339(w->out, time_ms);
    buf_add_c(w->out, '"');
}

void json_add_raw(struct json_writer *w, struct str json)
{
    before_value(w);
    buf_add(w->out, json);
}

void json_add_tree(struct json_writer *w, const struct json *json)
{
    switch (json->type) {
    case JSON_NULL:
        json_add_null(w);
        break;
    case JSON_BOOL:
        json_add_bool(w, json->boolean);
        break;
    case JSON_NUMBER:
        if (json->number.is_integer)
            json_add_i64(w, json->number.integer);
        else
            json_add_double(w, json->number.value);
        break;
    case JSON_STRING:
        json_add_str(w, json->string);
        break;
    case JSON_ARRAY:
        json_begin_array(w);
        for (size_t i = 0; i < json->array.count; i++)
            json_add_tree(w, json->array.items[i]);
        json_end_array(w);
        break;
    case JSON_OBJECT:
        json_begin_object(w);
        for (size_t i = 0; i < json->object.count; i++) {
            json_key(w, json->object.members[i].key);
            json_add_tree(w, json->object.members[i].value);
        }
        json_end_object(w);
        break;
    }
}

void json_put_str(struct json_writer *w, struct str key, struct str value)
{
    json_key(w, key);
    json_add_str(w, value);
}

void json_put_i64(struct json_writer *w, struct str key, int64_t value)
{
    json_key(w, key);
    json_add_i64(w, value);
}

void json_put_double(struct json_writer *w, struct str key, double value)
{
    json_key(w, key);
    json_add_double(w, value);
}

void json_put_bool(struct json_writer *w, struct str key, bool value)
{
    json_key(w, key);
    json_add_bool(w, value);
}

void json_put_time(struct json_writer *w, struct str key, int64_t time_ms)
{
    json_key(w, key);
    json_add_time(w, time_ms);
}

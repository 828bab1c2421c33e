/* otlp_attribute.c - attributes in protobuf: any value as the text of a label. */
#include "ingest/otlp_attribute.h"
#include "ingest/protobuf.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define BYTES(number)   PROTOBUF_KEY(number, WIRE_BYTES)
#define VARINT(number)  PROTOBUF_KEY(number, WIRE_VARINT)
#define FIXED64(number) PROTOBUF_KEY(number, WIRE_FIXED64)
#define KEY(field)      PROTOBUF_KEY((field).number, (field).wire)

/* any_json - an AnyValue within a list or a map. */
static err any_json(struct arena *arena, struct str message, int depth, struct json_writer *w);

static err base64(struct arena *arena, struct str bytes, struct str *ret_text)
{
    size_t length = (bytes.length + 2) / 3 * 4;
    char *text;

    if (bytes.length > 1 << 20)
        return err_new(ERR_TOO_LARGE, "an attribute of %zu bytes", bytes.length);
    text = arena_alloc(arena, length + 1);
    EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)bytes.at, (int)bytes.length);
    *ret_text = (struct str){ text, length };
    return NULL;
}

static err key_value(struct str message, struct str *ret_key, struct str *ret_value)
{
    struct protobuf in = protobuf_of(message);

    *ret_key = *ret_value = S("");
    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        if (KEY(field) == BYTES(1))
            *ret_key = field.bytes;
        else if (KEY(field) == BYTES(2))
            *ret_value = field.bytes;
    }
    return protobuf_check(&in, "KeyValue");
}

static int by_key(const void *a, const void *b)
{
    return str_cmp(((const struct label *)a)->name, ((const struct label *)b)->name);
}

/* map_json - a KeyValueList, sorted by key: the same attributes are the same label however they were sent. */
static err map_json(struct arena *arena, struct str message, int depth, struct json_writer *w)
{
    struct protobuf in = protobuf_of(message);
    VEC(struct label) members = { 0 };

    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        if (KEY(field) != BYTES(1))
            continue;
        struct label *member = vec_push(&members, arena);
        TRY(key_value(field.bytes, &member->name, &member->value));
        TRY(arena_check(arena));
    }
    TRY(protobuf_check(&in, "KeyValueList"));
    if (members.count)
        qsort(members.at, members.count, sizeof(*members.at), by_key);
    json_begin_object(w);
    for (size_t i = 0; i < members.count; i++) {
        json_key(w, members.at[i].name);
        TRY(any_json(arena, members.at[i].value, depth + 1, w));
    }
    json_end_object(w);
    return NULL;
}

static err list_json(struct arena *arena, struct str message, bool map, int depth, struct json_writer *w)
{
    struct protobuf in = protobuf_of(message);

    if (depth == OTLP_DEPTH_MAX)
        return err_new(ERR_INVALID, "an attribute is nested more than %d deep", OTLP_DEPTH_MAX);
    if (map)
        return map_json(arena, message, depth, w);
    json_begin_array(w);
    for (struct protobuf_field field; protobuf_next(&in, &field);)
        if (KEY(field) == BYTES(1))
            TRY(any_json(arena, field.bytes, depth + 1, w));
    json_end_array(w);
    return protobuf_check(&in, "ArrayValue");
}

static err any_json(struct arena *arena, struct str message, int depth, struct json_writer *w)
{
    struct protobuf in = protobuf_of(message);
    struct str text;
    bool found = false;

    for (struct protobuf_field field; !found && protobuf_next(&in, &field);) {
        found = true;
        switch (KEY(field)) {
        case BYTES(1):
            json_add_str(w, field.bytes);
            break;
        case VARINT(2):
            json_add_bool(w, field.integer != 0);
            break;
        case VARINT(3):
            json_add_i64(w, (int64_t)field.integer);
            break;
        case FIXED64(4):
            json_add_raw(w, otlp_double_text(arena, protobuf_double(field.integer)));
            break;
        case BYTES(5):
        case BYTES(6):
            TRY(list_json(arena, field.bytes, field.number == 6, depth, w));
            break;
        case BYTES(7):
            TRY(base64(arena, field.bytes, &text));
            json_add_str(w, text);
            break;
        default:
            found = false;
        }
    }
    if (!found)
        json_add_null(w);
    return protobuf_check(&in, "AnyValue");
}

/* any_text - an AnyValue as the value of a label. */
static err any_text(struct arena *arena, struct str message, struct str *ret_text)
{
    struct protobuf in = protobuf_of(message);

    *ret_text = S("");
    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        switch (KEY(field)) {
        case BYTES(1):
            *ret_text = field.bytes;
            break;
        case VARINT(2):
            *ret_text = field.integer ? S("true") : S("false");
            break;
        case VARINT(3):
            *ret_text = str_printf(arena, "%lld", (long long)field.integer);
            break;
        case FIXED64(4):
            *ret_text = otlp_double_text(arena, protobuf_double(field.integer));
            break;
        case BYTES(5):
        case BYTES(6): {
            struct buf json CLEANUP(buf_clear) = { 0 };
            buf_init(&json, 1 << 20);
            struct json_writer w = json_writer(&json);
            TRY(list_json(arena, field.bytes, field.number == 6, 0, &w));
            TRY(buf_check(&json));
            *ret_text = str_copy(arena, buf_str(&json));
            break;
        }
        case BYTES(7):
            TRY(base64(arena, field.bytes, ret_text));
            break;
        }
    }
    return protobuf_check(&in, "AnyValue");
}

err otlp_attribute(struct arena *arena, struct str message, struct otlp_attributes *attributes)
{
    struct str key, value, text;

    TRY(arena_check(arena));
    TRY(key_value(message, &key, &value));
    TRY(any_text(arena, value, &text));
    *vec_push(attributes, arena) = (struct label){ key, text };
    return NULL;
}

/* json_fuzz.c - any bytes as JSON: refused, or a tree whose text reads back as itself. */
#include "base/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void write(struct buf *out, const struct json *json)
{
    struct json_writer w = json_writer(out);

    json_add_tree(&w, json);
}

static bool has_infinity(const struct json *json)
{
    bool found = json->type == JSON_NUMBER && __builtin_isinf(json->number.value);

    for (size_t i = 0; json->type == JSON_ARRAY && i < json->array.count; i++)
        found |= has_infinity(json->array.items[i]);
    for (size_t i = 0; json->type == JSON_OBJECT && i < json->object.count; i++)
        found |= has_infinity(json->object.members[i].value);
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(16 << 20);
    struct buf once CLEANUP(buf_clear) = { .max = 64 << 20 }, twice CLEANUP(buf_clear) = { .max = 64 << 20 };
    const struct json *json, *again;
    err e CLEANUP(err_freep) = json_parse(arena, (struct str){ (const char *)bytes, length }, &json);

    if (e || has_infinity(json)) /* which no JSON can spell */
        return 0;
    write(&once, json);
    e = json_parse(arena, buf_str(&once), &again);
    if (e && err_kind(e) == ERR_TOO_LARGE)
        return 0;
    if (e)
        abort();
    write(&twice, again);
    if (!str_eq(buf_str(&once), buf_str(&twice)))
        abort();
    return 0;
}

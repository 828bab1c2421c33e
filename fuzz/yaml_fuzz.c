/* yaml_fuzz.c - any bytes as YAML: refused with a place, or a tree that can be walked. */
#include "schema/yaml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(64 << 20);
    struct buf text CLEANUP(buf_clear) = { .max = 256 << 20 };
    const struct json *json, *again;
    err e CLEANUP(err_freep) = yaml_parse(arena, (struct str){ (const char *)bytes, length }, "x.yml", &json);

    if (e) {
        if (!str_starts(str_of(err_message(e)), S("x.yml:")) && err_kind(e) != ERR_TOO_LARGE)
            abort();
        return 0;
    }
    struct json_writer w = json_writer(&text);
    json_add_tree(&w, json);
    e = json_parse(arena, buf_str(&text), &again);
    if (e && err_kind(e) != ERR_TOO_LARGE) /* whatever YAML held, its tree is JSON */
        abort();
    return 0;
}

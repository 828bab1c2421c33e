/* redis_info_fuzz.c - the parser of INFO. */
#include "redis/info.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct arena *arena = arena_new(64 << 20);
    struct redis_info info;
    err e = redis_info_parse(arena, (struct str){ (const char *)bytes, length }, &info);

    if (!e) {
        const struct redis_info *copy = redis_info_copy(arena, &info);
        if (copy->pair_count != info.pair_count || copy->used_memory != info.used_memory)
            __builtin_trap();
    }
    err_free(e);
    arena_free(arena);
    return 0;
}

/* resp_fuzz.c - any bytes as a Redis' reply, in pieces. */
#include "base/lang.h"
#include "net/resp.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static size_t count(const struct resp *resp)
{
    size_t sum = 1 + resp->text.length;

    for (size_t i = 0; resp->type == RESP_ARRAY && i < resp->count; i++)
        sum += count(resp->items[i]);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct resp_reader *reader = resp_reader_new();
    size_t cut = length ? bytes[0] % length : 0;
    struct str parts[] = { { (const char *)bytes, cut }, { (const char *)bytes + cut, length - cut } };

    resp_reader_begin(reader, arena, 1000);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        const struct resp *reply;
        err e = resp_reader_feed(reader, parts[i], &reply);
        bool end = e || reply;
        if (reply && count(reply) == 0)
            __builtin_trap();
        err_free(e);
        if (end)
            break;
    }
    resp_reader_free(reader);
    return 0;
}

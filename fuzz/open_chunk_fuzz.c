/* open_chunk_fuzz.c - any bytes as an open chunk; and any bytes as samples, which come back as they were. */
#include <stdlib.h>
#include <string.h>

#include "tsdb/open_chunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void decode(const uint8_t *bytes, size_t length)
{
    struct columns columns CLEANUP(columns_clear) = { 0 };
    size_t count = 1 + bytes[0];
    int64_t first_ms;

    memcpy(&first_ms, bytes + 1, sizeof(first_ms));
    err e = open_decode((struct str){ (const char *)bytes + 9, length - 9 }, first_ms, count, &columns);
    if (columns.count != (e ? 0 : count))
        __builtin_trap();
    for (size_t i = 1; i < columns.count; i++)
        if (columns.times[i - 1] >= columns.times[i])
            __builtin_trap();
    err_free(e);
}

/* Nine bytes a sample: what kind of step and start, and how the value moves. */
static void round_trip(const uint8_t *bytes, size_t length)
{
    struct columns given CLEANUP(columns_clear) = { 0 }, back CLEANUP(columns_clear) = { 0 };
    struct buf packed CLEANUP(buf_clear) = { 0 };
    struct open_chunk chunk = { .last_ms = INT64_MIN };
    struct pieces pieces;
    int64_t time_ms = -1000, start_ms = 0;
    double value = 0;

    pieces_init(&pieces);
    for (; length >= 9 && given.count < OPEN_SAMPLES_MAX; bytes += 9, length -= 9) {
        uint64_t word, bits;
        memcpy(&word, bytes + 1, sizeof(word));
        time_ms += bytes[0] & 1 ? 15000 : 1 + (int64_t)(word >> (bytes[0] >> 2 & 63) & ((int64_t)1 << 54));
        if (bytes[0] & 2)
            start_ms = (int64_t)word;
        if (bytes[0] & 128)
            memcpy(&value, &word, sizeof(value));
        else
            value = (double)(int16_t)word / (word >> 20 & 3 ? 100 : 1);
        columns_push(&given, time_ms, start_ms, value, NULL);
        memcpy(&bits, &value, sizeof(bits));
        open_append(&chunk, &pieces, time_ms, start_ms, bits);
    }
    buf_init(&packed, 1 << 20);
    pieces_load(&pieces, chunk.first_piece, 0, open_bytes(&chunk), &packed);
    err e = open_decode(buf_str(&packed), chunk.first_ms, chunk.count, &back);
    bool same = !e && back.count == given.count;
    for (size_t i = 0; same && i < given.count; i++)
        same = back.times[i] == given.times[i] && memcmp(&back.values[i], &given.values[i], sizeof(double)) == 0 &&
               (back.starts ? back.starts[i] : 0) == (given.starts ? given.starts[i] : 0);
    if (!same)
        __builtin_trap();
    pieces_clear(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length < 10)
        return 0;
    decode(bytes, length);
    round_trip(bytes, length);
    return 0;
}

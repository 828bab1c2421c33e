/* chunk_fuzz.c - any bytes as a chunk; and any bytes as samples, which come back as they were. */
#include "tsdb/chunk.h"
#include "tsdb/tier.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void decode(const uint8_t *bytes, size_t length)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct columns columns CLEANUP(columns_clear) = { 0 };
    struct str text = { (const char *)bytes, length };
    struct chunk_head head;
    err peeked = chunk_peek(text, &head);
    err decoded = chunk_decode(text, arena, &columns);

    if ((peeked && !decoded) || (!decoded && columns.count != head.count))
        __builtin_trap();
    struct tier_fold rows = { .arena = arena };
    err_free(tier_decode(text, &rows));
    err_free(peeked);
    err_free(decoded);
}

static void round_trip(const uint8_t *bytes, size_t length)
{
    int64_t times[CHUNK_SAMPLES_MAX];
    double values[CHUNK_SAMPLES_MAX];
    struct columns columns CLEANUP(columns_clear) = { 0 };
    struct buf packed CLEANUP(buf_clear) = { 0 };
    struct samples samples = { .times = times, .values = values };
    int64_t time = 0;

    buf_init(&packed, 1 << 20);
    for (; length >= 4 && samples.count < CHUNK_SAMPLES_MAX; samples.count++) {
        size_t step = bytes[0] % 4, wide = bytes[1] % 9 <= length - 4 ? bytes[1] % 9 : 0;
        uint64_t bits = 0;
        time += step ? 1 + bytes[2] : 15000;
        memcpy(&bits, bytes + 4, wide);
        double value = (double)(int64_t)bits / (bytes[1] & 128 ? 100 : 1);
        if (bytes[1] & 64)
            memcpy(&value, &bits, sizeof(value));
        times[samples.count] = time;
        values[samples.count] = value;
        bytes += 4 + wide;
        length -= 4 + wide;
    }
    if (samples.count == 0)
        return;
    chunk_encode(&packed, &samples);
    err e = chunk_decode(buf_str(&packed), NULL, &columns);
    if (e || columns.count != samples.count || memcmp(times, columns.times, samples.count * sizeof(*times)) ||
        memcmp(values, columns.values, samples.count * sizeof(*values)))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length == 0)
        return 0;
    uint8_t *rest = malloc(length); /* exact, so that a step beyond the end is seen */
    memcpy(rest, bytes, length);
    if (bytes[0] & 1)
        round_trip(rest + 1, length - 1);
    else
        decode(rest + 1, length - 1);
    free(rest);
    return 0;
}

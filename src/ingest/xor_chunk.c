/* xor_chunk.c - samples in the chunk encoding that Prometheus streams: Pelkonen et al., "Gorilla", VLDB 2015, section
 * 4.1, with Prometheus' buckets for deltas of deltas (tsdb/docs/format/chunks.md). */
#include "ingest/remote_read.h"

#include <string.h>

struct bits {
    struct buf *out;
    unsigned filled; /* bits of the last byte that are used; 0: there is none open */
};

static void put_bits(struct bits *bits, uint64_t value, unsigned count)
{
    while (count--) {
        if (bits->filled == 0)
            buf_add_c(bits->out, 0);
        if (bits->out->failed)
            return;
        if (value >> count & 1)
            bits->out->at[bits->out->length - 1] |= (char)(0x80 >> bits->filled);
        bits->filled = (bits->filled + 1) & 7;
    }
}

static void put_uvarint(struct bits *bits, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        put_bits(bits, (value & 0x7f) | 0x80, 8);
    put_bits(bits, value, 8);
}

/* put_time - the change of the delta, in the smallest of five sizes. */
static void put_time(struct bits *bits, int64_t change)
{
    static const struct {
        unsigned width, prefix, prefix_bits;
    } sizes[] = { { 14, 2, 2 }, { 17, 6, 3 }, { 20, 14, 4 } };

    if (change == 0) {
        put_bits(bits, 0, 1);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        int64_t half = INT64_C(1) << (sizes[i].width - 1);
        if (change >= 1 - half && change <= half) {
            put_bits(bits, sizes[i].prefix, sizes[i].prefix_bits);
            put_bits(bits, (uint64_t)change, sizes[i].width);
            return;
        }
    }
    put_bits(bits, 15, 4);
    put_bits(bits, (uint64_t)change, 64);
}

struct window {
    unsigned leading, trailing;
    bool open;
};

static void put_value(struct bits *bits, struct window *window, uint64_t changed)
{
    if (changed == 0) {
        put_bits(bits, 0, 1);
        return;
    }
    unsigned leading = (unsigned)__builtin_clzll(changed), trailing = (unsigned)__builtin_ctzll(changed);
    if (leading > 31)
        leading = 31; /* five bits hold no more */
    put_bits(bits, 1, 1);
    if (window->open && leading >= window->leading && trailing >= window->trailing) {
        put_bits(bits, 0, 1);
        put_bits(bits, changed >> window->trailing, 64 - window->leading - window->trailing);
        return;
    }
    *window = (struct window){ leading, trailing, true };
    unsigned significant = 64 - leading - trailing;
    put_bits(bits, 1, 1);
    put_bits(bits, leading, 5);
    put_bits(bits, significant & 63, 6); /* 64 is written as 0 */
    put_bits(bits, changed >> trailing, significant);
}

static uint64_t bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

void xor_chunk(struct buf *out, const int64_t *times, const double *values, size_t count)
{
    struct bits bits = { .out = out };
    struct window window = { 0 };
    uint64_t delta = 0;

    put_bits(&bits, count, 16);
    for (size_t i = 0; i < count; i++) {
        if (i == 0) {
            put_uvarint(&bits, (uint64_t)times[0] << 1 ^ (uint64_t)(times[0] >> 63));
            put_bits(&bits, bits_of(values[0]), 64);
            continue;
        }
        uint64_t now = (uint64_t)times[i] - (uint64_t)times[i - 1];
        if (i == 1)
            put_uvarint(&bits, now);
        else
            put_time(&bits, (int64_t)(now - delta));
        delta = now;
        put_value(&bits, &window, bits_of(values[i]) ^ bits_of(values[i - 1]));
    }
}

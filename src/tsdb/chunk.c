/* chunk.c - samples to bytes and back. Format: docs/format/chunk.md. */
#include "tsdb/chunk.h"

#include "tsdb/chunk_histogram.h"
#include "tsdb/pack.h"

/* The first byte: a version, and what follows the times. */
enum { KIND_MASK = 0xf0, KIND_VERSION = 0x10, KIND_STARTS = 1, KIND_HISTOGRAMS = 2 };

static bool any_start(const struct samples *samples)
{
    for (size_t i = 0; samples->starts && i < samples->count; i++)
        if (samples->starts[i])
            return true;
    return false;
}

static bool any_histogram(const struct samples *samples)
{
    for (size_t i = 0; samples->histograms && i < samples->count; i++)
        if (samples->histograms[i])
            return true;
    return false;
}

static void put_body(struct buf *out, const struct samples *samples, unsigned kind)
{
    int64_t offsets[CHUNK_SAMPLES_MAX];
    size_t count = samples->count;

    put_varint(out, count);
    put_signed(out, samples->times[0]);
    put_varint(out, (uint64_t)samples->times[count - 1] - (uint64_t)samples->times[0]);
    for (size_t i = 0; i < count; i++)
        offsets[i] = (int64_t)((uint64_t)samples->times[i] - (uint64_t)samples->times[0]);
    pack_ints(out, offsets, count);
    if (kind & KIND_STARTS)
        pack_ints(out, samples->starts, count);
    if (kind & KIND_HISTOGRAMS)
        put_histograms(out, samples);
    else
        pack_doubles(out, samples->values, count);
}

void chunk_encode(struct buf *out, const struct samples *samples)
{
    unsigned kind =
        KIND_VERSION | (any_start(samples) ? KIND_STARTS : 0) | (any_histogram(samples) ? KIND_HISTOGRAMS : 0);
    unsigned char length[10];
    size_t length_bytes = 0;

    buf_add_c(out, (char)kind);
    size_t body = out->length;
    put_body(out, samples, kind);
    if (out->failed)
        return;
    size_t bytes = out->length - body;
    for (size_t rest = bytes; rest > 0 || length_bytes == 0; rest >>= 7)
        length[length_bytes++] = (unsigned char)(rest & 127) | (rest > 127 ? 128 : 0);
    if (!buf_reserve(out, length_bytes))
        return;
    memmove(out->at + body + length_bytes, out->at + body, bytes);
    memcpy(out->at + body, length, length_bytes);
    out->length += length_bytes;
}

/* The head, and the reading set to what follows it, ending at the end of the chunk. */
static bool take_head(struct reading *in, unsigned *ret_kind, struct chunk_head *ret_head)
{
    const unsigned char *from = in->at;
    unsigned kind = take_byte(in);
    uint64_t length = take_varint(in);

    if (in->failed || (kind & KIND_MASK) != KIND_VERSION || kind & 12 || length > reading_left(in) ||
        length > UINT32_MAX / 2)
        return false;
    in->end = in->at + length;
    uint64_t count = take_varint(in);
    int64_t first = take_signed(in);
    uint64_t span = take_varint(in);
    if (in->failed || count == 0 || count > CHUNK_SAMPLES_MAX || span > (uint64_t)INT64_MAX - (uint64_t)first)
        return false;
    *ret_kind = kind;
    *ret_head = (struct chunk_head){
        .bytes = (uint32_t)(in->end - from),
        .count = (uint32_t)count,
        .first_ms = first,
        .last_ms = (int64_t)((uint64_t)first + span),
        .histograms = kind & KIND_HISTOGRAMS,
    };
    return true;
}

err chunk_peek(struct str bytes, struct chunk_head *ret_head)
{
    struct reading in = reading_of(bytes);
    unsigned kind;

    return take_head(&in, &kind, ret_head) ? NULL : err_new(ERR_CORRUPT, "no chunk begins here");
}

/* Strictly rising from the first to the last time that the head states. */
static bool times_fit(const int64_t *times, const struct chunk_head *head)
{
    bool rising = times[0] == head->first_ms && times[head->count - 1] == head->last_ms;

    for (size_t i = 1; i < head->count; i++)
        rising &= times[i] > times[i - 1];
    return rising;
}

err chunk_decode(struct str bytes, struct arena *arena, struct columns *columns)
{
    struct reading in = reading_of(bytes);
    struct chunk_head head;
    unsigned kind;

    if (!take_head(&in, &kind, &head))
        return err_new(ERR_CORRUPT, "no chunk begins at byte 0");
    columns_reserve(columns, head.count);
    size_t at = columns->count, count = head.count;
    unpack_ints(&in, columns->times + at, count);
    if (in.failed)
        return err_new(ERR_CORRUPT, "the times before byte %td of the chunk make no sense",
                       in.at - (const unsigned char *)bytes.at);
    for (size_t i = 0; i < count; i++)
        columns->times[at + i] = (int64_t)((uint64_t)columns->times[at + i] + (uint64_t)head.first_ms);
    if (kind & KIND_STARTS) {
        columns_need_starts(columns);
        unpack_ints(&in, columns->starts + at, count);
    } else if (columns->starts) {
        memset(columns->starts + at, 0, count * sizeof(*columns->starts));
    }
    if (kind & KIND_HISTOGRAMS) {
        columns_need_histograms(columns);
        take_histograms(&in, arena, count, columns->histograms + at, columns->values + at);
    } else {
        unpack_doubles(&in, columns->values + at, count);
        if (columns->histograms)
            memset(columns->histograms + at, 0, count * sizeof(*columns->histograms));
    }
    if (in.failed || in.at != in.end || !times_fit(columns->times + at, &head))
        return err_new(ERR_CORRUPT, "the samples before byte %td of the chunk make no sense",
                       in.at - (const unsigned char *)bytes.at);
    columns->count += count;
    return NULL;
}

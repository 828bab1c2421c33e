/* chunk.c - samples to bytes and back. Format: docs/format/chunk.md. */
#include "tsdb/chunk.h"

#include "tsdb/chunk_frame.h"
#include "tsdb/chunk_histogram.h"
#include "tsdb/pack.h"

/* What follows the times. */
enum { KIND_STARTS = 1, KIND_HISTOGRAMS = 2, KIND_KNOWN = FRAME_SAMPLES | KIND_STARTS | KIND_HISTOGRAMS };

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

void chunk_encode(struct buf *out, const struct samples *samples)
{
    unsigned kind =
        FRAME_SAMPLES | (any_start(samples) ? KIND_STARTS : 0) | (any_histogram(samples) ? KIND_HISTOGRAMS : 0);
    int64_t offsets[CHUNK_SAMPLES_MAX];
    size_t count = samples->count;
    size_t place = frame_begin(out, kind, count, samples->times[0], samples->times[count - 1]);

    for (size_t i = 0; i < count; i++)
        offsets[i] = (int64_t)((uint64_t)samples->times[i] - (uint64_t)samples->times[0]);
    pack_ints(out, offsets, count);
    if (kind & KIND_STARTS)
        pack_ints(out, samples->starts, count);
    if (kind & KIND_HISTOGRAMS)
        put_histograms(out, samples);
    else
        pack_doubles(out, samples->values, count);
    frame_end(out, place);
}

err chunk_peek(struct str bytes, struct chunk_head *ret_head)
{
    struct reading in = reading_of(bytes);
    unsigned kind;

    if (!frame_take(&in, &kind, ret_head))
        return err_new(ERR_CORRUPT, "no chunk begins here");
    ret_head->histograms = (kind & FRAME_MASK) == FRAME_SAMPLES && kind & KIND_HISTOGRAMS;
    return NULL;
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

    if (!frame_take(&in, &kind, &head) || (kind & FRAME_MASK) != FRAME_SAMPLES || kind & ~KIND_KNOWN)
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

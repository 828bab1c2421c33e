/* wal_batch.c - one request as a record of the log. Format: docs/format/wal.md.
 *
 * Built while a request is read, so what is cheap decides: a sample is one byte that says what differs from the sample
 * before it, those differences, and the upper bytes of the value as far as they are not zero. */
#include "model/histogram.h"
#include "tsdb/wal_record.h"

#include <string.h>

enum { VARINT_BYTES = 10, FLOAT_MAX = 1 + 3 * VARINT_BYTES + 8, BATCH_ROOM = 64 * 1024 };

void wal_batch_init(struct wal_batch *batch)
{
    *batch = (struct wal_batch){ 0 };
    buf_init(&batch->bytes, WAL_RECORD_MAX);
    wal_batch_reset(batch);
}

void wal_batch_reset(struct wal_batch *batch)
{
    static const char head[WAL_HEAD_BYTES];

    buf_reset(&batch->bytes);
    buf_add_bytes(&batch->bytes, head, sizeof(head)); /* filled in where its place is known */
    batch->last_series = UINT32_MAX;
    batch->last_time_ms = 0;
    batch->samples = 0;
}

void wal_batch_clear(struct wal_batch *batch)
{
    buf_clear(&batch->bytes);
}

/* Where the next item goes; NULL once the record is full, which buf_check tells wal_write. */
static inline unsigned char *begin(struct wal_batch *batch, size_t most)
{
    struct buf *bytes = &batch->bytes;

    if (bytes->room - bytes->length > most && !bytes->failed)
        return (unsigned char *)bytes->at + bytes->length;
    return (unsigned char *)buf_reserve(bytes, most > BATCH_ROOM ? most : BATCH_ROOM);
}

static inline void end(struct wal_batch *batch, const unsigned char *to)
{
    batch->bytes.length = (size_t)((const char *)to - batch->bytes.at);
}

static inline unsigned char *add_varint(unsigned char *to, uint64_t value)
{
    while (value > 127) {
        *to++ = (unsigned char)(value | 128);
        value >>= 7;
    }
    *to++ = (unsigned char)value;
    return to;
}

static unsigned char *add_double(unsigned char *to, double value)
{
    memcpy(to, &value, sizeof(value));
    return to + sizeof(value);
}

static unsigned char *add_text(unsigned char *to, struct str text)
{
    to = add_varint(to, text.length);
    if (text.length)
        memcpy(to, text.at, text.length);
    return to + text.length;
}

static size_t labels_room(struct labels labels)
{
    size_t room = VARINT_BYTES;

    for (size_t i = 0; i < labels.count; i++)
        room += 2 * VARINT_BYTES + labels.at[i].name.length + labels.at[i].value.length;
    return room;
}

static unsigned char *add_labels(unsigned char *to, struct labels labels)
{
    to = add_varint(to, labels.count);
    for (size_t i = 0; i < labels.count; i++) {
        to = add_text(to, labels.at[i].name);
        to = add_text(to, labels.at[i].value);
    }
    return to;
}

/* The series and time of an item other than a float. */
static unsigned char *add_place(struct wal_batch *batch, unsigned char *to, uint32_t series, int64_t time_ms)
{
    to = add_varint(to, zigzag((int32_t)(series - batch->last_series)));
    to = add_varint(to, zigzag((int64_t)((uint64_t)time_ms - (uint64_t)batch->last_time_ms)));
    batch->last_series = series;
    batch->last_time_ms = time_ms;
    return to;
}

void wal_batch_series(struct wal_batch *batch, uint32_t series, struct labels labels)
{
    unsigned char *to = begin(batch, 1 + VARINT_BYTES + labels_room(labels));

    if (!to)
        return;
    *to++ = WAL_SERIES;
    to = add_varint(to, series);
    end(batch, add_labels(to, labels));
}

void wal_batch_float(struct wal_batch *batch, uint32_t series, int64_t time_ms, int64_t start_ms, double value)
{
    unsigned char *at = begin(batch, FLOAT_MAX), *to = at + 1;
    uint32_t step = series - batch->last_series;
    uint64_t bits;

    if (!at)
        return;
    memcpy(&bits, &value, sizeof(bits));
    unsigned kept = bits ? 8 - (unsigned)__builtin_ctzll(bits) / 8 : 0;
    unsigned tag = WAL_FLOAT | kept;
    if (start_ms)
        tag |= WAL_FLOAT_START;
    else if (step != 1)
        tag |= step ? WAL_FLOAT_OTHER : WAL_FLOAT_SAME;
    if (tag & WAL_FLOAT_OTHER)
        to = add_varint(to, zigzag((int32_t)step));
    if (time_ms != batch->last_time_ms) {
        tag |= WAL_FLOAT_TIME;
        to = add_varint(to, zigzag((int64_t)((uint64_t)time_ms - (uint64_t)batch->last_time_ms)));
        batch->last_time_ms = time_ms;
    }
    if (start_ms)
        to = add_varint(to, zigzag((int64_t)((uint64_t)time_ms - (uint64_t)start_ms)));
    bits = __builtin_bswap64(bits);
    memcpy(to, &bits, sizeof(bits));
    *at = (unsigned char)tag;
    batch->last_series = series;
    batch->samples++;
    end(batch, to + kept);
}

static bool is_whole(double value)
{
    return value >= 0 && value < 0x1p53 && value == (double)(uint64_t)value &&
           !(value == 0 && __builtin_signbit(value));
}

static bool side_is_whole(const struct histogram_side *side)
{
    for (size_t i = 0; i < side->count; i++)
        if (!is_whole(side->counts[i]))
            return false;
    return true;
}

static unsigned char *add_count(unsigned char *to, double count, bool whole)
{
    return whole ? add_varint(to, (uint64_t)count) : add_double(to, count);
}

static unsigned char *add_side(unsigned char *to, const struct histogram_side *side, bool whole)
{
    to = add_varint(to, side->span_count);
    for (size_t i = 0; i < side->span_count; i++) {
        to = add_varint(to, zigzag(side->spans[i].offset));
        to = add_varint(to, side->spans[i].length);
    }
    to = add_varint(to, side->count);
    for (size_t i = 0; i < side->count; i++)
        to = add_count(to, side->counts[i], whole);
    return to;
}

void wal_batch_histogram(struct wal_batch *batch, uint32_t series, int64_t time_ms, int64_t start_ms,
                         const struct histogram *histogram)
{
    const struct histogram_side *positive = &histogram->positive, *negative = &histogram->negative;
    size_t numbers = 16 + 2 * (positive->span_count + negative->span_count) + positive->count + negative->count +
                     histogram->bound_count;
    unsigned char *to = begin(batch, 2 + numbers * VARINT_BYTES);
    bool whole = is_whole(histogram->count) && is_whole(histogram->zero_count) && side_is_whole(positive) &&
                 side_is_whole(negative);

    if (!to)
        return;
    *to++ = WAL_HISTOGRAM;
    to = add_place(batch, to, series, time_ms);
    *to++ = (unsigned char)(((unsigned)histogram->hint & WAL_HISTOGRAM_HINT) |
                            (histogram->integral ? WAL_HISTOGRAM_INTEGRAL : 0) | (whole ? WAL_HISTOGRAM_WHOLE : 0));
    to = add_varint(to, zigzag(start_ms));
    to = add_varint(to, zigzag(histogram->schema));
    to = add_double(to, histogram->zero_threshold);
    to = add_count(to, histogram->zero_count, whole);
    to = add_count(to, histogram->count, whole);
    to = add_double(to, histogram->sum);
    to = add_side(to, positive, whole);
    to = add_side(to, negative, whole);
    to = add_varint(to, histogram->bound_count);
    for (size_t i = 0; i < histogram->bound_count; i++)
        to = add_double(to, histogram->bounds[i]);
    batch->samples++;
    end(batch, to);
}

void wal_batch_exemplar(struct wal_batch *batch, uint32_t series, const struct exemplar *exemplar)
{
    unsigned char *to = begin(batch, 1 + 3 * VARINT_BYTES + labels_room(exemplar->labels));

    if (!to)
        return;
    *to++ = WAL_EXEMPLAR;
    to = add_place(batch, to, series, exemplar->time_ms);
    to = add_labels(to, exemplar->labels);
    end(batch, add_double(to, exemplar->value));
}

void wal_batch_meta(struct wal_batch *batch, const struct metric_meta *meta)
{
    unsigned char *to = begin(batch, 2 + 3 * VARINT_BYTES + meta->name.length + meta->help.length + meta->unit.length);

    if (!to)
        return;
    *to++ = WAL_META;
    *to++ = (unsigned char)meta->kind;
    to = add_text(to, meta->name);
    to = add_text(to, meta->help);
    end(batch, add_text(to, meta->unit));
}

void wal_batch_delete(struct wal_batch *batch, uint32_t series, int64_t start_ms, int64_t end_ms)
{
    unsigned char *to = begin(batch, 1 + 3 * VARINT_BYTES);

    if (!to)
        return;
    *to++ = WAL_DELETE;
    to = add_varint(to, series);
    to = add_varint(to, zigzag(start_ms));
    end(batch, add_varint(to, zigzag(end_ms)));
}

void wal_batch_chunk(struct wal_batch *batch, uint32_t series, struct str chunk, bool sealed)
{
    unsigned char *to = begin(batch, 1 + 2 * VARINT_BYTES + chunk.length);

    if (!to)
        return;
    *to++ = sealed ? WAL_CHUNK : WAL_OPEN_CHUNK;
    to = add_varint(to, series);
    end(batch, add_text(to, chunk));
}

/* wal_decode.c - the items of a record of the log. Format: docs/format/wal.md. */
#include "model/histogram.h"
#include "tsdb/wal_record.h"

#include <string.h>

struct decoder {
    struct reading in;
    const struct wal_reader *reader;
    struct arena *arena;
    uint32_t last_series;
    int64_t last_time_ms;
};

static double take_double(struct reading *in)
{
    uint64_t bits = take_u64(in);
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* take_count - of things that need at least a byte each; no more than could be there. */
static size_t take_count(struct reading *in, size_t bytes_each)
{
    uint64_t count = take_varint(in);

    if (count > reading_left(in) / bytes_each) {
        in->failed = true;
        return 0;
    }
    return (size_t)count;
}

static struct labels take_labels(struct decoder *decoder)
{
    size_t count = take_count(&decoder->in, 2);
    struct label *items = arena_array(decoder->arena, count + 1, sizeof(*items));

    for (size_t i = 0; i < count; i++) {
        items[i].name = take_str(&decoder->in);
        items[i].value = take_str(&decoder->in);
    }
    return (struct labels){ items, count };
}

static void take_place(struct decoder *decoder)
{
    decoder->last_series += (uint32_t)take_signed(&decoder->in);
    decoder->last_time_ms = (int64_t)((uint64_t)decoder->last_time_ms + (uint64_t)take_signed(&decoder->in));
}

static err corrupt(const struct decoder *decoder, struct str payload)
{
    return err_new(ERR_CORRUPT, "the item before byte %td of its payload makes no sense",
                   (const char *)decoder->in.at - payload.at);
}

/* take_upper_bytes - the value whose upper bytes these are; the others are zero. */
static inline double take_upper_bytes(struct reading *in, unsigned kept)
{
    size_t left = reading_left(in);
    uint64_t bits = 0;
    double value;

    if (kept > sizeof(bits) || left < kept) {
        in->failed = true;
        return 0;
    }
    memcpy(&bits, in->at, left < sizeof(bits) ? left : sizeof(bits));
    in->at += kept;
    bits = kept ? __builtin_bswap64(bits) >> (64 - 8 * kept) << (64 - 8 * kept) : 0;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static inline err take_float(struct decoder *decoder, unsigned tag)
{
    struct reading *in = &decoder->in;
    int64_t start_ms = 0;

    if (tag & WAL_FLOAT_OTHER)
        decoder->last_series += (uint32_t)take_signed(in);
    else if (!(tag & WAL_FLOAT_SAME))
        decoder->last_series++;
    if (tag & WAL_FLOAT_TIME)
        decoder->last_time_ms = (int64_t)((uint64_t)decoder->last_time_ms + (uint64_t)take_signed(in));
    if ((tag & WAL_FLOAT_OF) == WAL_FLOAT_START)
        start_ms = (int64_t)((uint64_t)decoder->last_time_ms - (uint64_t)take_signed(in));
    double value = take_upper_bytes(in, tag & WAL_FLOAT_BYTES);
    if (in->failed)
        return NULL;
    return decoder->reader->sample(decoder->reader->arg, decoder->last_series, decoder->last_time_ms, start_ms, value);
}

static double take_number(struct reading *in, bool whole)
{
    return whole ? (double)take_varint(in) : take_double(in);
}

static void take_side(struct decoder *decoder, bool whole, struct histogram_side *side)
{
    struct reading *in = &decoder->in;
    size_t spans = take_count(in, 2);
    struct histogram_span *span = arena_array(decoder->arena, spans + 1, sizeof(*span));
    uint64_t in_spans = 0;

    for (size_t i = 0; i < spans; i++) {
        span[i].offset = (int32_t)take_signed(in);
        span[i].length = (uint32_t)take_varint(in);
        in_spans += span[i].length;
    }
    size_t count = take_count(in, whole ? 1 : 8);
    double *counts = arena_array(decoder->arena, count + 1, sizeof(*counts));
    for (size_t i = 0; i < count; i++)
        counts[i] = take_number(in, whole);
    in->failed |= in_spans != count;
    *side = (struct histogram_side){ span, spans, counts, count };
}

static err decode_histogram(struct decoder *decoder)
{
    struct reading *in = &decoder->in;
    struct histogram histogram = { 0 };

    take_place(decoder);
    unsigned flags = take_byte(in);
    bool whole = flags & WAL_HISTOGRAM_WHOLE;
    int64_t start_ms = take_signed(in);
    histogram.hint = (enum counter_reset)(flags & WAL_HISTOGRAM_HINT);
    histogram.integral = flags & WAL_HISTOGRAM_INTEGRAL;
    histogram.schema = (int32_t)take_signed(in);
    histogram.zero_threshold = take_double(in);
    histogram.zero_count = take_number(in, whole);
    histogram.count = take_number(in, whole);
    histogram.sum = take_double(in);
    take_side(decoder, whole, &histogram.positive);
    take_side(decoder, whole, &histogram.negative);
    histogram.bound_count = take_count(in, 8);
    double *bounds = arena_array(decoder->arena, histogram.bound_count + 1, sizeof(*bounds));
    for (size_t i = 0; i < histogram.bound_count; i++)
        bounds[i] = take_double(in);
    histogram.bounds = histogram.bound_count ? bounds : NULL;
    err e CLEANUP(err_freep) = in->failed ? NULL : histogram_check_shape(&histogram);
    in->failed = in->failed || e;
    if (in->failed)
        return NULL;
    return decoder->reader->histogram(decoder->reader->arg, decoder->last_series, decoder->last_time_ms, start_ms,
                                      &histogram);
}

static err decode_other(struct decoder *decoder, unsigned tag)
{
    const struct wal_reader *reader = decoder->reader;
    struct reading *in = &decoder->in;

    arena_reset(decoder->arena);
    if (tag == WAL_SERIES) {
        uint32_t series = (uint32_t)take_varint(in);
        struct labels labels = take_labels(decoder);
        return in->failed ? NULL : reader->series(reader->arg, series, labels);
    }
    if (tag == WAL_HISTOGRAM)
        return decode_histogram(decoder);
    if (tag == WAL_EXEMPLAR) {
        take_place(decoder);
        struct exemplar exemplar = { .labels = take_labels(decoder), .time_ms = decoder->last_time_ms };
        exemplar.value = take_double(in);
        return in->failed ? NULL : reader->exemplar(reader->arg, decoder->last_series, &exemplar);
    }
    if (tag == WAL_META) {
        struct metric_meta meta = { .kind = (enum metric_kind)take_byte(in) };
        meta.name = take_str(in);
        meta.help = take_str(in);
        meta.unit = take_str(in);
        in->failed |= meta.kind > KIND_STATESET;
        return in->failed ? NULL : reader->meta(reader->arg, &meta);
    }
    if (tag == WAL_DELETE) {
        uint32_t series = (uint32_t)take_varint(in);
        int64_t start_ms = take_signed(in);
        int64_t end_ms = take_signed(in);
        return in->failed ? NULL : reader->drop(reader->arg, series, start_ms, end_ms);
    }
    if ((tag == WAL_CHUNK || tag == WAL_OPEN_CHUNK) && reader->chunk) {
        uint32_t series = (uint32_t)take_varint(in);
        struct str chunk = take_str(in);
        return in->failed ? NULL : reader->chunk(reader->arg, series, chunk, tag == WAL_CHUNK);
    }
    in->failed = true;
    return NULL;
}

err wal_decode(struct str payload, const struct wal_reader *reader, struct arena *arena)
{
    struct decoder decoder = { .reader = reader, .arena = arena, .in = reading_of(payload), .last_series = UINT32_MAX };

    while (decoder.in.at < decoder.in.end) {
        unsigned tag = *decoder.in.at++;
        TRY(tag & WAL_FLOAT ? take_float(&decoder, tag) : decode_other(&decoder, tag));
        if (decoder.in.failed)
            return corrupt(&decoder, payload);
    }
    return NULL;
}

/* remote_read.c - requests read, answers written. */
#include "ingest/remote_read.h"
#include "base/time.h"
#include "ingest/protobuf.h"
#include "model/histogram.h"

#include <endian.h>
#include <stdlib.h>

/* ---- the request ---- */

enum { QUERIES_MAX = 100, MATCHERS_MAX = 1000, CHUNK_SAMPLES = 120, FRAME_BYTES = 1024 * 1024 };

static err matcher_parse(struct arena *arena, struct str message, struct matcher *ret_matcher)
{
    static const enum match_type types[] = { MATCH_EQ, MATCH_NE, MATCH_RE, MATCH_NRE };
    struct protobuf in = protobuf_of(message);
    struct str name = S(""), value = S("");
    uint64_t type = 0;

    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        switch (PROTOBUF_KEY(field.number, field.wire)) {
        case PROTOBUF_KEY(1, WIRE_VARINT):
            type = field.integer;
            break;
        case PROTOBUF_KEY(2, WIRE_BYTES):
            name = str_copy(arena, field.bytes);
            break;
        case PROTOBUF_KEY(3, WIRE_BYTES):
            value = str_copy(arena, field.bytes);
            break;
        }
    }
    TRY(protobuf_check(&in, "LabelMatcher"));
    if (type >= ARRAY_LEN(types))
        return err_new(ERR_INVALID, "a matcher of type %llu", (unsigned long long)type);
    return matcher_make(arena, types[type], name, value, ret_matcher);
}

static err query_parse(struct arena *arena, struct str message, struct remote_read_query *ret_query)
{
    struct protobuf in = protobuf_of(message);
    VEC(struct matcher) matchers = { 0 };

    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        switch (PROTOBUF_KEY(field.number, field.wire)) {
        case PROTOBUF_KEY(1, WIRE_VARINT):
            ret_query->start_ms = (int64_t)field.integer;
            break;
        case PROTOBUF_KEY(2, WIRE_VARINT):
            ret_query->end_ms = (int64_t)field.integer;
            break;
        case PROTOBUF_KEY(3, WIRE_BYTES):
            if (matchers.count == MATCHERS_MAX)
                return err_new(ERR_TOO_LARGE, "more than %d matchers in a query", MATCHERS_MAX);
            TRY(matcher_parse(arena, field.bytes, vec_push(&matchers, arena)));
            break;
        }
    }
    ret_query->matchers = matchers.at;
    ret_query->matcher_count = matchers.count;
    return protobuf_check(&in, "Query");
}

err remote_read_parse(struct arena *arena, struct str message, struct remote_read *ret_read)
{
    struct protobuf in = protobuf_of(message);
    bool chosen = false;

    *ret_read = (struct remote_read){ .answer = REMOTE_READ_SAMPLES };
    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        if (field.number == 2) {
            struct protobuf_numbers types = protobuf_numbers(&field, WIRE_VARINT);
            for (uint64_t type; protobuf_number(&types, &type);) {
                ret_read->samples_ok |= type == REMOTE_READ_SAMPLES;
                if (!chosen && type <= REMOTE_READ_CHUNKS)
                    ret_read->answer = (enum remote_read_answer)type;
                chosen |= type <= REMOTE_READ_CHUNKS;
            }
            TRY(protobuf_check(&types.packed, "accepted_response_types"));
        } else if (PROTOBUF_KEY(field.number, field.wire) == PROTOBUF_KEY(1, WIRE_BYTES)) {
            if (ret_read->queries.count == QUERIES_MAX)
                return err_new(ERR_TOO_LARGE, "more than %d queries in a request", QUERIES_MAX);
            TRY(query_parse(arena, field.bytes, vec_push(&ret_read->queries, arena)));
        }
    }
    return protobuf_check(&in, "ReadRequest");
}

/* ---- the series of one query, in the order of their labels, as receivers expect them ---- */

struct found {
    struct labels labels;
    size_t index;
};

static int by_labels(const void *a, const void *b)
{
    return labels_cmp(((const struct found *)a)->labels, ((const struct found *)b)->labels);
}

static err open_sorted(struct series_source *source, struct arena *arena, const struct remote_read_query *query,
                       int64_t deadline_ms, struct series_set **ret_set, struct found **ret_found)
{
    const struct series_query asked = {
        .matchers = query->matchers,
        .matcher_count = query->matcher_count,
        .start_ms = query->start_ms,
        .end_ms = query->end_ms,
        .deadline_ms = deadline_ms,
    };

    TRY(source->ops->open(source, arena, &asked, ret_set));
    struct series_set *set = *ret_set;
    struct found *found = arena_array(arena, set->count + 1, sizeof(*found));
    for (size_t i = 0; i < set->count; i++) {
        found[i] = (struct found){ labels_copy(arena, set->ops->labels(set, i)), i };
        TRY(arena_check(arena));
    }
    qsort(found, set->count, sizeof(*found), by_labels);
    *ret_found = found;
    return NULL;
}

static err check_deadline(int64_t deadline_ms)
{
    if (deadline_ms && time_mono_ms() > deadline_ms)
        return err_new(ERR_TIMEOUT, "the read took longer than its request may");
    return NULL;
}

static void put_labels(struct buf *out, struct labels labels)
{
    for (size_t i = 0; i < labels.count; i++) {
        size_t begun = protobuf_begin(out, 1);
        protobuf_put_bytes(out, 1, labels.at[i].name);
        protobuf_put_bytes(out, 2, labels.at[i].value);
        protobuf_end(out, begun);
    }
}

/* ---- SAMPLES ---- */

static uint64_t zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

/* whole - a count as an integer; what is none (in a stale marker, say) is 0. */
static int64_t whole(double count)
{
    return count >= 0 && count < 0x1p63 ? (int64_t)count : 0;
}

static void put_side(struct buf *out, const struct histogram_side *side, bool integral, uint32_t spans_number)
{
    int64_t before = 0;

    for (size_t i = 0; i < side->span_count; i++) {
        size_t begun = protobuf_begin(out, spans_number);
        protobuf_put_varint(out, 1, zigzag(side->spans[i].offset));
        protobuf_put_varint(out, 2, side->spans[i].length);
        protobuf_end(out, begun);
    }
    if (!side->count)
        return;
    size_t begun = protobuf_begin(out, integral ? spans_number + 1 : spans_number + 2);
    for (size_t i = 0; i < side->count; i++) {
        if (integral)
            protobuf_add_varint(out, zigzag(whole(side->counts[i]) - before));
        else
            buf_add_bytes(out, &side->counts[i], sizeof(double));
        before = whole(side->counts[i]);
    }
    protobuf_end(out, begun);
}

static void put_histogram(struct buf *out, int64_t time_ms, const struct histogram *histogram)
{
    bool integral = histogram->integral;
    size_t begun = protobuf_begin(out, 4);

    if (integral) {
        protobuf_put_varint(out, 1, (uint64_t)whole(histogram->count));
        protobuf_put_varint(out, 6, (uint64_t)whole(histogram->zero_count));
    } else {
        protobuf_put_double(out, 2, histogram->count);
        protobuf_put_double(out, 7, histogram->zero_count);
    }
    protobuf_put_double(out, 3, histogram->sum);
    protobuf_put_varint(out, 4, zigzag(histogram->schema));
    protobuf_put_double(out, 5, histogram->zero_threshold);
    put_side(out, &histogram->negative, integral, 8);
    put_side(out, &histogram->positive, integral, 11);
    protobuf_put_varint(out, 14, histogram->hint);
    protobuf_put_varint(out, 15, (uint64_t)time_ms);
    if (histogram->bound_count)
        protobuf_put_bytes(out, 16,
                           (struct str){ (const char *)histogram->bounds, histogram->bound_count * sizeof(double) });
    protobuf_end(out, begun);
}

static void put_samples(struct buf *out, struct labels labels, const struct samples *samples)
{
    size_t series = protobuf_begin(out, 1);

    put_labels(out, labels);
    for (size_t i = 0; i < samples->count; i++) {
        if (samples->histograms && samples->histograms[i])
            continue;
        size_t begun = protobuf_begin(out, 2);
        protobuf_put_double(out, 1, samples->values[i]);
        protobuf_put_varint(out, 2, (uint64_t)samples->times[i]);
        protobuf_end(out, begun);
    }
    for (size_t i = 0; samples->histograms && i < samples->count; i++)
        if (samples->histograms[i])
            put_histogram(out, samples->times[i], samples->histograms[i]);
    protobuf_end(out, series);
}

err remote_read_samples(struct series_source *source, struct arena *arena, const struct remote_read *read,
                        int64_t deadline_ms, struct buf *out)
{
    for (size_t i = 0; i < read->queries.count; i++) {
        struct series_set *set CLEANUP(series_set_closep) = NULL;
        size_t result = protobuf_begin(out, 1);
        struct found *found;

        TRY(open_sorted(source, arena, &read->queries.at[i], deadline_ms, &set, &found));
        for (size_t k = 0; k < set->count; k++) {
            struct samples samples;
            TRY(set->ops->read(set, found[k].index, &samples));
            if (samples.count)
                put_samples(out, found[k].labels, &samples);
            TRY(buf_check(out));
            TRY(check_deadline(deadline_ms));
        }
        protobuf_end(out, result);
    }
    return buf_check(out);
}

/* ---- STREAMED_XOR_CHUNKS ---- */

/* crc32c - Castagnoli's polynomial, bit by bit over a table. */
static uint32_t crc32c(struct str bytes)
{
    static const uint32_t nibbles[16] = { 0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
                                          0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                          0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75 };
    uint32_t crc = ~UINT32_C(0);

    for (size_t i = 0; i < bytes.length; i++) {
        crc ^= (unsigned char)bytes.at[i];
        crc = crc >> 4 ^ nibbles[crc & 15];
        crc = crc >> 4 ^ nibbles[crc & 15];
    }
    return ~crc;
}

/* put_frame - length, checksum and message. */
static void put_frame(struct buf *out, struct buf *series, size_t query)
{
    struct buf message CLEANUP(buf_clear) = { 0 };

    buf_init(&message, series->length + 64);
    protobuf_put_bytes(&message, 1, buf_str(series));
    protobuf_put_varint(&message, 2, query);
    uint32_t sum = htobe32(crc32c(buf_str(&message)));
    protobuf_add_varint(out, message.length);
    buf_add_bytes(out, &sum, sizeof(sum));
    buf_add(out, buf_str(&message));
}

static void put_chunk(struct buf *out, const struct samples *samples, size_t from, size_t count)
{
    size_t begun = protobuf_begin(out, 2);

    protobuf_put_varint(out, 1, (uint64_t)samples->times[from]);
    protobuf_put_varint(out, 2, (uint64_t)samples->times[from + count - 1]);
    protobuf_put_varint(out, 3, 1); /* XOR */
    size_t content = protobuf_begin(out, 4);
    xor_chunk(out, samples->times + from, samples->values + from, count);
    protobuf_end(out, content);
    protobuf_end(out, begun);
}

/* put_chunks - a series in as many frames as it needs, each with its labels. */
static err put_chunks(struct buf *out, struct labels labels, const struct samples *samples, size_t query)
{
    struct buf series CLEANUP(buf_clear) = { 0 };

    for (size_t i = 0; samples->histograms && i < samples->count; i++)
        if (samples->histograms[i])
            return err_new(ERR_RANGE, "series with native histograms are not streamed as XOR chunks; accept SAMPLES");
    buf_init(&series, out->max);
    put_labels(&series, labels);
    size_t head = series.length;
    for (size_t at = 0; at < samples->count;) {
        size_t count = samples->count - at < CHUNK_SAMPLES ? samples->count - at : CHUNK_SAMPLES;
        put_chunk(&series, samples, at, count);
        at += count;
        if (series.length < FRAME_BYTES && at < samples->count)
            continue;
        TRY(buf_check(&series));
        put_frame(out, &series, query);
        buf_truncate(&series, head);
    }
    return buf_check(out);
}

err remote_read_chunks(struct series_source *source, struct arena *arena, const struct remote_read *read,
                       int64_t deadline_ms, struct buf *out)
{
    for (size_t i = 0; i < read->queries.count; i++) {
        struct series_set *set CLEANUP(series_set_closep) = NULL;
        struct found *found;

        TRY(open_sorted(source, arena, &read->queries.at[i], deadline_ms, &set, &found));
        for (size_t k = 0; k < set->count; k++) {
            struct samples samples;
            TRY(set->ops->read(set, found[k].index, &samples));
            TRY(put_chunks(out, found[k].labels, &samples, i));
            TRY(check_deadline(deadline_ms));
        }
    }
    return NULL;
}

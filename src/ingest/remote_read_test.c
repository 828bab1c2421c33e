/* remote_read_test.c - what is read is what was written. */
#include "base/test.h"
#include "base/time.h"
#include "ingest/remote_read.h"
#include "ingest/remote_write.h"
#include "ingest/store_test.h"
#include "model/histogram_draw_test.h"

#include <string.h>

/* A plain reader of chunks of the encoding XOR, to compare with. */
struct bits {
    struct str bytes;
    size_t at;
};

static uint64_t take(struct bits *bits, unsigned count)
{
    uint64_t value = 0;

    for (; count; count--, bits->at++) {
        ASSERT_TRUE(bits->at / 8 < bits->bytes.length);
        value = value << 1 | ((unsigned char)bits->bytes.at[bits->at / 8] >> (7 - bits->at % 8) & 1);
    }
    return value;
}

static uint64_t take_uvarint(struct bits *bits)
{
    uint64_t value = 0, byte;
    unsigned shift = 0;

    do {
        byte = take(bits, 8);
        value |= (byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    return value;
}

static int64_t take_change(struct bits *bits)
{
    static const unsigned widths[] = { 0, 14, 17, 20, 64 };
    unsigned size = 0;

    while (size < 4 && take(bits, 1))
        size++;
    uint64_t value = take(bits, widths[size]);
    if (size && size < 4 && value > UINT64_C(1) << (widths[size] - 1))
        value -= UINT64_C(1) << widths[size];
    return (int64_t)value;
}

static uint64_t take_value(struct bits *bits, uint64_t before, unsigned *leading, unsigned *significant)
{
    if (!take(bits, 1))
        return before;
    if (take(bits, 1)) {
        *leading = (unsigned)take(bits, 5);
        *significant = (unsigned)take(bits, 6);
        if (!*significant)
            *significant = 64;
    }
    return before ^ take(bits, *significant) << (64 - *leading - *significant);
}

static void check_chunk(struct str chunk, const int64_t *times, const double *values, size_t count)
{
    struct bits bits = { chunk, 0 };
    unsigned leading = 0, significant = 0;
    uint64_t value = 0, expected, delta = 0;
    int64_t time_ms = 0;

    ASSERT_EQ_INT(count, take(&bits, 16));
    for (size_t i = 0; i < count; i++) {
        if (i == 0) {
            uint64_t first = take_uvarint(&bits);
            time_ms = (int64_t)(first >> 1) ^ -(int64_t)(first & 1);
            value = take(&bits, 64);
        } else {
            delta = i == 1 ? take_uvarint(&bits) : delta + (uint64_t)take_change(&bits);
            time_ms += (int64_t)delta;
            value = take_value(&bits, value, &leading, &significant);
        }
        memcpy(&expected, &values[i], 8);
        ASSERT_EQ_INT(times[i], time_ms);
        ASSERT_TRUE(value == expected);
    }
}

TEST(xor_chunks_hold_what_was_put_in)
{
    int64_t times[120], step = 15000;
    double values[120];
    uint64_t seed = 7;

    for (int round = 0; round < 500; round++) {
        struct buf chunk CLEANUP(buf_clear) = { 0 };
        size_t count = 1 + (size_t)(test_uniform(&seed) * 119);
        times[0] = round % 2 ? 1700000000000 : -5;
        values[0] = 1;
        for (size_t i = 1; i < count; i++) {
            static const double jitter[] = { 0, 0, 1, 5000, 40000, 300000, 2e10 };
            times[i] = times[i - 1] + step + (int64_t)(test_uniform(&seed) * jitter[(int)(test_uniform(&seed) * 7)]);
            values[i] = test_uniform(&seed) < 0.3   ? values[i - 1]
                        : test_uniform(&seed) < 0.5 ? values[i - 1] + 1
                                                    : test_normal(&seed);
            if (test_uniform(&seed) < 0.05)
                values[i] = value_stale();
        }
        buf_init(&chunk, 1 << 16);
        xor_chunk(&chunk, times, values, count);
        ASSERT_OK(buf_check(&chunk));
        check_chunk(buf_str(&chunk), times, values, count);
    }
}

static void append_some(struct tsdb *tsdb, struct arena *arena)
{
    struct label items[] = { { S("__name__"), S("m") }, { S("id"), S("") } };
    struct append *append;
    uint64_t seed = 3;

    ASSERT_OK(append_begin(tsdb, S("test"), time_mono_ms() + 10000, &append));
    for (int i = 0; i < 10; i++) {
        items[1].value = str_printf(arena, "%d", i);
        ASSERT_TRUE(append_labels(append, (struct labels){ items, 2 }));
        for (int k = 0; k < 5; k++) {
            if (i < 5)
                append_float(append, 1000 * (k + 1), 0, k == 4 ? value_stale() : test_normal(&seed));
            else
                append_histogram(append, 1000 * (k + 1), 0, draw_histogram(arena, &seed, i % 2));
        }
    }
    ASSERT_OK(append_end(append, NULL));
}

/* read_all - the answer SAMPLES to one query of everything. */
static void read_all(struct tsdb *tsdb, struct arena *arena, struct buf *out)
{
    struct buf request CLEANUP(buf_clear) = { 0 };
    struct remote_read read;

    buf_init(&request, 1 << 16);
    buf_init(out, 1 << 20);
    size_t query = protobuf_begin(&request, 1);
    protobuf_put_varint(&request, 2, 100000);
    size_t matcher = protobuf_begin(&request, 3);
    protobuf_put_varint(&request, 1, 2);
    protobuf_put_bytes(&request, 2, S("id"));
    protobuf_put_bytes(&request, 3, S("[0-9]"));
    protobuf_end(&request, matcher);
    protobuf_end(&request, query);
    ASSERT_OK(remote_read_parse(arena, buf_str(&request), &read));
    ASSERT_EQ_INT(REMOTE_READ_SAMPLES, read.answer);
    ASSERT_OK(remote_read_samples(tsdb_source(tsdb), arena, &read, 0, out));
}

/* A QueryResult and a WriteRequest have their series in the same field: an answer can be written. */
TEST(remote_read_answers_can_be_written_again)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 24);
    struct tsdb *tsdb CLEANUP(test_store_closep) = test_store_open();
    struct buf answer CLEANUP(buf_clear) = { 0 };
    struct remote_write_refusals refusals = { 0 };
    const struct matcher all = { .type = MATCH_EQ, .name = S("__name__"), .value = S("m") };
    struct protobuf_field result;
    struct append *append;

    append_some(tsdb, arena);
    struct str before = test_store_text(tsdb, arena);
    read_all(tsdb, arena, &answer);
    struct protobuf in = protobuf_of(buf_str(&answer));
    ASSERT_TRUE(protobuf_next(&in, &result));
    ASSERT_OK(tsdb_delete(tsdb, &all, 1, 0, INT64_MAX / 8));
    ASSERT_STR("", test_store_text(tsdb, arena));

    ASSERT_OK(remote_write_check(REMOTE_WRITE_1, result.bytes, arena));
    ASSERT_OK(append_begin(tsdb, S("test"), time_mono_ms() + 10000, &append));
    ASSERT_OK(remote_write_append(REMOTE_WRITE_1, result.bytes, arena, append, &refusals));
    ASSERT_OK(append_end(append, NULL));
    ASSERT_STR("", refusals.why.at ? refusals.why : S(""));
    ASSERT_STR(before.at, test_store_text(tsdb, arena));
}

TEST(remote_read_takes_the_first_answer_that_it_knows)
{
    static const struct {
        struct str types;
        enum remote_read_answer answer;
        bool samples_ok;
    } table[] = {
        { S(""), REMOTE_READ_SAMPLES, false },
        { S("\x10\x01\x10\x00"), REMOTE_READ_CHUNKS, true },
        { S("\x12\x02\x01\x00"), REMOTE_READ_CHUNKS, true },
        { S("\x10\x07\x10\x00\x10\x01"), REMOTE_READ_SAMPLES, true },
    };
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct remote_read read;

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        ASSERT_OK(remote_read_parse(arena, table[i].types, &read));
        ASSERT_EQ_INT(table[i].answer, read.answer);
        ASSERT_EQ_INT(table[i].samples_ok, read.samples_ok);
    }
}

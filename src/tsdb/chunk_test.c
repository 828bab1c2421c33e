/* chunk_test.c - what goes into a chunk comes out of it, in few bytes. */
#include "tsdb/chunk.h"

#include "base/test.h"
#include "model/histogram.h"
#include "tsdb/pack.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

TEST(chunk_gives_back_what_it_was_given)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const int64_t times[] = { 1000, 16000, 31002, 46000 };
    const double values[] = { 1.5, 2.25, 2.25, -7 };
    struct samples samples = { .times = times, .values = values, .count = 4 };
    struct columns columns CLEANUP(columns_clear) = { 0 };
    struct buf bytes CLEANUP(buf_clear) = { 0 };
    struct chunk_head head;

    buf_init(&bytes, 1 << 16);
    chunk_encode(&bytes, &samples);
    ASSERT_OK(buf_check(&bytes));
    ASSERT_OK(chunk_peek(buf_str(&bytes), &head));
    ASSERT_EQ_INT(4, head.count);
    ASSERT_EQ_INT(1000, head.first_ms);
    ASSERT_EQ_INT(46000, head.last_ms);
    ASSERT_EQ_INT((int64_t)bytes.length, head.bytes);
    ASSERT_OK(chunk_decode(buf_str(&bytes), arena, &columns));
    ASSERT_EQ_INT(4, (int64_t)columns.count);
    ASSERT_TRUE(!memcmp(times, columns.times, sizeof(times)));
    ASSERT_TRUE(!memcmp(values, columns.values, sizeof(values)));
    ASSERT_TRUE(columns_samples(&columns).histograms == NULL);
    ASSERT_TRUE(columns_samples(&columns).starts == NULL);
}

/* Random columns of many shapes. */
static uint64_t draw(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    return *seed ^= *seed << 17;
}

static double draw_bits(uint64_t *seed)
{
    uint64_t bits = draw(seed);
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static const double specials[] = { NAN, -NAN, INFINITY, -INFINITY, -0.0, 0.0, 0x1p-1074, 1.7976931348623157e308 };

static void draw_values(uint64_t *seed, double *values, size_t count)
{
    unsigned shape = (unsigned)(draw(seed) % 12);
    double value = (double)(int64_t)(draw(seed) % 1000000), rate = ldexp(1, (int)(draw(seed) % 40)),
           power = pow(10, (double)(draw(seed) % 9));

    for (size_t i = 0; i < count; i++) {
        uint64_t random = draw(seed);
        switch (shape) {
        case 0: /* constant */
            break;
        case 1: /* counter */
            value = floor(value + rate * test_uniform(seed));
            break;
        case 2: /* decimals */
            value = round((value + rate * test_uniform(seed)) * power) / power;
            break;
        case 3: /* full mantissa */
            value += rate * test_uniform(seed);
            break;
        case 4: /* any bits */
            value = draw_bits(seed);
            break;
        case 5: /* moves seldom */
            value += random % 30 ? 0 : (double)(random % 1000);
            break;
        case 6: /* moves often, in quanta */
            value += random % 4 ? 4096.0 * (double)(random % 977) : 0;
            break;
        case 7: /* counter with resets */
            value = random % 50 ? value + (double)(random % 100) : 0;
            break;
        case 8: /* steady slope */
            value += 3;
            break;
        case 9: /* rising slope */
            value += (double)i * 7;
            break;
        case 10: /* around zero */
            value = test_normal(seed);
            break;
        default: /* an epoch in nanoseconds */
            value = 1.7e18 + (double)(random >> 20);
        }
        values[i] = value;
    }
    for (size_t left = draw(seed) % 3 ? 0 : draw(seed) % count; left > 0; left--)
        values[draw(seed) % count] = draw(seed) % 2 ? value_stale() : specials[draw(seed) % ARRAY_LEN(specials)];
}

static void draw_times(uint64_t *seed, int64_t *times, size_t count)
{
    unsigned shape = (unsigned)(draw(seed) % 5);
    int64_t time = (int64_t)(draw(seed) >> (shape == 4 ? 2 : 24)) - (1LL << 38), grid = time;

    for (size_t i = 0; i < count; i++) {
        uint64_t random = draw(seed);
        times[i] = time;
        grid += 15000;
        if (shape == 0) /* regular */
            time += 15000;
        else if (shape == 1) /* a grid with jitter */
            time = grid + (random % 20 ? 0 : (int64_t)(random % 11) - 5);
        else if (shape == 2) /* jitter that stays, and gaps */
            time += random % 40 ? 15000 + (int64_t)(random % 9) : 3600000;
        else
            time += 1 + (int64_t)(random >> (shape == 4 ? 14 : 40));
    }
}

static void check_ints(const int64_t *values, size_t count)
{
    int64_t back[PACK_MAX];
    struct buf bytes CLEANUP(buf_clear) = { 0 };

    buf_init(&bytes, 1 << 20);
    pack_ints(&bytes, values, count);
    ASSERT_OK(buf_check(&bytes));
    struct reading in = reading_of(buf_str(&bytes));
    unpack_ints(&in, back, count);
    ASSERT_FALSE(in.failed);
    ASSERT_TRUE(in.at == in.end);
    ASSERT_TRUE(!memcmp(values, back, count * sizeof(*values)));
}

TEST(pack_keeps_any_integers)
{
    const int64_t extremes[] = { INT64_MIN, INT64_MAX, 0, -1, 1, INT64_MIN, INT64_MIN, INT64_MAX, 5, INT64_MAX - 1 };
    uint64_t seed = 42;

    for (size_t count = 1; count <= ARRAY_LEN(extremes); count++)
        check_ints(extremes, count);
    for (unsigned round = 0; round < 3000; round++) {
        int64_t values[PACK_MAX];
        size_t count = 1 + (size_t)(draw(&seed) % (round % 10 ? 130 : PACK_MAX));
        unsigned shift = (unsigned)(draw(&seed) % 64), rare = (unsigned)(1 + draw(&seed) % 40);
        int64_t step = 1 + (int64_t)(draw(&seed) % 5000), last = (int64_t)draw(&seed);
        for (size_t i = 0; i < count; i++) {
            last = (int64_t)((uint64_t)last + (draw(&seed) >> shift) * (uint64_t)(round % 3 ? step : 1));
            if (draw(&seed) % rare == 0)
                last = (int64_t)((uint64_t)last + draw(&seed));
            values[i] = round % 4 ? last : (int64_t)(draw(&seed) >> shift);
        }
        check_ints(values, count);
    }
}

/* Of each range that a digit may have, all values come back: the reciprocal divides exactly. */
TEST(pack_splits_words_of_any_radix)
{
    uint64_t seed = 7;

    for (uint64_t range = 1; range < 1ULL << 62; range += 1 + range / 64) {
        int64_t values[64];
        for (size_t i = 0; i < ARRAY_LEN(values); i++)
            values[i] = (int64_t)(draw(&seed) % 3 ? draw(&seed) % (range + 1) : range);
        check_ints(values, ARRAY_LEN(values));
    }
}

TEST(chunk_keeps_any_samples_bit_by_bit)
{
    struct columns columns CLEANUP(columns_clear) = { 0 };
    struct buf bytes CLEANUP(buf_clear) = { 0 };
    uint64_t seed = 4711;

    buf_init(&bytes, 1 << 20);
    for (unsigned round = 0; round < 4000; round++) {
        int64_t times[CHUNK_SAMPLES_MAX], starts[CHUNK_SAMPLES_MAX];
        double values[CHUNK_SAMPLES_MAX];
        size_t count = 1 + (size_t)(draw(&seed) % (round % 10 ? 150 : CHUNK_SAMPLES_MAX));
        bool with_starts = round % 7 == 0;
        draw_times(&seed, times, count);
        draw_values(&seed, values, count);
        for (size_t i = 0; i < count; i++)
            starts[i] = i < count / 2 ? 0 : times[count / 2];
        struct samples samples = { times, values, NULL, with_starts ? starts : NULL, count };
        buf_reset(&bytes);
        chunk_encode(&bytes, &samples);
        ASSERT_OK(buf_check(&bytes));
        columns_clear(&columns);
        ASSERT_OK(chunk_decode(buf_str(&bytes), NULL, &columns));
        ASSERT_EQ_INT((int64_t)count, (int64_t)columns.count);
        ASSERT_TRUE(!memcmp(times, columns.times, count * sizeof(*times)));
        ASSERT_TRUE(!memcmp(values, columns.values, count * sizeof(*values)));
        ASSERT_TRUE(!with_starts || !memcmp(starts, columns.starts, count * sizeof(*starts)));
    }
}

static size_t chunk_bytes(const struct samples *samples)
{
    struct buf bytes CLEANUP(buf_clear) = { 0 };

    buf_init(&bytes, 1 << 20);
    chunk_encode(&bytes, samples);
    return bytes.length;
}

TEST(chunk_of_what_hardly_moves_takes_a_few_bytes)
{
    int64_t times[120];
    double values[120];
    struct samples samples = { .times = times, .values = values, .count = 120 };

    for (int i = 0; i < 120; i++) {
        times[i] = 1700000000000 + i * 15000;
        values[i] = 4711;
    }
    ASSERT_TRUE(chunk_bytes(&samples) <= 20);
    for (int i = 0; i < 120; i++)
        values[i] = 1e6 + i * 0.25;
    ASSERT_TRUE(chunk_bytes(&samples) <= 24);
    values[119] = value_stale();
    ASSERT_TRUE(chunk_bytes(&samples) <= 32);
    for (int i = 0; i < 120; i++)
        times[i] += i % 20 == 7 ? i % 11 - 5 : 0;
    ASSERT_TRUE(chunk_bytes(&samples) <= 43);
    for (int i = 0; i < 120; i++)
        values[i] = i * i * 7919 % 601;
    ASSERT_TRUE(chunk_bytes(&samples) <= 43 + 141); /* 9.3 bits a value */
}

/* A histogram with `buckets` buckets whose counts grow with `turn`. */
static const struct histogram *a_histogram(struct arena *arena, uint32_t buckets, int64_t turn, enum counter_reset hint)
{
    struct histogram *histogram = arena_alloc(arena, sizeof(*histogram));
    struct histogram_span *spans = arena_array(arena, 2, sizeof(*spans));
    double *counts = arena_array(arena, buckets, sizeof(*counts));

    spans[0] = (struct histogram_span){ -3, buckets / 2 };
    spans[1] = (struct histogram_span){ 2, buckets - buckets / 2 };
    for (uint32_t i = 0; i < buckets; i++)
        counts[i] = (double)(turn * (i + 1));
    *histogram = (struct histogram){ .schema = 3,
                                     .hint = hint,
                                     .integral = true,
                                     .zero_threshold = 0x1p-128,
                                     .zero_count = (double)turn,
                                     .count = (double)(turn * buckets),
                                     .sum = (double)turn / 3,
                                     .positive = { spans, 2, counts, buckets } };
    return histogram;
}

static void check_histogram(const struct histogram *expected, const struct histogram *actual)
{
    ASSERT_TRUE((expected == NULL) == (actual == NULL));
    if (!expected)
        return;
    ASSERT_EQ_INT(expected->schema, actual->schema);
    ASSERT_EQ_INT(expected->hint, actual->hint);
    ASSERT_EQ_INT(expected->integral, actual->integral);
    ASSERT_EQ_INT((int64_t)expected->positive.count, (int64_t)actual->positive.count);
    ASSERT_EQ_INT((int64_t)expected->positive.span_count, (int64_t)actual->positive.span_count);
    ASSERT_EQ_INT(0, (int64_t)actual->negative.count);
    ASSERT_TRUE(expected->sum == actual->sum && expected->count == actual->count &&
                expected->zero_count == actual->zero_count && expected->zero_threshold == actual->zero_threshold);
    for (size_t i = 0; i < expected->positive.count; i++)
        ASSERT_TRUE(expected->positive.counts[i] == actual->positive.counts[i]);
    for (size_t i = 0; i < expected->positive.span_count; i++)
        ASSERT_TRUE(expected->positive.spans[i].offset == actual->positive.spans[i].offset &&
                    expected->positive.spans[i].length == actual->positive.spans[i].length);
    ASSERT_EQ_INT((int64_t)expected->bound_count, (int64_t)actual->bound_count);
    for (size_t i = 0; i < expected->bound_count; i++)
        ASSERT_TRUE(expected->bounds[i] == actual->bounds[i]);
}

TEST(chunk_keeps_histograms_among_floats)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(64 << 20);
    struct columns columns CLEANUP(columns_clear) = { 0 };
    struct buf bytes CLEANUP(buf_clear) = { 0 };
    static const double bounds[] = { 0.1, 1, 10 };
    const struct histogram *histograms[120];
    int64_t times[120];
    double values[120] = { 0 };
    struct samples samples = { times, values, histograms, NULL, 120 };
    struct chunk_head head;

    for (int i = 0; i < 120; i++) {
        times[i] = 1000 * i;
        histograms[i] =
            i % 50 == 20 ? NULL : a_histogram(arena, i < 80 ? 20 : 31, i, i == 0 ? RESET_UNKNOWN : RESET_NO);
        values[i] = histograms[i] ? 0 : value_stale();
    }
    static const struct histogram_span all = { 0, 4 };
    struct histogram custom = *a_histogram(arena, 4, 3, RESET_GAUGE);
    custom.schema = HISTOGRAM_CUSTOM;
    custom.zero_threshold = custom.zero_count = 0;
    custom.positive.spans = &all;
    custom.positive.span_count = 1;
    custom.bounds = bounds;
    custom.bound_count = 3;
    histograms[119] = &custom;
    buf_init(&bytes, 1 << 20);
    chunk_encode(&bytes, &samples);
    ASSERT_OK(chunk_peek(buf_str(&bytes), &head));
    ASSERT_TRUE(head.histograms);
    ASSERT_TRUE(bytes.length < 2500); /* 27 bytes a histogram are there once, then columns */
    columns_push(&columns, -5, 0, 1, NULL);
    ASSERT_OK(chunk_decode(buf_str(&bytes), arena, &columns));
    ASSERT_EQ_INT(121, (int64_t)columns.count);
    ASSERT_TRUE(columns.histograms[0] == NULL);
    for (int i = 0; i < 120; i++) {
        check_histogram(histograms[i], columns.histograms[i + 1]);
        ASSERT_TRUE(histograms[i] || value_is_stale(columns.values[i + 1]));
    }
}

TEST(chunk_that_is_damaged_is_refused_or_decodes_in_bounds)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(64 << 20);
    struct columns columns CLEANUP(columns_clear) = { 0 };
    struct buf bytes CLEANUP(buf_clear) = { 0 };
    int64_t times[50];
    double values[50] = { 0 };
    const struct histogram *histograms[50] = { 0 };
    struct samples samples = { times, values, histograms, NULL, 50 };
    uint64_t seed = 99;

    buf_init(&bytes, 1 << 20);
    for (int i = 0; i < 50; i++) {
        times[i] = 15000 * i + (int64_t)(draw(&seed) % 3);
        values[i] = (double)(draw(&seed) % 1000);
        histograms[i] = i > 40 ? a_histogram(arena, 6, i, RESET_NO) : NULL;
    }
    chunk_encode(&bytes, &samples);
    for (size_t length = 0; length < bytes.length; length++)
        ASSERT_ERR(ERR_CORRUPT, "chunk", chunk_decode(str_slice(buf_str(&bytes), 0, length), arena, &columns));
    for (size_t bit = 0; bit < 8 * bytes.length; bit++) {
        char *copy = malloc(bytes.length);
        memcpy(copy, bytes.at, bytes.length);
        copy[bit / 8] ^= (char)(1 << bit % 8);
        size_t before = columns.count;
        err e = chunk_decode((struct str){ copy, bytes.length }, arena, &columns);
        ASSERT_EQ_INT((int64_t)before + (e ? 0 : 50), (int64_t)columns.count);
        if (e)
            ASSERT_ERR(ERR_CORRUPT, "chunk", e);
        free(copy);
        columns_clear(&columns);
    }
}

/* chunk_histogram.c - histograms in a chunk: runs of the same layout, each a table with a packed column per bucket.
 *
 * Buckets of a counter histogram are counters, so that each column packs as well as a series of its own, while names,
 * bounds and times are there once. */
#include "tsdb/chunk_histogram.h"

#include "tsdb/chunk.h"
#include "tsdb/pack.h"

#include <stdlib.h>

enum { RUN_FLOATS, RUN_HISTOGRAMS };
/* Flags of a layout: the hint in bits 0 and 1. */
enum { LAYOUT_INTEGRAL = 4 };

static bool same_spans(const struct histogram_side *a, const struct histogram_side *b)
{
    if (a->span_count != b->span_count || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->span_count; i++)
        if (a->spans[i].offset != b->spans[i].offset || a->spans[i].length != b->spans[i].length)
            return false;
    return true;
}

static bool same_layout(const struct histogram *a, const struct histogram *b)
{
    if (!a || !b)
        return a == b;
    return a->schema == b->schema && a->hint == b->hint && a->integral == b->integral &&
           !memcmp(&a->zero_threshold, &b->zero_threshold, sizeof(a->zero_threshold)) &&
           same_spans(&a->positive, &b->positive) && same_spans(&a->negative, &b->negative) &&
           a->bound_count == b->bound_count &&
           (a->bound_count == 0 || !memcmp(a->bounds, b->bounds, a->bound_count * sizeof(*a->bounds)));
}

static void put_double(struct buf *out, double value)
{
    buf_add_bytes(out, &value, sizeof(value));
}

static double take_double(struct reading *in)
{
    const unsigned char *at = take_bytes(in, sizeof(double));
    double value = 0;

    if (at)
        memcpy(&value, at, sizeof(value));
    return value;
}

static void put_side(struct buf *out, const struct histogram_side *side)
{
    put_varint(out, side->span_count);
    for (size_t i = 0; i < side->span_count; i++) {
        put_signed(out, side->spans[i].offset);
        put_varint(out, side->spans[i].length);
    }
    put_varint(out, side->count);
}

static void put_layout(struct buf *out, const struct histogram *layout)
{
    buf_add_c(out, (char)(layout->hint | (layout->integral ? LAYOUT_INTEGRAL : 0)));
    put_signed(out, layout->schema);
    put_double(out, layout->zero_threshold);
    put_side(out, &layout->positive);
    put_side(out, &layout->negative);
    put_varint(out, layout->bound_count);
    for (size_t i = 0; i < layout->bound_count; i++)
        put_double(out, layout->bounds[i]);
}

static void put_run(struct buf *out, const struct histogram *const *run, size_t count)
{
    double column[PACK_MAX];
    const struct histogram *layout = run[0];

    put_layout(out, layout);
    for (size_t i = 0; i < count; i++)
        column[i] = run[i]->zero_count;
    pack_doubles(out, column, count);
    for (size_t i = 0; i < count; i++)
        column[i] = run[i]->count;
    pack_doubles(out, column, count);
    for (size_t i = 0; i < count; i++)
        column[i] = run[i]->sum;
    pack_doubles(out, column, count);
    for (size_t bucket = 0; bucket < layout->positive.count; bucket++) {
        for (size_t i = 0; i < count; i++)
            column[i] = run[i]->positive.counts[bucket];
        pack_doubles(out, column, count);
    }
    for (size_t bucket = 0; bucket < layout->negative.count; bucket++) {
        for (size_t i = 0; i < count; i++)
            column[i] = run[i]->negative.counts[bucket];
        pack_doubles(out, column, count);
    }
}

void put_histograms(struct buf *out, const struct samples *samples)
{
    for (size_t i = 0, end; i < samples->count; i = end) {
        for (end = i + 1; end < samples->count && same_layout(samples->histograms[i], samples->histograms[end]);)
            end++;
        buf_add_c(out, samples->histograms[i] ? RUN_HISTOGRAMS : RUN_FLOATS);
        put_varint(out, end - i);
        if (samples->histograms[i])
            put_run(out, samples->histograms + i, end - i);
        else
            pack_doubles(out, samples->values + i, end - i);
    }
}

static void take_side(struct reading *in, struct arena *arena, struct histogram_side *ret_side)
{
    uint64_t span_count = take_varint(in), count = 0;

    if (in->failed || span_count > reading_left(in) / 2) {
        in->failed = true;
        return;
    }
    struct histogram_span *spans = arena_array(arena, span_count, sizeof(*spans));
    for (size_t i = 0; i < span_count; i++) {
        int64_t offset = take_signed(in);
        uint64_t length = take_varint(in);
        in->failed = in->failed || offset != (int32_t)offset || length > CHUNK_BUCKETS_MAX;
        if (in->failed)
            return;
        spans[i] = (struct histogram_span){ (int32_t)offset, (uint32_t)length };
        count += length;
    }
    *ret_side = (struct histogram_side){ .spans = spans, .span_count = span_count, .count = take_varint(in) };
    in->failed = in->failed || ret_side->count != count;
}

static void take_layout(struct reading *in, struct arena *arena, struct histogram *ret_layout)
{
    unsigned flags = take_byte(in);
    int64_t schema = take_signed(in);

    ret_layout->hint = (enum counter_reset)(flags & 3);
    ret_layout->integral = flags & LAYOUT_INTEGRAL;
    ret_layout->schema = (int32_t)schema;
    ret_layout->zero_threshold = take_double(in);
    in->failed = in->failed || schema != (int32_t)schema;
    take_side(in, arena, &ret_layout->positive);
    take_side(in, arena, &ret_layout->negative);
    uint64_t bounds = take_varint(in);
    in->failed = in->failed || ret_layout->positive.count + ret_layout->negative.count > CHUNK_BUCKETS_MAX ||
                 bounds > CHUNK_BUCKETS_MAX || bounds > reading_left(in) / sizeof(double);
    if (in->failed)
        return;
    double *at = bounds ? arena_array(arena, bounds, sizeof(*at)) : NULL;
    for (size_t i = 0; i < bounds; i++)
        at[i] = take_double(in);
    ret_layout->bounds = at;
    ret_layout->bound_count = bounds;
    /* Whoever walks the buckets trusts it. */
    err e CLEANUP(err_freep) = histogram_check_shape(ret_layout);
    in->failed = in->failed || e;
}

static void take_column(struct reading *in, double *first, size_t stride, size_t count)
{
    double column[PACK_MAX];

    unpack_doubles(in, column, count);
    for (size_t i = 0; i < count && !in->failed; i++)
        memcpy((char *)first + i * stride, &column[i], sizeof(*column));
}

static void take_run(struct reading *in, struct arena *arena, const struct histogram **ret, size_t count)
{
    struct histogram layout = { 0 };

    take_layout(in, arena, &layout);
    size_t width = layout.positive.count + layout.negative.count;
    if (in->failed || width * 2 > reading_left(in)) { /* a column is two bytes at least */
        in->failed = true;
        return;
    }
    struct histogram *run = arena_array(arena, count, sizeof(*run));
    double *cells = arena_array(arena, count * width + 1, sizeof(*cells));
    for (size_t i = 0; i < count; i++) {
        run[i] = layout;
        run[i].positive.counts = cells + i * width;
        run[i].negative.counts = cells + i * width + layout.positive.count;
        ret[i] = &run[i];
    }
    take_column(in, &run[0].zero_count, sizeof(*run), count);
    take_column(in, &run[0].count, sizeof(*run), count);
    take_column(in, &run[0].sum, sizeof(*run), count);
    for (size_t bucket = 0; bucket < width && !in->failed; bucket++)
        take_column(in, cells + bucket, width * sizeof(*cells), count);
}

void take_histograms(struct reading *in, struct arena *arena, size_t count, const struct histogram **ret_histograms,
                     double *ret_values)
{
    for (size_t i = 0; i < count && !in->failed;) {
        unsigned kind = take_byte(in);
        uint64_t run = take_varint(in);
        in->failed = in->failed || run == 0 || run > count - i || kind > RUN_HISTOGRAMS;
        if (in->failed)
            return;
        if (kind == RUN_FLOATS) {
            unpack_doubles(in, ret_values + i, run);
            memset(ret_histograms + i, 0, run * sizeof(*ret_histograms));
        } else {
            take_run(in, arena, ret_histograms + i, run);
            memset(ret_values + i, 0, run * sizeof(*ret_values));
        }
        i += run;
    }
}

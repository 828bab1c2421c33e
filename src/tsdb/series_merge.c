/* series_merge.c - the chunks of one series become longer ones, without repeats and without what was deleted.
 *
 * DESIGN. Chunks that overlap in time form a group that is decoded and merged, the later write winning; groups follow
 * each other by time into pending samples, which leave as chunks of CHUNK_TARGET. A long chunk that stands alone is
 * copied as it is. So memory is bounded by what overlaps. */
#include <stdlib.h>

#include "model/histogram.h"
#include "tsdb/block_merge.h"
#include "tsdb/chunk.h"
#include "tsdb/thin.h"

enum {
    CHUNK_TARGET = 480,
    CHUNK_LONG = 360, /* not worth encoding again */
    ARENA_BYTES_MAX = 64 * 1024 * 1024,
    ARENA_BYTES = ARENA_BYTES_MAX / 2, /* pending histograms leave when there are more */
};

void series_merge_init(struct series_merge *join, const struct merge *merge, struct block_writer *writer)
{
    *join = (struct series_merge){ .merge = merge, .writer = writer, .arena = arena_new(ARENA_BYTES_MAX) };
    join->fold.width_ms = block_width_ms(merge->to);
    buf_init(&join->bytes, SIZE_MAX / 2);
    buf_init(&join->chunk, GROUP_BYTES_MAX);
}

void series_merge_clear(struct series_merge *join)
{
    buf_clear(&join->bytes);
    buf_clear(&join->chunk);
    vec_clear(&join->pieces);
    columns_clear(&join->pending);
    columns_clear(&join->group);
    columns_clear(&join->one);
    columns_clear(&join->both);
    vec_clear(&join->fold.rows);
    thinning_clear(&join->thinning);
    arena_free(join->arena);
    join->arena = NULL;
}

void series_merge_begin(struct series_merge *join, uint32_t series)
{
    join->series = series;
    join->pieces.count = 0;
    buf_reset(&join->bytes);
}

err series_merge_add(struct series_merge *join, size_t source, struct str chunks)
{
    size_t at = join->bytes.length;

    buf_add(&join->bytes, chunks);
    while (chunks.length > 0) {
        struct chunk_head head;
        TRY(chunk_peek(chunks, &head));
        if (head.first_ms <= join->merge->end_ms && head.last_ms >= join->merge->start_ms)
            *vec_push(&join->pieces, NULL) = (struct piece){ .at = at,
                                                             .bytes = head.bytes,
                                                             .count = head.count,
                                                             .first_ms = head.first_ms,
                                                             .last_ms = head.last_ms,
                                                             .source = source,
                                                             .serial = join->merge->from[source]->deletions };
        at += head.bytes;
        chunks = str_slice(chunks, head.bytes, chunks.length);
    }
    return buf_check(&join->bytes);
}

static int by_time(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;

    if (x->first_ms != y->first_ms)
        return x->first_ms < y->first_ms ? -1 : 1;
    return (x->source > y->source) - (x->source < y->source);
}

static int by_write(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;

    if (x->source != y->source)
        return x->source < y->source ? -1 : 1;
    return (x->first_ms > y->first_ms) - (x->first_ms < y->first_ms);
}

static void push(struct columns *to, const struct columns *from, size_t i)
{
    columns_push(to, from->times[i], from->starts ? from->starts[i] : 0, from->values[i],
                 from->histograms ? from->histograms[i] : NULL);
}

static void append(struct columns *to, const struct columns *from, size_t start)
{
    size_t count = from->count - start;

    if (to->histograms || to->starts || from->histograms || from->starts) {
        for (size_t i = start; i < from->count; i++)
            push(to, from, i);
        return;
    }
    if (count == 0) /* then there may be no memory at all */
        return;
    columns_reserve(to, count);
    memcpy(to->times + to->count, from->times + start, count * sizeof(*to->times));
    memcpy(to->values + to->count, from->values + start, count * sizeof(*to->values));
    to->count += count;
}

static bool makes_tier(const struct series_merge *join)
{
    return join->merge->to != join->merge->from[0]->kind;
}

static void fold_pending(struct series_merge *join)
{
    struct samples samples = columns_samples(&join->pending);

    tier_fold_add(&join->fold, &samples);
    columns_reset(&join->pending);
    arena_reset(join->arena);
}

static err write_rows(struct series_merge *join)
{
    size_t count = join->fold.rows.count;

    for (size_t i = 0; i < count; i += CHUNK_TARGET) {
        buf_reset(&join->chunk);
        tier_encode(&join->chunk, join->fold.rows.at + i, count - i < CHUNK_TARGET ? count - i : CHUNK_TARGET);
        TRY(buf_check(&join->chunk));
        TRY(block_add_chunk(join->writer, buf_str(&join->chunk)));
    }
    join->fold.rows.count = 0;
    return NULL;
}

/* Write pending samples from the front, all of them or while there is a whole chunk. */
static err write_pending(struct series_merge *join, bool all)
{
    struct samples samples = columns_samples(&join->pending);
    size_t done = 0;

    if (makes_tier(join)) {
        fold_pending(join);
        return NULL;
    }
    while (samples.count - done >= CHUNK_TARGET || (all && done < samples.count)) {
        size_t count = samples.count - done < CHUNK_TARGET ? samples.count - done : CHUNK_TARGET;
        struct samples part = { samples.times + done, samples.values + done,
                                samples.histograms ? samples.histograms + done : NULL,
                                samples.starts ? samples.starts + done : NULL, count };
        buf_reset(&join->chunk);
        chunk_encode(&join->chunk, &part);
        TRY(buf_check(&join->chunk));
        TRY(block_add_chunk(join->writer, buf_str(&join->chunk)));
        done += count;
    }
    struct columns rest = { 0 };
    if (done > 0 && done < samples.count) {
        append(&rest, &join->pending, done);
        columns_clear(&join->pending);
        join->pending = rest;
    } else if (done > 0) {
        columns_reset(&join->pending);
        arena_reset(join->arena);
    }
    return NULL;
}

/* What a counter histogram says of the sample before it holds no more where samples came between or went. */
static void forget_hints(struct series_merge *join, struct columns *columns)
{
    for (size_t i = 0; columns->histograms && i < columns->count; i++) {
        const struct histogram *old = columns->histograms[i];
        if (!old || old->hint == RESET_GAUGE || old->hint == RESET_UNKNOWN)
            continue;
        struct histogram *copy = arena_alloc(join->arena, sizeof(*copy));
        *copy = *old;
        copy->hint = RESET_UNKNOWN;
        columns->histograms[i] = copy;
    }
}

/* Merge `one` into `group`; of equal times the one of `one` stays. */
static void merge_one(struct series_merge *join)
{
    const struct columns *a = &join->group, *b = &join->one;
    size_t i = 0, j = 0;

    columns_reset(&join->both);
    while (i < a->count || j < b->count) {
        if (j == b->count || (i < a->count && a->times[i] < b->times[j])) {
            push(&join->both, a, i++);
        } else {
            i += i < a->count && a->times[i] == b->times[j];
            push(&join->both, b, j++);
        }
    }
    struct columns merged = join->both;
    join->both = join->group;
    join->group = merged;
}

static void clip(struct series_merge *join)
{
    const struct columns *one = &join->one;

    if (one->count == 0 ||
        (one->times[0] >= join->merge->start_ms && one->times[one->count - 1] <= join->merge->end_ms))
        return;
    columns_reset(&join->both);
    for (size_t i = 0; i < one->count; i++)
        if (one->times[i] >= join->merge->start_ms && one->times[i] <= join->merge->end_ms)
            push(&join->both, one, i);
    struct columns clipped = join->both;
    join->both = join->one;
    join->one = clipped;
}

/* Decode the pieces of a group, in the order of writing, and put what is left behind the pending samples. */
static err merge_group(struct series_merge *join, struct piece *pieces, size_t count)
{
    bool changed = count > 1;

    qsort(pieces, count, sizeof(*pieces), by_write);
    columns_reset(&join->group);
    for (size_t i = 0; i < count; i++) {
        const struct piece *piece = &pieces[i];
        columns_reset(&join->one);
        TRY(chunk_decode(str_slice(buf_str(&join->bytes), piece->at, piece->at + piece->bytes), join->arena,
                         &join->one));
        thin_columns(&join->one, 0, join->merge->deletions, join->series, piece->serial);
        clip(join);
        changed |= join->one.count < piece->count;
        if (count > 1)
            merge_one(join);
    }
    struct columns *merged = count > 1 ? &join->group : &join->one;
    if (changed)
        forget_hints(join, merged);
    append(&join->pending, merged, 0);
    return write_pending(join, arena_used(join->arena) > ARENA_BYTES);
}

static bool stays_as_it_is(const struct series_merge *join, const struct piece *piece)
{
    const struct merge *merge = join->merge;

    return piece->count >= CHUNK_LONG && !makes_tier(join) && piece->first_ms >= merge->start_ms &&
           piece->last_ms <= merge->end_ms &&
           !deletion_touches(merge->deletions, join->series, piece->serial, piece->first_ms, piece->last_ms);
}

/* Rows of a tier stay as they are, but for those that were deleted. */
static err copy_rows(struct series_merge *join)
{
    for (size_t i = 0; i < join->pieces.count; i++) {
        const struct piece *piece = &join->pieces.at[i];
        struct str chunk = str_slice(buf_str(&join->bytes), piece->at, piece->at + piece->bytes), rest;
        TRY(thin(&join->thinning, join->merge->deletions, join->series, piece->serial, block_width_ms(join->merge->to),
                 chunk, &rest));
        if (rest.length > 0)
            TRY(block_add_chunk(join->writer, rest));
    }
    return NULL;
}

err series_merge_end(struct series_merge *join)
{
    struct piece *pieces = join->pieces.at;
    size_t count = join->pieces.count;

    if (count > 1)
        qsort(pieces, count, sizeof(*pieces), by_time);
    if (join->merge->from[0]->kind != BLOCK_SAMPLES)
        return copy_rows(join);
    for (size_t i = 0, end; i < count; i = end) {
        int64_t last_ms = pieces[i].last_ms;
        for (end = i + 1; end < count && pieces[end].first_ms <= last_ms; end++)
            last_ms = pieces[end].last_ms > last_ms ? pieces[end].last_ms : last_ms;
        if (end == i + 1 && stays_as_it_is(join, &pieces[i])) {
            TRY(write_pending(join, true));
            TRY(block_add_chunk(join->writer,
                                str_slice(buf_str(&join->bytes), pieces[i].at, pieces[i].at + pieces[i].bytes)));
        } else {
            TRY(merge_group(join, pieces + i, end - i));
        }
    }
    TRY(write_pending(join, true));
    return write_rows(join);
}

/* thin.c - deletions applied to samples. */
#include "tsdb/thin.h"

#include <stdlib.h>

#include "base/arena.h"
#include "tsdb/chunk.h"

enum { ARENA_BYTES = 64 * 1024 * 1024, CHUNK_BYTES_MAX = 64 * 1024 * 1024 };

void thinning_clear(struct thinning *thinning)
{
    arena_free(thinning->arena);
    columns_clear(&thinning->columns);
    buf_clear(&thinning->chunk);
    vec_clear(&thinning->rows.rows);
    thinning->arena = NULL;
}

static void move_sample(struct columns *columns, size_t to, size_t from)
{
    columns->times[to] = columns->times[from];
    columns->values[to] = columns->values[from];
    if (columns->histograms)
        columns->histograms[to] = columns->histograms[from];
    if (columns->starts)
        columns->starts[to] = columns->starts[from];
}

static void leave_out(struct columns *columns, size_t from, int64_t start_ms, int64_t end_ms)
{
    size_t kept = from;

    for (size_t i = from; i < columns->count; i++)
        if (columns->times[i] < start_ms || columns->times[i] > end_ms)
            move_sample(columns, kept++, i);
    columns->count = kept;
}

void thin_columns(struct columns *columns, size_t from, const struct deletion_set *set, uint32_t series,
                  uint64_t serial)
{
    for (const struct deletion *it = NULL; (it = deletion_set_next(set, it, series, serial));)
        leave_out(columns, from, it->start_ms, it->end_ms);
}

static err thin_samples(struct thinning *thinning, const struct deletion_set *set, uint32_t series, uint64_t serial,
                        struct str chunk)
{
    if (!thinning->arena)
        thinning->arena = arena_new(ARENA_BYTES);
    arena_reset(thinning->arena);
    columns_reset(&thinning->columns);
    TRY(chunk_decode(chunk, thinning->arena, &thinning->columns));
    thin_columns(&thinning->columns, 0, set, series, serial);
    struct samples rest = columns_samples(&thinning->columns);
    if (rest.count > 0)
        chunk_encode(&thinning->chunk, &rest);
    return NULL;
}

static err thin_rows(struct thinning *thinning, const struct deletion_set *set, uint32_t series, uint64_t serial,
                     int64_t width_ms, struct str chunk)
{
    size_t kept = 0;

    thinning->rows.rows.count = 0;
    TRY(tier_decode(chunk, &thinning->rows));
    struct tier_row *rows = thinning->rows.rows.at;
    for (size_t i = 0; i < thinning->rows.rows.count; i++)
        if (!deletion_touches(set, series, serial, rows[i].start_ms, rows[i].start_ms + width_ms - 1))
            rows[kept++] = rows[i];
    if (kept > 0)
        tier_encode(&thinning->chunk, rows, kept);
    return NULL;
}

err thin(struct thinning *thinning, const struct deletion_set *set, uint32_t series, uint64_t serial, int64_t width_ms,
         struct str chunk, struct str *ret_chunk)
{
    struct chunk_head head;

    *ret_chunk = chunk;
    if (deletion_set_serial(set) <= serial)
        return NULL;
    TRY(chunk_peek(chunk, &head));
    if (!deletion_touches(set, series, serial, head.first_ms, head.last_ms + (width_ms ? width_ms - 1 : 0)))
        return NULL;
    thinning->chunk.max = CHUNK_BYTES_MAX;
    buf_reset(&thinning->chunk);
    TRY(width_ms ? thin_rows(thinning, set, series, serial, width_ms, chunk)
                 : thin_samples(thinning, set, series, serial, chunk));
    *ret_chunk = buf_str(&thinning->chunk);
    return buf_check(&thinning->chunk);
}

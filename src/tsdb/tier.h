/* tier.h - within the room: samples summed up by minute or hour, and such rows in chunks.
 *
 * Owner: the caller. Threads: any. Format: docs/format/chunk.md. */
#pragma once
#include "base/vec.h"
#include "tsdb/chunk.h"
#include "tsdb/tsdb.h"

int64_t tier_width_ms(enum tier tier);

/* Rows in the making, by time. */
struct tier_fold {
    struct arena *arena; /* NULL: malloc */
    int64_t width_ms;
    VEC(struct tier_row) rows;
};
/* tier_fold_add - samples of one series that follow those before; histograms, stale markers and NaN are left out. */
void tier_fold_add(struct tier_fold *fold, const struct samples *samples);

/* tier_encode - a chunk of 1 to CHUNK_SAMPLES_MAX rows, by time. tier_decode - appended to the rows of a fold. */
void tier_encode(struct buf *out, const struct tier_row *rows, size_t count);
err tier_decode(struct str chunk, struct tier_fold *fold) MUST_USE;

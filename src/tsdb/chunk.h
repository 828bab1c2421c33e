/* chunk.h - one sealed run of samples of one series as few bytes as possible.
 *
 * Owner: the bytes' holder; a chunk is plain bytes without pointers. Threads: any. Format: docs/format/chunk.md.
 *
 * Floats: timestamps as delta of delta; values scaled to integers by a power of ten where all of them are decimals,
 * then delta or delta of delta, bit packed; XOR where they use their full mantissa (Pelkonen et al., "Gorilla", VLDB
 * 2015, section 4.1). NaN bit patterns are kept exactly. Histograms and start timestamps have kinds of their own. */
#pragma once
#include "base/buf.h"
#include "tsdb/columns.h"

enum { CHUNK_SAMPLES_MAX = 1024 };

/* What can be said about a chunk without decoding it: its first bytes. */
struct chunk_head {
    uint32_t bytes; /* all of it */
    uint32_t count;
    int64_t first_ms, last_ms;
    bool histograms;
};

/* chunk_encode - append one chunk of 1 to CHUNK_SAMPLES_MAX samples, times strictly rising. */
void chunk_encode(struct buf *out, const struct samples *samples);
/* chunk_peek - ERR_CORRUPT where `bytes` don't begin with a chunk that fits into them. */
err chunk_peek(struct str bytes, struct chunk_head *ret_head) MUST_USE;

/* chunk_decode - append all samples of the chunk to the columns; histograms are made in the arena. ERR_CORRUPT names
 * the byte where it stopped; the columns are then as before. */
err chunk_decode(struct str bytes, struct arena *arena, struct columns *columns) MUST_USE;

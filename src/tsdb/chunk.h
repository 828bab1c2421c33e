/* chunk.h - one sealed run of samples of one series as few bytes as possible.
 *
 * Owner: the bytes' holder; a chunk is plain bytes without pointers. Threads: any. Format: docs/format/chunk.md.
 *
 * Floats: times as offsets from a grid or from each other; values scaled to integers by a power of ten where all of
 * them are decimals, else by their bits; then the cheapest of four predictions, bit packed (pack.h). NaN bit patterns
 * are kept exactly. Histograms are columns of buckets; start timestamps are one more column of times. */
#pragma once
#include "base/buf.h"
#include "tsdb/columns.h"

enum { CHUNK_SAMPLES_MAX = 1024 };
/* A histogram with more buckets (both sides together) or more custom bounds can't be stored: refuse it earlier. */
enum { CHUNK_BUCKETS_MAX = 4096 };

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

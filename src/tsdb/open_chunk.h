/* open_chunk.h - within the room: the newest samples of a series, while they are being appended.
 *
 * Owner: the series' shard. Threads: under the shard's lock; decoding works on a copy, anywhere.
 *
 * A bit stream. One bit 0 says: a sample as regular as the one before, and with the same value. Else 1, then
 *   time:   0 same step | 10 step + 7 bits | 110 step + 17 bits | 1110 step + 33 bits (signed) | 11110 64 bits: the
 * time | 11111 64 bits: the start timestamp from here on, then one of the above value:  0 the same, else by the chunk's
 * mode, which begins as decimals of scale 0: decimals: the difference to the last value, both times 10 to the scale,
 * without `shift` zero bits at its end: 10 within the last width | 11 width - 1 (6 bits), shift (4), difference | 11
 * 111110 scale (2), width - 1, shift, difference | 11 111111: the mode is XOR from here on, and 11 of it XOR:  10
 * within the last window | 11 leading zeros (5), length - 1 (6), XOR bits XOR as in Pelkonen et al., "Gorilla", VLDB
 * 2015, section 4.1. A width or window much wider than needed is left. The first sample follows one of value 0 with the
 * chunk's own first time. */
#pragma once
#include "tsdb/chunk.h"
#include "tsdb/pieces.h"

/* Packed, so that a series' own fields fill its 64 bytes. */
struct open_chunk {
    uint64_t last_bits;
    int64_t first_ms, last_ms, start_ms;
    uint32_t step_ms; /* 0 where it does not fit */
    uint32_t first_piece, last_piece;
    uint16_t bits;
    uint8_t count, mode;       /* the scale, or OPEN_XOR */
    uint8_t leading, trailing; /* of the last window; of decimals: width (0: none yet) and shift */
} __attribute__((packed));

enum { OPEN_SAMPLES_MAX = 250, OPEN_SCALES = 4, OPEN_XOR = OPEN_SCALES };

/* open_append - a sample newer than the last; count is below OPEN_SAMPLES_MAX. */
void open_append(struct open_chunk *chunk, struct pieces *pieces, int64_t time_ms, int64_t start_ms, uint64_t bits);
/* open_reset - empty again; last_ms and last_bits stay as they are. */
void open_reset(struct open_chunk *chunk, struct pieces *pieces);
static inline size_t open_bytes(const struct open_chunk *chunk)
{
    return ((size_t)chunk->bits + 7) / 8;
}
/* open_decode - append `count` samples. ERR_CORRUPT where the bytes end early or times don't rise; the columns are then
 * as before. */
err open_decode(struct str bytes, int64_t first_ms, size_t count, struct columns *columns) MUST_USE;

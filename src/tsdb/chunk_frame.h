/* chunk_frame.h - within the room: the head that all kinds of chunks have, and the length around the rest.
 *
 * Owner: the caller. Threads: any. */
#pragma once
#include "tsdb/chunk.h"
#include "tsdb/varint.h"

/* The first byte: what it is in the upper half, what follows in the lower. */
enum { FRAME_SAMPLES = 0x10, FRAME_TIER = 0x20, FRAME_MASK = 0xf0 };

/* frame_begin - the head; returns the place that frame_end needs once the rest is written. */
size_t frame_begin(struct buf *out, unsigned kind, size_t count, int64_t first_ms, int64_t last_ms);
void frame_end(struct buf *out, size_t place);
/* frame_take - the head; the reading then ends where the chunk does. False where there is none. */
bool frame_take(struct reading *in, unsigned *ret_kind, struct chunk_head *ret_head);

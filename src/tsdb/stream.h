/* stream.h - the samples of one series at one resolution, packed into a list of small chunks.
 *
 * Owner: its series; end with stream_clear. Threads: under the store's lock.
 *
 * DESIGN. A sample is one token: a count of repeats (same value, same step of time: one byte for up to 128 of them), or
 * a control byte (how many bytes of the XOR with the value before are not zero, and where), the change of the step as a
 * zigzag varint, and those bytes. A constant series costs nothing, an integer counter 4 to 6 bytes a sample. XOR coding
 * after Pelkonen et al., "Gorilla", VLDB 2015, section 4.1, by bytes instead of bits. */
#pragma once
#include "model/series_source.h"

enum { CHUNK_BYTES_MAX = 480 };

struct chunk {
    struct chunk *next;
    int64_t first_ms, last_ms, step_ms;
    uint64_t first_bits, last_bits;
    uint32_t count;
    uint16_t used, room;
    uint16_t repeat_at; /* offset of the last token where it is a repeat; UINT16_MAX otherwise */
    unsigned char bytes[];
};

struct stream {
    struct chunk *first, *last;
};

/* stream_append - time_ms is later than all before. A chunk is closed when full, or when it would span more than
 * span_ms. */
void stream_append(struct stream *stream, int64_t time_ms, double value, int64_t span_ms);
/* stream_expire - drop the chunks that end before before_ms; returns the samples dropped. */
size_t stream_expire(struct stream *stream, int64_t before_ms);
/* stream_cut - drop the chunks that end after after_ms: a clock that had jumped ahead wrote them. */
size_t stream_cut(struct stream *stream, int64_t after_ms);
void stream_clear(struct stream *stream);
/* stream_count - samples in the chunks that touch [start_ms, end_ms]: an upper bound of what stream_read gives. */
size_t stream_count(const struct stream *stream, int64_t start_ms, int64_t end_ms);
/* stream_read - the samples in [start_ms, end_ms], in order; returns how many. */
size_t stream_read(const struct stream *stream, int64_t start_ms, int64_t end_ms, struct sample *ret_samples);
/* chunk_is_safe - nothing that is read from or appended to it can go out of bounds: asked of chunks that come from a
 * file, whose checksum vouches for the rest. */
bool chunk_is_safe(const struct chunk *chunk);
/* chunk_is_sound - every token decodes, and decoding ends at the counts, times and value that the header states: an
 * invariant, for tests (8 ns a sample: too slow for the start). */
bool chunk_is_sound(const struct chunk *chunk);
/* stream_adopt - put a chunk that came from a file behind the others. */
void stream_adopt(struct stream *stream, struct chunk *chunk);

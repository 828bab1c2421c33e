/* series.h - within the room: one series' samples in memory, and the shard that holds them.
 *
 * Owner: the head. Threads: everything here under the lock of the series' shard, but labels and their place, which
 * never change.
 *
 * DESIGN. Plain floats newer than the last go to the open chunk. What is late, and histograms, wait in a sorted side
 * buffer, which wins over the open chunk at equal times. Sealing turns both into chunks (chunk.h) in a list, newest
 * first: a chunk sealed later wins over an earlier one at equal times, so what is sealed of the side buffer's past
 * never overlaps with what stays open. */
#pragma once
#include "base/vec.h"
#include "tsdb/histogram_keep.h"
#include "tsdb/open_chunk.h"
#include "tsdb/tsdb.h"

#include <pthread.h>

enum series_flags {
    SERIES_LIVE = 1,
    SERIES_LOGGED = 2,     /* a record of it is in the log or a snapshot */
    SERIES_LAST_KNOWN = 4, /* open.last_ms and open.last_bits are its newest sample */
};

struct head_series {
    struct open_chunk open;
    uint8_t flags;
    uint8_t seen;    /* when it last got a sample, in units of SEEN_UNIT_MS, modulo 256 */
    uint32_t labels; /* table.h */
    uint32_t sealed; /* the newest sealed chunk's first piece */
    uint32_t side;
};
_Static_assert(sizeof(struct head_series) == 64, "a series is one cache line");

enum { SEEN_UNIT_MS = 600000, SIDE_SAMPLES_MAX = 120 };

/* A sample in the side buffer. */
struct wide {
    int64_t time_ms, start_ms;
    uint64_t bits;
    struct histogram *histogram; /* malloc'd in one piece; NULL: a float */
};

struct side {
    struct wide *at; /* sorted by time */
    uint32_t count, room;
};

struct shard {
    pthread_mutex_t lock;
    struct pieces pieces;
    struct stable sides;
    uint32_t side_made;
    VEC(uint32_t) side_free;
    struct columns scratch;
    struct buf encoded;
    uint64_t sealed_bytes, sealed_chunks, open_chunks, side_bytes;
    uint64_t appended, out_of_order;
    int64_t first_ms, last_ms; /* of what was appended; first > last: nothing */
} __attribute__((aligned(64)));

void shard_init(struct shard *shard);
void shard_clear(struct shard *shard); /* the sides of all series must be gone */

void series_init(struct head_series *series, uint32_t labels);
/* series_forget - all samples. */
void series_forget_locked(struct shard *shard, struct head_series *series);

/* A chunk is sealed at about 120 samples: a little earlier or later by id, so that not all are at once. */
enum append_outcome series_append_float_locked(struct shard *shard, struct head_series *series, uint32_t id,
                                               int64_t time_ms, int64_t start_ms, uint64_t bits);
enum append_outcome series_append_histogram_locked(struct shard *shard, struct head_series *series, int64_t time_ms,
                                                   int64_t start_ms, const struct histogram *histogram);
/* series_seal - everything that is open. series_add_chunk - one that was sealed before. */
void series_seal_locked(struct shard *shard, struct head_series *series);
void series_add_chunk_locked(struct shard *shard, struct head_series *series, struct str bytes,
                             const struct chunk_head *head);
/* series_mark - the sealed chunks of now are flushing. series_unmark - forgotten where `done`, else unmarked. */
void series_mark_locked(struct shard *shard, struct head_series *series);
void series_unmark_locked(struct shard *shard, struct head_series *series, bool done);

/* series_put_open, series_put_aside - one sample to where it was before. */
void series_put_open_locked(struct shard *shard, struct head_series *series, int64_t time_ms, int64_t start_ms,
                            double value);
void series_put_aside_locked(struct shard *shard, struct head_series *series, const struct wide *wide);
/* series_delete - the samples within [start_ms, end_ms]. */
void series_delete_locked(struct shard *shard, struct head_series *series, int64_t start_ms, int64_t end_ms);

/* ---- reading: a copy under the lock, decoded without it ---- */

struct sealed_copy {
    size_t at, length;
    int64_t first_ms, last_ms;
    bool flushing;
};

struct series_copy {
    struct buf bytes;
    VEC(struct sealed_copy) sealed; /* by age */
    size_t open_at, open_length, open_count;
    int64_t open_first_ms, open_last_ms;
    VEC(struct wide) side; /* histograms are in the arena */
};

/* series_touches - may memory have a sample of it in [start_ms, end_ms]? */
bool series_touches_locked(const struct shard *shard, const struct head_series *series, int64_t start_ms,
                           int64_t end_ms);
void series_copy_clear(struct series_copy *copy);
/* series_copy - what touches [start_ms, end_ms]. */
void series_copy_locked(const struct shard *shard, const struct head_series *series, int64_t start_ms, int64_t end_ms,
                        struct arena *arena, struct series_copy *copy);
/* series_decode - append all of it, in order of precedence: columns_settle makes it one series. series_decode_open -
 * only what is not sealed. */
err series_decode(const struct series_copy *copy, struct arena *arena, struct columns *columns) MUST_USE;
err series_decode_open(const struct series_copy *copy, struct columns *columns) MUST_USE;
/* chunks_encode - runs of floats or histograms, each at most CHUNK_SAMPLES_MAX long; `found` gets one chunk a call. */
void chunks_encode(struct buf *scratch, const struct samples *samples, void (*found)(void *arg, struct str chunk),
                   void *arg);

/* ---- histograms that are kept ---- */

bool histogram_is_same(const struct histogram *a, const struct histogram *b);

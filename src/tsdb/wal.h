/* wal.h - the write-ahead log: one checksummed record a request, in segments of 64 MiB.
 *
 * Owner: the tsdb. A wal_batch belongs to one thread at a time. Threads: wal_write from any (one lock, held for the one
 * write()); fdatasync on a thread of its own, for all who wait at once. Format: docs/format/wal.md.
 *
 * What the head owes, so that a crash at any point loses nothing that was acknowledged:
 *   - it changes its memory before wal_write, so that a snapshot begun after wal_rotate has all that stands before;
 *   - a batch defines each of its series that no successful wal_write has defined yet: another request's record, or one
 *     that failed, may be what was to define it;
 *   - duplicates are logged too: what they repeat may stand in a record that failed. */
#pragma once
#include "base/buf.h"
#include "model/series_source.h"

struct wal;

/* One request's record in the making. */
struct wal_batch {
    struct buf bytes; /* room for the record's head, then items */
    uint32_t last_series;
    int64_t last_time_ms;
    size_t samples;
};
void wal_batch_init(struct wal_batch *batch);
void wal_batch_reset(struct wal_batch *batch);
void wal_batch_clear(struct wal_batch *batch);
void wal_batch_series(struct wal_batch *batch, uint32_t series, struct labels labels);
void wal_batch_float(struct wal_batch *batch, uint32_t series, int64_t time_ms, int64_t start_ms, double value);
void wal_batch_histogram(struct wal_batch *batch, uint32_t series, int64_t time_ms, int64_t start_ms,
                         const struct histogram *histogram);
void wal_batch_exemplar(struct wal_batch *batch, uint32_t series, const struct exemplar *exemplar);
void wal_batch_meta(struct wal_batch *batch, const struct metric_meta *meta);
/* wal_batch_delete - series and span; a deletion holds for what was appended before it. */
void wal_batch_delete(struct wal_batch *batch, uint32_t series, int64_t start_ms, int64_t end_ms);
/* wal_batch_chunk - only in snapshots of the head, which are made of the same items. */
void wal_batch_chunk(struct wal_batch *batch, uint32_t series, struct str chunk, bool sealed);

/* What a replay calls, in the order of the log. An err ends it. What is shown lives during the call. */
struct wal_reader {
    void *arg;
    err (*series)(void *arg, uint32_t series, struct labels labels);
    err (*sample)(void *arg, uint32_t series, int64_t time_ms, int64_t start_ms, double value);
    err (*histogram)(void *arg, uint32_t series, int64_t time_ms, int64_t start_ms, const struct histogram *histogram);
    err (*exemplar)(void *arg, uint32_t series, const struct exemplar *exemplar);
    err (*meta)(void *arg, const struct metric_meta *meta);
    err (*drop)(void *arg, uint32_t series, int64_t start_ms, int64_t end_ms);
    err (*chunk)(void *arg, uint32_t series, struct str chunk, bool sealed); /* NULL: there are none */
    void (*progress)(void *arg, uint64_t done_bytes, uint64_t all_bytes);    /* may be NULL */
};

/* wal_open - makes the folder, and starts the thread. fsync_interval_ms 0: each wal_write waits for the disk. */
err wal_open(const char *folder, int64_t fsync_interval_ms, struct wal **ret_wal) MUST_USE;
void wal_set_interval(struct wal *wal, int64_t fsync_interval_ms);
/* wal_replay - all segments from `from_segment` on; before the first wal_write. A torn tail of the last segment is cut
 * off; anything else that fails its checksum is copied to SEGMENT.bad, named in the log and in *ret_bad, and the replay
 * goes on behind it. */
err wal_replay(struct wal *wal, uint64_t from_segment, const struct wal_reader *reader, struct str_list *ret_bad,
               struct arena *arena) MUST_USE;
/* wal_write - when it returns NULL the record is with the kernel, and on the disk where the interval is 0. After an
 * error nothing may be acknowledged, and writes fail (ERR_IO) until the disk takes them again: the log's own thread
 * tries each second. What was acknowledged and not synced when a sync failed is kept in memory and written again first:
 * a sync that succeeds after one that failed proves nothing. Waits while 64 MiB are not synced. */
err wal_write(struct wal *wal, struct wal_batch *batch) MUST_USE;
err wal_sync(struct wal *wal) MUST_USE;
err wal_retry(struct wal *wal) MUST_USE; /* try the disk again now: a new segment */
/* wal_is_well - false where writes fail; wal_trouble then says why (else ""). */
bool wal_is_well(const struct wal *wal);
struct str wal_trouble(struct wal *wal, struct arena *arena);
/* wal_rotate - start a new segment; what is written from now on is in *ret_segment or later. wal_forget - remove the
 * segments before `segment`. */
err wal_rotate(struct wal *wal, uint64_t *ret_segment) MUST_USE;
err wal_forget(struct wal *wal, uint64_t segment) MUST_USE;
uint64_t wal_bytes(struct wal *wal);         /* of all segments */
uint64_t wal_segment_bytes(struct wal *wal); /* of the one that is written */
/* wal_close - sync and free; NULL is fine. What could not be written is said in the log. */
void wal_close(struct wal *wal);

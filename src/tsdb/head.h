/* head.h - within the room: the series and their newest samples in memory.
 *
 * Owner: the tsdb. Threads: any; the table and each shard have their own locks, leaves all of them.
 *
 * What the disk side (snapshot.h, flush in maintain.c, wal replay) asks of the head: */
#pragma once
#include "tsdb/tsdb.h"

struct head;

/* Recovery, one thread, before anybody else: ids are as they were. Repeats of what is there already change nothing.
 * ERR_NOT_FOUND: nobody said what the series is. */
err head_restore_series(struct head *head, uint32_t series, struct labels labels) MUST_USE;
err head_restore_float(struct head *head, uint32_t series, int64_t time_ms, int64_t start_ms, double value) MUST_USE;
err head_restore_histogram(struct head *head, uint32_t series, int64_t time_ms, int64_t start_ms,
                           const struct histogram *histogram) MUST_USE;
/* head_restore_chunk - a sealed chunk of the snapshot. head_restore_delete - as it was asked. */
err head_restore_chunk(struct head *head, uint32_t series, struct str chunk) MUST_USE;
err head_restore_delete(struct head *head, uint32_t series, int64_t start_ms, int64_t end_ms) MUST_USE;
err head_restore_exemplar(struct head *head, uint32_t series, const struct exemplar *exemplar) MUST_USE;
void head_restore_meta(struct head *head, const struct metric_meta *meta);
/* head_restored - the last of these calls. */
void head_restored(struct head *head);

/* head_visit - for snapshots and flushes: every series in label order (order_by_labels) or by id, its labels and its
 * samples: sealed chunks not yet in a block, then the open ones (of floats that are not sealed: encoded as a chunk for
 * the visitor). Each series is seen consistently; the whole is fuzzy, which replay of the log mends. */
struct head_visitor {
    void *arg;
    err (*series)(void *arg, uint32_t series, struct labels labels);
    err (*chunk)(void *arg, struct str chunk, bool sealed); /* of the series before it */
};
err head_visit(struct head *head, bool order_by_labels, const struct head_visitor *visitor) MUST_USE;
err head_visit_exemplars(struct head *head, err (*found)(void *arg, uint32_t series, const struct exemplar *exemplar),
                         void *arg) MUST_USE;
err head_visit_metas(struct head *head, err (*found)(void *arg, const struct metric_meta *meta), void *arg) MUST_USE;

/* Flushing: head_flush_begin marks the sealed chunks of now; head_visit_flushing shows just those, in label order;
 * head_flush_end(done) forgets them (they are in a block that is visible now) or unmarks them. */
uint64_t head_sealed_bytes(struct head *head);
void head_flush_begin(struct head *head, bool everything); /* everything: open chunks are sealed first */
err head_visit_flushing(struct head *head, const struct head_visitor *visitor) MUST_USE;
void head_flush_end(struct head *head, bool done);

/* head_collect - forget series without samples in the head for an hour that are in no block: `in_blocks` says so, and
 * looks at the blocks of when it is first called, or later. */
void head_collect(struct head *head, bool (*in_blocks)(void *arg, uint32_t series), void *arg);

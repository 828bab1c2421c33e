/* memory_store.h - recent samples of a bounded number of series in memory, coarser ones for two weeks, kept over
 * restarts by a snapshot.
 *
 * Owner: app/ makes one and frees it after everything that appends or selects has stopped. Threads: any, through
 * model/series_source.h.
 *
 * DESIGN. Three resolutions a series: every sample for an hour, one a minute for a day, one an hour for a fortnight
 * (counters: the last of the span, so that rates hold; everything else: the mean). A select takes the finest there is
 * for each stretch of time. Nothing here is durable but the snapshot, written every five minutes and at a clean stop.
 */
#pragma once
#include "base/ticker.h"
#include "model/series_source.h"

struct memory_store;

struct memory_store_options {
    const char *snapshot_path; /* NULL: nothing is kept */
    size_t series_max;         /* 0: 20,000. Further ones push out those idle for an hour, or are dropped and counted */
    struct ticker *ticker;     /* with pool: flush every five minutes. NULL: only when told */
    struct pool *pool;
};

/* memory_store_new - with what the snapshot holds. A damaged snapshot is renamed to PATH.bad, said once in the log, and
 * the store starts empty. */
err memory_store_new(const struct memory_store_options *options, struct memory_store **ret_store) MUST_USE;
struct series_source *memory_store_source(struct memory_store *store);
struct sample_sink *memory_store_sink(struct memory_store *store);
/* memory_store_flush - write the snapshot now. */
err memory_store_flush(struct memory_store *store) MUST_USE;
/* memory_store_free - without a last flush: that is the caller's decision. */
void memory_store_free(struct memory_store *store);

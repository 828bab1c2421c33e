/* disk.h - within the room: what keeps the head over restarts, and what is done about it from time to time.
 *
 * Owner: the tsdb, which opens it after head and blocks and closes it before them. Threads: any.
 *
 * DESIGN. Recovery runs on a thread of its own: the series of the newest snapshot, of the blocks where that is damaged,
 * then the log behind it. Afterwards disk_maintain, one at a time: when enough is sealed, or old, it becomes a block;
 * when the log has grown, or time has passed, a snapshot makes it short. Snapshots are fuzzy: the log is rotated first,
 * and what is replayed twice changes nothing. */
#pragma once
#include "tsdb/block.h"
#include "tsdb/head.h"
#include "tsdb/wal.h"

struct disk;

struct disk_options {
    const char *folder; /* DATA/tsdb: wal/, head.snapshot */
    const struct tsdb_settings *settings;
    struct head *head;
    struct blocks *blocks;
    struct ticker *ticker; /* may be NULL, with pool */
    struct pool *pool;
};

/* disk_open - returns at once; recovery goes on behind it. */
err disk_open(const struct disk_options *options, struct disk **ret_disk) MUST_USE;
/* disk_await - until all is recovered; costs one load once it is. ERR_TIMEOUT past the deadline (monotonic ms). */
err disk_await(struct disk *disk, int64_t deadline_ms) MUST_USE;
/* disk_wal - it is there from the start, but to be written only after disk_await. */
struct wal *disk_wal(struct disk *disk);
/* disk_maintain - flush, snapshot, merge, retention, as far as they are due. */
err disk_maintain(struct disk *disk) MUST_USE;
/* disk_flush - all that is sealed becomes a block now, whatever its size; `everything`: what is open is sealed first.
 */
err disk_flush(struct disk *disk, bool everything) MUST_USE;
/* disk_clean - what was deleted is gone from log and snapshot. */
err disk_clean(struct disk *disk) MUST_USE;
err disk_backup(struct disk *disk, const char *folder) MUST_USE;
void disk_reload(struct disk *disk, const struct tsdb_settings *settings);
/* disk_state - fills wal_bytes, recovering, recovered, trouble, set_aside. */
void disk_state(struct disk *disk, struct arena *arena, struct tsdb_state *ret_state);
/* disk_close - flush, snapshot, sync, free; NULL is fine. Nobody appends any more. */
void disk_close(struct disk *disk);

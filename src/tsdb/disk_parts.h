/* disk_parts.h - within disk.c, flush.c and backup.c: what the disk side is made of.
 *
 * Owner: disk.c. Threads: as each part says. */
#pragma once
#include "base/ticker.h"
#include "tsdb/disk.h"

#include <pthread.h>
#include <stdatomic.h>

struct disk {
    char *folder, *snapshot; /* path */
    struct head *head;
    struct blocks *blocks;
    struct wal *wal;
    struct timer *timer;

    /* Recovery: its thread writes, under `lock`; `ready` may be read without. */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    _Atomic bool ready, stopping;
    bool ended;
    double recovered;
    char trouble[400]; /* why recovery failed, or housekeeping does */
    struct arena *arena;
    VEC(struct str) set_aside;

    /* One housekeeper at a time. */
    pthread_mutex_t keeping;
    struct tsdb_settings settings;   /* under `lock` */
    int64_t flushed_ms, snapshot_ms; /* monotonic */
    uint64_t snapshot_wal_bytes;     /* of the log, after the last snapshot */
    bool snapshot_wanted;
};

/* flush.c; the housekeeper's */
err flush_locked(struct disk *disk, bool everything) MUST_USE;
err snapshot_locked(struct disk *disk) MUST_USE;

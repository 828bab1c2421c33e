/* recover.h - within the room: an empty head becomes what it was.
 *
 * Owner: disk.c. Threads: one, before anybody else uses the head. */
#pragma once
#include "tsdb/block.h"
#include "tsdb/head.h"
#include "tsdb/wal.h"

struct recovery {
    struct head *head;
    struct blocks *blocks;
    struct wal *wal;
    const char *snapshot; /* path */
    /* Told between items; an err ends it. */
    err (*progress)(void *arg, double done);
    void *arg;
    /* Results. */
    struct arena *arena;
    VEC(struct str) set_aside;
    uint64_t series, samples, lost; /* lost: of series whose labels nobody knows any more */
};

/* recover - the snapshot; where that is damaged or gone, the series that the blocks know; then the log. */
err recover(struct recovery *recovery) MUST_USE;

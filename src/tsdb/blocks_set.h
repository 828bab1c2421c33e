/* blocks_set.h - within the room: what the set of blocks, its views and its cursors share.
 *
 * Owner: the tsdb. Threads: any; `lock` guards the list, never held over I/O but for opening and removing. */
#pragma once
#include "tsdb/block_file.h"
#include "tsdb/deletions.h"

#include <pthread.h>

struct blocks {
    char *folder;
    pthread_mutex_t lock;
    VEC(struct block *) list; /* by order, then number */
    uint64_t next_number;
    struct deletions *deletions;
    VEC(char *) bad; /* set aside */
    _Atomic bool stopping;
};

struct blocks_view {
    struct block **at; /* by order */
    size_t count;
    const struct deletion_set *deletions;
};

/* blocks_keep_bad - give a damaged file a second name PATH.bad, and remember that. */
err blocks_keep_bad(struct blocks *blocks, const char *path) MUST_USE;
/* blocks_replace - add a published file that may be NULL (nothing was left) in place of others. */
err blocks_replace(struct blocks *blocks, const char *path, struct block *const *old, size_t old_count) MUST_USE;

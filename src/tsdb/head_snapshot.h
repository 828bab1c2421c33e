/* head_snapshot.h - the head in one file, so that the log before it can go.
 *
 * Owner: disk.c. Threads: one at a time for a path; samples may arrive meanwhile. Format: docs/format/head-snapshot.md.
 *
 * DESIGN. The same records and items as the log (wal_record.h), in groups that zstd compressed, and chunks besides: one
 * decoder, one fuzz target, one way to go on behind what is damaged. */
#pragma once
#include "tsdb/head.h"
#include "tsdb/wal.h"

/* head_snapshot_write - everything of now; the log is to be replayed from `segment` on. Synced, then renamed to path:
 * the one before stays until then. */
err head_snapshot_write(struct head *head, const char *path, uint64_t segment) MUST_USE;

struct head_snapshot_state {
    uint64_t segment; /* from which on to replay the log; 0: all of it */
    uint64_t bytes, groups;
    uint64_t damaged_at, damaged_bytes; /* the first place, and in all; 0 bytes: it is whole */
};
/* head_snapshot_read - what is good of it, in order; ERR_NOT_FOUND where there is none. */
err head_snapshot_read(const char *path, const struct wal_reader *reader,
                       struct head_snapshot_state *ret_state) MUST_USE;

/* check.h - look at every byte that is stored, changing nothing: also beside a running server.
 *
 * Owner: the caller's struct. Threads: one at a time. */
#pragma once
#include "model/labels.h"

struct check_finding {
    const char *file;
    uint64_t offset, bytes; /* bytes 0: `what` says where */
    const char *what;
};

struct check {
    void (*found)(void *arg, const struct check_finding *finding); /* what is damaged */
    void *arg;
    uint64_t files, bytes, records, series, chunks, samples; /* seen */
    uint64_t findings;
};

/* tsdb_check - log, snapshot and blocks of DATA/tsdb. An err only where the folder itself can't be read. */
err tsdb_check(const char *folder, struct check *check) MUST_USE;

/* tsdb_dump_log - the write-ahead log as text, also beside a running server. */
struct wal_dump {
    const struct matcher *matchers; /* only series that match */
    size_t matcher_count;
    void (*line)(void *arg, struct str line);
    void *arg;
};
err tsdb_dump_log(const char *folder, const struct wal_dump *options) MUST_USE;

/* duration.h - spans of time and sizes of memory as people write them; the only parsers of either.
 *
 * Owner: nobody. Threads: any. */
#pragma once
#include "base/buf.h"

struct duration {
    int64_t ms;
};

/* duration_parse - Prometheus' spelling: 500ms, 30s, 1h30m, 7d, 2w, 1y; units from large to small, each once; "0" too.
 * A year is 365 days. False where it is not one, or does not fit. */
bool duration_parse(struct str text, struct duration *ret_duration) MUST_USE;
/* duration_add - the shortest exact spelling: 90000 ms is "1m30s". */
void duration_add(struct buf *buf, struct duration duration);

/* size_parse - bytes: 512, 64MB (10^6), 1GiB (2^20 ...), 32mb and 32k as Redis writes them (mb = 2^20, k = 1000). */
bool size_parse(struct str text, int64_t *ret_bytes) MUST_USE;
/* size_add - for people: "3.2 GiB". */
void size_add(struct buf *buf, double bytes);

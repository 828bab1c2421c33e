/* wal_record.h - within the log: what segments and records look like to those who write, read and check them.
 *
 * Owner: nobody. Threads: any. Format: docs/format/wal.md.
 *
 * DESIGN. A record's check covers its segment's number and its place besides its bytes: what a reused block of the disk
 * still holds of an older log is never taken for ours. */
#pragma once
#include "tsdb/varint.h"
#include "tsdb/wal.h"

enum {
    WAL_HEAD_BYTES = 16, /* of a segment, and of a record */
    WAL_RECORD_MAX = 256 * 1024 * 1024,
    WAL_SEGMENT_MAX = 64 * 1024 * 1024,
};

enum wal_item {
    WAL_SERIES = 1,
    WAL_HISTOGRAM,
    WAL_EXEMPLAR,
    WAL_META,
    WAL_DELETE,
    WAL_CHUNK,
    WAL_OPEN_CHUNK,
    WAL_FLOAT = 0x80,       /* with what follows in the same byte: */
    WAL_FLOAT_NEXT = 0x00,  /* of the series after the last one */
    WAL_FLOAT_SAME = 0x20,  /* of the same */
    WAL_FLOAT_OTHER = 0x40, /* of the one at this distance */
    WAL_FLOAT_START = 0x60, /* the same, with a start timestamp */
    WAL_FLOAT_OF = 0x60,
    WAL_FLOAT_TIME = 0x10,  /* at another time than the last one */
    WAL_FLOAT_BYTES = 0x0f, /* so many upper bytes of the value; the others are zero */
};

enum { WAL_HISTOGRAM_INTEGRAL = 0x04, WAL_HISTOGRAM_WHOLE = 0x08, WAL_HISTOGRAM_HINT = 0x03 };

void wal_segment_head(unsigned char head[WAL_HEAD_BYTES], uint64_t segment);
/* wal_record_head - for a payload of this hash (XXH3-64) at this place. */
void wal_record_head(unsigned char head[WAL_HEAD_BYTES], uint64_t segment, uint64_t offset, size_t length,
                     uint64_t hash);

/* wal_scan_records - go through records from `offset` on, changing nothing. `damaged` gets what fails: [from, to),
 * `last` where no good record follows. */
struct wal_scan {
    void *arg;
    err (*record)(void *arg, uint64_t offset, struct str payload);
    err (*damaged)(void *arg, uint64_t from, uint64_t to, bool last);
};
err wal_scan_records(struct str bytes, uint64_t segment, uint64_t offset, const struct wal_scan *scan) MUST_USE;
/* wal_scan - the same for a segment, with its head. */
err wal_scan(struct str bytes, uint64_t segment, const struct wal_scan *scan) MUST_USE;
/* wal_decode - one record's items, in order; ERR_CORRUPT where they make no sense. The arena is for scratch: reset. */
err wal_decode(struct str payload, const struct wal_reader *reader, struct arena *arena) MUST_USE;

/* wal_segments - the numbers of a folder's segments, rising. wal_segment_read - a whole one into `bytes`. */
err wal_segments(const char *folder, struct arena *arena, uint64_t **ret_numbers, size_t *ret_count) MUST_USE;
err wal_segment_read(const char *path, struct buf *bytes) MUST_USE;

/* Of the log that is replayed: its folder; the number below which no segment may begin; cut off a torn tail. */
const char *wal_folder(const struct wal *wal);
void wal_begin_at(struct wal *wal, uint64_t segment);
err wal_cut(struct wal *wal, uint64_t segment, uint64_t bytes) MUST_USE;

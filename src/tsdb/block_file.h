/* block_file.h - within the room: one open block file, its groups and its index.
 *
 * Owner: counted; the set has one reference, each view one. Threads: any; all but the counts is constant after
 * block_open. Format: docs/format/block.md. */
#pragma once
#include "tsdb/block.h"
#include "tsdb/varint.h"

#include <stdatomic.h>
#include <zstd.h>

#define BLOCK_MAGIC "AUSPEXB1"
enum {
    BLOCK_MAGIC_BYTES = 8,
    BLOCK_VERSION = 1,
    GROUP_BYTES = 128 * 1024,           /* of a group before compression; a chunk is not cut */
    GROUP_BYTES_MAX = 64 * 1024 * 1024, /* more is damage */
    BLOCK_TAIL_BYTES = 4 + 8 + BLOCK_MAGIC_BYTES,
    BLOCK_FOOTER_MAX = 1 << 20,
};

/* A compressed part of the file. */
struct group {
    uint64_t offset, hash; /* hash: XXH3-64 of the compressed bytes */
    uint32_t bytes, raw_bytes;
    uint32_t first; /* position of its first series */
    bool continued; /* that series began in the group before */
};

struct groups {
    struct group *at;
    size_t count;
};

struct block {
    _Atomic int references;
    _Atomic bool removed; /* the file goes with the last reference */
    _Atomic bool damaged; /* a group failed its checksum */
    int fd;
    char *path;
    uint64_t number, deletions;
    enum block_kind kind;
    struct block_stat stat;
    uint64_t *replaced;
    size_t replaced_count;
    struct groups chunks, labels;
    struct group index;
    /* From id to position: by id - low where ids are dense, else two sorted columns. */
    uint32_t low;
    uint32_t *ids, *positions; /* ids is NULL where dense; positions then has UINT32_MAX for holes */
    size_t slots;
};

/* block_open - ERR_CORRUPT where the footer or the index is damaged; groups are checked when they are read. */
err block_open(const char *path, struct block **ret_block) MUST_USE;
struct block *block_ref(struct block *block);
void block_unref(struct block *block); /* NULL is fine */
/* block_width_ms - of the rows of a tier; 0 for samples. */
int64_t block_width_ms(enum block_kind kind);
/* block_number_of - of NUMBER.block at the end of a path; 0 where it is none. */
uint64_t block_number_of(const char *path);

/* block_position - of a series; UINT32_MAX where it is not in the block. */
uint32_t block_position(const struct block *block, uint32_t series);
/* block_ids - id by position, `series` of them; free() them. */
uint32_t *block_ids(const struct block *block);
/* block_group - the group that a position begins in. */
size_t block_group(const struct groups *groups, uint32_t position);

/* group_read - decompressed into `out`, which is emptied first. ERR_CORRUPT names file and byte, and marks the block.
 */
err group_read(struct block *block, const struct group *group, ZSTD_DCtx *zstd, struct buf *out) MUST_USE;

/* block_damaged - an ERR_CORRUPT that names file and byte; the block is marked. */
err block_damaged(struct block *block, const struct group *group, const char *what) MUST_USE;

/* A group of chunks, with where the series in it are. */
struct chunk_group {
    struct buf bytes;
    uint32_t *ends; /* of each series' chunks, offsets in bytes */
    size_t count, room;
    size_t start; /* of the first series' chunks */
};
void chunk_group_clear(struct chunk_group *group);
err chunk_group_read(struct block *block, size_t index, ZSTD_DCtx *zstd, struct chunk_group *group) MUST_USE;
/* chunk_group_of - the chunks of a position that is in the group. */
struct str chunk_group_of(const struct block *block, size_t index, const struct chunk_group *group, uint32_t position);

/* Reads the labels of a block from first to last. */
struct labels_reader {
    struct block *block;
    ZSTD_DCtx *zstd;
    struct buf group;
    struct reading in;
    size_t next_group;
    uint32_t position; /* of the next series */
    VEC(struct label) items;
    struct labels labels; /* of the series before it; they live until the next call */
};
void labels_reader_init(struct labels_reader *reader, struct block *block, ZSTD_DCtx *zstd);
void labels_reader_clear(struct labels_reader *reader);
/* labels_reader_next - false at the end. */
err labels_reader_next(struct labels_reader *reader, bool *ret_found) MUST_USE;
/* labels_reader_skip - go on behind a damaged group, at the first series of the next one. */
void labels_reader_skip(struct labels_reader *reader);

/* block_writer_empty - did no series get a chunk? */
bool block_writer_empty(const struct block_writer *writer);

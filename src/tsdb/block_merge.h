/* block_merge.h - within the room: several blocks into one, series by series, in bounded memory.
 *
 * Owner: the caller. Threads: one a merge. */
#pragma once
#include "tsdb/blocks_set.h"
#include "tsdb/columns.h"
#include "tsdb/thin.h"

struct merge {
    struct block *const *from; /* by order: of samples of one time those of a later block count */
    size_t count;
    const struct deletion_set *deletions; /* carried out */
    int64_t start_ms, end_ms;             /* samples outside are left out */
    enum block_kind to;                   /* samples may become rows of a tier */
    const _Atomic bool *stopping;         /* ends it; may be NULL */
    bool skip_damaged;                    /* leave out groups that can't be read, instead of ending in ERR_CORRUPT */
};

/* block_merge - write and publish the result at `path`; *ret_empty: no sample was left, and there is no file. */
err block_merge(const struct merge *merge, const char *path, const struct block_options *options,
                bool *ret_empty) MUST_USE;

/* series_merge: the chunks of one series, from several sources, into longer ones without repeats. */
struct piece {
    size_t at; /* in the bytes of the pieces */
    uint32_t bytes, count;
    int64_t first_ms, last_ms;
    size_t source;   /* later sources win */
    uint64_t serial; /* of deletions that its block knows */
};

struct series_merge {
    const struct merge *merge;
    struct block_writer *writer;
    uint32_t series;
    struct buf bytes;
    VEC(struct piece) pieces;
    struct arena *arena;
    struct columns pending, group, one, both;
    struct tier_fold fold;
    struct thinning thinning;
    struct buf chunk;
};
void series_merge_init(struct series_merge *join, const struct merge *merge, struct block_writer *writer);
void series_merge_clear(struct series_merge *join);
void series_merge_begin(struct series_merge *join, uint32_t series);
/* series_merge_add - all chunks of one source, one after the other; copied. */
err series_merge_add(struct series_merge *join, size_t source, struct str chunks) MUST_USE;
/* series_merge_end - write the result. */
err series_merge_end(struct series_merge *join) MUST_USE;

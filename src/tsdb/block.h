/* block.h - one immutable file of sealed chunks, sorted by labels and time, in groups compressed by zstd.
 *
 * Owner: struct blocks has the open ones; a view keeps its blocks open and readable even when they are merged or
 * removed meanwhile. Threads: a view may be shared; a cursor belongs to one thread. Format: docs/format/block.md. */
#pragma once
#include "base/buf.h"
#include "model/series_source.h"

/* ---- writing one ---- */

enum block_kind { BLOCK_SAMPLES, BLOCK_MINUTES, BLOCK_HOURS, BLOCK_KINDS };

/* What is known of a block besides its series. Zeros: samples of the head, to which all deletions apply. */
struct block_options {
    enum block_kind kind;
    unsigned level;           /* 0: from the head; each merge adds one */
    uint64_t order;           /* of writing: a sample of a block of higher order wins; 0: the block's number */
    uint64_t deletions;       /* blocks_deletions from before its samples were taken: later ones apply to it */
    const uint64_t *replaced; /* numbers of blocks that have no say any more once this one is there */
    size_t replaced_count;
};

struct block_writer;
/* block_create - writes PATH.new until block_publish renames it, synced. `options` may be NULL. */
err block_create(const char *path, const struct block_options *options, struct block_writer **ret_writer) MUST_USE;
/* block_add_series - series come sorted by labels; its chunks (chunk.h) follow, by time. One without chunks is left
 * out. */
err block_add_series(struct block_writer *writer, uint32_t series, struct labels labels) MUST_USE;
err block_add_chunk(struct block_writer *writer, struct str chunk) MUST_USE;
/* block_publish - frees the writer in any case. ERR_RANGE where it has no series: nothing is written then. */
err block_publish(struct block_writer *writer) MUST_USE;
void block_abandon(struct block_writer *writer); /* removes the file; NULL is fine */

/* ---- the set of them ---- */

struct blocks;
/* blocks_open - of a folder, made where it is not there; a damaged one is renamed to .bad and named. What a crash left
 * behind of writing or replacing is cleaned up. */
err blocks_open(const char *folder, struct arena *arena, struct str_list *ret_bad, struct blocks **ret_blocks) MUST_USE;
void blocks_close(struct blocks *blocks); /* views may outlive it */
/* blocks_next_path - of a block to be written: folder/NUMBER.block. blocks_add - a published one becomes visible
 * instead of those it replaces, which are removed once no view holds them. */
struct str blocks_next_path(struct blocks *blocks, struct arena *arena);
err blocks_add(struct blocks *blocks, const char *path) MUST_USE;
/* blocks_bad - the files that were set aside since blocks_open began. */
void blocks_bad(struct blocks *blocks, struct arena *arena, struct str_list *ret_bad);

struct blocks_view;
struct blocks_view *blocks_view(struct blocks *blocks); /* the blocks of samples of now */
/* blocks_view_of - those of a kind, of all kinds for BLOCK_KINDS: a backup, and the question whether a series is in
 * any. */
struct blocks_view *blocks_view_of(struct blocks *blocks, enum block_kind kind);
void blocks_view_free(struct blocks_view *view); /* NULL is fine */

struct block_stat {
    struct str path;
    uint64_t number, order, bytes, series, chunks, samples;
    int64_t first_ms, last_ms;
    unsigned level;
    bool damaged; /* a group failed its checksum when it was read; blocks_maintain saves the rest */
};
size_t blocks_view_count(const struct blocks_view *view);
struct block_stat blocks_view_stat(const struct blocks_view *view, size_t index);
/* blocks_view_has - is the series in any of them? */
bool blocks_view_has(const struct blocks_view *view, uint32_t series);
/* blocks_view_touches - is it in one that has samples of this time? As coarse as blocks are wide. */
bool blocks_view_touches(const struct blocks_view *view, uint32_t series, int64_t start_ms, int64_t end_ms);

/* blocks_order - the position of a series in the label order of the largest block, UINT32_MAX where it is in none:
 * reading in this order decompresses each group once. */
uint32_t blocks_order(const struct blocks_view *view, uint32_t series);

struct blocks_cursor;
struct blocks_cursor *blocks_cursor_new(struct blocks_view *view); /* the view must outlive it */
void blocks_cursor_free(struct blocks_cursor *cursor);
/* blocks_chunks - call back with each chunk of a series that touches [start_ms, end_ms], block by block from the oldest
 * write to the newest (a later sample of the same time wins), without what was deleted. The bytes live during the call.
 * ERR_CORRUPT names file and byte of a damaged group. */
typedef err (*block_chunk)(void *arg, struct str chunk);
err blocks_chunks(struct blocks_cursor *cursor, uint32_t series, int64_t start_ms, int64_t end_ms, block_chunk found,
                  void *arg) MUST_USE;
/* blocks_series - all series of a block with their labels, in its order. The labels live during the call. */
typedef err (*block_series)(void *arg, uint32_t series, struct labels labels);
err blocks_series(const struct blocks_view *view, size_t index, block_series found, void *arg) MUST_USE;

/* ---- deletions: what was deleted stays in the files until they are merged, and is left out by readers ---- */

/* blocks_delete - samples of these series within [start_ms, end_ms] of all blocks, and of those whose samples were
 * taken before (block_options.deletions); durable when it returns. */
err blocks_delete(struct blocks *blocks, const uint32_t *series, size_t count, int64_t start_ms,
                  int64_t end_ms) MUST_USE;
/* blocks_deletions - a number that each deletion raises. */
uint64_t blocks_deletions(struct blocks *blocks);

/* ---- housekeeping: on one thread at a time, and not while another block is being written ---- */

struct blocks_policy {
    int64_t now_ms;
    int64_t retention_ms;         /* of samples; 0: none */
    int64_t minutes_ms, hours_ms; /* of the rows that are made of samples when those are dropped; 0: none are made */
    uint64_t retention_bytes;     /* of all blocks: the oldest samples go first, then the oldest rows; 0: none */
};
/* blocks_maintain - rewrite damaged blocks without their damaged groups (the damaged file stays as .bad), drop blocks
 * that are wholly older than retention or too much, having summed them up by minute and hour, merge neighbours, forget
 * deletions that no block needs. */
err blocks_maintain(struct blocks *blocks, const struct blocks_policy *policy) MUST_USE;
/* blocks_stop - a merge that runs ends with ERR_UNAVAILABLE, and none begins any more: a clean end does not wait. */
void blocks_stop(struct blocks *blocks);
/* blocks_clean - rewrite every block that has deleted samples. */
err blocks_clean(struct blocks *blocks) MUST_USE;

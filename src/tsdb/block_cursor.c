/* block_cursor.c - the chunks of one series after the other, over all blocks of a view.
 *
 * DESIGN. For each block the group that was read last stays decompressed, so that reading in the order of labels reads
 * each group once. A chunk that a deletion touches is decoded, thinned and encoded again: readers know nothing of
 * deletions. */
#include <stdlib.h>

#include "tsdb/blocks_set.h"
#include "tsdb/chunk.h"
#include "tsdb/thin.h"

enum { HISTOGRAMS_BYTES_MAX = 64 * 1024 * 1024 };

struct place {
    struct chunk_group group;
    size_t index; /* of the group; SIZE_MAX: none is there */
};

struct blocks_cursor {
    struct blocks_view *view;
    ZSTD_DCtx *zstd;
    struct place *places; /* one a block */
    struct thinning thinning;
};

struct blocks_cursor *blocks_cursor_new(struct blocks_view *view)
{
    struct blocks_cursor *cursor = calloc(1, sizeof(*cursor));
    struct place *places = calloc(view->count + 1, sizeof(*places));

    if (!cursor || !places)
        out_of_memory(sizeof(*cursor));
    *cursor = (struct blocks_cursor){ .view = view, .zstd = ZSTD_createDCtx(), .places = places };
    for (size_t i = 0; i < view->count; i++)
        places[i].index = SIZE_MAX;
    return cursor;
}

void blocks_cursor_free(struct blocks_cursor *cursor)
{
    if (!cursor)
        return;
    for (size_t i = 0; i < cursor->view->count; i++)
        chunk_group_clear(&cursor->places[i].group);
    thinning_clear(&cursor->thinning);
    ZSTD_freeDCtx(cursor->zstd);
    free(cursor->places);
    free(cursor);
}

static err load(struct blocks_cursor *cursor, size_t block, size_t index)
{
    struct place *place = &cursor->places[block];

    if (place->index == index)
        return NULL;
    place->index = SIZE_MAX;
    TRY(chunk_group_read(cursor->view->at[block], index, cursor->zstd, &place->group));
    place->index = index;
    return NULL;
}

/* What a call of blocks_chunks wants. */
struct wanted {
    uint32_t series;
    int64_t start_ms, end_ms;
    block_chunk found;
    void *arg;
};

static err one_chunk(struct blocks_cursor *cursor, const struct block *block, const struct wanted *wanted,
                     struct str chunk)
{
    struct str rest;

    TRY(thin(&cursor->thinning, cursor->view->deletions, wanted->series, block->deletions, block_width_ms(block->kind),
             chunk, &rest));
    return rest.length > 0 ? wanted->found(wanted->arg, rest) : NULL;
}

static err chunks_of_group(struct blocks_cursor *cursor, size_t index, const struct wanted *wanted, struct str chunks)
{
    struct block *block = cursor->view->at[index];

    while (chunks.length > 0) {
        struct chunk_head head;
        err e = chunk_peek(chunks, &head);
        if (e) {
            err_free(e);
            return block_damaged(block, &block->chunks.at[cursor->places[index].index],
                                 "has no chunk where one should be");
        }
        if (head.first_ms <= wanted->end_ms && head.last_ms >= wanted->start_ms)
            TRY(one_chunk(cursor, block, wanted, str_slice(chunks, 0, head.bytes)));
        chunks = str_slice(chunks, head.bytes, chunks.length);
    }
    return NULL;
}

static err chunks_of_block(struct blocks_cursor *cursor, size_t index, const struct wanted *wanted)
{
    const struct block *block = cursor->view->at[index];
    uint32_t position = block_position(block, wanted->series);

    if (position == UINT32_MAX || block->stat.first_ms > wanted->end_ms || block->stat.last_ms < wanted->start_ms)
        return NULL;
    const struct groups *groups = &block->chunks;
    size_t group = block_group(groups, position);
    do {
        TRY(load(cursor, index, group));
        struct str chunks = chunk_group_of(block, group, &cursor->places[index].group, position);
        TRY(chunks_of_group(cursor, index, wanted, chunks));
        group++;
    } while (group < groups->count && groups->at[group].continued && groups->at[group].first == position);
    return NULL;
}

err blocks_chunks(struct blocks_cursor *cursor, uint32_t series, int64_t start_ms, int64_t end_ms, block_chunk found,
                  void *arg)
{
    const struct wanted wanted = { series, start_ms, end_ms, found, arg };

    for (size_t i = 0; i < cursor->view->count; i++)
        TRY(chunks_of_block(cursor, i, &wanted));
    return NULL;
}

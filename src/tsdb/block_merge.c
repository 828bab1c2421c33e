/* block_merge.c - blocks read side by side in the order of labels. */
#include "tsdb/block_merge.h"

#include <stdlib.h>

#include "base/log.h"

struct source {
    struct block *block;
    struct labels_reader labels;
    uint32_t *ids;
    uint32_t series; /* the one that stands next */
    struct chunk_group group;
    size_t group_index; /* SIZE_MAX: none */
    bool more, taken;   /* taken: it has the series that is merged now */
};

struct merging {
    const struct merge *merge;
    ZSTD_DCtx *zstd;
    struct source *sources;
    struct series_merge join;
};

/* Is it damage that shall be left out? Takes the err where it is. */
static bool leave_out(const struct merging *merging, err *e)
{
    if (!*e || !merging->merge->skip_damaged || err_kind(*e) != ERR_CORRUPT)
        return false;
    log_err(*e, "left out of the block that takes its place");
    *e = NULL;
    return true;
}

static err next_series(struct merging *merging, struct source *source)
{
    err e = labels_reader_next(&source->labels, &source->more);

    while (leave_out(merging, &e)) {
        labels_reader_skip(&source->labels);
        e = labels_reader_next(&source->labels, &source->more);
    }
    if (!e && source->more)
        source->series = source->ids[source->labels.position - 1];
    return e;
}

/* Hand the chunks of the source's series over, group by group. */
static err take_chunks(struct merging *merging, size_t index)
{
    struct source *source = &merging->sources[index];
    const struct groups *groups = &source->block->chunks;
    uint32_t position = source->labels.position - 1;
    size_t group = block_group(groups, position);

    do {
        if (source->group_index != group) {
            source->group_index = SIZE_MAX;
            err e = chunk_group_read(source->block, group, merging->zstd, &source->group);
            if (leave_out(merging, &e))
                continue;
            TRY(e);
            source->group_index = group;
        }
        struct str chunks = chunk_group_of(source->block, group, &source->group, position);
        err e = series_merge_add(&merging->join, index, chunks);
        if (!leave_out(merging, &e))
            TRY(e);
    } while (++group < groups->count && groups->at[group].continued && groups->at[group].first == position);
    return NULL;
}

/* The source whose series comes first; SIZE_MAX at the end of all. */
static size_t least(const struct merging *merging)
{
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < merging->merge->count; i++) {
        const struct source *it = &merging->sources[i], *first = best == SIZE_MAX ? NULL : &merging->sources[best];
        if (!it->more)
            continue;
        int order = first ? labels_cmp(it->labels.labels, first->labels.labels) : -1;
        if (order < 0 || (order == 0 && it->series < first->series))
            best = i;
    }
    return best;
}

static err merge_series(struct merging *merging, size_t first)
{
    uint32_t series = merging->sources[first].series;

    TRY(block_add_series(merging->join.writer, series, merging->sources[first].labels.labels));
    series_merge_begin(&merging->join, series);
    for (size_t i = 0; i < merging->merge->count; i++) {
        struct source *it = &merging->sources[i];
        it->taken =
            it->more && it->series == series && labels_eq(it->labels.labels, merging->sources[first].labels.labels);
        if (it->taken)
            TRY(take_chunks(merging, i));
    }
    TRY(series_merge_end(&merging->join));
    for (size_t i = 0; i < merging->merge->count; i++)
        if (merging->sources[i].taken)
            TRY(next_series(merging, &merging->sources[i]));
    return NULL;
}

static err merge_all(struct merging *merging)
{
    for (size_t i = 0; i < merging->merge->count; i++) {
        struct source *source = &merging->sources[i];
        source->block = merging->merge->from[i];
        source->ids = block_ids(source->block);
        source->group_index = SIZE_MAX;
        labels_reader_init(&source->labels, source->block, merging->zstd);
        TRY(next_series(merging, source));
    }
    for (size_t first; (first = least(merging)) != SIZE_MAX;) {
        if (merging->merge->stopping && atomic_load(merging->merge->stopping))
            return err_new(ERR_UNAVAILABLE, "stopped before all was merged");
        TRY(merge_series(merging, first));
    }
    return NULL;
}

err block_merge(const struct merge *merge, const char *path, const struct block_options *options, bool *ret_empty)
{
    struct merging merging = { .merge = merge, .zstd = ZSTD_createDCtx() };
    struct block_writer *writer;
    err e = block_create(path, options, &writer);

    if (e) {
        ZSTD_freeDCtx(merging.zstd);
        return e;
    }
    merging.sources = calloc(merge->count, sizeof(*merging.sources));
    if (!merging.sources)
        out_of_memory(merge->count * sizeof(*merging.sources));
    series_merge_init(&merging.join, merge, writer);
    e = merge_all(&merging);
    for (size_t i = 0; i < merge->count; i++) {
        labels_reader_clear(&merging.sources[i].labels);
        chunk_group_clear(&merging.sources[i].group);
        free(merging.sources[i].ids);
    }
    free(merging.sources);
    series_merge_clear(&merging.join);
    ZSTD_freeDCtx(merging.zstd);
    *ret_empty = !e && block_writer_empty(writer);
    if (e || *ret_empty) {
        block_abandon(writer);
        return e;
    }
    return block_publish(writer);
}

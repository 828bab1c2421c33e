/* head_visit.c - every series of the head with its samples, for snapshots and blocks. */
#include <stdlib.h>
#include <string.h>

#include "tsdb/room.h"

struct ordered {
    uint32_t id;
    const uint32_t *pairs;
    size_t count;
};

static int cmp_ordered(const void *a, const void *b, void *arg)
{
    const struct index *index = arg;
    const struct ordered *one = a, *other = b;

    for (size_t i = 0; i < one->count && i < other->count; i++) {
        if (one->pairs[i] == other->pairs[i])
            continue;
        const struct label_pair *x = pair_at(index, one->pairs[i]), *y = pair_at(index, other->pairs[i]);
        int order = x->name == y->name ? 0 : str_cmp(symbol_text(index, x->name), symbol_text(index, y->name));
        return order ? order : str_cmp(symbol_text(index, x->value), symbol_text(index, y->value));
    }
    return (one->count > other->count) - (one->count < other->count);
}

/* ids_by_labels - of all series there are; malloc'd. */
static uint32_t *ids_by_labels(struct head *head, bool order, size_t *ret_count)
{
    struct table *table = &head->table;

    pthread_rwlock_rdlock(&table->lock);
    const struct postings *all = &table->index.all;
    size_t count = all->count;
    uint32_t *ids = malloc((count + 1) * sizeof(*ids));
    struct ordered *ordered = order ? malloc((count + 1) * sizeof(*ordered)) : NULL;
    if (!ids || (order && !ordered))
        out_of_memory(count * sizeof(*ordered));
    memcpy(ids, postings_ids(all), count * sizeof(*ids));
    pthread_rwlock_unlock(&table->lock);
    if (order) {
        for (size_t i = 0; i < count; i++) {
            ordered[i].id = ids[i];
            ordered[i].pairs = series_pairs(table, series_at(table, ids[i]), &ordered[i].count);
        }
        qsort_r(ordered, count, sizeof(*ordered), cmp_ordered, &table->index);
        for (size_t i = 0; i < count; i++)
            ids[i] = ordered[i].id;
        free(ordered);
    }
    *ret_count = count;
    return ids;
}

struct visiting {
    const struct head_visitor *visitor;
    struct head *head;
    bool flushing; /* only what is */
    struct arena *arena;
    struct series_copy copy;
    struct columns columns;
    struct buf encoded;
    struct label labels[LABELS_MAX];
    err failed;
};

static void show_open(void *arg, struct str chunk)
{
    struct visiting *visiting = arg;

    if (!visiting->failed)
        visiting->failed = visiting->visitor->chunk(visiting->visitor->arg, chunk, false);
}

static err visit_one(struct visiting *visiting, uint32_t id)
{
    const struct head_visitor *visitor = visiting->visitor;
    struct shard *shard = shard_of(visiting->head, id);
    struct head_series *series = series_at(&visiting->head->table, id);
    bool shown = !visiting->flushing;

    arena_reset(visiting->arena);
    pthread_mutex_lock(&shard->lock);
    bool live = series->flags & SERIES_LIVE;
    series_copy_locked(shard, series, INT64_MIN, INT64_MAX, visiting->arena, &visiting->copy);
    pthread_mutex_unlock(&shard->lock);
    for (size_t i = 0; i < visiting->copy.sealed.count; i++)
        shown = shown || visiting->copy.sealed.at[i].flushing;
    if (!live || !shown)
        return NULL;
    TRY(visitor->series(visitor->arg, id, series_labels(&visiting->head->table, series, visiting->labels)));
    for (size_t i = 0; i < visiting->copy.sealed.count; i++) {
        const struct sealed_copy *sealed = &visiting->copy.sealed.at[i];
        if (!visiting->flushing || sealed->flushing)
            TRY(visitor->chunk(visitor->arg, (struct str){ visiting->copy.bytes.at + sealed->at, sealed->length },
                               true));
    }
    if (visiting->flushing)
        return NULL;
    columns_reset(&visiting->columns);
    TRY(series_decode_open(&visiting->copy, &visiting->columns));
    columns_settle(&visiting->columns, 0);
    const struct samples samples = columns_samples(&visiting->columns);
    chunks_encode(&visiting->encoded, &samples, show_open, visiting);
    return TAKE(visiting->failed);
}

static err visit(struct head *head, bool order, bool flushing, const struct head_visitor *visitor)
{
    struct visiting visiting = { .visitor = visitor, .head = head, .flushing = flushing, .arena = arena_new(64 << 20) };
    size_t count;
    uint32_t *ids = ids_by_labels(head, order, &count);
    err e = NULL;

    buf_init(&visiting.encoded, 64 << 20);
    for (size_t i = 0; i < count && !e; i++)
        e = visit_one(&visiting, ids[i]);
    free(ids);
    arena_free(visiting.arena);
    series_copy_clear(&visiting.copy);
    columns_clear(&visiting.columns);
    buf_clear(&visiting.encoded);
    return e;
}

err head_visit(struct head *head, bool order_by_labels, const struct head_visitor *visitor)
{
    return visit(head, order_by_labels, false, visitor);
}

err head_visit_flushing(struct head *head, const struct head_visitor *visitor)
{
    return visit(head, true, true, visitor);
}

err head_visit_exemplars(struct head *head, err (*found)(void *arg, uint32_t series, const struct exemplar *exemplar),
                         void *arg)
{
    return exemplars_visit(&head->exemplars, found, arg);
}

err head_visit_metas(struct head *head, err (*found)(void *arg, const struct metric_meta *meta), void *arg)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(256 << 20);
    struct metric_meta_list list;

    metas_get(&head->metas, arena, S(""), &list);
    for (size_t i = 0; i < list.count; i++)
        TRY(found(arg, &list.at[i]));
    return NULL;
}

/* head.c - the head as a whole: made, freed, restored, visited, flushed. */
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "tsdb/room.h"

struct head *head_new(void)
{
    struct head *head = calloc(1, sizeof(*head));

    if (!head)
        out_of_memory(sizeof(*head));
    table_init(&head->table);
    exemplars_init(&head->exemplars);
    metas_init(&head->metas);
    return head;
}

void head_free(struct head *head)
{
    if (!head)
        return;
    for (uint32_t id = 1; id <= head->table.series_made; id++)
        if (series_at(&head->table, id)->side)
            series_forget_locked(shard_of(head, id), series_at(&head->table, id));
    table_clear(&head->table);
    exemplars_clear(&head->exemplars);
    metas_clear(&head->metas);
    free(head);
}

/* ---- recovery ---- */

err head_restore_series(struct head *head, uint32_t series, struct labels labels)
{
    return table_restore(&head->table, series, labels);
}

void head_restored(struct head *head)
{
    pthread_rwlock_wrlock(&head->table.lock);
    index_restored(&head->table.index);
    pthread_rwlock_unlock(&head->table.lock);
}

static err find(struct head *head, uint32_t id, struct head_series **ret_series)
{
    bool there = id && id <= head->table.series_made;

    *ret_series = there ? series_at(&head->table, id) : NULL;
    if (!there || !((*ret_series)->flags & SERIES_LIVE))
        return err_new(ERR_NOT_FOUND, "series %u was never defined", id);
    return NULL;
}

err head_restore_float(struct head *head, uint32_t series, int64_t time_ms, int64_t start_ms, double value)
{
    struct shard *shard = shard_of(head, series);
    struct head_series *at;
    uint64_t bits;

    TRY(find(head, series, &at));
    memcpy(&bits, &value, sizeof(bits));
    pthread_mutex_lock(&shard->lock);
    series_append_float_locked(shard, at, series, time_ms, start_ms, bits);
    pthread_mutex_unlock(&shard->lock);
    return NULL;
}

err head_restore_histogram(struct head *head, uint32_t series, int64_t time_ms, int64_t start_ms,
                           const struct histogram *histogram)
{
    struct shard *shard = shard_of(head, series);
    struct head_series *at;

    TRY(find(head, series, &at));
    pthread_mutex_lock(&shard->lock);
    series_append_histogram_locked(shard, at, time_ms, start_ms, histogram);
    pthread_mutex_unlock(&shard->lock);
    return NULL;
}

err head_restore_chunk(struct head *head, uint32_t series, struct str chunk)
{
    struct shard *shard = shard_of(head, series);
    struct head_series *at;
    struct chunk_head what;

    TRY(find(head, series, &at));
    TRY(chunk_peek(chunk, &what));
    pthread_mutex_lock(&shard->lock);
    series_add_chunk_locked(shard, at, chunk, &what);
    pthread_mutex_unlock(&shard->lock);
    return NULL;
}

err head_restore_exemplar(struct head *head, uint32_t series, const struct exemplar *exemplar)
{
    struct head_series *at;

    TRY(find(head, series, &at));
    exemplars_add(&head->exemplars, series, exemplar);
    return NULL;
}

void head_restore_meta(struct head *head, const struct metric_meta *meta)
{
    metas_put(&head->metas, meta);
}

err head_restore_delete(struct head *head, uint32_t series, int64_t start_ms, int64_t end_ms)
{
    struct head_series *at;

    TRY(find(head, series, &at));
    head_delete(head, series, start_ms, end_ms);
    return NULL;
}

void head_delete(struct head *head, uint32_t series, int64_t start_ms, int64_t end_ms)
{
    struct shard *shard = shard_of(head, series);

    pthread_mutex_lock(&shard->lock);
    series_delete_locked(shard, series_at(&head->table, series), start_ms, end_ms);
    pthread_mutex_unlock(&shard->lock);
}

/* ---- flushing ---- */

uint64_t head_sealed_bytes(struct head *head)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i <= head->table.shard_mask; i++) {
        struct shard *shard = &head->table.shards[i];
        pthread_mutex_lock(&shard->lock);
        bytes += shard->sealed_bytes;
        pthread_mutex_unlock(&shard->lock);
    }
    return bytes;
}

uint32_t head_newest_series(struct head *head)
{
    pthread_rwlock_rdlock(&head->table.lock);
    uint32_t made = head->table.series_made;
    pthread_rwlock_unlock(&head->table.lock);
    return made;
}

void head_flush_begin(struct head *head, bool everything)
{
    uint32_t made = head_newest_series(head);

    for (uint32_t id = 1; id <= made; id++) {
        struct shard *shard = shard_of(head, id);
        struct head_series *series = series_at(&head->table, id);
        pthread_mutex_lock(&shard->lock);
        if (everything)
            series_seal_locked(shard, series);
        series_mark_locked(shard, series);
        pthread_mutex_unlock(&shard->lock);
    }
}

void head_flush_end(struct head *head, bool done)
{
    uint32_t made = head_newest_series(head);

    if (done)
        head->forgets++; /* before: who reads less than there was looks at the blocks again */
    for (uint32_t id = 1; id <= made; id++) {
        struct shard *shard = shard_of(head, id);
        pthread_mutex_lock(&shard->lock);
        series_unmark_locked(shard, series_at(&head->table, id), done);
        pthread_mutex_unlock(&shard->lock);
    }
}

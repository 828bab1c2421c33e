/* head_collect.c - series that ended long ago and are in no block leave the table.
 *
 * Who has found such a series just before takes its shard's lock, sees that it is gone, and makes it anew. */
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "tsdb/room.h"

enum { IDLE_UNITS = HOUR_MS / SEEN_UNIT_MS };

static bool is_idle(const struct head_series *series, uint8_t now)
{
    return (series->flags & SERIES_LIVE) && !series->open.count && !series->sealed && !series->side &&
           (uint8_t)(now - series->seen) > IDLE_UNITS;
}

static bool candidate(struct head *head, uint32_t id, uint8_t now)
{
    struct shard *shard = shard_of(head, id);

    pthread_mutex_lock(&shard->lock);
    bool idle = is_idle(series_at(&head->table, id), now);
    pthread_mutex_unlock(&shard->lock);
    return idle;
}

/* kill_locked - false where it got a sample meanwhile. */
static bool kill_locked(struct head *head, uint32_t id, uint8_t now)
{
    struct shard *shard = shard_of(head, id);
    struct head_series *series = series_at(&head->table, id);

    pthread_mutex_lock(&shard->lock);
    bool idle = is_idle(series, now);
    if (idle)
        series->flags &= (uint8_t)~SERIES_LIVE;
    pthread_mutex_unlock(&shard->lock);
    return idle;
}

void head_collect(struct head *head, bool (*in_blocks)(void *arg, uint32_t series), void *arg)
{
    uint32_t made = head_newest_series(head);
    uint8_t now = (uint8_t)(time_now_ms() / SEEN_UNIT_MS);
    VEC(uint32_t) ids = { 0 };

    for (uint32_t id = 1; id <= made; id++)
        if (candidate(head, id, now))
            *vec_push(&ids, NULL) = id;
    /* Only now: what of them went into a block meanwhile is seen there. */
    size_t kept = 0;
    for (size_t i = 0; i < ids.count; i++)
        if (!in_blocks(arg, ids.at[i]))
            ids.at[kept++] = ids.at[i];
    ids.count = kept;
    if (ids.count) {
        pthread_rwlock_wrlock(&head->table.lock);
        kept = 0;
        for (size_t i = 0; i < ids.count; i++)
            if (kill_locked(head, ids.at[i], now))
                ids.at[kept++] = ids.at[i];
        table_remove_locked(&head->table, ids.at, kept);
        pthread_rwlock_unlock(&head->table.lock);
    }
    vec_clear(&ids);
}

/* head.c - the head as a whole: made, freed, restored, visited, flushed. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "tsdb/room.h"

enum { SHARDS_MIN = 8, SHARDS_MAX = 256 };

struct head *head_new(void)
{
    struct head *head = calloc(1, sizeof(*head));
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t shards = SHARDS_MIN;

    if (!head)
        out_of_memory(sizeof(*head));
    while (shards < SHARDS_MAX && shards < 2 * cores)
        shards *= 2;
    head->shard_mask = shards - 1;
    head->shards = aligned_alloc(_Alignof(struct shard), shards * sizeof(struct shard));
    if (!head->shards)
        out_of_memory(shards * sizeof(struct shard));
    for (uint32_t i = 0; i < shards; i++)
        shard_init(&head->shards[i]);
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
    for (uint32_t i = 0; i <= head->shard_mask; i++)
        shard_clear(&head->shards[i]);
    free(head->shards);
    table_clear(&head->table);
    exemplars_clear(&head->exemplars);
    metas_clear(&head->metas);
    free(head);
}

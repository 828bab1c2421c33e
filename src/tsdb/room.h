/* room.h - within the room: what a tsdb and its head are made of.
 *
 * Owner: tsdb_open makes it all. Threads: as each part says. Order where two locks meet: table, shard. */
#pragma once
#include "tsdb/block.h"
#include "tsdb/disk.h"
#include "tsdb/exemplars.h"
#include "tsdb/head.h"
#include "tsdb/metas.h"
#include "tsdb/table.h"
#include "tsdb/wal.h"

struct head {
    struct table table;
    struct exemplars exemplars;
    struct metas metas;
    _Atomic uint64_t forgets; /* goes up before sealed chunks are forgotten because a block has them */
};

struct head *head_new(void);
void head_free(struct head *head);
static inline struct shard *shard_of(const struct head *head, uint32_t id)
{
    return table_shard(&head->table, id);
}
uint32_t head_newest_series(struct head *head);
/* head_delete - samples of one series within [start_ms, end_ms]. */
void head_delete(struct head *head, uint32_t series, int64_t start_ms, int64_t end_ms);

struct append_shelf {
    pthread_mutex_t lock;
    struct append *free;
};

struct tsdb {
    struct series_source source;
    struct sample_sink sink;
    struct head *head;
    struct blocks *blocks;
    struct disk *disk;
    struct timer *tending;
    int64_t collected_ms; /* monotonic; tending's alone */
    _Atomic int64_t series_max, series_max_per_source, future_max_ms;
    struct append_shelf shelf;
};

/* append.c */
void append_shelf_clear(struct append_shelf *shelf);
extern const struct sample_sink_ops tsdb_sink_ops;
/* read.c */
extern const struct series_source_ops tsdb_source_ops;

/* tsdb_await - until what was stored has been read; deadline_ms 0: as long as a page may take. */
err tsdb_await(struct tsdb *tsdb, int64_t deadline_ms) MUST_USE;

/* select.c: ids of the series that match, rising, in the arena. */
struct id_list {
    uint32_t *at;
    size_t count;
};
err head_select(struct head *head, struct arena *arena, const struct series_query *query,
                struct id_list *ret_ids) MUST_USE;

/* table.h - within the room: which series there are, found by the bytes that senders write or by their labels.
 *
 * Owner: the head. Threads: the lock guards finding and making; what a series id leads to never changes or moves, and
 * is read without it. Ids are not given twice: blocks and the log know series by them.
 *
 * DESIGN. The identity of a series is the list of its label pairs. A spelling is any span of bytes that was once parsed
 * into it, known by 128 bits of a hash with a secret of this process (XXH3), so that nobody can make two collide. Each
 * spelling remembers which one followed it in the last request: where that is the one asked for, nothing is probed. */
#pragma once
#include "tsdb/index.h"
#include "tsdb/series.h"

enum { LABELS_MAX = 256, ORIGINS_MAX = 4096 };

struct spelling {
    uint64_t low, high;
    _Atomic uint32_t series, next;
};

struct origin {
    struct str name; /* malloc'd */
    uint64_t hash;
    uint32_t series;
};

struct table {
    struct shard *shards; /* of the series' samples */
    uint32_t shard_mask;
    pthread_rwlock_t lock;
    struct index index;
    struct stable series, spellings, labels;
    uint32_t series_made, spellings_made, labels_used; /* numbers start at 1 */
    struct slots spelling_slots, identity_slots;
    _Atomic uint32_t live;
    uint64_t created, removed;
    VEC(struct origin) origins; /* the first is for those beyond ORIGINS_MAX, and unlimited */
    unsigned char secret[192];
};

void table_init(struct table *table);
void table_clear(struct table *table);

static inline struct head_series *series_at(const struct table *table, uint32_t id)
{
    return stable_at(&table->series, id);
}
static inline struct spelling *spelling_at(const struct table *table, uint32_t spelling)
{
    return stable_at(&table->spellings, spelling);
}

/* table_shard - series of neighbouring ids share one, as they mostly arrive one after the other. */
static inline struct shard *table_shard(const struct table *table, uint32_t id)
{
    return &table->shards[id >> 6 & table->shard_mask];
}

/* series_pairs - the label pairs of a series, sorted by name. */
static inline const uint32_t *series_pairs(const struct table *table, const struct head_series *series,
                                           size_t *ret_count)
{
    const uint32_t *labels = stable_at(&table->labels, series->labels);

    *ret_count = labels[0] & 0xffff;
    return labels + 1;
}
/* series_labels - into `room`, which holds LABELS_MAX; texts live as long as the table. */
struct labels series_labels(const struct table *table, const struct head_series *series, struct label *room);

struct spelled {
    uint64_t low, high;
};
struct spelled spell_raw(const struct table *table, struct str raw);
struct spelled spell_labels(const struct table *table, struct labels labels);

/* table_find_spelling - 0 where it is new. */
uint32_t table_find_spelling(struct table *table, struct spelled spelled);

struct series_limits {
    int64_t all, per_origin; /* 0: none */
};
enum refusal { NOT_REFUSED, REFUSED_ALL, REFUSED_ORIGIN };

/* table_add - the series of these labels, made where it is new, and a spelling of it (whose number is returned; 0 where
 * it was refused). */
uint32_t table_add(struct table *table, struct labels labels, struct spelled spelled, uint32_t origin,
                   const struct series_limits *limits, enum refusal *ret_refusal);
/* table_restore - a series with the id that it had. */
err table_restore(struct table *table, uint32_t id, struct labels labels) MUST_USE;
/* table_find - by labels; 0. */
uint32_t table_find(struct table *table, struct labels labels);
/* table_remove - series that are not live any more. */
void table_remove_locked(struct table *table, const uint32_t *ids, size_t count);
uint32_t table_origin(struct table *table, struct str name);

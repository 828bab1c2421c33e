/* store.h - inside of the memory store, for its own files alone.
 *
 * Owner: tsdb/. Threads: everything here under the store's lock, but what is said to be constant. */
#pragma once
#include "tsdb/memory_store.h"
#include "tsdb/stream.h"

#include <pthread.h>

enum tier { TIER_RAW, TIER_MINUTE, TIER_HOUR, TIER_COUNT };

struct tier_rule {
    int64_t width_ms; /* of what one sample stands for; 0: every sample */
    int64_t keep_ms;  /* how long */
    int64_t span_ms;  /* of a chunk: what expires at once */
};
extern const struct tier_rule tier_rules[TIER_COUNT];

/* What the open minute or hour has seen. */
struct summary {
    int64_t bucket;
    int64_t last_ms;
    double sum, first, last;
    uint32_t count;
    bool varies;
};

/* All series of one name, and what is known about it. */
struct family {
    struct family *next;         /* of the same hash bucket */
    struct str name, help, unit; /* malloc'd */
    enum metric_kind kind;
    VEC(struct stored_series *) series;
};

struct stored_series {
    struct stored_series *next; /* of the same hash bucket */
    struct family *family;
    uint64_t hash;
    size_t index; /* in store->all */
    int64_t newest_ms;
    struct stream tiers[TIER_COUNT];
    struct summary open[TIER_COUNT]; /* TIER_RAW's is unused */
    struct labels labels;            /* one malloc'd block holds array and texts */
};

enum { FAMILY_BUCKETS = 1024 };

struct memory_store {
    struct series_source source;
    struct sample_sink sink;
    char *snapshot_path; /* constant */
    size_t series_max;   /* constant */
    struct timer *flush_timer;
    pthread_mutex_t flushing; /* one snapshot is written at a time; taken before lock */
    pthread_rwlock_t lock;
    struct family *families[FAMILY_BUCKETS];
    struct stored_series **buckets; /* bucket_count of them, a power of two, twice series_max or more */
    size_t bucket_count;
    VEC(struct stored_series *) all; /* NULL where one was removed: indices stay */
    VEC(size_t) holes;
    size_t series_count;
    int64_t evicted_ms; /* when room was last made */
};

struct family *store_family_locked(struct memory_store *store, struct str name);
struct stored_series *store_find_locked(struct memory_store *store, struct labels labels, uint64_t hash);
/* store_add_locked - a new series, or NULL where the store is full of living ones. */
struct stored_series *store_add_locked(struct memory_store *store, struct labels labels, uint64_t hash, int64_t now_ms);
void store_remove_locked(struct memory_store *store, struct stored_series *series);

/* snapshot_load - into an empty store that nobody else sees yet. ERR_CORRUPT says where. */
err snapshot_load(struct memory_store *store, const char *path) MUST_USE;
err snapshot_save(struct memory_store *store, const char *path) MUST_USE;

/* table.c - series, spellings and origins. */
#include "tsdb/table.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/random.h"

enum { SHARDS_MIN = 8, SHARDS_MAX = 256 };

static void shards_make(struct table *table)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t count = SHARDS_MIN;

    while (count < SHARDS_MAX && count < 2 * cores)
        count *= 2;
    table->shards = aligned_alloc(_Alignof(struct shard), count * sizeof(struct shard));
    if (!table->shards)
        out_of_memory(count * sizeof(struct shard));
    for (uint32_t i = 0; i < count; i++)
        shard_init(&table->shards[i]);
    table->shard_mask = count - 1;
}

void table_init(struct table *table)
{
    pthread_rwlockattr_t attributes;

    *table = (struct table){ 0 };
    shards_make(table);
    index_init(&table->index);
    stable_init(&table->series, sizeof(struct head_series));
    stable_init(&table->spellings, sizeof(struct spelling));
    stable_init(&table->labels, sizeof(uint32_t));
    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&table->lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    random_bytes(table->secret, sizeof(table->secret));
    vec_push(&table->origins, NULL);
}

void table_clear(struct table *table)
{
    for (size_t i = 0; i < table->origins.count; i++)
        free((char *)table->origins.at[i].name.at);
    vec_clear(&table->origins);
    for (uint32_t i = 0; i <= table->shard_mask; i++)
        shard_clear(&table->shards[i]);
    free(table->shards);
    index_clear(&table->index);
    slots_clear(&table->spelling_slots);
    slots_clear(&table->identity_slots);
    stable_clear(&table->series);
    stable_clear(&table->spellings);
    stable_clear(&table->labels);
    pthread_rwlock_destroy(&table->lock);
}

struct labels series_labels(const struct table *table, const struct head_series *series, struct label *room)
{
    size_t count;
    const uint32_t *pairs = series_pairs(table, series, &count);

    for (size_t i = 0; i < count; i++) {
        const struct label_pair *pair = pair_at(&table->index, pairs[i]);
        room[i] = (struct label){ symbol_text(&table->index, pair->name), symbol_text(&table->index, pair->value) };
    }
    return (struct labels){ room, count };
}

/* ---- spellings ---- */

struct spelled spell_raw(const struct table *table, struct str raw)
{
    XXH128_hash_t hash = XXH3_128bits_withSecret(raw.at, raw.length, table->secret, sizeof(table->secret));

    return (struct spelled){ hash.low64, hash.high64 };
}

static size_t put_text(char *at, struct str text)
{
    uint32_t length = (uint32_t)text.length;

    memcpy(at, &length, sizeof(length));
    if (length)
        memcpy(at + sizeof(length), text.at, length);
    return sizeof(length) + length;
}

/* Lengths stand before texts, and one bit of the hash is turned: no raw span means labels by accident. */
struct spelled spell_labels(const struct table *table, struct labels labels)
{
    char small[1024], *bytes = small;
    size_t size = 0, at = 0;

    for (size_t i = 0; i < labels.count; i++)
        size += 2 * sizeof(uint32_t) + labels.at[i].name.length + labels.at[i].value.length;
    if (size > sizeof(small) && !(bytes = malloc(size)))
        out_of_memory(size);
    for (size_t i = 0; i < labels.count; i++) {
        at += put_text(bytes + at, labels.at[i].name);
        at += put_text(bytes + at, labels.at[i].value);
    }
    struct spelled spelled = spell_raw(table, (struct str){ bytes, at });
    if (bytes != small)
        free(bytes);
    spelled.high ^= 1;
    return spelled;
}

static uint32_t find_spelling_locked(const struct table *table, struct spelled spelled)
{
    for (uint32_t at = (uint32_t)spelled.low, i;
         (i = slots_next(&table->spelling_slots, (uint32_t)spelled.low, &at));) {
        const struct spelling *spelling = spelling_at(table, i);
        if (spelling->low == spelled.low && spelling->high == spelled.high)
            return i;
    }
    return 0;
}

uint32_t table_find_spelling(struct table *table, struct spelled spelled)
{
    pthread_rwlock_rdlock(&table->lock);
    uint32_t spelling = find_spelling_locked(table, spelled);
    pthread_rwlock_unlock(&table->lock);
    return spelling;
}

static uint32_t add_spelling_locked(struct table *table, struct spelled spelled, uint32_t series)
{
    uint32_t spelling = find_spelling_locked(table, spelled);

    if (spelling) {
        atomic_store_explicit(&spelling_at(table, spelling)->series, series, memory_order_release);
        return spelling;
    }
    spelling = ++table->spellings_made;
    stable_reserve(&table->spellings, spelling);
    struct spelling *at = spelling_at(table, spelling);
    at->low = spelled.low;
    at->high = spelled.high;
    atomic_store_explicit(&at->series, series, memory_order_release);
    slots_add(&table->spelling_slots, (uint32_t)spelled.low, spelling);
    return spelling;
}

/* ---- series by labels ---- */

static uint32_t pairs_hash(const struct table *table, const uint32_t *pairs, size_t count)
{
    return (uint32_t)XXH3_64bits_withSecret(pairs, count * sizeof(*pairs), table->secret, sizeof(table->secret));
}

static uint32_t find_series_locked(const struct table *table, const uint32_t *pairs, size_t count, uint32_t hash)
{
    for (uint32_t at = hash, i; (i = slots_next(&table->identity_slots, hash, &at));) {
        size_t own_count;
        const uint32_t *own = series_pairs(table, series_at(table, i), &own_count);
        if (own_count == count && memcmp(own, pairs, count * sizeof(*pairs)) == 0)
            return i;
    }
    return 0;
}

/* find_pairs_locked - false where a pair is not known, so that no series has it. */
static bool find_pairs_locked(const struct table *table, struct labels labels, uint32_t *pairs)
{
    for (size_t i = 0; i < labels.count; i++)
        if (!(pairs[i] = index_find_pair(&table->index, labels.at[i].name, labels.at[i].value)))
            return false;
    return true;
}

static void make_series_locked(struct table *table, uint32_t id, const uint32_t *pairs, size_t count, uint32_t origin)
{
    uint32_t labels = stable_run(&table->labels, table->labels_used + 1, (uint32_t)count + 1);
    uint32_t *at = stable_at(&table->labels, labels);

    table->labels_used = labels + (uint32_t)count;
    at[0] = (uint32_t)count | origin << 16;
    memcpy(at + 1, pairs, count * sizeof(*pairs));
    stable_reserve(&table->series, id);
    struct shard *shard = table_shard(table, id);
    pthread_mutex_lock(&shard->lock); /* neighbours look ahead */
    series_init(series_at(table, id), labels);
    pthread_mutex_unlock(&shard->lock);
    slots_add(&table->identity_slots, pairs_hash(table, pairs, count), id);
    index_add(&table->index, pairs, count, id);
    table->origins.at[origin].series++;
    table->live++;
    table->created++;
}

static enum refusal refused_locked(const struct table *table, uint32_t origin, const struct series_limits *limits)
{
    if (limits->all && table->live >= limits->all)
        return REFUSED_ALL;
    if (origin && limits->per_origin && table->origins.at[origin].series >= limits->per_origin)
        return REFUSED_ORIGIN;
    return NOT_REFUSED;
}

uint32_t table_find(struct table *table, struct labels labels)
{
    uint32_t pairs[LABELS_MAX], id = 0;

    pthread_rwlock_rdlock(&table->lock);
    if (labels.count <= LABELS_MAX && find_pairs_locked(table, labels, pairs))
        id = find_series_locked(table, pairs, labels.count, pairs_hash(table, pairs, labels.count));
    pthread_rwlock_unlock(&table->lock);
    return id;
}

uint32_t table_add(struct table *table, struct labels labels, struct spelled spelled, uint32_t origin,
                   const struct series_limits *limits, enum refusal *ret_refusal)
{
    uint32_t pairs[LABELS_MAX], spelling = 0, id = 0;

    *ret_refusal = NOT_REFUSED;
    pthread_rwlock_wrlock(&table->lock);
    if (find_pairs_locked(table, labels, pairs))
        id = find_series_locked(table, pairs, labels.count, pairs_hash(table, pairs, labels.count));
    if (!id && !(*ret_refusal = refused_locked(table, origin, limits))) {
        for (size_t i = 0; i < labels.count; i++)
            pairs[i] = index_pair(&table->index, labels.at[i].name, labels.at[i].value);
        id = ++table->series_made;
        make_series_locked(table, id, pairs, labels.count, origin);
    }
    if (id)
        spelling = add_spelling_locked(table, spelled, id);
    pthread_rwlock_unlock(&table->lock);
    return spelling;
}

err table_restore(struct table *table, uint32_t id, struct labels labels)
{
    uint32_t pairs[LABELS_MAX];
    err e = NULL;

    if (labels.count == 0 || labels.count > LABELS_MAX || id == 0)
        return err_new(ERR_CORRUPT, "series %u has %zu labels", id, labels.count);
    pthread_rwlock_wrlock(&table->lock);
    for (size_t i = 0; i < labels.count; i++)
        pairs[i] = index_pair(&table->index, labels.at[i].name, labels.at[i].value);
    uint32_t there = find_series_locked(table, pairs, labels.count, pairs_hash(table, pairs, labels.count));
    stable_reserve(&table->series, id);
    if (!there && (series_at(table, id)->flags & SERIES_LIVE))
        e = err_new(ERR_CORRUPT, "series %u stands for two sets of labels", id);
    else if (there && there != id)
        e = err_new(ERR_CORRUPT, "series %u and %u have the same labels", there, id);
    else if (!there)
        make_series_locked(table, id, pairs, labels.count, 0);
    if (id > table->series_made)
        table->series_made = id;
    pthread_rwlock_unlock(&table->lock);
    return e;
}

static void remove_spellings_locked(struct table *table, const uint64_t *dead)
{
    for (uint32_t i = 1; i <= table->spellings_made; i++) {
        struct spelling *spelling = spelling_at(table, i);
        uint32_t id = atomic_load_explicit(&spelling->series, memory_order_relaxed);
        if (id && (dead[id / 64] >> (id % 64) & 1)) {
            slots_remove(&table->spelling_slots, (uint32_t)spelling->low, i);
            atomic_store_explicit(&spelling->series, 0, memory_order_release);
        }
    }
}

void table_remove_locked(struct table *table, const uint32_t *ids, size_t count)
{
    uint64_t *dead = calloc(table->series_made / 64 + 1, sizeof(*dead));
    uint64_t *touched = calloc(table->index.pair_count / 64 + 1, sizeof(*touched));

    if (!dead || !touched)
        out_of_memory(table->series_made / 8);
    for (size_t i = 0; i < count; i++) {
        const struct head_series *series = series_at(table, ids[i]);
        size_t pair_count;
        const uint32_t *pairs = series_pairs(table, series, &pair_count);
        dead[ids[i] / 64] |= 1ull << (ids[i] % 64);
        for (size_t j = 0; j < pair_count; j++)
            touched[pairs[j] / 64] |= 1ull << (pairs[j] % 64);
        slots_remove(&table->identity_slots, pairs_hash(table, pairs, pair_count), ids[i]);
        table->origins.at[pairs[-1] >> 16].series--;
    }
    for (uint32_t i = 1; i <= table->index.pair_count; i++)
        if (touched[i / 64] >> (i % 64) & 1)
            postings_drop(&pair_at(&table->index, i)->postings, dead);
    postings_drop(&table->index.all, dead);
    remove_spellings_locked(table, dead);
    table->live -= (uint32_t)count;
    table->removed += count;
    free(dead);
    free(touched);
}

uint32_t table_origin(struct table *table, struct str name)
{
    uint64_t hash = str_hash(name);
    uint32_t origin = 0;

    pthread_rwlock_wrlock(&table->lock);
    for (size_t i = 1; i < table->origins.count && !origin; i++)
        if (table->origins.at[i].hash == hash && str_eq(table->origins.at[i].name, name))
            origin = (uint32_t)i;
    if (!origin && table->origins.count < ORIGINS_MAX) {
        struct buf text CLEANUP(buf_clear) = { 0 };
        buf_init(&text, SIZE_MAX / 2);
        buf_add(&text, name);
        size_t length = text.length;
        origin = (uint32_t)table->origins.count;
        *vec_push(&table->origins, NULL) = (struct origin){ .name = { buf_take(&text), length }, .hash = hash };
    }
    pthread_rwlock_unlock(&table->lock);
    return origin;
}

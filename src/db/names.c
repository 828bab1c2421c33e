/* names.c - the tables subject and actor, and what is remembered of them. */
#include "db/names.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 2 * NAMES_MAX };

static const char *const find_sql[] = { "SELECT id FROM subject WHERE name = ?1",
                                        "SELECT id FROM actor WHERE name = ?1" };
static const char *const text_sql[] = { "SELECT name FROM subject WHERE id = ?1",
                                        "SELECT name FROM actor WHERE id = ?1" };
static const char *const insert_sql[] = { "INSERT INTO subject(name) VALUES(?1)",
                                          "INSERT INTO actor(name) VALUES(?1)" };

void names_init(struct names *names)
{
    for (int i = 0; i < NAME_TABLES; i++) {
        struct name_cache *cache = &names->caches[i];
        cache->entries = calloc(NAMES_MAX, sizeof(*cache->entries));
        cache->by_hash = calloc(SLOTS, sizeof(*cache->by_hash));
        cache->by_id = calloc(SLOTS, sizeof(*cache->by_id));
        if (!cache->entries || !cache->by_hash || !cache->by_id)
            abort();
    }
}

static void forget(struct name_cache *cache)
{
    for (size_t i = 0; i < cache->count; i++)
        free(cache->entries[i].text);
    cache->count = cache->new_in_step = 0;
    memset(cache->by_hash, 0, SLOTS * sizeof(*cache->by_hash));
    memset(cache->by_id, 0, SLOTS * sizeof(*cache->by_id));
}

void names_forget(struct names *names)
{
    for (int i = 0; i < NAME_TABLES; i++)
        if (names->caches[i].entries)
            forget(&names->caches[i]);
}

void names_clear(struct names *names)
{
    names_forget(names);
    for (int i = 0; i < NAME_TABLES; i++) {
        free(names->caches[i].entries);
        free(names->caches[i].by_hash);
        free(names->caches[i].by_id);
        names->caches[i] = (struct name_cache){ 0 };
    }
}

void names_step(struct names *names, bool undone)
{
    for (int i = 0; i < NAME_TABLES; i++) {
        if (undone && names->caches[i].new_in_step)
            forget(&names->caches[i]);
        names->caches[i].new_in_step = 0;
    }
}

static uint32_t *slot_by_hash(struct name_cache *cache, uint64_t hash, struct str text)
{
    for (size_t i = hash % SLOTS;; i = (i + 1) % SLOTS) {
        uint32_t *slot = &cache->by_hash[i];
        const struct name_entry *entry = *slot ? &cache->entries[*slot - 1] : NULL;
        if (!entry || (entry->hash == hash && str_eq((struct str){ entry->text, entry->length }, text)))
            return slot;
    }
}

static uint32_t *slot_by_id(struct name_cache *cache, int64_t id)
{
    for (size_t i = (uint64_t)id % SLOTS;; i = (i + 1) % SLOTS) {
        uint32_t *slot = &cache->by_id[i];
        if (!*slot || cache->entries[*slot - 1].id == id)
            return slot;
    }
}

static void remember(struct name_cache *cache, int64_t id, struct str text)
{
    if (cache->count == NAMES_MAX)
        forget(cache);
    uint64_t hash = str_hash(text);
    struct name_entry *entry = &cache->entries[cache->count];
    *entry = (struct name_entry){ id, hash, malloc(text.length + 1), text.length };
    if (!entry->text)
        abort();
    if (text.length)
        memcpy(entry->text, text.at, text.length);
    cache->count++;
    *slot_by_hash(cache, hash, text) = (uint32_t)cache->count;
    *slot_by_id(cache, id) = (uint32_t)cache->count;
}

err names_find(struct tx *tx, enum name_table table, struct str text, int64_t *ret_id)
{
    return tx_get_i64(tx, find_sql[table], PARAMS(text.at ? text : S("")), 0, ret_id);
}

err names_id(struct tx *tx, struct names *names, enum name_table table, struct str text, int64_t *ret_id)
{
    struct name_cache *cache = &names->caches[table];
    struct str name = text.at ? text : S("");
    uint32_t slot = *slot_by_hash(cache, str_hash(name), name);

    if (slot) {
        *ret_id = cache->entries[slot - 1].id;
        return NULL;
    }
    TRY(names_find(tx, table, name, ret_id));
    if (*ret_id == 0) {
        TRY(tx_run(tx, insert_sql[table], PARAMS(name)));
        *ret_id = tx_last_id(tx);
        cache->new_in_step++;
    }
    remember(cache, *ret_id, name);
    return NULL;
}

err names_text(struct tx *tx, struct names *names, enum name_table table, int64_t id, struct arena *arena,
               struct str *ret_text)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;
    struct name_cache *cache = tx->writable ? &names->caches[table] : NULL;
    uint32_t slot = cache ? *slot_by_id(cache, id) : 0;

    if (slot) {
        *ret_text = str_copy(arena, (struct str){ cache->entries[slot - 1].text, cache->entries[slot - 1].length });
        return NULL;
    }
    TRY(tx_query(tx, text_sql[table], PARAMS(id), &rows));
    *ret_text = rows_next(rows) ? rows_copy(rows, 0, arena) : S("");
    TRY(rows_err(rows));
    if (cache && ret_text->length)
        remember(cache, id, *ret_text);
    return NULL;
}

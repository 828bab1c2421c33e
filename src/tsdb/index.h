/* index.h - within the room: texts interned once, label pairs, and which series have them.
 *
 * Owner: the table of series (table.h). Threads: everything under the table's lock, but symbol_text, and pair_at for
 * what was read from a series: those never change and never move. */
#pragma once
#include "base/str.h"
#include "base/vec.h"
#include "model/series_source.h"
#include "tsdb/slots.h"
#include "tsdb/stable.h"

#include <pthread.h>

struct symbol {
    const char *at;
    uint32_t length;
    uint32_t name; /* where it is a label's name: 1 + its place in index->names */
};

/* Ids of series, rising. One id needs no memory of its own. */
struct postings {
    uint32_t count, room; /* room 0: `one` */
    union {
        uint32_t one;
        uint32_t *ids;
    };
};

struct label_pair {
    uint32_t name, value; /* symbols */
    struct postings postings;
};

struct label_name {
    uint32_t symbol;
    VEC(uint32_t) pairs;
};

/* What a matcher that must look at each value has found so far. */
struct matched {
    struct str key; /* malloc'd */
    VEC(uint32_t) pairs;
    size_t seen; /* of the name's pairs */
};

struct index {
    struct stable symbols, pairs;
    uint32_t symbol_count, pair_count; /* from 1 on */
    struct slots symbol_slots, pair_slots;
    VEC(struct label_name) names;
    VEC(char *) texts;
    size_t text_used, text_room; /* of the last of them */
    size_t text_bytes;
    struct postings all; /* restored ids come in any order: index_restored sorts them, and those of pairs */
    pthread_mutex_t matched_lock;
    VEC(struct matched) matched;
};

void index_init(struct index *index);
void index_clear(struct index *index);

static inline struct symbol *symbol_at(const struct index *index, uint32_t symbol)
{
    return stable_at(&index->symbols, symbol);
}
static inline struct str symbol_text(const struct index *index, uint32_t symbol)
{
    const struct symbol *it = symbol_at(index, symbol);

    return (struct str){ it->at, it->length };
}
static inline struct label_pair *pair_at(const struct index *index, uint32_t pair)
{
    return stable_at(&index->pairs, pair);
}
static inline const uint32_t *postings_ids(const struct postings *postings)
{
    return postings->room ? postings->ids : &postings->one;
}

/* index_pair - interned. index_find_pair - 0 where no series ever had it. index_find_name - NULL likewise. */
uint32_t index_pair(struct index *index, struct str name, struct str value);
uint32_t index_find_pair(const struct index *index, struct str name, struct str value);
const struct label_name *index_find_name(const struct index *index, struct str name);

void index_add(struct index *index, const uint32_t *pairs, size_t count, uint32_t series);
void index_restored(struct index *index);
/* postings_drop - remove those whose bit is set. */
void postings_drop(struct postings *postings, const uint64_t *dead);

/* index_match - the pairs of the matcher's name whose value it matches (or, with `inverse`, does not match), in the
 * arena. Words are looked up, the rest is remembered from query to query. */
struct pair_list {
    uint32_t *at;
    size_t count;
};
struct pair_list index_match(struct index *index, struct arena *arena, const struct matcher *matcher, bool inverse);

/* index.c - symbols, pairs and postings. */
#include "tsdb/index.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_BLOCK = 64 * 1024, MATCHED_MAX = 512 };

void index_init(struct index *index)
{
    *index = (struct index){ 0 };
    stable_init(&index->symbols, sizeof(struct symbol));
    stable_init(&index->pairs, sizeof(struct label_pair));
    pthread_mutex_init(&index->matched_lock, NULL);
}

static void postings_clear(struct postings *postings)
{
    if (postings->room)
        free(postings->ids);
    *postings = (struct postings){ 0 };
}

static void matched_clear(struct index *index)
{
    for (size_t i = 0; i < index->matched.count; i++) {
        free((char *)index->matched.at[i].key.at);
        vec_clear(&index->matched.at[i].pairs);
    }
    vec_clear(&index->matched);
}

void index_clear(struct index *index)
{
    for (uint32_t i = 1; i <= index->pair_count; i++)
        postings_clear(&pair_at(index, i)->postings);
    postings_clear(&index->all);
    for (size_t i = 0; i < index->names.count; i++)
        vec_clear(&index->names.at[i].pairs);
    vec_clear(&index->names);
    for (size_t i = 0; i < index->texts.count; i++)
        free(index->texts.at[i]);
    vec_clear(&index->texts);
    matched_clear(index);
    slots_clear(&index->symbol_slots);
    slots_clear(&index->pair_slots);
    stable_clear(&index->symbols);
    stable_clear(&index->pairs);
    pthread_mutex_destroy(&index->matched_lock);
}

/* ---- symbols and pairs ---- */

static const char *text_keep(struct index *index, struct str text)
{
    if (text.length > index->text_room - index->text_used || !index->texts.count) {
        index->text_room = text.length > TEXT_BLOCK ? text.length : TEXT_BLOCK;
        index->text_used = 0;
        char *block = malloc(index->text_room);
        if (!block)
            out_of_memory(index->text_room);
        *vec_push(&index->texts, NULL) = block;
        index->text_bytes += index->text_room;
    }
    char *at = index->texts.at[index->texts.count - 1] + index->text_used;
    if (text.length)
        memcpy(at, text.at, text.length);
    index->text_used += text.length;
    return at;
}

static uint32_t symbol_find(const struct index *index, struct str text, uint32_t hash)
{
    for (uint32_t at = hash, i; (i = slots_next(&index->symbol_slots, hash, &at));)
        if (str_eq(symbol_text(index, i), text))
            return i;
    return 0;
}

static uint32_t symbol_intern(struct index *index, struct str text)
{
    uint32_t hash = (uint32_t)str_hash(text);
    uint32_t symbol = symbol_find(index, text, hash);

    if (symbol)
        return symbol;
    symbol = ++index->symbol_count;
    stable_reserve(&index->symbols, symbol);
    *symbol_at(index, symbol) = (struct symbol){ .at = text_keep(index, text), .length = (uint32_t)text.length };
    slots_add(&index->symbol_slots, hash, symbol);
    return symbol;
}

static uint32_t pair_hash(uint32_t name, uint32_t value)
{
    uint64_t mixed = ((uint64_t)name << 32 | value) * 0x9e3779b97f4a7c15u;

    return (uint32_t)(mixed >> 29);
}

static uint32_t pair_find(const struct index *index, uint32_t name, uint32_t value)
{
    uint32_t hash = pair_hash(name, value);

    for (uint32_t at = hash, i; (i = slots_next(&index->pair_slots, hash, &at));) {
        const struct label_pair *pair = pair_at(index, i);
        if (pair->name == name && pair->value == value)
            return i;
    }
    return 0;
}

uint32_t index_find_pair(const struct index *index, struct str name, struct str value)
{
    uint32_t name_symbol = symbol_find(index, name, (uint32_t)str_hash(name));
    uint32_t value_symbol = name_symbol ? symbol_find(index, value, (uint32_t)str_hash(value)) : 0;

    return value_symbol ? pair_find(index, name_symbol, value_symbol) : 0;
}

const struct label_name *index_find_name(const struct index *index, struct str name)
{
    uint32_t symbol = symbol_find(index, name, (uint32_t)str_hash(name));
    uint32_t place = symbol ? symbol_at(index, symbol)->name : 0;

    return place ? &index->names.at[place - 1] : NULL;
}

uint32_t index_pair(struct index *index, struct str name, struct str value)
{
    uint32_t name_symbol = symbol_intern(index, name), value_symbol = symbol_intern(index, value);
    uint32_t pair = pair_find(index, name_symbol, value_symbol);

    if (pair)
        return pair;
    pair = ++index->pair_count;
    stable_reserve(&index->pairs, pair);
    *pair_at(index, pair) = (struct label_pair){ .name = name_symbol, .value = value_symbol };
    slots_add(&index->pair_slots, pair_hash(name_symbol, value_symbol), pair);
    struct symbol *symbol = symbol_at(index, name_symbol);
    if (!symbol->name) {
        *vec_push(&index->names, NULL) = (struct label_name){ .symbol = name_symbol };
        symbol->name = (uint32_t)index->names.count;
    }
    *vec_push(&index->names.at[symbol->name - 1].pairs, NULL) = pair;
    return pair;
}

/* ---- postings ---- */

static void postings_add(struct postings *postings, uint32_t id)
{
    if (postings->count == 0) {
        if (postings->room)
            postings->ids[0] = id;
        else
            postings->one = id;
        postings->count = 1;
        return;
    }
    if (postings->count >= postings->room) {
        uint32_t room = postings->room < 4 ? 4 : postings->room + postings->room / 4 + 4;
        uint32_t *ids = realloc(postings->room ? postings->ids : NULL, room * sizeof(*ids));
        if (!ids)
            out_of_memory(room * sizeof(*ids));
        if (!postings->room)
            ids[0] = postings->one;
        postings->ids = ids;
        postings->room = room;
    }
    postings->ids[postings->count++] = id;
}

void index_add(struct index *index, const uint32_t *pairs, size_t count, uint32_t series)
{
    for (size_t i = 0; i < count; i++)
        postings_add(&pair_at(index, pairs[i])->postings, series);
    postings_add(&index->all, series);
}

static int by_id(const void *a, const void *b)
{
    uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

    return (one > other) - (one < other);
}

static void postings_sort(struct postings *postings)
{
    bool sorted = true;

    for (uint32_t i = 1; i < postings->count; i++)
        sorted = sorted && postings->ids[i - 1] < postings->ids[i];
    if (!sorted)
        qsort(postings->ids, postings->count, sizeof(*postings->ids), by_id);
}

void index_restored(struct index *index)
{
    for (uint32_t i = 1; i <= index->pair_count; i++)
        postings_sort(&pair_at(index, i)->postings);
    postings_sort(&index->all);
}

void postings_drop(struct postings *postings, const uint64_t *dead)
{
    uint32_t *ids = postings->room ? postings->ids : &postings->one;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < postings->count; i++)
        if (!(dead[ids[i] / 64] >> (ids[i] % 64) & 1))
            ids[kept++] = ids[i];
    postings->count = kept;
}

/* ---- matching values ---- */

static struct matched *matched_find(struct index *index, const struct matcher *matcher, bool inverse)
{
    struct buf key CLEANUP(buf_clear) = { 0 };

    buf_init(&key, SIZE_MAX / 2);
    buf_add_c(&key, (char)('0' + matcher->type + (inverse ? 4 : 0)));
    buf_add(&key, matcher->name);
    buf_add_c(&key, '\0');
    buf_add(&key, matcher->value);
    for (size_t i = 0; i < index->matched.count; i++)
        if (str_eq(index->matched.at[i].key, buf_str(&key)))
            return &index->matched.at[i];
    if (index->matched.count >= MATCHED_MAX)
        matched_clear(index);
    struct matched *matched = vec_push(&index->matched, NULL);
    size_t length = key.length;
    *matched = (struct matched){ .key = { buf_take(&key), length } };
    return matched;
}

static struct pair_list match_by_words(const struct index *index, struct arena *arena, struct str name,
                                       const struct str *words, size_t count)
{
    struct pair_list list = { .at = arena_array(arena, count, sizeof(*list.at)) };

    for (size_t i = 0; i < count; i++) {
        uint32_t pair = index_find_pair(index, name, words[i]);
        if (pair)
            list.at[list.count++] = pair;
    }
    return list;
}

struct pair_list index_match(struct index *index, struct arena *arena, const struct matcher *matcher, bool inverse)
{
    const struct label_name *name = index_find_name(index, matcher->name);
    bool negative = matcher->type == MATCH_NE || matcher->type == MATCH_NRE;
    struct pair_list list = { 0 };
    const struct str *words;
    size_t count;

    if (!name)
        return list;
    if (negative == inverse && matcher_words(matcher, &words, &count))
        return match_by_words(index, arena, matcher->name, words, count);
    pthread_mutex_lock(&index->matched_lock);
    struct matched *matched = matched_find(index, matcher, inverse);
    for (; matched->seen < name->pairs.count; matched->seen++) {
        uint32_t pair = name->pairs.at[matched->seen];
        if (matcher_matches(matcher, symbol_text(index, pair_at(index, pair)->value)) != inverse)
            *vec_push(&matched->pairs, NULL) = pair;
    }
    list = (struct pair_list){ arena_array(arena, matched->pairs.count, sizeof(*list.at)), matched->pairs.count };
    if (list.count)
        memcpy(list.at, matched->pairs.at, list.count * sizeof(*list.at));
    pthread_mutex_unlock(&index->matched_lock);
    return list;
}

/* label_set.c - label sets: without a name, with one more, subsets, tables of them. */
#include "promql/label_set.h"

#include "promql/eval.h"

#include <stdlib.h>
#include <string.h>

struct str labels_name(struct labels labels)
{
    return labels_get(labels, S("__name__"));
}

static bool is_of_metric(struct str name)
{
    return str_eq(name, S("__name__")) || str_eq(name, S("__type__")) || str_eq(name, S("__unit__"));
}

struct labels labels_drop_name(struct arena *arena, struct labels labels)
{
    size_t kept = 0;

    for (size_t i = 0; i < labels.count; i++)
        kept += !is_of_metric(labels.at[i].name);
    if (kept == labels.count)
        return labels;
    struct label *at = arena_array(arena, kept, sizeof(*at));
    kept = 0;
    for (size_t i = 0; i < labels.count; i++)
        if (!is_of_metric(labels.at[i].name))
            at[kept++] = labels.at[i];
    return (struct labels){ at, kept };
}

struct labels labels_with(struct arena *arena, struct labels labels, struct str name, struct str value)
{
    struct label *at = arena_array(arena, labels.count + 1, sizeof(*at));
    size_t count = 0, i = 0;

    for (; i < labels.count && str_cmp(labels.at[i].name, name) < 0; i++)
        at[count++] = labels.at[i];
    if (value.length)
        at[count++] = (struct label){ name, value };
    if (i < labels.count && str_eq(labels.at[i].name, name))
        i++;
    for (; i < labels.count; i++)
        at[count++] = labels.at[i];
    return (struct labels){ at, count };
}

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

struct label_choice label_choice_make(struct arena *arena, const struct str *names, size_t count, bool without)
{
    struct str *sorted = arena_array(arena, count, sizeof(*sorted));
    size_t kept = 0;

    if (count) {
        memcpy(sorted, names, count * sizeof(*sorted));
        qsort(sorted, count, sizeof(*sorted), by_text);
    }
    for (size_t i = 0; i < count; i++)
        if (!kept || !str_eq(sorted[kept - 1], sorted[i]))
            sorted[kept++] = sorted[i];
    return (struct label_choice){ sorted, kept, without };
}

struct labels label_choice_of(const struct label_choice *choice, struct labels labels, struct label *room)
{
    size_t count = 0, name = 0;

    for (size_t i = 0; i < labels.count; i++) {
        const struct label *label = &labels.at[i];
        int order = 1;
        while (name < choice->count && (order = str_cmp(choice->names[name], label->name)) < 0)
            name++;
        bool named = name < choice->count && order == 0;
        if (choice->without ? !named && !str_eq(label->name, S("__name__")) : named)
            room[count++] = *label;
    }
    return (struct labels){ room, count };
}

static void rehash(struct label_table *table)
{
    table->slot_count = table->slot_count ? table->slot_count * 2 : 64;
    table->slots = arena_array(table->arena, table->slot_count, sizeof(*table->slots));
    for (size_t i = 0; i < table->count; i++) {
        size_t slot = table->hashes[i] & (table->slot_count - 1);
        while (table->slots[slot])
            slot = (slot + 1) & (table->slot_count - 1);
        table->slots[slot] = (uint32_t)i + 1;
    }
}

/* find - the index, or SIZE_MAX with the slot where it would be. */
static size_t find(const struct label_table *table, struct labels labels, uint64_t hash, size_t *ret_slot)
{
    size_t slot = hash & (table->slot_count - 1);

    for (; table->slots[slot]; slot = (slot + 1) & (table->slot_count - 1)) {
        size_t index = table->slots[slot] - 1;
        if (table->hashes[index] == hash && labels_eq(table->at[index], labels))
            return index;
    }
    *ret_slot = slot;
    return SIZE_MAX;
}

size_t label_table_put(struct label_table *table, struct labels labels)
{
    uint64_t hash = labels_hash(labels);
    size_t slot = 0;

    if (table->count * 2 >= table->slot_count)
        rehash(table);
    size_t index = find(table, labels, hash, &slot);
    if (index != SIZE_MAX)
        return index;
    if (table->count == table->room) {
        size_t room = table->room ? table->room * 2 : 16;
        struct labels *at = arena_array(table->arena, room, sizeof(*at));
        uint64_t *hashes = arena_array(table->arena, room, sizeof(*hashes));
        if (table->count) {
            memcpy(at, table->at, table->count * sizeof(*at));
            memcpy(hashes, table->hashes, table->count * sizeof(*hashes));
        }
        table->at = at;
        table->hashes = hashes;
        table->room = room;
    }
    struct label *copy = arena_array(table->arena, labels.count, sizeof(*copy));
    if (labels.count)
        memcpy(copy, labels.at, labels.count * sizeof(*copy));
    table->at[table->count] = (struct labels){ copy, labels.count };
    table->hashes[table->count] = hash;
    table->slots[slot] = (uint32_t)table->count + 1;
    return table->count++;
}

static struct labels choose(struct label_table *table, const struct label_choice *choice, struct labels labels)
{
    if (labels.count > table->scratch_room) {
        table->scratch_room = labels.count * 2;
        table->scratch = arena_array(table->arena, table->scratch_room, sizeof(*table->scratch));
    }
    return label_choice_of(choice, labels, table->scratch);
}

size_t label_table_put_choice(struct label_table *table, const struct label_choice *choice, struct labels labels)
{
    return label_table_put(table, choose(table, choice, labels));
}

size_t label_table_find_choice(struct label_table *table, const struct label_choice *choice, struct labels labels)
{
    struct labels chosen = choose(table, choice, labels);
    size_t slot;

    return table->slot_count ? find(table, chosen, labels_hash(chosen), &slot) : SIZE_MAX;
}

/* label_set.h - subsets of label sets, and a table of sets: what groups and matches are found by.
 *
 * Owner: the evaluation's arena. Threads: the one that evaluates. */
#pragma once
#include "promql/ast.h"

/* Which labels of a series count: those of by(...) and on(...), or all but __name__ and those of without(...) and
 * ignoring(...). */
struct label_choice {
    const struct str *names; /* sorted, unique */
    size_t count;
    bool without;
};
struct label_choice label_choice_make(struct arena *arena, const struct str *names, size_t count, bool without);
/* label_choice_of - of a set, in `room`, which has place for all of it; sorted as the set is. */
struct labels label_choice_of(const struct label_choice *choice, struct labels labels, struct label *room);

/* Sets in the order in which they came, found by their hash. Arrays are copied, texts are shared. */
struct label_table {
    struct arena *arena;
    struct labels *at;
    size_t count, room;
    uint64_t *hashes;
    uint32_t *slots; /* index + 1 */
    size_t slot_count;
    struct label *scratch;
    size_t scratch_room;
};
/* label_table_put - the index of a set; a new one is table->count before the call. */
size_t label_table_put(struct label_table *table, struct labels labels);
/* label_table_put_choice - of the chosen labels of a set. */
size_t label_table_put_choice(struct label_table *table, const struct label_choice *choice, struct labels labels);
/* label_table_find_choice - SIZE_MAX where it is not there. */
size_t label_table_find_choice(struct label_table *table, const struct label_choice *choice, struct labels labels);

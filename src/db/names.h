/* names.h - subjects and actors as integers, with a bounded cache of both directions; private to db/.
 *
 * Owner: the writer. Threads: its own; names_text_of and names_find work on any tx, without cache. */
#pragma once
#include "db/tx.h"

enum name_table { NAME_SUBJECT, NAME_ACTOR, NAME_TABLES };
enum { NAMES_MAX = 16384 };

struct name_entry {
    int64_t id;
    uint64_t hash;
    char *text;
    size_t length;
};
struct names {
    struct name_cache {
        struct name_entry *entries;
        uint32_t *by_hash, *by_id; /* index + 1 into entries; linear probing */
        size_t count, new_in_step;
    } caches[NAME_TABLES];
};

void names_init(struct names *names);
void names_clear(struct names *names);
/* names_forget - after an undone transaction: some of them may not exist. */
void names_forget(struct names *names);
/* names_step - a step ended; undone: those that it made are gone. */
void names_step(struct names *names, bool undone);
/* names_id - the id of a name, made where there is none. */
err names_id(struct tx *tx, struct names *names, enum name_table table, struct str text, int64_t *ret_id) MUST_USE;
/* names_text - the name of an id, valid in the arena. */
err names_text(struct tx *tx, struct names *names, enum name_table table, int64_t id, struct arena *arena,
               struct str *ret_text) MUST_USE;
/* names_find - 0 where there is none. */
err names_find(struct tx *tx, enum name_table table, struct str text, int64_t *ret_id) MUST_USE;

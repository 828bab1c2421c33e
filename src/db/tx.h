/* tx.h - what a transaction is made of; private to db/.
 *
 * Owner: the writer thread has one, each reading connection has one. Threads: one at a time. */
#pragma once
#include "db/connection.h"

struct tx {
    struct db *db;
    struct connection *connection;
    struct arena *arena;
    int64_t now_ms;
    int64_t changes;
    bool writable;
    bool savepoint_wanted; /* the first statement that writes opens it: a step that only looks costs nothing */
    bool savepoint_open;
    int fatal; /* SQLite's code, where the whole transaction is lost */
};

enum { TX_ARENA_BYTES = 16 * 1024 * 1024 };

/* tx_step_begin, tx_step_end - what happens between them is undone where `outcome` is an err. They don't nest.
 * An err of tx_step_end: it can't be undone, or not be kept; the transaction is lost. */
void tx_step_begin(struct tx *tx);
err tx_step_end(struct tx *tx, err outcome) MUST_USE;
/* tx_lost - the transaction can't be committed. */
bool tx_lost(const struct tx *tx);

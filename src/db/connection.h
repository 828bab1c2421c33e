/* connection.h - one SQLite connection with its prepared statements; private to db/.
 *
 * Owner: who opened it. Threads: one at a time. */
#pragma once
#include "db/db.h"

#include <sqlite3.h>

enum { STATEMENTS_MAX = 512 };

struct rows {
    struct tx *tx;
    struct statement *statement;
    int outcome; /* SQLITE_ROW so far, SQLITE_DONE, or what went wrong */
};

struct statement {
    const char *sql; /* the literal's address */
    sqlite3_stmt *handle;
    bool in_use, read_only;
    struct rows rows;
    struct statement *next; /* of its bucket */
};

struct connection {
    sqlite3 *handle;
    size_t count;
    struct statement *buckets[STATEMENTS_MAX];
};

enum connection_use { CONNECTION_WRITES, CONNECTION_READS, CONNECTION_FOREIGN };

/* connection_open - CONNECTION_READS can't write; CONNECTION_FOREIGN opens the file itself read-only. */
err connection_open(const char *path, const char *vfs, enum connection_use use,
                    struct connection **ret_connection) MUST_USE;
void connection_close(struct connection *connection); /* NULL is fine */
/* connection_exec - one or more statements without values or rows. */
err connection_exec(struct connection *connection, const char *sql) MUST_USE;
/* connection_err - what the last call on it said: disk and kernel trouble is ERR_IO with a hint. */
err connection_err(struct connection *connection, int code, const char *sql) MUST_USE;
/* code_is_fatal - the transaction is lost, and what the connection remembers can't be trusted. */
bool code_is_fatal(int code);
/* connection_statement - a prepared one, kept by the literal's address; give it back. */
err connection_statement(struct connection *connection, const char *sql, struct statement **ret_statement) MUST_USE;
void connection_give_back(struct connection *connection, struct statement *statement);

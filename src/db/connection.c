/* connection.c - the only file that prepares SQLite statements. */
#include "db/connection.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { TRY_AGAIN_MS = 1000 }; /* the writer's own probe */

static void library_setup(void)
{
    /* Nobody asks SQLite for its memory statistics, which cost a global lock at each allocation. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_initialize();
}

bool code_is_fatal(int code)
{
    switch (code & 0xff) {
    case SQLITE_IOERR:
    case SQLITE_FULL:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_NOMEM:
    case SQLITE_PROTOCOL:
        return true;
    default:
        return false;
    }
}

static enum err_kind kind_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_IOERR:
    case SQLITE_FULL:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PROTOCOL:
        return ERR_IO;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_CORRUPT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_BUSY;
    case SQLITE_CONSTRAINT:
        return ERR_CONFLICT;
    case SQLITE_TOOBIG:
        return ERR_TOO_LARGE;
    default:
        return ERR_INTERNAL;
    }
}

err connection_err(struct connection *connection, int code, const char *sql)
{
    const char *path = sqlite3_db_filename(connection->handle, "main");
    const char *text = sqlite3_errmsg(connection->handle);
    enum err_kind kind = kind_of(code);

    path = path && *path ? path : "the database";
    if (kind == ERR_INTERNAL || kind == ERR_CONFLICT)
        return err_new(kind, "database: %s, in: %.120s", text, sql);
    err e = err_new(kind, "%s: %s (SQLite code %d)", path, text, code);
    if (kind == ERR_IO)
        e = err_retry_after(e, TRY_AGAIN_MS);
    if ((code & 0xff) == SQLITE_FULL)
        return err_hint(e, "Free space on the disk that holds %s; writing goes on by itself.", path);
    if (kind == ERR_IO)
        return err_hint(e, "Look at the kernel's log and at the rights of %s; writing is tried again each second.",
                        path);
    if (kind == ERR_CORRUPT)
        return err_hint(e, "Stop auspex and put back the latest backup, auspex.db.backup-*.");
    if (kind == ERR_BUSY)
        return err_hint(e, "Another process writes to %s; try again.", path);
    return e;
}

err connection_exec(struct connection *connection, const char *sql)
{
    int code = sqlite3_exec(connection->handle, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? NULL : connection_err(connection, sqlite3_extended_errcode(connection->handle), sql);
}

err connection_open(const char *path, const char *vfs, enum connection_use use, struct connection **ret_connection)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct connection *connection = calloc(1, sizeof(*connection));
    int flags = use == CONNECTION_WRITES  ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                : use == CONNECTION_READS ? SQLITE_OPEN_READWRITE
                                          : SQLITE_OPEN_READONLY;
    err e = NULL;

    if (!connection)
        abort();
    pthread_once(&once, library_setup);
    int code = sqlite3_open_v2(path, &connection->handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, vfs);
    if (code != SQLITE_OK) {
        e = err_new(kind_of(code), "can't open %s: %s", path, sqlite3_errmsg(connection->handle));
        connection_close(connection);
        return e;
    }
    sqlite3_extended_result_codes(connection->handle, 1);
    sqlite3_busy_timeout(connection->handle, 5000);
    /* A checkpoint is the checkpoint thread's business, never a committer's. */
    e = connection_exec(connection, "PRAGMA page_size = 4096; PRAGMA wal_autocheckpoint = 0;"
                                    "PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;"
                                    "PRAGMA foreign_keys = ON");
    if (!e && use == CONNECTION_WRITES)
        e = connection_exec(connection, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                        "PRAGMA cache_size = -8192; PRAGMA journal_size_limit = 33554432");
    if (!e && use != CONNECTION_WRITES)
        e = connection_exec(connection, "PRAGMA query_only = ON; PRAGMA cache_size = -1024");
    if (e) {
        connection_close(connection);
        return err_wrap(e, "can't open %s", path);
    }
    *ret_connection = connection;
    return NULL;
}

static void forget_unused(struct connection *connection)
{
    for (size_t i = 0; i < STATEMENTS_MAX; i++)
        for (struct statement **at = &connection->buckets[i]; *at;) {
            struct statement *statement = *at;
            if (statement->in_use) {
                at = &statement->next;
                continue;
            }
            *at = statement->next;
            sqlite3_finalize(statement->handle);
            free(statement);
            connection->count--;
        }
}

void connection_close(struct connection *connection)
{
    if (!connection)
        return;
    forget_unused(connection);
    sqlite3_close_v2(connection->handle);
    free(connection);
}

static struct statement **bucket_of(struct connection *connection, const char *sql)
{
    return &connection->buckets[((uintptr_t)sql >> 3) * 0x9e3779b97f4a7c15u >> 55];
}

err connection_statement(struct connection *connection, const char *sql, struct statement **ret_statement)
{
    struct statement **bucket = bucket_of(connection, sql);

    for (struct statement *it = *bucket; it; it = it->next)
        /* The text is compared too: an address may belong to another text by now, where it was no literal. */
        if (it->sql == sql && !it->in_use && strcmp(sqlite3_sql(it->handle), sql) == 0) {
            it->in_use = true;
            *ret_statement = it;
            return NULL;
        }
    if (connection->count >= STATEMENTS_MAX)
        forget_unused(connection);
    struct statement *statement = calloc(1, sizeof(*statement));
    if (!statement)
        abort();
    int code = sqlite3_prepare_v3(connection->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement->handle, NULL);
    if (code != SQLITE_OK || !statement->handle) {
        free(statement);
        return code == SQLITE_OK ? err_new(ERR_INTERNAL, "empty statement")
                                 : connection_err(connection, sqlite3_extended_errcode(connection->handle), sql);
    }
    statement->sql = sql;
    statement->in_use = true;
    statement->read_only = sqlite3_stmt_readonly(statement->handle);
    statement->next = *bucket;
    *bucket = statement;
    connection->count++;
    *ret_statement = statement;
    return NULL;
}

void connection_give_back(struct connection *connection, struct statement *statement)
{
    (void)connection;
    sqlite3_reset(statement->handle);
    statement->in_use = false;
}

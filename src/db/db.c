/* db.c - opening, closing and reading. */
#include "base/file.h"
#include "base/metric.h"
#include "base/time.h"
#include "db/engine.h"
#include "db/folder.h"
#include "db/migrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

METRIC(COUNTER, db_reads_total, "Read transactions.", NULL);
METRIC(COUNTER, db_reads_refused_total, "Reads that found no free connection in time.", NULL);
METRIC(GAUGE, db_read_connections, "Connections that reads have opened.", NULL);

enum { READ_ARENA_BYTES = 16 * 1024 * 1024, READ_WAIT_MS = 5000 };

static const struct migration db_1 = {
    .room = "db",
    .number = 1,
    .sql = "CREATE TABLE subject(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
           "CREATE TABLE actor(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
           "CREATE TABLE journal(id INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind INTEGER NOT NULL, "
           "subject INTEGER NOT NULL, incident INTEGER NOT NULL, actor INTEGER NOT NULL, reason TEXT NOT NULL, "
           "data TEXT NOT NULL, unique_key TEXT) STRICT;"
           /* The rare kinds among many events; it ends with the rowid, so it gives ids in order. None by subject: there
            * are many, and each append would pay for a page of its own. */
           "CREATE INDEX journal_kind ON journal(kind);"
           "CREATE UNIQUE INDEX journal_unique ON journal(unique_key) WHERE unique_key IS NOT NULL;"
           "CREATE TABLE incident_event(incident INTEGER NOT NULL, event INTEGER NOT NULL, "
           "PRIMARY KEY(incident, event)) STRICT, WITHOUT ROWID;"
           "CREATE TABLE reader_cursor(reader TEXT PRIMARY KEY, event INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
           "CREATE TABLE journal_parked(id INTEGER PRIMARY KEY, reader TEXT NOT NULL, event INTEGER NOT NULL, "
           "error TEXT NOT NULL, parked_at INTEGER NOT NULL, tries INTEGER NOT NULL, "
           "retry INTEGER NOT NULL DEFAULT 0) STRICT;"
           "CREATE TABLE outbox(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, payload TEXT NOT NULL, "
           "incident INTEGER NOT NULL, state INTEGER NOT NULL, attempt INTEGER NOT NULL, "
           "interruptions INTEGER NOT NULL DEFAULT 0, added INTEGER NOT NULL, not_before INTEGER NOT NULL, "
           "started INTEGER, ended INTEGER, error TEXT, UNIQUE(kind, key)) STRICT;"
           "CREATE INDEX outbox_waiting ON outbox(kind, not_before, id) WHERE state = 0;"
           "CREATE INDEX outbox_claimed ON outbox(id) WHERE state = 1;"
           "CREATE INDEX outbox_ended ON outbox(ended) WHERE ended IS NOT NULL;"
           "CREATE TABLE db_probe(id INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT",
};
REGISTER(migration, db_1);

static err check_beside(struct db *db)
{
    struct connection *connection = NULL;

    TRY(connection_open(db->path, db->vfs, CONNECTION_FOREIGN, &connection));
    err e = migrate_check(connection, db->path);
    connection_close(connection);
    return e;
}

/* first_connection - creates the file, migrates; the writer goes on with it. */
static err first_connection(struct db *db)
{
    TRY(connection_open(db->path, db->vfs, CONNECTION_WRITES, &db->tx.connection));
    chmod(db->path, 0600);
    return db->owner ? migrate(db->tx.connection, db->path, db->vfs) : migrate_check(db->tx.connection, db->path);
}

static err read_ids(struct db *db)
{
    int64_t first, last;
    struct tx *tx = &db->tx;

    db->tx.db = db;
    db->tx.writable = true;
    TRY(tx_get_i64(tx, "SELECT min(id) FROM journal", NONE, 0, &first));
    TRY(tx_get_i64(tx, "SELECT max(id) FROM journal", NONE, 0, &last));
    TRY(tx_get_i64(tx, "PRAGMA data_version", NONE, 0, &db->data_version));
    atomic_store(&db->first_id, first);
    atomic_store(&db->last_id, last);
    return NULL;
}

static err open_all(struct db *db, const struct db_options *options)
{
    if (options->read_only)
        return check_beside(db);
    err e = folder_lock(options->folder, &db->lock_fd);
    if (e && options->shared && err_kind(e) == ERR_CONFLICT) {
        err_free(e); /* somebody serves this folder: we write beside it */
        e = NULL;
    }
    TRY(e);
    db->owner = db->lock_fd >= 0;
    TRY(first_connection(db));
    TRY(read_ids(db));
    if (db->owner)
        TRY(checkpoints_start(db, options->checkpoint_pages));
    return writer_start(db);
}

static char *join(const char *folder, const char *name)
{
    char *path = NULL;

    if (asprintf(&path, "%s/%s", folder, name) < 0)
        abort();
    return path;
}

err db_open(const struct db_options *options, struct db **ret_db)
{
    struct db *db = calloc(1, sizeof(*db));
    pthread_condattr_t attributes;

    if (!db)
        abort();
    db->folder = strdup(options->folder);
    db->path = join(options->folder, "auspex.db");
    db->vfs = options->vfs;
    db->only_readers = options->readers;
    db->only_workers = options->workers;
    db->lock_fd = -1;
    db->read_only = options->read_only;
    pthread_mutex_init(&db->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&db->work, &attributes);
    pthread_cond_init(&db->reading_back, &attributes);
    pthread_condattr_destroy(&attributes);
    err e = open_all(db, options);
    if (e) {
        db_close(db);
        return e;
    }
    *ret_db = db;
    return NULL;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    writer_stop(db);
    outbox_close(db);
    while (db->idle_readings) {
        struct reading *reading = db->idle_readings;
        db->idle_readings = reading->next;
        connection_close(reading->connection);
        arena_free(reading->arena);
        free(reading);
    }
    checkpoints_stop(db);
    if (db->lock_fd >= 0)
        close(db->lock_fd);
    pthread_mutex_destroy(&db->lock);
    pthread_cond_destroy(&db->work);
    pthread_cond_destroy(&db->reading_back);
    free(db->folder);
    free(db->path);
    free(db);
}

static err reading_new(struct db *db, struct reading **ret_reading)
{
    struct reading *reading = calloc(1, sizeof(*reading));

    if (!reading)
        abort();
    err e =
        connection_open(db->path, db->vfs, db->read_only ? CONNECTION_FOREIGN : CONNECTION_READS, &reading->connection);
    if (e) {
        free(reading);
        return e;
    }
    reading->arena = arena_new(READ_ARENA_BYTES);
    *ret_reading = reading;
    return NULL;
}

/* reading_take - an idle connection, or a new one, or that which comes back first. */
static err reading_take(struct db *db, struct reading **ret_reading)
{
    int64_t until = time_mono_ms() + READ_WAIT_MS;
    struct timespec at = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };

    pthread_mutex_lock(&db->lock);
    while (!db->idle_readings && db->readings == READ_CONNECTIONS_MAX)
        if (pthread_cond_timedwait(&db->reading_back, &db->lock, &at) != 0) {
            pthread_mutex_unlock(&db->lock);
            metric_add(&db_reads_refused_total, 1);
            return err_retry_after(
                err_new(ERR_BUSY, "all %d connections of the database are reading", READ_CONNECTIONS_MAX), SECOND_MS);
        }
    struct reading *reading = db->idle_readings;
    if (reading)
        db->idle_readings = reading->next;
    else
        db->readings++;
    metric_set(&db_read_connections, (double)db->readings);
    pthread_mutex_unlock(&db->lock);
    err e = reading ? NULL : reading_new(db, &reading);
    if (e) {
        pthread_mutex_lock(&db->lock);
        db->readings--;
        pthread_cond_signal(&db->reading_back);
        pthread_mutex_unlock(&db->lock);
        return e;
    }
    *ret_reading = reading;
    return NULL;
}

/* reading_give_back - one that saw trouble is not used again. */
static void reading_give_back(struct db *db, struct reading *reading, bool broken)
{
    arena_reset(reading->arena);
    if (broken) {
        connection_close(reading->connection);
        arena_free(reading->arena);
        free(reading);
    }
    pthread_mutex_lock(&db->lock);
    if (broken) {
        db->readings--;
    } else {
        reading->next = db->idle_readings;
        db->idle_readings = reading;
    }
    pthread_cond_signal(&db->reading_back);
    pthread_mutex_unlock(&db->lock);
}

err db_read(struct db *db, err (*read)(struct tx *tx, void *arg), void *arg)
{
    struct reading *reading = NULL;

    TRY(reading_take(db, &reading));
    struct tx tx = { .db = db, .connection = reading->connection, .arena = reading->arena, .now_ms = time_now_ms() };
    metric_add(&db_reads_total, 1);
    err e = tx_run(&tx, "BEGIN", NONE);
    if (!e)
        e = read(&tx, arg);
    err end = sqlite3_get_autocommit(reading->connection->handle) ? NULL : tx_run(&tx, "COMMIT", NONE);
    bool broken = end || !sqlite3_get_autocommit(reading->connection->handle) ||
                  (e && (err_kind(e) == ERR_IO || err_kind(e) == ERR_CORRUPT));
    reading_give_back(db, reading, broken);
    if (e)
        err_free(end);
    return e ? e : end;
}

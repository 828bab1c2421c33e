/* checkpoint.c - moves pages from the write-ahead log into the file, on a thread and connection of its own.
 *
 * DESIGN. After a commit the writer looks at the log's length and wakes this thread at 8 MiB; a passive checkpoint
 * disturbs nobody. While writes keep coming, though, it never catches the last pages, so the log never starts again
 * from its beginning. Above 32 MiB this thread therefore holds the gate, which the writer passes between two
 * transactions, and moves the few pages that are left: the next commit starts the log anew, if no reader looks at an
 * old snapshot. Its connection also keeps the log's index alive while the writer reopens its own after trouble. */
#include "base/log.h"
#include "base/metric.h"
#include "db/engine.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

METRIC(GAUGE, db_wal_bytes, "Length of the write-ahead log in use.", NULL);
METRIC(COUNTER, db_checkpoints_total, "Checkpoints, by outcome.", "outcome");

enum { PAGE_BYTES = 4096, START_PAGES = 2048, HOLD_PAGES = 8192 };

struct checkpoints {
    struct connection *connection;
    pthread_t thread;
    pthread_mutex_t lock, gate;
    pthread_cond_t wake;
    bool wanted, stopping;
    _Atomic int pages; /* in the log, as the last commit left it */
    bool failing;      /* said once */
};

static int note_pages(void *arg, sqlite3 *handle, const char *name, int pages)
{
    struct checkpoints *checkpoints = arg;

    (void)handle;
    (void)name;
    atomic_store(&checkpoints->pages, pages);
    return SQLITE_OK;
}

/* checkpoint - passive: as far as readers let it. Returns the pages that are not moved yet. */
static int checkpoint(struct checkpoints *checkpoints)
{
    int log = 0, moved = 0;
    int code =
        sqlite3_wal_checkpoint_v2(checkpoints->connection->handle, "main", SQLITE_CHECKPOINT_PASSIVE, &log, &moved);

    metric_add_for(&db_checkpoints_total,
                   code == SQLITE_OK     ? S("ok")
                   : code == SQLITE_BUSY ? S("busy")
                                         : S("failed"),
                   1);
    if (code == SQLITE_OK || code == SQLITE_BUSY) {
        checkpoints->failing = false;
    } else if (!checkpoints->failing) {
        checkpoints->failing = true;
        log_err(connection_err(checkpoints->connection, code, "checkpoint"), "a checkpoint failed, and is tried again");
    }
    return log - moved;
}

static void *checkpoint_loop(void *arg)
{
    struct checkpoints *checkpoints = arg;

    pthread_mutex_lock(&checkpoints->lock);
    for (;;) {
        while (!checkpoints->wanted && !checkpoints->stopping)
            pthread_cond_wait(&checkpoints->wake, &checkpoints->lock);
        if (checkpoints->stopping)
            break;
        pthread_mutex_unlock(&checkpoints->lock);
        int left = checkpoint(checkpoints);
        if (left > 0 && atomic_load(&checkpoints->pages) >= HOLD_PAGES) {
            pthread_mutex_lock(&checkpoints->gate);
            checkpoint(checkpoints);
            pthread_mutex_unlock(&checkpoints->gate);
        }
        pthread_mutex_lock(&checkpoints->lock);
        checkpoints->wanted = false;
    }
    pthread_mutex_unlock(&checkpoints->lock);
    return NULL;
}

err checkpoints_start(struct db *db)
{
    struct checkpoints *checkpoints = calloc(1, sizeof(*checkpoints));
    sigset_t all, before;

    if (!checkpoints)
        abort();
    err e = connection_open(db->path, db->vfs, CONNECTION_WRITES, &checkpoints->connection);
    if (e) {
        free(checkpoints);
        return e;
    }
    pthread_mutex_init(&checkpoints->lock, NULL);
    pthread_mutex_init(&checkpoints->gate, NULL);
    pthread_cond_init(&checkpoints->wake, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(&checkpoints->thread, NULL, checkpoint_loop, checkpoints);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number) {
        connection_close(checkpoints->connection);
        free(checkpoints);
        return err_new(ERR_UNAVAILABLE, "can't start the checkpoint thread: %s", strerror(number));
    }
    pthread_setname_np(checkpoints->thread, "db-checkpoint");
    db->checkpoints = checkpoints;
    return NULL;
}

void checkpoints_stop(struct db *db)
{
    struct checkpoints *checkpoints = db->checkpoints;

    if (!checkpoints)
        return;
    pthread_mutex_lock(&checkpoints->lock);
    checkpoints->stopping = true;
    pthread_cond_signal(&checkpoints->wake);
    pthread_mutex_unlock(&checkpoints->lock);
    pthread_join(checkpoints->thread, NULL);
    /* The last connection that closes moves what is left and removes the log. */
    connection_close(checkpoints->connection);
    pthread_mutex_destroy(&checkpoints->lock);
    pthread_mutex_destroy(&checkpoints->gate);
    pthread_cond_destroy(&checkpoints->wake);
    free(checkpoints);
    db->checkpoints = NULL;
}

void checkpoints_committed(struct db *db)
{
    struct checkpoints *checkpoints = db->checkpoints;

    if (db->tx.connection)
        sqlite3_wal_hook(db->tx.connection->handle, note_pages, checkpoints);
    int pages = atomic_load(&checkpoints->pages);
    metric_set(&db_wal_bytes, (double)pages * PAGE_BYTES);
    if (pages < START_PAGES)
        return;
    pthread_mutex_lock(&checkpoints->lock);
    if (!checkpoints->wanted) {
        checkpoints->wanted = true;
        pthread_cond_signal(&checkpoints->wake);
    }
    pthread_mutex_unlock(&checkpoints->lock);
    pthread_mutex_lock(&checkpoints->gate); /* held while the last pages move */
    pthread_mutex_unlock(&checkpoints->gate);
}

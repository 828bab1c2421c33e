/* checkpoint.c - moves pages from the write-ahead log into the file, on a thread and connection of its own.
 *
 * DESIGN. After a commit the writer looks at the log's length and wakes this thread at 8 MiB; a passive checkpoint
 * disturbs nobody. While writes keep coming, though, it never catches the last pages, so the log never starts again
 * from its beginning. Above 32 MiB this thread therefore holds the writer between two transactions and moves the few
 * pages that are left: the next commit starts the log anew, if no reader looks at an old snapshot. Its connection also
 * keeps the log's index alive while the writer reopens its own after trouble.
 *
 * SQLite before 3.51.3 loses pages where a checkpoint starts on a log that is moved completely while another connection
 * starts the log anew (sqlite.org/wal.html, "the WAL-reset bug"). Debian 12 has 3.40, so it must not come to that: this
 * thread is the only one that moves pages, and it starts only after a commit that came since its last turn, when the
 * log holds something that is not moved and nobody can start it anew. */
#include "base/log.h"
#include "base/metric.h"
#include "db/engine.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

METRIC(GAUGE, db_wal_bytes, "Length of the write-ahead log in use.", NULL);
METRIC(COUNTER, db_checkpoints_total, "Checkpoints, by outcome.", "outcome");

enum { PAGE_BYTES = 4096, START_PAGES = 2048, HOLD_FACTOR = 4 };

struct checkpoints {
    struct connection *connection;
    pthread_t thread;
    int start_pages;
    pthread_mutex_t lock;
    pthread_cond_t wake;  /* of this thread */
    pthread_cond_t go_on; /* of the writer */
    bool wanted, stopping;
    bool writing;      /* the writer is within a transaction */
    bool hold;         /* it shall begin none */
    _Atomic int pages; /* in the log, as the last commit left it */
    bool grown;        /* the writer's own: a commit added pages since the last turn was asked for */
    bool failing;      /* said once */
};

static int note_pages(void *arg, sqlite3 *handle, const char *name, int pages)
{
    struct checkpoints *checkpoints = arg;

    (void)handle;
    (void)name;
    atomic_store(&checkpoints->pages, pages);
    checkpoints->grown = true;
    return SQLITE_OK;
}

/* checkpoint - passive: as far as readers let it. Returns the pages that are not moved yet, those of commits under way
 * included. */
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
    return atomic_load(&checkpoints->pages) - moved; /* `log` knows only what was there when it began */
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
        pthread_mutex_lock(&checkpoints->lock);
        if (left > 0 && atomic_load(&checkpoints->pages) >= checkpoints->start_pages * HOLD_FACTOR) {
            checkpoints->hold = true;
            while (checkpoints->writing)
                pthread_cond_wait(&checkpoints->wake, &checkpoints->lock);
            pthread_mutex_unlock(&checkpoints->lock);
            checkpoint(checkpoints);
            pthread_mutex_lock(&checkpoints->lock);
            checkpoints->hold = false;
            pthread_cond_signal(&checkpoints->go_on);
        }
        checkpoints->wanted = false;
    }
    pthread_mutex_unlock(&checkpoints->lock);
    return NULL;
}

err checkpoints_start(struct db *db, int start_pages)
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
    checkpoints->start_pages = start_pages ? start_pages : START_PAGES;
    pthread_mutex_init(&checkpoints->lock, NULL);
    pthread_cond_init(&checkpoints->wake, NULL);
    pthread_cond_init(&checkpoints->go_on, NULL);
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
    pthread_cond_destroy(&checkpoints->wake);
    pthread_cond_destroy(&checkpoints->go_on);
    free(checkpoints);
    db->checkpoints = NULL;
}

void checkpoints_begin(struct db *db)
{
    struct checkpoints *checkpoints = db->checkpoints;

    if (!checkpoints)
        return;
    pthread_mutex_lock(&checkpoints->lock);
    while (checkpoints->hold)
        pthread_cond_wait(&checkpoints->go_on, &checkpoints->lock);
    checkpoints->writing = true;
    pthread_mutex_unlock(&checkpoints->lock);
    if (db->tx.connection)
        sqlite3_wal_hook(db->tx.connection->handle, note_pages, checkpoints);
}

void checkpoints_end(struct db *db)
{
    struct checkpoints *checkpoints = db->checkpoints;

    if (!checkpoints)
        return;
    int pages = atomic_load(&checkpoints->pages);
    metric_set(&db_wal_bytes, (double)pages * PAGE_BYTES);
    pthread_mutex_lock(&checkpoints->lock);
    checkpoints->writing = false;
    if (pages >= checkpoints->start_pages && checkpoints->grown && !checkpoints->wanted) {
        checkpoints->wanted = true;
        checkpoints->grown = false;
        pthread_cond_signal(&checkpoints->wake);
    }
    if (checkpoints->hold)
        pthread_cond_signal(&checkpoints->wake);
    pthread_mutex_unlock(&checkpoints->lock);
}

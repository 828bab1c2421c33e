/* engine.h - what an open database consists of; private to db/.
 *
 * Owner: db_open makes it, db_close ends it. Threads: each member says its own.
 *
 * DESIGN. One thread writes. It takes all requests that wait, runs them in one transaction (each in a savepoint of its
 * own), then the readers, then claims outbox rows, commits, and only then tells anybody. What it keeps in memory
 * (names, cursors, readers' states) is thrown away and read again where a transaction is lost. */
#pragma once
#include "db/health.h"
#include "db/journal.h"
#include "db/names.h"
#include "db/outbox.h"
#include "db/tx.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    POSTS_MAX = 10000,
    BATCH_MAX = 4096,
    READ_CONNECTIONS_MAX = 8,
    READERS_RUN_US = 5000,
    TICK_MS = 1000,
};

struct request {
    struct request *next;
    err (*write)(struct tx *tx, void *arg);
    void *arg;
    void (*done)(void *arg, err outcome); /* posted ones; runs once it is known */
    pthread_cond_t *wake;                 /* waiting ones */
    bool posted;                          /* counts against POSTS_MAX; freed by the writer */
    bool finished;
    err outcome;
};

struct request_queue {
    struct request *first, **last;
    size_t count;
};

struct reading {
    struct connection *connection;
    struct arena *arena;
    struct reading *next;
};

struct db {
    char *folder, *path;
    const char *vfs;
    const struct journal_reader *const *only_readers; /* NULL: all registered */
    const struct outbox_worker *const *only_workers;
    int lock_fd;
    bool owner;     /* holds the folder: readers, outbox, checkpoints and retention are its business */
    bool read_only; /* nobody writes here */

    pthread_t writer_thread;
    pthread_mutex_t lock; /* of the queue, the health and the readings below */
    pthread_cond_t work;
    struct request_queue queue;
    size_t posts;
    bool writer_runs, stopping;
    struct db_health health;

    pthread_cond_t reading_back;
    struct reading *idle_readings;
    size_t readings;

    /* The writer thread's own. */
    struct tx tx;
    struct names names;
    struct readers *readers; /* NULL before journal_start */
    struct outbox *outbox;
    int64_t appended_id; /* by this batch; 0: none */
    int64_t appended_before_step;
    int64_t data_version; /* changes when another process commits */
    int64_t failed_at_ms; /* monotonic; 0: the last batch was kept */
    bool more_to_read;    /* the readers' time was over */

    _Atomic int64_t last_id, first_id;
    _Atomic(void (*)(void *arg, int64_t last_id)) on_commit;
    void *_Atomic on_commit_arg;

    struct checkpoints *checkpoints;
};

/* writer.c */
err writer_start(struct db *db) MUST_USE;
void writer_stop(struct db *db);
void writer_submit(struct db *db, struct request *request); /* ours: not bounded; done() frees */

/* readers.c: cursors and steps, within the writer's transaction. */
void readers_run(struct db *db, int64_t until_us); /* sets more_to_read; trouble is in tx.fatal */
void readers_lost(struct db *db);                  /* the batch was undone: state is to be made again */
void readers_kept(struct db *db);                  /* the batch is durable */
void readers_close(struct db *db);
int64_t readers_passed(struct db *db); /* the last event that all of them have durably seen; 0 before journal_start */

/* outbox.c */
void outbox_open(struct db *db);
void outbox_claim(struct db *db);
void outbox_foreign(struct db *db); /* another process may have added rows */
void outbox_kept(struct db *db);
void outbox_lost(struct db *db);
void outbox_step_undone(struct db *db); /* a savepoint went: what it added is to be counted again */
int64_t outbox_due_ms(struct db *db);   /* monotonic time at which a row waits to run; INT64_MAX: none */
void outbox_close(struct db *db);

/* checkpoint.c: a thread of its own moves the log's pages into the file. */
err checkpoints_start(struct db *db, int start_pages) MUST_USE;
void checkpoints_stop(struct db *db);
void checkpoints_begin(struct db *db); /* from the writer: before a transaction, which may have to wait, */
void checkpoints_end(struct db *db);   /* and after it */

/* step_begin, step_end - those of tx.h, and what must be forgotten with an undone step. */
void step_begin(struct db *db);
void step_end(struct db *db, err outcome);

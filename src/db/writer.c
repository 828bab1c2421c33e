/* writer.c - the thread that writes: group commit. */
#include "base/failpoint.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/time.h"
#include "db/engine.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

METRIC(COUNTER, db_batches_total, "Transactions that the writer committed.", NULL);
METRIC(COUNTER, db_batches_failed_total, "Transactions that were lost as a whole, by SQLite's primary code.", "code");
METRIC(COUNTER, db_writes_total, "Writes asked of the database, by outcome.", "outcome");
METRIC(COUNTER, db_commit_seconds_total, "Time in COMMIT, its fsync included.", NULL);
METRIC(GAUGE, db_queue_length, "Writes that wait for the writer.", NULL);
METRIC(GAUGE, db_batch_size, "Writes in the last transaction.", NULL);
METRIC(GAUGE, db_ok, "1: the last transaction was kept; 0: the disk said no.", NULL);

void step_begin(struct db *db)
{
    db->appended_before_step = db->appended_id;
    tx_step_begin(&db->tx);
}

void step_end(struct db *db, err outcome)
{
    bool wrote = db->tx.savepoint_open;
    err e = tx_step_end(&db->tx, outcome);

    if (e && !db->tx.fatal)
        db->tx.fatal = SQLITE_ABORT;
    err_free(e);
    names_step(&db->names, outcome != NULL);
    if (outcome)
        db->appended_id = db->appended_before_step;
    if (wrote && outcome)
        outbox_step_undone(db);
    arena_reset(db->tx.arena);
}

static void run_one(struct db *db, struct request *request)
{
    db->tx.now_ms = time_now_ms();
    step_begin(db);
    request->outcome = FAILPOINT("db.write.before");
    if (!request->outcome)
        request->outcome = request->write(&db->tx, request->arg);
    step_end(db, request->outcome);
}

/* probe - while the disk says no, nobody may be writing: a row of ours finds out when it says yes again. */
static void probe(struct db *db)
{
    err_free(tx_run(&db->tx, "INSERT INTO db_probe(id, at) VALUES(1, ?1) ON CONFLICT(id) DO UPDATE SET at = ?1",
                    PARAMS(time_now_ms())));
}

static err commit(struct db *db)
{
    int64_t began = time_mono_us();

    TRY(FAILPOINT("db.commit.before"));
    if (tx_lost(&db->tx))
        return err_new(ERR_IO, "the transaction was lost (SQLite code %d)", db->tx.fatal);
    TRY(tx_run(&db->tx, "COMMIT", NONE));
    metric_add(&db_commit_seconds_total, (double)(time_mono_us() - began) / 1e6);
    return NULL;
}

/* note_foreign - another process (auspex token create) may have appended. */
static void note_foreign(struct db *db)
{
    int64_t version = 0, last = 0;

    err_free(tx_get_i64(&db->tx, "PRAGMA data_version", NONE, 0, &version));
    if (version == db->data_version)
        return;
    db->data_version = version;
    outbox_foreign(db);
    err e = tx_get_i64(&db->tx, "SELECT max(id) FROM journal", NONE, 0, &last);
    if (!e && last > atomic_load(&db->last_id) && last > db->appended_id)
        db->appended_id = last;
    err_free(e);
}

static err run_batch(struct db *db, struct request *requests, size_t count)
{
    if (!db->tx.connection) {
        TRY(connection_open(db->path, db->vfs, CONNECTION_WRITES, &db->tx.connection));
        db->data_version = -1;
    }
    checkpoints_begin(db);
    db->tx.fatal = 0;
    TRY(tx_run(&db->tx, "BEGIN IMMEDIATE", NONE));
    db->appended_id = 0;
    for (struct request *it = requests; it && !tx_lost(&db->tx); it = it->next)
        run_one(db, it);
    if (db->failed_at_ms && !tx_lost(&db->tx))
        probe(db);
    db->tx.now_ms = time_now_ms();
    if (!tx_lost(&db->tx))
        note_foreign(db);
    if (!tx_lost(&db->tx))
        readers_run(db, time_mono_us() + READERS_RUN_US);
    if (!tx_lost(&db->tx))
        outbox_claim(db);
    TRY(commit(db));
    metric_add(&db_batches_total, 1);
    metric_set(&db_batch_size, (double)count);
    return NULL;
}

/* lost - forget all that the transaction had taught us. A failed fsync is never retried: the connection is opened
 * again, so that what it believes to be written is not believed any more. */
static void lost(struct db *db, err e)
{
    bool busy = err_kind(e) == ERR_BUSY;
    char code[16];

    snprintf(code, sizeof(code), "%d", db->tx.fatal & 0xff);
    metric_add_for(&db_batches_failed_total, busy ? S("busy") : str_of(code), 1);
    connection_close(TAKE(db->tx.connection));
    names_forget(&db->names);
    readers_lost(db);
    outbox_lost(db);
    pthread_mutex_lock(&db->lock);
    bool first = db->health.ok;
    db->health.ok = false;
    if (first)
        db->health.since_ms = time_now_ms();
    snprintf(db->health.message, sizeof(db->health.message), "%s", err_message(e));
    pthread_mutex_unlock(&db->lock);
    metric_set(&db_ok, 0);
    if (first)
        log_error("nothing can be written: %s%s%s", err_message(e), err_hint_text(e) ? ". " : "",
                  err_hint_text(e) ? err_hint_text(e) : "");
    db->failed_at_ms = time_mono_ms();
}

static void kept(struct db *db)
{
    db->tx.fatal = 0;
    if (db->failed_at_ms) {
        db->failed_at_ms = 0;
        pthread_mutex_lock(&db->lock);
        db->health.ok = true;
        db->health.since_ms = time_now_ms();
        db->health.message[0] = 0;
        pthread_mutex_unlock(&db->lock);
        metric_set(&db_ok, 1);
        log_info("writing goes on");
    }
    if (db->appended_id)
        atomic_store(&db->last_id, db->appended_id);
    readers_kept(db);
}

/* answer - tell one asker; where the batch was lost, each gets an err of its own. */
static void answer(struct db *db, struct request *request, err failure)
{
    if (failure) {
        err_free(request->outcome);
        request->outcome = err_hint(err_new(err_kind(failure), "%s", err_message(failure)), "%s",
                                    err_hint_text(failure) ? err_hint_text(failure) : "Nothing was stored; try again.");
    }
    metric_add_for(&db_writes_total, request->outcome ? S("error") : S("ok"), 1);
    if (!request->wake) {
        bool posted = request->posted; /* one of ours may be gone after done() */
        if (request->done)
            request->done(request->arg, request->outcome);
        else
            log_err(request->outcome, "a write that nobody waits for");
        if (posted)
            free(request);
        return;
    }
    pthread_mutex_lock(&db->lock);
    request->finished = true;
    pthread_cond_signal(request->wake);
    pthread_mutex_unlock(&db->lock);
}

static void batch(struct db *db, struct request *requests, size_t count)
{
    err failure = run_batch(db, requests, count);
    int64_t appended = failure ? 0 : db->appended_id;

    checkpoints_end(db);
    if (failure)
        lost(db, failure);
    else
        kept(db);
    if (!failure)
        err_free(FAILPOINT("db.commit.after"));
    for (struct request *it = requests, *next; it; it = next) {
        next = it->next;
        answer(db, it, failure);
    }
    if (!failure)
        outbox_kept(db);
    void (*wake)(void *arg, int64_t last_id) = atomic_load(&db->on_commit);
    if (appended && wake)
        wake(atomic_load(&db->on_commit_arg), appended);
    err_free(failure);
}

/* wait_locked - until there is something to do: a request, the readers' rest, a due outbox row, or each second a look
 * at what other processes did. After a lost batch nothing but a new request starts one earlier than a second later. */
static void wait_locked(struct db *db)
{
    for (;;) {
        int64_t now = time_mono_ms(), until = now + TICK_MS;
        if (db->queue.first || db->stopping)
            return;
        if (db->failed_at_ms)
            until = db->failed_at_ms + TICK_MS;
        else if (db->more_to_read)
            return;
        else if (outbox_due_ms(db) < until)
            until = outbox_due_ms(db);
        if (until <= now)
            return;
        struct timespec at = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };
        if (pthread_cond_timedwait(&db->work, &db->lock, &at) != 0 && until >= now + TICK_MS)
            return;
    }
}

static struct request *take_locked(struct db *db, size_t *ret_count)
{
    struct request *first = db->queue.first, *last = first;
    size_t count = first ? 1 : 0;

    while (last && last->next && count < BATCH_MAX) {
        last = last->next;
        count++;
    }
    if (first) {
        db->queue.first = last->next;
        if (!db->queue.first)
            db->queue.last = &db->queue.first;
        last->next = NULL;
    }
    for (struct request *it = first; it; it = it->next)
        db->posts -= it->posted;
    db->queue.count -= count;
    *ret_count = count;
    return first;
}

/* idle - nothing asked for: is there anything that a batch would do? */
static bool idle(struct db *db)
{
    int64_t version = 0;

    if (db->failed_at_ms || db->more_to_read || outbox_due_ms(db) <= time_mono_ms() || !db->tx.connection)
        return false;
    err_free(tx_get_i64(&db->tx, "PRAGMA data_version", NONE, 0, &version));
    return version == db->data_version;
}

static void *write_loop(void *arg)
{
    struct db *db = arg;
    size_t count;

    for (;;) {
        pthread_mutex_lock(&db->lock);
        wait_locked(db);
        struct request *requests = take_locked(db, &count);
        bool stop = db->stopping && !requests;
        metric_set(&db_queue_length, (double)db->queue.count);
        pthread_mutex_unlock(&db->lock);
        if (stop)
            break;
        if (requests || !idle(db))
            batch(db, requests, count);
    }
    readers_close(db);
    connection_close(TAKE(db->tx.connection));
    return NULL;
}

err writer_start(struct db *db)
{
    sigset_t all, before;

    names_init(&db->names);
    outbox_open(db);
    db->queue.last = &db->queue.first;
    db->tx.db = db;
    db->tx.writable = true;
    db->tx.arena = arena_new(TX_ARENA_BYTES);
    db->health.ok = true;
    db->health.since_ms = time_now_ms();
    metric_set(&db_ok, 1);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    db->writer_runs = true; /* before the thread reads what stands beside it */
    int number = pthread_create(&db->writer_thread, NULL, write_loop, db);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number) {
        db->writer_runs = false;
        return err_new(ERR_UNAVAILABLE, "can't start the database's writer: %s", strerror(number));
    }
    pthread_setname_np(db->writer_thread, "db");
    return NULL;
}

void writer_stop(struct db *db)
{
    if (db->writer_runs) {
        pthread_mutex_lock(&db->lock);
        db->stopping = true;
        pthread_cond_broadcast(&db->work);
        pthread_mutex_unlock(&db->lock);
        pthread_join(db->writer_thread, NULL);
    }
    connection_close(TAKE(db->tx.connection));
    names_clear(&db->names);
    arena_free(db->tx.arena);
}

static void push_locked(struct db *db, struct request *request)
{
    request->next = NULL;
    *db->queue.last = request;
    db->queue.last = &request->next;
    db->queue.count++;
    db->posts += request->posted;
    pthread_cond_signal(&db->work);
}

void writer_submit(struct db *db, struct request *request)
{
    pthread_mutex_lock(&db->lock);
    push_locked(db, request);
    pthread_mutex_unlock(&db->lock);
}

static err may_write(struct db *db)
{
    if (!db->writer_runs)
        return err_new(ERR_INTERNAL, "%s is open for reading only", db->path);
    if (pthread_equal(pthread_self(), db->writer_thread))
        return err_new(ERR_INTERNAL, "db_write within a write: use the tx at hand");
    return NULL;
}

err db_write(struct db *db, err (*write)(struct tx *tx, void *arg), void *arg)
{
    pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
    struct request request = { .write = write, .arg = arg, .wake = &wake };

    TRY(may_write(db));
    pthread_mutex_lock(&db->lock);
    if (db->stopping) {
        pthread_mutex_unlock(&db->lock);
        return err_new(ERR_UNAVAILABLE, "the database is being closed");
    }
    push_locked(db, &request);
    while (!request.finished)
        pthread_cond_wait(&wake, &db->lock);
    pthread_mutex_unlock(&db->lock);
    pthread_cond_destroy(&wake);
    return request.outcome;
}

err db_post(struct db *db, err (*write)(struct tx *tx, void *arg), void *arg, void (*done)(void *arg, err outcome))
{
    if (!db->writer_runs)
        return err_new(ERR_INTERNAL, "%s is open for reading only", db->path);
    struct request *request = calloc(1, sizeof(*request));
    if (!request)
        abort();
    *request = (struct request){ .write = write, .arg = arg, .done = done, .posted = true };
    pthread_mutex_lock(&db->lock);
    bool room = db->posts < POSTS_MAX && !db->stopping;
    if (room)
        push_locked(db, request);
    pthread_mutex_unlock(&db->lock);
    if (room)
        return NULL;
    free(request);
    metric_add_for(&db_writes_total, S("refused"), 1);
    return err_retry_after(err_new(ERR_BUSY, "%d writes wait for the disk already", POSTS_MAX), SECOND_MS);
}

void db_health(struct db *db, struct db_health *ret_health)
{
    pthread_mutex_lock(&db->lock);
    *ret_health = db->health;
    ret_health->waiting = db->queue.count;
    pthread_mutex_unlock(&db->lock);
}

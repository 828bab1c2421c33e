/* outbox.c - rows, claims, runs and outcomes.
 *
 * DESIGN. A lane is a kind of row with its worker. All of a lane is the writer thread's; only run_job() is on the pool.
 * Within a batch, after the readers, free places of a lane claim rows that are due (state 1, attempt + 1); once that is
 * durable their runs go to the pool. What a run brings back is a write like any other, in which its row changes and
 * complete() is called. So the outside sees nothing that is not durable, and an outcome is stored with its consequences
 * or not at all. */
#include "db/outbox.h"

#include "base/failpoint.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/random.h"
#include "base/time.h"
#include "db/engine.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

METRIC(GAUGE, outbox_waiting_rows, "Rows that wait to be run.", "kind");
METRIC(GAUGE, outbox_running, "Rows that a worker has at this moment.", "kind");
METRIC(COUNTER, outbox_attempts_total, "Attempts begun.", "kind");
METRIC(COUNTER, outbox_retries_total, "Attempts that failed and will be tried again.", "kind");
METRIC(COUNTER, outbox_failures_total, "Rows given up.", "kind");
METRIC(COUNTER, outbox_interrupted_total, "Attempts that a crash interrupted.", "kind");

enum {
    LANES_MAX = 128,
    WAITING_MAX = 100000,
    CONCURRENCY = 8,
    KEY_MAX = 512,
    PAYLOAD_MAX = 1024 * 1024,
    ERROR_BYTES = 1024,
    COMPLETE_TRIES = 3,
    INTERRUPTIONS_FORGIVEN = 3,
    BACKOFF_FIRST_MS = SECOND_MS,
    BACKOFF_MAX_MS = 5 * MINUTE_MS,
    LOOK_AGAIN_MS = MINUTE_MS, /* a wall clock that jumps is noticed by then */
    RUN_ARENA_BYTES = 32 * 1024 * 1024,
};

enum row_state { ROW_WAITING, ROW_CLAIMED, ROW_DONE, ROW_FAILED };

struct outlet {
    const struct outbox_worker *worker; /* NULL: nobody runs this kind */
    char *kind;
    int running;    /* under outbox.lock, for outbox_stop */
    int64_t due_ms; /* monotonic; 0: look now; INT64_MAX: nothing waits */
    int64_t waiting;
    bool waiting_known;
};

struct run {
    struct request request;
    struct run *next;
    struct outlet *lane;
    struct arena *arena;
    struct outbox_job job;
    int64_t added_ms;
    struct str result;
    err failure;
    bool hopeless;        /* expired or interrupted: no attempt is made */
    bool complete_failed; /* complete() itself said no */
    int completions;
};

struct outbox {
    struct db *db;
    struct outlet *lanes[LANES_MAX];
    size_t count;
    struct pool *pool; /* NULL before outbox_start */
    struct run *claimed, *deferred;
    bool in_step; /* this step added rows */

    pthread_mutex_t lock;
    pthread_cond_t idle;
    bool stopping;
    int running;
};

static struct outlet *lane_of(struct outbox *outbox, struct str kind)
{
    for (size_t i = 0; i < outbox->count; i++)
        if (str_eq(str_of(outbox->lanes[i]->kind), kind))
            return outbox->lanes[i];
    if (outbox->count == LANES_MAX)
        return NULL;
    struct outlet *lane = calloc(1, sizeof(*lane));
    if (!lane || !(lane->kind = strndup(kind.at, kind.length)))
        abort();
    outbox->lanes[outbox->count++] = lane;
    return lane;
}

static void add_worker(struct outbox *outbox, const struct outbox_worker *worker)
{
    struct outlet *lane = lane_of(outbox, str_of(worker->kind));

    if (lane)
        lane->worker = worker;
}

void outbox_open(struct db *db)
{
    struct outbox *outbox = calloc(1, sizeof(*outbox));
    pthread_condattr_t attributes;

    if (!outbox)
        abort();
    outbox->db = db;
    pthread_mutex_init(&outbox->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&outbox->idle, &attributes);
    pthread_condattr_destroy(&attributes);
    if (db->only_workers) {
        for (const struct outbox_worker *const *it = db->only_workers; *it; it++)
            add_worker(outbox, *it);
    } else {
        FOR_EACH_REGISTERED (outbox_worker, it)
            add_worker(outbox, it);
    }
    db->outbox = outbox;
}

static void set_running(struct outlet *lane, struct outbox *outbox, int change)
{
    pthread_mutex_lock(&outbox->lock);
    lane->running += change;
    outbox->running += change;
    metric_set_for(&outbox_running, str_of(lane->kind), lane->running);
    if (outbox->running == 0)
        pthread_cond_broadcast(&outbox->idle);
    pthread_mutex_unlock(&outbox->lock);
}

static void run_free(struct run *run)
{
    struct arena *arena = run->arena;

    err_free(run->failure);
    arena_free(arena); /* the run is in it */
}

static void free_list(struct outbox *outbox, struct run *list)
{
    for (struct run *next; list; list = next) {
        next = list->next;
        set_running(list->lane, outbox, -1);
        run_free(list);
    }
}

void outbox_close(struct db *db)
{
    struct outbox *outbox = db->outbox;

    if (!outbox)
        return;
    free_list(outbox, outbox->claimed);
    free_list(outbox, outbox->deferred);
    for (size_t i = 0; i < outbox->count; i++) {
        free(outbox->lanes[i]->kind);
        free(outbox->lanes[i]);
    }
    pthread_mutex_destroy(&outbox->lock);
    pthread_cond_destroy(&outbox->idle);
    free(TAKE(db->outbox));
}

/* look_again - what the lanes believe may be wrong. */
static void look_again(struct outbox *outbox)
{
    for (size_t i = 0; i < outbox->count; i++) {
        outbox->lanes[i]->due_ms = 0;
        outbox->lanes[i]->waiting_known = false;
    }
}

void outbox_step_undone(struct db *db)
{
    if (db->outbox && db->outbox->in_step)
        look_again(db->outbox);
}

void outbox_foreign(struct db *db)
{
    if (db->outbox)
        look_again(db->outbox);
}

static err count_waiting(struct tx *tx, struct outlet *lane)
{
    if (lane->waiting_known && tx->db->owner)
        return NULL;
    TRY(tx_get_i64(tx, "SELECT count(*) FROM outbox WHERE state = 0 AND kind = ?1", PARAMS(lane->kind), 0,
                   &lane->waiting));
    lane->waiting_known = true;
    return NULL;
}

err outbox_add(struct tx *tx, const struct outbox_row *row)
{
    struct outbox *outbox = tx->db->outbox;
    struct outlet *lane = outbox && tx->writable ? lane_of(outbox, str_of(row->kind)) : NULL;

    if (!lane)
        return err_new(ERR_INTERNAL, "no outbox row of kind %s can be added here", row->kind);
    if (row->key.length == 0 || row->key.length > KEY_MAX)
        return err_new(ERR_INTERNAL, "an outbox row's key has 1 to %d bytes, not %zu", KEY_MAX, row->key.length);
    if (row->payload.length > PAYLOAD_MAX)
        return err_new(ERR_TOO_LARGE, "an outbox row of %zu bytes; at most %d", row->payload.length, PAYLOAD_MAX);
    TRY(count_waiting(tx, lane));
    if (lane->waiting >= WAITING_MAX)
        return err_retry_after(
            err_new(ERR_BUSY, "%d rows of kind %s wait in the outbox already", WAITING_MAX, row->kind), MINUTE_MS);
    TRY(tx_run(tx,
               "INSERT INTO outbox(kind, key, payload, incident, state, attempt, added, not_before) "
               "VALUES(?1, ?2, ?3, ?4, 0, 0, ?5, ?6) ON CONFLICT(kind, key) DO NOTHING",
               PARAMS(row->kind, row->key, row->payload.at ? row->payload : S(""), row->incident, tx->now_ms,
                      row->not_before_ms)));
    outbox->in_step = true;
    lane->waiting += tx_changes(tx);
    lane->due_ms = 0;
    return NULL;
}

int64_t outbox_due_ms(struct db *db)
{
    struct outbox *outbox = db->outbox;
    int64_t due = INT64_MAX;

    if (!outbox || !outbox->pool)
        return due;
    pthread_mutex_lock(&outbox->lock);
    for (size_t i = 0; i < outbox->count && !outbox->stopping; i++) {
        struct outlet *lane = outbox->lanes[i];
        int places = lane->worker ? lane->worker->concurrency ? lane->worker->concurrency : CONCURRENCY : 0;
        if (lane->running < places && lane->due_ms < due)
            due = lane->due_ms;
    }
    pthread_mutex_unlock(&outbox->lock);
    return due;
}

/* ---- outcomes ---- */

static int64_t backoff_ms(const struct run *run)
{
    int64_t wait = BACKOFF_FIRST_MS;

    for (int i = 1; i < run->job.attempt && wait < BACKOFF_MAX_MS; i++)
        wait *= 2;
    if (wait > BACKOFF_MAX_MS)
        wait = BACKOFF_MAX_MS;
    wait += (int64_t)(random_u64() % (uint64_t)(wait / 4 + 1)); /* so that those that failed together part */
    int64_t asked = err_retry_after_ms(run->failure);
    return asked > wait ? asked : wait;
}

/* again_at - when to try again, or 0: never. */
static int64_t again_at(const struct run *run, int64_t now_ms)
{
    const struct outbox_worker *worker = run->lane->worker;
    int64_t at = now_ms + backoff_ms(run);

    if (run->hopeless || !err_is_retryable(run->failure) || run->job.attempt >= worker->max_attempts)
        return 0;
    return worker->expire_ms && at > run->added_ms + worker->expire_ms ? 0 : at;
}

static err give_up_completing(struct tx *tx, struct run *run)
{
    struct buf out CLEANUP(buf_clear);
    struct json_writer w;
    struct str error = str_utf8_head(str_of(run->failure ? err_message(run->failure) : ""), ERROR_BYTES);

    buf_init(&out, 8192);
    w = json_writer(&out);
    json_begin_object(&w);
    json_put_i64(&w, S("v"), 1);
    json_put_i64(&w, S("outbox_id"), run->job.id);
    json_put_str(&w, S("error"), error);
    json_end_object(&w);
    struct event event = {
        .kind = EVENT_PARKED,
        .subject = str_printf(tx->arena, "outbox.%s", run->lane->kind),
        .incident = run->job.incident,
        .actor = S("auspex"),
        .reason = S("the outcome of this row could not be stored by its owner in three tries"),
        .data = buf_str(&out),
    };
    TRY(tx_run(tx, "UPDATE outbox SET state = ?2, ended = ?3, error = ?4 WHERE id = ?1",
               PARAMS(run->job.id, ROW_FAILED, tx->now_ms, S("its outcome could not be stored"))));
    return journal_append(tx, &event, NULL);
}

static err complete(struct tx *tx, void *arg)
{
    struct run *run = arg;
    const struct outbox_worker *worker = run->lane->worker;

    run->complete_failed = false;
    if (run->completions >= COMPLETE_TRIES)
        return give_up_completing(tx, run);
    struct str error = { NULL, 0 };
    if (run->failure) {
        error = str_utf8_head(str_of(err_message(run->failure)), ERROR_BYTES);
        int64_t at = again_at(run, tx->now_ms);
        if (at) {
            metric_add_for(&outbox_retries_total, str_of(run->lane->kind), 1);
            tx->db->outbox->in_step = true;
            run->lane->waiting++;
            return tx_run(tx, "UPDATE outbox SET state = 0, not_before = ?2, error = ?3 WHERE id = ?1",
                          PARAMS(run->job.id, at, error));
        }
        metric_add_for(&outbox_failures_total, str_of(run->lane->kind), 1);
    }
    TRY(tx_run(tx, "UPDATE outbox SET state = ?2, ended = ?3, error = ?4 WHERE id = ?1",
               PARAMS(run->job.id, run->failure ? ROW_FAILED : ROW_DONE, tx->now_ms, error)));
    if (!worker->complete)
        return NULL;
    err e = worker->complete(tx, &run->job, run->result, run->failure);
    run->complete_failed = e && !tx_lost(tx);
    return e;
}

static void submit_completion(struct run *run);

/* completed - on the writer's thread, after the commit, or after it was lost. */
static void completed(void *arg, err outcome)
{
    struct run *run = arg;
    struct outbox *outbox = run->job.db->outbox;

    if (outcome && run->complete_failed) {
        run->completions++;
        log_err(outcome, "outbox: the outcome of %s %lld can't be stored", run->lane->kind, (long long)run->job.id);
        submit_completion(run);
        return;
    }
    if (outcome) { /* the disk says no: the outcome waits here until it says yes */
        err_free(outcome);
        run->next = outbox->deferred;
        outbox->deferred = run;
        return;
    }
    err_free(FAILPOINT("outbox.completed"));
    run->lane->due_ms = 0;
    set_running(run->lane, outbox, -1);
    run_free(run);
}

static void submit_completion(struct run *run)
{
    run->request = (struct request){ .write = complete, .arg = run, .done = completed };
    writer_submit(run->job.db, &run->request);
}

/* run_job - on the pool. */
static void run_job(void *arg)
{
    struct run *run = arg;
    const struct outbox_worker *worker = run->lane->worker;
    LOG_SCOPE("outbox", worker->kind);

    run->job.deadline_ms = time_mono_ms() + worker->timeout_ms;
    run->failure = worker->run(&run->job, &run->result);
    if (!run->failure)
        run->failure = FAILPOINT("outbox.ran");
    submit_completion(run);
}

/* ---- claims ---- */

static struct run *run_of(struct outbox *outbox, struct outlet *lane, struct rows *rows)
{
    struct arena *arena = arena_new(RUN_ARENA_BYTES);
    struct run *run = arena_alloc(arena, sizeof(*run));

    *run = (struct run){
        .lane = lane,
        .arena = arena,
        .added_ms = rows_i64(rows, 5),
        .job = {
            .id = rows_i64(rows, 0),
            .kind = str_of(lane->kind),
            .key = rows_copy(rows, 1, arena),
            .payload = rows_copy(rows, 2, arena),
            .attempt = (int)rows_i64(rows, 3),
            .incident = rows_i64(rows, 4),
            .arena = arena,
            .db = outbox->db,
        },
    };
    return run;
}

static void push_claimed(struct outbox *outbox, struct run *run)
{
    struct run **at = &outbox->claimed;

    while (*at)
        at = &(*at)->next;
    *at = run;
    set_running(run->lane, outbox, 1);
}

/* claim_lane - as many rows as it has places for. */
static err claim_lane(struct tx *tx, struct outlet *lane, int places)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;
    struct outbox *outbox = tx->db->outbox;
    struct run *runs[64];
    size_t count = 0;
    int64_t next = INT64_MAX, now = tx->now_ms;

    /* One row more than there are places tells when to look again. */
    TRY(tx_query(tx,
                 "SELECT id, key, payload, attempt, incident, added, not_before FROM outbox "
                 "WHERE state = 0 AND kind = ?1 ORDER BY not_before, id LIMIT ?2",
                 PARAMS(lane->kind, places + 1), &rows));
    while (rows_next(rows)) {
        next = rows_i64(rows, 6);
        if (next > now || count == (size_t)places || count == ARRAY_LEN(runs))
            break;
        runs[count++] = run_of(outbox, lane, rows);
        next = INT64_MAX;
    }
    err e = rows_err(rows);
    rows_closep(&rows);
    for (size_t i = 0; i < count; i++) {
        struct run *run = runs[i];
        int64_t expires = lane->worker->expire_ms ? run->added_ms + lane->worker->expire_ms : INT64_MAX;
        push_claimed(outbox, run);
        if (e)
            continue; /* freed when the batch is lost */
        if (expires < now) {
            run->hopeless = true;
            run->failure = err_new(ERR_TIMEOUT, "expired: it could not be done within %lld s",
                                   (long long)lane->worker->expire_ms / SECOND_MS);
        } else {
            run->job.attempt++;
        }
        e = tx_run(tx, "UPDATE outbox SET state = 1, attempt = ?2, started = ?3 WHERE id = ?1",
                   PARAMS(run->job.id, run->job.attempt, now));
        lane->waiting--;
    }
    if (next == INT64_MAX)
        lane->due_ms = INT64_MAX;
    else if (next <= now)
        lane->due_ms = 0; /* more are due than there are places */
    else
        lane->due_ms = time_mono_ms() + (next - now < LOOK_AGAIN_MS ? next - now : LOOK_AGAIN_MS);
    return e;
}

void outbox_claim(struct db *db)
{
    struct outbox *outbox = db->outbox;
    err e = NULL;

    if (!outbox)
        return;
    outbox->in_step = false;
    if (!outbox->pool || outbox_due_ms(db) > time_mono_ms())
        return;
    for (size_t i = 0; !e && i < outbox->count; i++) {
        struct outlet *lane = outbox->lanes[i];
        if (!lane->worker || lane->due_ms > time_mono_ms())
            continue;
        int places = (lane->worker->concurrency ? lane->worker->concurrency : CONCURRENCY) - lane->running;
        e = count_waiting(&db->tx, lane);
        if (!e && places > 0)
            e = claim_lane(&db->tx, lane, places);
    }
    if (e && !db->tx.fatal)
        db->tx.fatal = SQLITE_ABORT;
    err_free(e);
}

/* put_back - the pool took it not; it was never begun. */
static err put_back(struct tx *tx, void *arg)
{
    struct run *run = arg;

    tx->db->outbox->in_step = true;
    run->lane->waiting++;
    return tx_run(tx, "UPDATE outbox SET state = 0, attempt = attempt - 1, not_before = ?2 WHERE id = ?1",
                  PARAMS(run->job.id, tx->now_ms + SECOND_MS));
}

static void hand_over(struct outbox *outbox, struct run *run)
{
    if (run->hopeless) {
        submit_completion(run);
        return;
    }
    metric_add_for(&outbox_attempts_total, str_of(run->lane->kind), 1);
    if (pool_submit(outbox->pool, LANE_FRONT, run_job, run))
        return;
    run->request = (struct request){ .write = put_back, .arg = run, .done = completed };
    writer_submit(outbox->db, &run->request);
}

void outbox_kept(struct db *db)
{
    struct outbox *outbox = db->outbox;

    if (!outbox)
        return;
    struct run *claimed = TAKE(outbox->claimed), *deferred = TAKE(outbox->deferred);
    if (claimed)
        err_free(FAILPOINT("outbox.claimed"));
    for (struct run *next; claimed; claimed = next) {
        next = claimed->next;
        hand_over(outbox, claimed);
    }
    for (struct run *next; deferred; deferred = next) {
        next = deferred->next;
        writer_submit(db, &deferred->request);
    }
    for (size_t i = 0; i < outbox->count; i++)
        if (outbox->lanes[i]->waiting_known)
            metric_set_for(&outbox_waiting_rows, str_of(outbox->lanes[i]->kind), (double)outbox->lanes[i]->waiting);
}

void outbox_lost(struct db *db)
{
    if (!db->outbox)
        return;
    free_list(db->outbox, TAKE(db->outbox->claimed));
    look_again(db->outbox);
}

/* ---- start and stop ---- */

/* reconcile_row - what a crash left claimed. */
static err reconcile_row(struct tx *tx, struct outlet *lane, struct rows *rows)
{
    struct outbox *outbox = tx->db->outbox;
    int64_t interruptions = rows_i64(rows, 6), id = rows_i64(rows, 0);
    bool again = lane->worker->repeatable &&
                 (interruptions < INTERRUPTIONS_FORGIVEN || rows_i64(rows, 3) < lane->worker->max_attempts);

    metric_add_for(&outbox_interrupted_total, str_of(lane->kind), 1);
    if (again) {
        /* An interrupted attempt does not count, a few times; a job that kills its host must end some day. */
        int64_t back = interruptions < INTERRUPTIONS_FORGIVEN ? 1 : 0;
        return tx_run(tx,
                      "UPDATE outbox SET state = 0, not_before = 0, interruptions = interruptions + 1, "
                      "attempt = attempt - ?2 WHERE id = ?1",
                      PARAMS(id, back));
    }
    struct run *run = run_of(outbox, lane, rows);
    run->hopeless = true;
    run->failure =
        err_new(ERR_UNAVAILABLE, "interrupted: auspex ended while attempt %d was under way", run->job.attempt);
    push_claimed(outbox, run);
    return NULL;
}

static err reconcile(struct tx *tx, void *arg)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;
    struct outbox *outbox = tx->db->outbox;

    if (outbox->pool)
        return err_new(ERR_INTERNAL, "outbox_start was called twice");
    TRY(tx_query(tx,
                 "SELECT id, key, payload, attempt, incident, added, interruptions, kind FROM outbox "
                 "WHERE state = 1 ORDER BY id",
                 NONE, &rows));
    while (rows_next(rows)) {
        struct outlet *lane = lane_of(outbox, rows_str(rows, 7));
        if (lane && lane->worker)
            TRY(reconcile_row(tx, lane, rows));
    }
    TRY(rows_err(rows));
    look_again(outbox);
    outbox->pool = arg;
    return NULL;
}

err outbox_start(struct db *db, struct pool *pool)
{
    if (!db->owner)
        return err_new(ERR_INTERNAL, "another process has %s: its outbox runs", db->path);
    TRY(db_write(db, reconcile, pool));
    for (size_t i = 0; i < db->outbox->count; i++)
        if (!db->outbox->lanes[i]->worker)
            log_warn("no worker runs outbox rows of kind %s", db->outbox->lanes[i]->kind);
    return NULL;
}

void outbox_stop(struct db *db, int64_t drain_ms)
{
    struct outbox *outbox = db->outbox;
    int64_t until = time_mono_ms() + drain_ms;
    struct timespec at = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };

    if (!outbox)
        return;
    pthread_mutex_lock(&outbox->lock);
    outbox->stopping = true;
    while (outbox->running > 0)
        if (pthread_cond_timedwait(&outbox->idle, &outbox->lock, &at) != 0)
            break;
    pthread_mutex_unlock(&outbox->lock);
}

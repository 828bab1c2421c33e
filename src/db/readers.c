/* readers.c - the journal's readers: cursors, steps, and events that poison one. */
#include "base/buf.h"
#include "base/failpoint.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/time.h"
#include "db/engine.h"
#include "db/event_rows.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

METRIC(GAUGE, journal_reader_lag_events, "Events that a reader has not seen yet.", "reader");
METRIC(COUNTER, journal_reader_steps_total, "Events given to a reader.", "reader");
METRIC(COUNTER, journal_parked_total, "Events that a reader failed at three times.", "reader");

enum { SLICE_EVENTS = 256, SLICE_BYTES = 1 << 20, TRIES = 3, SLICE_ARENA_BYTES = 64 << 20, ERROR_BYTES = 1024 };

struct reader {
    struct db *db;
    const struct journal_reader *row;
    struct str name;
    int64_t cursor, stored; /* where it stands in this transaction; where the table says */
    bool opened;
    void *state;
    double steps; /* not yet in the metric */
};

struct readers {
    struct reader *at;
    size_t count;
    bool ready; /* all opened, cursors read */
    bool look_at_parked;
    struct arena *slice;

    pthread_mutex_t lock;
    pthread_cond_t moved;
    int64_t durable; /* the least of all cursors, as committed */
};

struct tx *reader_tx(struct reader *reader)
{
    return &reader->db->tx;
}

void *reader_state(struct reader *reader)
{
    return reader->state;
}

void reader_set_state(struct reader *reader, void *state)
{
    reader->state = state;
}

static void close_one(struct reader *reader)
{
    if (reader->opened && reader->row->close)
        reader->row->close(reader);
    reader->opened = false;
    reader->state = NULL;
}

static err open_one(struct reader *reader)
{
    struct db *db = reader->db;
    err e = NULL;

    close_one(reader);
    step_begin(db);
    reader->opened = true; /* close() is called for one whose open() failed half-way */
    if (reader->row->open)
        e = err_wrap(reader->row->open(reader), "reader %s", reader->row->name);
    step_end(db, e);
    if (e)
        close_one(reader);
    return e;
}

/* make_ready - at start, and after a lost transaction. */
static err make_ready(struct db *db)
{
    struct readers *readers = db->readers;

    for (size_t i = 0; i < readers->count; i++) {
        struct reader *reader = &readers->at[i];
        TRY(tx_get_i64(&db->tx, "SELECT event FROM reader_cursor WHERE reader = ?1", PARAMS(reader->name), 0,
                       &reader->cursor));
        reader->stored = reader->cursor;
        TRY(open_one(reader));
    }
    readers->ready = true;
    readers->look_at_parked = true;
    return NULL;
}

/* step_once - in a savepoint of its own. */
static err step_once(struct reader *reader, const struct event *event)
{
    struct db *db = reader->db;

    step_begin(db);
    err e = reader->row->step(reader, event);
    if (!e)
        e = FAILPOINT("reader.step.after");
    step_end(db, e);
    reader->steps++;
    return e;
}

/* step - three tries. What a failed one taught the reader may be wrong: its state is made again from the tables. */
static err step(struct reader *reader, const struct event *event)
{
    err e = NULL;

    for (int i = 0; i < TRIES; i++) {
        err_free(e);
        e = step_once(reader, event);
        if (!e || tx_lost(&reader->db->tx))
            return e;
        err again = open_one(reader);
        if (again) {
            err_free(again);
            reader->db->tx.fatal = SQLITE_ABORT; /* a reader that can't be opened stops everything, visibly */
            return e;
        }
    }
    return e;
}

static struct str parked_text(struct arena *arena, const struct event *event, struct str error)
{
    struct buf out CLEANUP(buf_clear);
    struct json_writer w;

    buf_init(&out, 4096);
    w = json_writer(&out);
    json_begin_object(&w);
    json_put_i64(&w, S("v"), 1);
    json_put_i64(&w, S("event_id"), event->id);
    json_put_str(&w, S("error"), error);
    json_end_object(&w);
    return str_copy(arena, buf_str(&out));
}

/* park - set the event aside and say so; a parked event about parked events is not an event again. */
static err park(struct reader *reader, const struct event *event, err cause)
{
    struct tx *tx = &reader->db->tx;
    struct arena *arena = reader->db->readers->slice;
    struct str error = str_utf8_head(str_of(err_message(cause)), ERROR_BYTES);

    TRY(tx_run(tx, "INSERT INTO journal_parked(reader, event, error, parked_at, tries) VALUES(?1, ?2, ?3, ?4, ?5)",
               PARAMS(reader->name, event->id, error, tx->now_ms, TRIES)));
    if (event->kind == EVENT_PARKED)
        return NULL;
    struct event parked = {
        .kind = EVENT_PARKED,
        .subject = reader->name,
        .actor = S("auspex"),
        .reason = S("the reader failed three times at this event, and goes on without it"),
        .data = parked_text(arena, event, error),
    };
    return journal_append(tx, &parked, NULL);
}

static void take_step(struct reader *reader, const struct event *event)
{
    err e = step(reader, event);

    if (!e || tx_lost(&reader->db->tx)) {
        err_free(e);
        reader->cursor = event->id;
        return;
    }
    metric_add_for(&journal_parked_total, reader->name, 1);
    err failed = park(reader, event, e);
    log_err(e, "reader %s: event %lld is parked", reader->row->name, (long long)event->id);
    if (failed) {
        reader->db->tx.fatal = reader->db->tx.fatal ? reader->db->tx.fatal : SQLITE_ABORT;
        err_free(failed);
    }
    reader->cursor = event->id;
}

static struct reader *reader_named(struct readers *readers, struct str name)
{
    for (size_t i = 0; i < readers->count; i++)
        if (str_eq(readers->at[i].name, name))
            return &readers->at[i];
    return NULL;
}

struct parked {
    int64_t id, event;
    struct str reader;
};

/* retry_one - once more, at a person's word. */
static err retry_one(struct db *db, const struct parked *parked)
{
    struct reader *reader = reader_named(db->readers, parked->reader);
    struct event event;
    bool found;

    if (!reader)
        return NULL;
    TRY(event_row_get(&db->tx, db->readers->slice, parked->event, &event, &found));
    err e = found ? step_once(reader, &event) : NULL;
    if (tx_lost(&db->tx))
        return e;
    if (!e)
        return tx_run(&db->tx, "DELETE FROM journal_parked WHERE id = ?1", PARAMS(parked->id));
    struct str error = str_utf8_head(str_copy(db->readers->slice, str_of(err_message(e))), ERROR_BYTES);
    log_err(e, "reader %s: event %lld stays parked", reader->row->name, (long long)parked->event);
    TRY(tx_run(&db->tx, "UPDATE journal_parked SET retry = 0, tries = tries + 1, error = ?2 WHERE id = ?1",
               PARAMS(parked->id, error)));
    return open_one(reader);
}

static err retry_parked(struct db *db)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;
    struct parked parked[64];
    size_t count = 0;

    arena_reset(db->readers->slice);
    TRY(tx_query(&db->tx, "SELECT id, event, reader FROM journal_parked WHERE retry = 1 ORDER BY id LIMIT 64", NONE,
                 &rows));
    while (count < ARRAY_LEN(parked) && rows_next(rows))
        parked[count++] =
            (struct parked){ rows_i64(rows, 0), rows_i64(rows, 1), rows_copy(rows, 2, db->readers->slice) };
    TRY(rows_err(rows));
    rows_closep(&rows);
    db->readers->look_at_parked = count == ARRAY_LEN(parked);
    for (size_t i = 0; i < count; i++)
        TRY(retry_one(db, &parked[i]));
    return NULL;
}

static int64_t least_cursor(const struct readers *readers)
{
    int64_t least = INT64_MAX;

    for (size_t i = 0; i < readers->count; i++)
        if (readers->at[i].cursor < least)
            least = readers->at[i].cursor;
    return least;
}

int64_t readers_passed(struct db *db)
{
    int64_t least = INT64_MAX;

    if (!db->readers || !db->readers->ready)
        return 0;
    for (size_t i = 0; i < db->readers->count; i++)
        if (db->readers->at[i].stored < least)
            least = db->readers->at[i].stored;
    return least;
}

static err store_cursors(struct db *db)
{
    for (size_t i = 0; i < db->readers->count; i++) {
        struct reader *reader = &db->readers->at[i];
        if (reader->cursor == reader->stored)
            continue;
        TRY(tx_run(&db->tx,
                   "INSERT INTO reader_cursor(reader, event) VALUES(?1, ?2) "
                   "ON CONFLICT(reader) DO UPDATE SET event = ?2",
                   PARAMS(reader->name, reader->cursor)));
    }
    return NULL;
}

/* run_slice - each event to each reader that has not seen it, in the readers' order. False: the time is over. */
static bool run_slice(struct readers *readers, const struct event_list *slice, int64_t until_us)
{
    for (size_t i = 0; i < slice->count; i++) {
        for (size_t j = 0; j < readers->count; j++) {
            if (readers->at[j].cursor >= slice->at[i].id)
                continue;
            take_step(&readers->at[j], &slice->at[i]);
            if (tx_lost(&readers->at[j].db->tx))
                return false;
        }
        if (time_mono_us() >= until_us)
            return false;
    }
    return true;
}

static err to_quiescence(struct db *db, int64_t until_us)
{
    struct readers *readers = db->readers;
    struct event_list slice;

    for (;;) {
        arena_reset(readers->slice);
        TRY(event_rows_after(&db->tx, readers->slice, least_cursor(readers), SLICE_EVENTS, SLICE_BYTES, &slice));
        db->more_to_read = slice.count > 0;
        if (!slice.count)
            break;
        if (!run_slice(readers, &slice, until_us))
            break;
    }
    return tx_lost(&db->tx) ? NULL : store_cursors(db);
}

void readers_run(struct db *db, int64_t until_us)
{
    struct readers *readers = db->readers;
    err e = NULL;

    db->more_to_read = false;
    if (!readers)
        return;
    if (!readers->ready)
        e = make_ready(db);
    if (!e && readers->look_at_parked)
        e = retry_parked(db);
    if (!e && readers->count)
        e = to_quiescence(db, until_us);
    if (e && !tx_lost(&db->tx)) {
        db->tx.fatal = SQLITE_ABORT;
        log_err(e, "the journal's readers can't go on");
        return;
    }
    err_free(e);
}

void readers_lost(struct db *db)
{
    if (db->readers)
        db->readers->ready = false;
    db->more_to_read = false;
}

void readers_kept(struct db *db)
{
    struct readers *readers = db->readers;
    int64_t last = atomic_load(&db->last_id);

    if (!readers || !readers->ready)
        return;
    for (size_t i = 0; i < readers->count; i++) {
        struct reader *reader = &readers->at[i];
        if (reader->steps == 0 && reader->stored == reader->cursor)
            continue;
        reader->stored = reader->cursor;
        metric_add_for(&journal_reader_steps_total, reader->name, reader->steps);
        reader->steps = 0;
    }
    for (size_t i = 0; i < readers->count; i++)
        metric_set_for(&journal_reader_lag_events, readers->at[i].name,
                       last > readers->at[i].cursor ? (double)(last - readers->at[i].cursor) : 0);
    pthread_mutex_lock(&readers->lock);
    readers->durable = least_cursor(readers);
    pthread_cond_broadcast(&readers->moved);
    pthread_mutex_unlock(&readers->lock);
}

void readers_close(struct db *db)
{
    struct readers *readers = db->readers;

    if (!readers)
        return;
    for (size_t i = 0; i < readers->count; i++)
        close_one(&readers->at[i]);
    arena_free(readers->slice);
    pthread_mutex_destroy(&readers->lock);
    pthread_cond_destroy(&readers->moved);
    free(readers->at);
    free(TAKE(db->readers));
}

static int by_order(const void *a, const void *b)
{
    const struct journal_reader *x = ((const struct reader *)a)->row, *y = ((const struct reader *)b)->row;

    return x->order != y->order ? (x->order > y->order) - (x->order < y->order) : strcmp(x->name, y->name);
}

static void add(struct db *db, struct readers *readers, const struct journal_reader *row)
{
    readers->at = realloc(readers->at, (readers->count + 1) * sizeof(*readers->at));
    if (!readers->at)
        abort();
    readers->at[readers->count++] = (struct reader){ .db = db, .row = row, .name = str_of(row->name) };
}

static struct readers *readers_new(struct db *db)
{
    struct readers *readers = calloc(1, sizeof(*readers));
    pthread_condattr_t attributes;

    if (!readers)
        abort();
    if (db->only_readers) {
        for (const struct journal_reader *const *it = db->only_readers; *it; it++)
            add(db, readers, *it);
    } else {
        FOR_EACH_REGISTERED (journal_reader, it)
            add(db, readers, it);
    }
    if (readers->count > 1)
        qsort(readers->at, readers->count, sizeof(*readers->at), by_order);
    readers->slice = arena_new(SLICE_ARENA_BYTES);
    pthread_mutex_init(&readers->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&readers->moved, &attributes);
    pthread_condattr_destroy(&attributes);
    return readers;
}

static err start(struct tx *tx, void *arg)
{
    struct db *db = tx_db(tx);

    (void)arg;
    if (db->readers)
        return err_new(ERR_INTERNAL, "journal_start was called twice");
    struct readers *readers = readers_new(db);
    for (size_t i = 1; i < readers->count; i++)
        if (str_eq(readers->at[i - 1].name, readers->at[i].name))
            log_error("reader %s is registered twice", readers->at[i].row->name);
    db->readers = readers;
    /* The savepoint of this write is that of no reader: each opens in one of its own. */
    step_end(db, NULL);
    err e = make_ready(db);
    if (e)
        readers_close(db);
    return e;
}

err journal_start(struct db *db)
{
    if (!db->owner)
        return err_new(ERR_INTERNAL, "another process has %s: its readers run", db->path);
    return db_write(db, start, NULL);
}

err journal_settle(struct db *db, int64_t timeout_ms)
{
    int64_t until = time_mono_ms() + timeout_ms, last = atomic_load(&db->last_id);
    struct timespec at = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };
    struct readers *readers = db->readers;
    err e = NULL;

    if (!readers || !readers->count)
        return NULL;
    pthread_mutex_lock(&readers->lock);
    while (!e && readers->durable < last)
        if (pthread_cond_timedwait(&readers->moved, &readers->lock, &at) != 0)
            e = err_new(ERR_TIMEOUT, "after %lld ms the readers stand at event %lld of %lld", (long long)timeout_ms,
                        (long long)readers->durable, (long long)last);
    pthread_mutex_unlock(&readers->lock);
    return e;
}

err journal_retry_parked(struct tx *tx, int64_t parked_id)
{
    TRY(tx_run(tx, "UPDATE journal_parked SET retry = 1 WHERE id = ?1", PARAMS(parked_id)));
    if (tx_changes(tx) == 0)
        return err_new(ERR_NOT_FOUND, "there is no parked event %lld", (long long)parked_id);
    if (tx_db(tx)->readers)
        tx_db(tx)->readers->look_at_parked = true;
    return NULL;
}

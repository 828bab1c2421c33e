/* journal.h - the journal: one ordered table of events, and the readers that follow it.
 *
 * Owner: db/. Threads: journal_append within a write; readers run on the writer's thread, one after the other, in the
 * same transaction as what they read, until none has anything left (or 5 ms have passed; the rest runs in the next
 * batch).
 *
 * DESIGN. A reader is a state machine with a durable cursor. step() sees each event once, in order; what it changes,
 * what it appends and where its cursor stands become durable together, so a crash loses nothing and repeats nothing. A
 * step that fails is tried three times (its savepoint undone each time); then the event is parked (table
 * journal_parked: id, reader, event, error, parked_at, tries), EVENT_PARKED is appended, and the reader goes on.
 * Readers never call each other: they append. Slow thinking is an outbox job. */
#pragma once
#include "db/db.h"
#include "model/event.h"

/* journal_append - ret_id (may be NULL) gets the event's id, or that of the event which has its unique_key already. */
err journal_append(struct tx *tx, const struct event *event, int64_t *ret_id) MUST_USE;

/* journal_attach - an event that was appended before its incident was known belongs to it from now on (its timeline).
 */
err journal_attach(struct tx *tx, int64_t event_id, int64_t incident) MUST_USE;

struct journal_filter {
    int64_t after;          /* ids greater than this, ascending; or */
    int64_t before;         /* ids less than this, descending, where not 0 */
    int64_t incident;       /* 0: any */
    struct str kind_prefix; /* "execution." ; empty: any */
    struct str subject;     /* empty: any */
    int limit;              /* 1..1000 */
};
struct event_list {
    struct event *at;
    size_t count;
};
/* journal_read - events in the arena; works in reads and writes. */
err journal_read(struct tx *tx, struct arena *arena, const struct journal_filter *filter,
                 struct event_list *ret_list) MUST_USE;
/* journal_id_at - the first event of that time (wall time, ms) or later; last id + 1 where there is none. Ids rise with
 * time as long as the clock does. */
err journal_id_at(struct tx *tx, int64_t time_ms, int64_t *ret_id) MUST_USE;
int64_t journal_last_id(struct db *db);  /* the last durable one */
int64_t journal_first_id(struct db *db); /* the oldest that retention left */

struct reader; /* the running state of one journal_reader */
struct tx *reader_tx(struct reader *reader);
void *reader_state(struct reader *reader); /* what open() set */
void reader_set_state(struct reader *reader, void *state);

struct journal_reader {
    const char *name;                   /* of its cursor: never changed */
    int order;                          /* readers with smaller numbers see an event first; default 0 */
    err (*open)(struct reader *reader); /* in a write, at start, and again (after close) where a transaction that a step
                                           took part in was undone: state comes from tables; may be NULL */
    err (*step)(struct reader *reader, const struct event *event); /* the event is valid during the call only */
    void (*close)(struct reader *reader);                          /* may be NULL */
};

/* journal_on_commit - called on the writer's thread after each commit that appended, with the last id: it must only
 * wake somebody. */
void journal_on_commit(struct db *db, void (*wake)(void *arg, int64_t last_id), void *arg);
/* journal_start - opens all registered readers and lets them catch up. Before it, events are only appended. */
err journal_start(struct db *db) MUST_USE;
/* journal_settle - wait until every reader has durably seen what was appended before the call. ERR_TIMEOUT. */
err journal_settle(struct db *db, int64_t timeout_ms) MUST_USE;
/* journal_retry_parked - give a parked event to its reader again. */
err journal_retry_parked(struct tx *tx, int64_t parked_id) MUST_USE;

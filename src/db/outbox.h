/* outbox.h - effects on the outside world, and slow thinking: rows that workers run after the commit that asked for
 * them.
 *
 * Owner: db/ keeps the rows; each kind has one registered worker. Threads: outbox_add within a write; workers run on
 * the outside pool and may block until their deadline.
 *
 * DESIGN. A row is claimed (state, attempt, started) durably before its worker runs. The outcome is stored together
 * with what complete() appends. After a crash, claimed rows of workers with .repeatable run again with the same key (a
 * message may be sent twice, its receiver sees the same Idempotency-Key); those of others go to their complete() as
 * ERR_UNAVAILABLE "interrupted": an action never starts twice. Retryable errs are tried again with backoff (1 s
 * doubling to 5 min, or Retry-After) until max_attempts or expiry. */
#pragma once
#include "base/pool.h"
#include "db/db.h"

struct outbox_job {
    int64_t id;
    struct str kind;
    struct str key;      /* idempotency key, unique per kind: adding the same again changes nothing */
    struct str payload;  /* JSON */
    int attempt;         /* from 1 */
    int64_t incident;    /* 0: none */
    int64_t deadline_ms; /* monotonic */
    struct arena *arena; /* of this attempt */
    struct db *db;
};

struct outbox_worker {
    const char *kind;
    int max_attempts;
    int64_t timeout_ms; /* of one attempt */
    int64_t expire_ms;  /* since it was added: no attempt starts later. 0: never */
    int concurrency;    /* at once; 0: 8 */
    bool repeatable;
    /* run - do it; the result (JSON, may be empty) goes to complete. */
    err (*run)(struct outbox_job *job, struct str *ret_result);
    /* complete - in a write: it worked (failure NULL), or it never will. The err stays the caller's. May be NULL. */
    err (*complete)(struct tx *tx, const struct outbox_job *job, struct str result, err failure);
};

struct outbox_row {
    const char *kind;
    struct str key;
    struct str payload;
    int64_t incident;
    int64_t not_before_ms; /* wall time; 0: now */
};

/* outbox_add - with the write's commit. ERR_BUSY where more than 100,000 rows of its kind wait. */
err outbox_add(struct tx *tx, const struct outbox_row *row) MUST_USE;
/* outbox_start - reconcile what a crash left, then run rows on `pool` (on demand threads). */
err outbox_start(struct db *db, struct pool *pool) MUST_USE;
/* outbox_stop - start nothing more, wait for what runs, at most `drain_ms`. */
void outbox_stop(struct db *db, int64_t drain_ms);

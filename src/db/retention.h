/* retention.h - what is old and has been seen by all goes.
 *
 * Owner: nobody. Threads: any but the writer's; a timer of app/ on the background lane is right. */
#pragma once
#include "db/db.h"

struct db_retention {
    int64_t journal_before_ms; /* events older than this that every reader's cursor has passed; parked ones stay */
    int64_t audit_before_ms;
    int64_t outbox_before_ms; /* rows that ended: their keys may be used again afterwards */
};

/* db_retain - in slices of at most about 5 ms, each a write of its own with a pause as long behind it, until nothing
 * is too old; also answers of idempotency.h. 0 in a field: keep all of it. */
err db_retain(struct db *db, const struct db_retention *retention) MUST_USE;

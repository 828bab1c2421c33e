/* retention.c - deleting in slices. */
#include "db/retention.h"

#include "base/metric.h"
#include "base/time.h"
#include "db/audit.h"
#include "db/engine.h"
#include "db/idempotency.h"

#include <time.h>

METRIC(COUNTER, db_retained_rows_total, "Rows that went because they were too old, by table.", "table");

enum { SLICE_US = 5000, STEP_ROWS = 64 };

struct slice {
    const struct db_retention *retention;
    int64_t journal, audit, outbox, idempotency; /* rows that went */
    bool more;
    int64_t began_us;
};

static bool time_left(const struct slice *slice)
{
    return time_mono_us() - slice->began_us < SLICE_US;
}

/* trim_journal - the youngest event stays whatever its age, so that its id is never given again. */
static err trim_journal(struct tx *tx, const struct slice *slice, int64_t *ret_removed)
{
    int64_t last;

    *ret_removed = 0;
    TRY(tx_get_i64(tx,
                   "SELECT max(id) FROM (SELECT id, time FROM journal WHERE id < (SELECT max(id) FROM journal) "
                   "AND id <= ?3 AND id NOT IN (SELECT event FROM journal_parked) ORDER BY id LIMIT ?2) "
                   "WHERE time < ?1",
                   PARAMS(slice->retention->journal_before_ms, STEP_ROWS, readers_passed(tx_db(tx))), 0, &last));
    if (!last)
        return NULL;
    TRY(tx_run(tx,
               "DELETE FROM incident_event WHERE (incident, event) IN (SELECT incident, id FROM journal WHERE id <= ?1 "
               "AND incident <> 0 AND id NOT IN (SELECT event FROM journal_parked))",
               PARAMS(last)));
    TRY(tx_run(tx, "DELETE FROM journal WHERE id <= ?1 AND id NOT IN (SELECT event FROM journal_parked)",
               PARAMS(last)));
    *ret_removed = tx_changes(tx);
    return NULL;
}

static err trim_outbox(struct tx *tx, const struct slice *slice, int64_t *ret_removed)
{
    TRY(tx_run(tx,
               "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE ended IS NOT NULL AND ended < ?1 "
               "ORDER BY ended LIMIT ?2)",
               PARAMS(slice->retention->outbox_before_ms, STEP_ROWS)));
    *ret_removed = tx_changes(tx);
    return NULL;
}

static err run_slice(struct tx *tx, void *arg)
{
    struct slice *slice = arg;
    int64_t removed[4] = { 0 };

    slice->began_us = time_mono_us();
    slice->journal = slice->audit = slice->outbox = slice->idempotency = 0;
    do {
        if (slice->retention->journal_before_ms)
            TRY(trim_journal(tx, slice, &removed[0]));
        if (slice->retention->audit_before_ms)
            TRY(audit_trim(tx, slice->retention->audit_before_ms, STEP_ROWS, &removed[1]));
        if (slice->retention->outbox_before_ms)
            TRY(trim_outbox(tx, slice, &removed[2]));
        TRY(idempotency_expire(tx, STEP_ROWS, &removed[3]));
        slice->journal += removed[0];
        slice->audit += removed[1];
        slice->outbox += removed[2];
        slice->idempotency += removed[3];
        slice->more = removed[0] + removed[1] + removed[2] + removed[3] > 0;
    } while (slice->more && time_left(slice));
    return NULL;
}

static err find_first(struct tx *tx, void *arg)
{
    return tx_get_i64(tx, "SELECT min(id) FROM journal", NONE, 0, arg);
}

err db_retain(struct db *db, const struct db_retention *retention)
{
    struct slice slice = { .retention = retention };
    int64_t first;

    do {
        TRY(db_write(db, run_slice, &slice));
        metric_add_for(&db_retained_rows_total, S("journal"), (double)slice.journal);
        metric_add_for(&db_retained_rows_total, S("audit"), (double)slice.audit);
        metric_add_for(&db_retained_rows_total, S("outbox"), (double)slice.outbox);
        metric_add_for(&db_retained_rows_total, S("http_idempotency"), (double)slice.idempotency);
        if (slice.more)
            nanosleep(&(struct timespec){ .tv_nsec = SLICE_US * 1000 }, NULL);
    } while (slice.more);
    TRY(db_read(db, find_first, &first));
    atomic_store(&db->first_id, first);
    return NULL;
}

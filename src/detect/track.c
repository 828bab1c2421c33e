/* track.c - settles predictions: hit, missed, false, prevented. */
#include "detect/track.h"

#include "base/time.h"
#include "detect/failure_model.h"

#include <math.h>

static const struct migration detect_2 = {
    .room = "detect",
    .number = 2,
    .sql = "CREATE TABLE prediction("
           " id INTEGER PRIMARY KEY, signal_id INTEGER NOT NULL, signal_type TEXT NOT NULL, resource TEXT NOT NULL,"
           " made_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL, late_ms INTEGER NOT NULL, outcome TEXT,"
           " settled_ms INTEGER NOT NULL DEFAULT 0) STRICT;"
           "CREATE INDEX prediction_by_signal ON prediction(signal_id);"
           "CREATE INDEX prediction_pending ON prediction(late_ms) WHERE outcome IS NULL;",
};
REGISTER(migration, detect_2);

err track_announced(struct tx *tx, const struct signal_row *row)
{
    if (row->risk_score < RISK_HIGH || !isfinite(row->eta_seconds) || !(row->eta_seconds > 0))
        return NULL;
    double late = isfinite(row->eta_high) ? fmax(row->eta_high, row->eta_seconds) : 3 * row->eta_seconds;
    int64_t due = row->seen_ms + (int64_t)(row->eta_seconds * 1000);
    int64_t latest = row->seen_ms + (int64_t)(1.5 * fmin(late, 10 * row->eta_seconds) * 1000);
    return tx_run(tx,
                  "INSERT INTO prediction(signal_id, signal_type, resource, made_ms, due_ms, late_ms)"
                  " SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS (SELECT 1 FROM prediction WHERE signal_id = ?1)",
                  PARAMS(row->id, row->signal_type, row->resource, row->seen_ms, due, latest));
}

err track_reached(struct tx *tx, struct str signal_type, struct str resource)
{
    int64_t now = tx_now_ms(tx);

    TRY(tx_run(tx,
               "UPDATE prediction SET outcome = 'hit', settled_ms = ?3 WHERE signal_type = ?1 AND resource = ?2"
               " AND outcome IS NULL AND late_ms >= ?3",
               PARAMS(signal_type, resource, now)));
    if (tx_changes(tx) > 0)
        return NULL;
    /* A limit that wobbles about its edge is one failure, not many. */
    return tx_run(
        tx,
        "INSERT INTO prediction(signal_id, signal_type, resource, made_ms, due_ms, late_ms, outcome, settled_ms)"
        " SELECT 0, ?1, ?2, ?3, ?3, ?3, 'missed', ?3 WHERE NOT EXISTS (SELECT 1 FROM prediction"
        " WHERE signal_type = ?1 AND resource = ?2 AND outcome IN ('hit', 'missed') AND settled_ms > ?4)",
        PARAMS(signal_type, resource, now, now - 6 * HOUR_MS));
}

err track_cleared(struct tx *tx, int64_t signal_id)
{
    return tx_run(tx,
                  "UPDATE prediction SET settled_ms = ?2, outcome = CASE WHEN EXISTS (SELECT 1 FROM prevention"
                  " WHERE prevention.signal_id = ?1 AND success = 1) THEN 'prevented' ELSE 'false' END"
                  " WHERE signal_id = ?1 AND outcome IS NULL",
                  PARAMS(signal_id, tx_now_ms(tx)));
}

err track_overdue(struct tx *tx)
{
    return tx_run(tx, "UPDATE prediction SET outcome = 'false', settled_ms = ?1 WHERE outcome IS NULL AND late_ms < ?1",
                  PARAMS(tx_now_ms(tx)));
}

err track_read(struct tx *tx, struct str signal_type, struct track_record *ret_record)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;

    TRY(tx_query(tx,
                 "SELECT coalesce(sum(outcome = 'hit'), 0), coalesce(sum(outcome = 'missed'), 0),"
                 " coalesce(sum(outcome = 'false'), 0), coalesce(sum(outcome = 'prevented'), 0),"
                 " coalesce(sum(outcome IS NULL), 0) FROM prediction WHERE signal_type = ?1",
                 PARAMS(signal_type), &rows));
    if (rows_next(rows))
        *ret_record = (struct track_record){ rows_i64(rows, 0), rows_i64(rows, 1), rows_i64(rows, 2), rows_i64(rows, 3),
                                             rows_i64(rows, 4) };
    return rows_err(rows);
}

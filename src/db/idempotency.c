/* idempotency.c - the table http_idempotency. */
#include "db/idempotency.h"

static const struct migration db_3 = {
    .room = "db",
    .number = 3,
    .sql = "CREATE TABLE http_idempotency(principal TEXT NOT NULL, key TEXT NOT NULL, body_hash BLOB NOT NULL, "
           "status INTEGER NOT NULL, content_type TEXT NOT NULL, location TEXT NOT NULL, body BLOB NOT NULL, created "
           "INTEGER NOT NULL, "
           "PRIMARY KEY(principal, key)) STRICT, WITHOUT ROWID;"
           "CREATE INDEX http_idempotency_created ON http_idempotency(created)",
};
REGISTER(migration, db_3);

err idempotency_get(struct tx *tx, struct arena *arena, struct str principal, struct str key,
                    struct idempotency_answer *ret_answer, bool *ret_found)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;

    TRY(tx_query(tx,
                 "SELECT body_hash, status, content_type, body, created, location FROM http_idempotency "
                 "WHERE principal = ?1 AND key = ?2 AND created > ?3",
                 PARAMS(principal, key, tx_now_ms(tx) - IDEMPOTENCY_KEEP_MS), &rows));
    *ret_found = rows_next(rows);
    if (*ret_found)
        *ret_answer = (struct idempotency_answer){
            .body_hash = rows_copy(rows, 0, arena),
            .status = (int)rows_i64(rows, 1),
            .content_type = rows_copy(rows, 2, arena),
            .body = rows_copy(rows, 3, arena),
            .created_ms = rows_i64(rows, 4),
            .location = rows_copy(rows, 5, arena),
        };
    return rows_err(rows);
}

err idempotency_put(struct tx *tx, struct str principal, struct str key, const struct idempotency_answer *answer)
{
    if (key.length == 0 || key.length > IDEMPOTENCY_KEY_BYTES)
        return err_new(ERR_INVALID, "an Idempotency-Key has 1 to %d bytes, not %zu", IDEMPOTENCY_KEY_BYTES, key.length);
    /* One that is older than a day counts no more, whether it went already or not. */
    TRY(tx_run(tx, "DELETE FROM http_idempotency WHERE principal = ?1 AND key = ?2 AND created <= ?3",
               PARAMS(principal, key, tx_now_ms(tx) - IDEMPOTENCY_KEEP_MS)));
    TRY(tx_run(tx,
               "INSERT INTO http_idempotency(principal, key, body_hash, status, content_type, body, created, location) "
               "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(principal, key) DO UPDATE SET "
               "status = ?4, content_type = ?5, body = ?6, location = ?8 WHERE status = 0 AND ?4 <> 0",
               PARAMS(principal, key, param_blob(answer->body_hash.at, answer->body_hash.length), answer->status,
                      answer->content_type.at ? answer->content_type : S(""),
                      param_blob(answer->body.at, answer->body.length), tx_now_ms(tx),
                      answer->location.at ? answer->location : S(""))));
    if (tx_changes(tx) == 0)
        return err_new(ERR_CONFLICT, "this Idempotency-Key was answered already");
    return NULL;
}

err idempotency_drop(struct tx *tx, struct str principal, struct str key)
{
    return tx_run(tx, "DELETE FROM http_idempotency WHERE principal = ?1 AND key = ?2 AND status = 0",
                  PARAMS(principal, key));
}

err idempotency_expire(struct tx *tx, int max, int64_t *ret_removed)
{
    TRY(tx_run(tx,
               "DELETE FROM http_idempotency WHERE (principal, key) IN "
               "(SELECT principal, key FROM http_idempotency WHERE created <= ?1 ORDER BY created LIMIT ?2)",
               PARAMS(tx_now_ms(tx) - IDEMPOTENCY_KEEP_MS, max)));
    *ret_removed = tx_changes(tx);
    return NULL;
}

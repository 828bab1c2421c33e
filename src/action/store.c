/* store.c - the tables of actions. */
#include "action/store.h"

#include "base/time.h"

static const struct migration action_1 = {
    .room = "action",
    .number = 1,
    .sql =
        "CREATE TABLE action_execution(id INTEGER PRIMARY KEY AUTOINCREMENT, action TEXT NOT NULL, class INTEGER NOT "
        "NULL,"
        " state INTEGER NOT NULL, incident INTEGER NOT NULL, target TEXT NOT NULL, plan TEXT NOT NULL, hash TEXT NOT "
        "NULL,"
        " requested_by TEXT NOT NULL, approved_by TEXT NOT NULL, reason TEXT NOT NULL, origin TEXT NOT NULL,"
        " created INTEGER NOT NULL, started INTEGER NOT NULL, ran INTEGER NOT NULL, ended INTEGER NOT NULL,"
        " expires INTEGER NOT NULL, token INTEGER NOT NULL, dispatches INTEGER NOT NULL, verification TEXT NOT NULL,"
        " output TEXT NOT NULL) STRICT;"
        "CREATE INDEX action_execution_open ON action_execution(state) WHERE state < 5;"
        "CREATE INDEX action_execution_incident ON action_execution(incident) WHERE incident > 0;"
        "CREATE TABLE action_decision(execution INTEGER NOT NULL, approver TEXT NOT NULL, hash TEXT NOT NULL,"
        " approved INTEGER NOT NULL, reason TEXT NOT NULL, time INTEGER NOT NULL, PRIMARY KEY(execution, approver, "
        "hash))"
        " STRICT, WITHOUT ROWID;"
        /* what was started where: cooldowns, budgets, blast radius */
        "CREATE TABLE action_attempt(id INTEGER PRIMARY KEY, execution INTEGER NOT NULL, action TEXT NOT NULL,"
        " target TEXT NOT NULL, incident INTEGER NOT NULL, started INTEGER NOT NULL) STRICT;"
        "CREATE INDEX action_attempt_started ON action_attempt(started);"
        "CREATE TABLE action_lock(target TEXT PRIMARY KEY, execution INTEGER NOT NULL, token INTEGER NOT NULL,"
        " since INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
        "CREATE TABLE action_token(id INTEGER PRIMARY KEY CHECK(id = 1), last INTEGER NOT NULL) STRICT;"
        "INSERT INTO action_token VALUES (1, 0);"
        "CREATE TABLE action_trust(action TEXT PRIMARY KEY, configured TEXT NOT NULL, level INTEGER NOT NULL,"
        " successes INTEGER NOT NULL, failures INTEGER NOT NULL, why TEXT NOT NULL, changed INTEGER NOT NULL)"
        " STRICT, WITHOUT ROWID;"
        "CREATE TABLE action_breaker(action TEXT PRIMARY KEY, failures INTEGER NOT NULL, opened INTEGER NOT NULL,"
        " trying INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
        "CREATE TABLE action_stop(id INTEGER PRIMARY KEY CHECK(id = 1), engaged INTEGER NOT NULL, reason TEXT NOT NULL,"
        " actor TEXT NOT NULL, since INTEGER NOT NULL) STRICT;"
        "INSERT INTO action_stop VALUES (1, 0, '', '', 0);",
};
REGISTER(migration, action_1);

static const char *const state_names[] = { "pending_approval", "approved", "running",   "verifying",
                                           "rolling_back",     "fixed",    "not_fixed", "cannot_tell",
                                           "rolled_back",      "failed",   "refused",   "expired",
                                           "interrupted" };

const char *execution_state_name(enum execution_state state)
{
    return state_names[state];
}

bool execution_state_parse(struct str text, enum execution_state *ret_state)
{
    for (size_t i = 0; i < ARRAY_LEN(state_names); i++)
        if (str_eq(text, str_of(state_names[i]))) {
            *ret_state = (enum execution_state)i;
            return true;
        }
    return false;
}

bool execution_is_over(enum execution_state state)
{
    return state >= EXECUTION_FIXED;
}

#define COLUMNS                                                                                                        \
    "id, class, incident, action, target, plan, hash, requested_by, approved_by, reason, origin, state, created, "     \
    "started, ran, ended, expires, token, dispatches, verification, output"

static void read_row(struct rows *rows, struct arena *arena, struct execution_row *ret)
{
    *ret = (struct execution_row){
        .id = rows_i64(rows, 0),
        .class = rows_i64(rows, 1),
        .incident = rows_i64(rows, 2),
        .action = rows_copy(rows, 3, arena),
        .target = rows_copy(rows, 4, arena),
        .plan = rows_copy(rows, 5, arena),
        .hash = rows_copy(rows, 6, arena),
        .requested_by = rows_copy(rows, 7, arena),
        .approved_by = rows_copy(rows, 8, arena),
        .reason = rows_copy(rows, 9, arena),
        .origin = rows_copy(rows, 10, arena),
        .state = (enum execution_state)rows_i64(rows, 11),
        .created_ms = rows_i64(rows, 12),
        .started_ms = rows_i64(rows, 13),
        .ran_ms = rows_i64(rows, 14),
        .ended_ms = rows_i64(rows, 15),
        .expires_ms = rows_i64(rows, 16),
        .token = rows_i64(rows, 17),
        .dispatches = rows_i64(rows, 18),
        .verification = rows_copy(rows, 19, arena),
        .output = rows_copy(rows, 20, arena),
    };
}

err execution_get(struct tx *tx, struct arena *arena, int64_t id, struct execution_row *ret_row)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;

    TRY(tx_query(tx, "SELECT " COLUMNS " FROM action_execution WHERE id = ?1", PARAMS(id), &rows));
    if (!rows_next(rows)) {
        TRY(rows_err(rows));
        return err_new(ERR_NOT_FOUND, "there is no execution %lld", (long long)id);
    }
    read_row(rows, arena, ret_row);
    return NULL;
}

#define MATCHES                                                                                                        \
    " FROM action_execution WHERE (?1 < 0 OR state = ?1) AND (?2 = 0 OR incident = ?2) AND "                           \
    "(?3 = '' OR substr(origin, 1, length(?3)) = ?3) AND created >= ?4"

err execution_list(struct tx *tx, struct arena *arena, const struct execution_filter *filter,
                   struct execution_rows *ret_rows)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;
    struct str origin = filter->origin_prefix.at ? filter->origin_prefix : S("");
    int limit = filter->limit > 0 && filter->limit <= 1000 ? filter->limit : 100;

    *ret_rows = (struct execution_rows){ .at = arena_array(arena, (size_t)limit, sizeof(*ret_rows->at)) };
    TRY(tx_get_i64(tx, "SELECT count(*)" MATCHES,
                   PARAMS((int64_t)filter->state, filter->incident, origin, filter->since_ms), 0, &ret_rows->total));
    TRY(tx_query(
        tx, "SELECT " COLUMNS MATCHES " AND (?5 = 0 OR id < ?5) ORDER BY id DESC LIMIT ?6",
        PARAMS((int64_t)filter->state, filter->incident, origin, filter->since_ms, filter->before, (int64_t)limit),
        &rows));
    while (rows_next(rows))
        read_row(rows, arena, &ret_rows->at[ret_rows->count++]);
    return rows_err(rows);
}

err execution_insert(struct tx *tx, struct execution_row *row)
{
    TRY(tx_run(tx,
               "INSERT INTO action_execution(action, class, state, incident, target, plan, hash, requested_by, "
               "approved_by, reason, origin, created, started, ran, ended, expires, token, dispatches, verification, "
               "output) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, '', ?9, ?10, ?11, 0, 0, ?12, ?13, 0, 0, '', '')",
               PARAMS(row->action, row->class, (int64_t)row->state, row->incident, row->target, row->plan, row->hash,
                      row->requested_by, row->reason, row->origin, row->created_ms, row->ended_ms, row->expires_ms)));
    row->id = tx_last_id(tx);
    return NULL;
}

err execution_save(struct tx *tx, const struct execution_row *row, enum execution_state was)
{
    struct str empty = S("");

    TRY(tx_run(tx,
               "UPDATE action_execution SET state = ?2, plan = ?3, hash = ?4, approved_by = ?5, reason = ?6, "
               "started = ?7, ran = ?8, ended = ?9, expires = ?10, token = ?11, dispatches = ?12, verification = ?13, "
               "output = ?14 WHERE id = ?1 AND state = ?15",
               PARAMS(row->id, (int64_t)row->state, row->plan, row->hash,
                      row->approved_by.at ? row->approved_by : empty, row->reason.at ? row->reason : empty,
                      row->started_ms, row->ran_ms, row->ended_ms, row->expires_ms, row->token, row->dispatches,
                      row->verification.at ? row->verification : empty, row->output.at ? row->output : empty,
                      (int64_t)was)));
    if (tx_changes(tx) != 1)
        return err_new(ERR_CONFLICT, "execution %lld is no longer %s", (long long)row->id, execution_state_name(was));
    return NULL;
}

err execution_append(struct tx *tx, const struct execution_row *row, enum event_kind kind, struct str actor,
                     struct str reason, struct str more)
{
    struct buf text CLEANUP(buf_clear) = { 0 };

    buf_init(&text, 1024 * 1024);
    struct json_writer w = json_writer(&text);
    json_begin_object(&w);
    json_put_i64(&w, S("v"), 1);
    json_put_i64(&w, S("execution_id"), row->id);
    json_put_str(&w, S("action"), row->action);
    json_put_i64(&w, S("class"), row->class);
    json_put_str(&w, S("hash"), row->hash);
    if (more.length) {
        buf_add_c(&text, ',');
        buf_add(&text, more);
    }
    json_end_object(&w);
    TRY(buf_check(&text));
    struct event event = {
        .kind = kind,
        .subject = row->target,
        .incident = row->incident,
        .actor = actor,
        .reason = reason,
        .data = buf_str(&text),
    };
    return journal_append(tx, &event, NULL);
}

err lock_take(struct tx *tx, int64_t execution, const struct plan *plan, int64_t *ret_token, int64_t *ret_holder)
{
    *ret_holder = 0;
    for (size_t i = 0; i < plan->targets.count && !*ret_holder; i++)
        TRY(tx_get_i64(tx, "SELECT execution FROM action_lock WHERE target = ?1 AND execution <> ?2",
                       PARAMS(plan->targets.at[i], execution), 0, ret_holder));
    if (*ret_holder)
        return NULL;
    TRY(tx_run(tx, "UPDATE action_token SET last = last + 1", NONE));
    TRY(tx_get_i64(tx, "SELECT last FROM action_token", NONE, 0, ret_token));
    for (size_t i = 0; i < plan->targets.count; i++)
        TRY(tx_run(tx, "INSERT OR REPLACE INTO action_lock(target, execution, token, since) VALUES (?1, ?2, ?3, ?4)",
                   PARAMS(plan->targets.at[i], execution, *ret_token, tx_now_ms(tx))));
    return NULL;
}

err lock_release(struct tx *tx, int64_t execution)
{
    return tx_run(tx, "DELETE FROM action_lock WHERE execution = ?1", PARAMS(execution));
}

err lock_held(struct tx *tx, int64_t execution, int64_t token, bool *ret_held)
{
    int64_t locks, others;

    TRY(tx_get_i64(tx, "SELECT count(*) FROM action_lock WHERE execution = ?1", PARAMS(execution), 0, &locks));
    TRY(tx_get_i64(tx, "SELECT count(*) FROM action_lock WHERE execution = ?1 AND token <> ?2",
                   PARAMS(execution, token), 0, &others));
    *ret_held = locks > 0 && others == 0;
    return NULL;
}

err stop_get(struct tx *tx, struct arena *arena, struct stop_state *ret_state)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;

    *ret_state = (struct stop_state){ 0 };
    TRY(tx_query(tx, "SELECT engaged, reason, actor, since FROM action_stop", NONE, &rows));
    if (rows_next(rows))
        *ret_state = (struct stop_state){ rows_i64(rows, 0) != 0, rows_copy(rows, 1, arena), rows_copy(rows, 2, arena),
                                          rows_i64(rows, 3) };
    return rows_err(rows);
}

/* prevention.c - what was done against signals, and the reader that learns how it ended. */
#include "base/json.h"
#include "base/vec.h"
#include "db/journal.h"
#include "detect/signal.h"

err prevention_add(struct tx *tx, struct prevention *prevention)
{
    prevention->created_ms = tx_now_ms(tx);
    if (prevention->execution_id.length) {
        TRY(tx_get_i64(tx, "SELECT id FROM prevention WHERE signal_id = ?1 AND execution_id = ?2",
                       PARAMS(prevention->signal_id, prevention->execution_id), 0, &prevention->id));
        if (prevention->id)
            return NULL;
    }
    TRY(tx_run(
        tx,
        "INSERT INTO prevention(signal_id, action_type, action_cmd, execution_id, success, created_ms, executed_ms)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        PARAMS(prevention->signal_id, prevention->action_type, prevention->action_cmd,
               prevention->execution_id.at ? prevention->execution_id : S(""), prevention->success,
               prevention->created_ms, prevention->executed_ms)));
    prevention->id = tx_last_id(tx);
    return NULL;
}

err prevention_settle(struct tx *tx, struct str execution_id, bool success)
{
    return tx_run(tx,
                  "UPDATE prevention SET success = ?2, executed_ms = ?3 WHERE execution_id = ?1 AND execution_id <> ''",
                  PARAMS(execution_id, success, tx_now_ms(tx)));
}

err prevention_select(struct tx *tx, struct arena *arena, int64_t since_ms, int limit, struct prevention_list *ret_list)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;
    VEC(struct prevention) list = { 0 };

    TRY(tx_query(tx,
                 "SELECT id, signal_id, action_type, action_cmd, execution_id, success, created_ms, executed_ms"
                 " FROM prevention WHERE success = 1 AND created_ms >= ?1 ORDER BY created_ms DESC, id DESC LIMIT ?2",
                 PARAMS(since_ms, limit), &rows));
    while (rows_next(rows))
        *vec_push(&list, arena) = (struct prevention){ .id = rows_i64(rows, 0),
                                                       .signal_id = rows_i64(rows, 1),
                                                       .action_type = rows_copy(rows, 2, arena),
                                                       .action_cmd = rows_copy(rows, 3, arena),
                                                       .execution_id = rows_copy(rows, 4, arena),
                                                       .success = rows_i64(rows, 5),
                                                       .created_ms = rows_i64(rows, 6),
                                                       .executed_ms = rows_i64(rows, 7) };
    *ret_list = (struct prevention_list){ list.at, list.count };
    return rows_err(rows);
}

/* execution_id as text, whether the event has it as a number or as a string. */
static struct str execution_of(struct arena *arena, const struct json *data)
{
    const struct json *id = json_get(data, S("execution_id"));

    if (id && id->type == JSON_NUMBER && id->number.is_integer)
        return str_printf(arena, "%lld", (long long)id->number.integer);
    return json_str_or(id, S(""));
}

static err prevention_step(struct reader *reader, const struct event *event)
{
    struct tx *tx = reader_tx(reader);
    const struct json *data;

    if (event->kind != EVENT_EXECUTION_ENDED)
        return NULL;
    TRY(json_parse(tx_arena(tx), event->data, &data));
    return prevention_settle(tx, execution_of(tx_arena(tx), data),
                             str_eq(json_str_or(json_get(data, S("outcome")), S("")), S("fixed")));
}

static const struct journal_reader prevention = { .name = "prevention", .step = prevention_step };
REGISTER(journal_reader, prevention);

/* reader.c - what room action reads in the journal: recommendations to plan, and the release of STOP.
 *
 * Planning looks at the world, so it is an outbox job; it may be repeated, it changes nothing but its own proposal. */
#include "action/room.h"

#include "base/log.h"

enum { RECOMMENDED_MAX = 10, PLAN_ATTEMPTS = 20, PLAN_AGAIN_MS = 3000 };

static err queue_recommended(struct tx *tx, const struct event *event)
{
    const struct json *data, *list;

    TRY(json_parse(tx_arena(tx), event->data, &data));
    list = json_get(data, S("recommended_actions"));
    for (size_t i = 0; list && list->type == JSON_ARRAY && i < list->array.count && i < RECOMMENDED_MAX; i++) {
        struct buf payload CLEANUP(buf_clear) = { 0 };
        buf_init(&payload, 64 * 1024);
        struct json_writer w = json_writer(&payload);
        json_add_tree(&w, list->array.items[i]);
        TRY(buf_check(&payload));
        struct outbox_row row = {
            .kind = "action_plan",
            .key = str_printf(tx_arena(tx), "%lld:%zu", (long long)event->id, i),
            .payload = buf_str(&payload),
            .incident = event->incident,
        };
        TRY(outbox_add(tx, &row));
    }
    return NULL;
}

/* What was approved while STOP was engaged starts now. */
static err dispatch_waiting(struct tx *tx)
{
    struct execution_filter filter = { .state = EXECUTION_APPROVED, .limit = 1000 };
    struct execution_rows rows;

    TRY(execution_list(tx, tx_arena(tx), &filter, &rows));
    for (size_t i = rows.count; i-- > 0;)
        TRY(room_dispatch(tx, &rows.at[i], EXECUTION_APPROVED));
    return NULL;
}

/* What we proposed ourselves, and nobody decided about, is of no use once its incident is over. What a person asked for
 * stays. */
static err expire_proposals(struct tx *tx, int64_t incident)
{
    struct execution_filter filter = { .state = EXECUTION_PENDING_APPROVAL, .incident = incident, .limit = 1000 };
    struct execution_rows rows;

    TRY(execution_list(tx, tx_arena(tx), &filter, &rows));
    for (size_t i = 0; i < rows.count; i++)
        if (str_eq(rows.at[i].requested_by, S("auspex")))
            TRY(room_expire(tx, &rows.at[i], S(ROOM_INCIDENT_OVER)));
    return NULL;
}

static err action_step(struct reader *reader, const struct event *event)
{
    struct config *config CLEANUP(config_unrefp) = NULL;

    if (event->kind == EVENT_STOP_RELEASED)
        return dispatch_waiting(reader_tx(reader));
    if (event->kind == EVENT_INCIDENT_RESOLVED)
        return expire_proposals(reader_tx(reader), event->incident);
    if (event->kind != EVENT_RCA_COMPLETED || !action_room || !room_settings(&config)->propose)
        return NULL;
    return queue_recommended(reader_tx(reader), event);
}

static const struct journal_reader action = { .name = "action", .order = 50, .step = action_step };
REGISTER(journal_reader, action);

static err plan_run(struct outbox_job *job, struct str *ret_result)
{
    const struct json *json;
    int64_t id = 0;

    TRY(json_parse(job->arena, job->payload, &json));
    struct action_request request = {
        .action = json_str_or(json_get(json, S("action")), S("")),
        .parameters = json_get(json, S("parameters")),
        .incident = job->incident,
        .requested_by = S("auspex"),
        .reason = json_str_or(json_get(json, S("reason")), S("")),
        .automatic = true,
    };
    *ret_result = S("{}");
    err e = action_request(job->arena, &request, &id);
    if (e && err_is_retryable(e) && !action_room->stopping)
        return e;
    if (e && err_kind(e) == ERR_CONFLICT && job->attempt < PLAN_ATTEMPTS) {
        /* The world says no now, such as no client that is idle for long enough yet; it may say yes in a moment. */
        err later = err_retry_after(err_new(ERR_UNAVAILABLE, "%s", err_message(e)), PLAN_AGAIN_MS);
        err_free(e);
        return later;
    }
    if (e) /* not possible here: that is an answer, and the incident shows the recommendation all the same */
        log_info("recommended action %.*s is not proposed: %s", STR_ARG(request.action), err_message(e));
    err_free(e);
    return NULL;
}

static const struct outbox_worker action_plan_worker = {
    .kind = "action_plan",
    .max_attempts = PLAN_ATTEMPTS,
    .timeout_ms = 30000,
    .expire_ms = 10 * 60 * 1000,
    .repeatable = true,
    .run = plan_run,
};
REGISTER(outbox_worker, action_plan_worker);

/* propose.c - proposals, and what people decide about them. */
#include "action/room.h"

#include "action/policy.h"
#include "base/metric.h"
#include "base/time.h"

#include <stdio.h>

METRIC(COUNTER, executions_proposed_total, "Executions that were proposed, by action.", "action");
METRIC(COUNTER, executions_suppressed_total, "Automatic proposals that were not made, by reason.", "reason");

enum { DISPATCHES_MAX = 20, BREAK_GLASS_MIN = 10 };

struct str room_payload(struct arena *arena, int64_t execution)
{
    return str_printf(arena, "{\"execution_id\":%lld}", (long long)execution);
}

int64_t room_payload_id(struct arena *arena, struct str payload)
{
    const struct json *json = NULL;

    err_free(json_parse(arena, payload, &json));
    return json_i64_or(json_get(json, S("execution_id")), 0);
}

err room_queue(struct tx *tx, const struct execution_row *row, const char *kind, const char *suffix)
{
    struct outbox_row out = {
        .kind = kind,
        .key = str_printf(tx_arena(tx), "%lld%s", (long long)row->id, suffix),
        .payload = room_payload(tx_arena(tx), row->id),
        .incident = row->incident,
    };

    return outbox_add(tx, &out);
}

err room_dispatch(struct tx *tx, struct execution_row *row, enum execution_state was)
{
    char suffix[32];

    row->dispatches++;
    snprintf(suffix, sizeof(suffix), ":%lld", (long long)row->dispatches);
    TRY(execution_save(tx, row, was));
    if (row->dispatches > DISPATCHES_MAX)
        return room_refuse(tx, row, row->state, S("it was tried too often to start"));
    return room_queue(tx, row, "execution", suffix);
}

err room_refuse(struct tx *tx, struct execution_row *row, enum execution_state was, struct str why)
{
    row->state = EXECUTION_REFUSED;
    row->reason = why;
    row->ended_ms = tx_now_ms(tx);
    TRY(execution_save(tx, row, was));
    struct buf more CLEANUP(buf_clear) = { 0 };
    buf_init(&more, 64 * 1024);
    struct json_writer w = json_writer(&more);
    json_put_str(&w, S("why"), why);
    return execution_append(tx, row, EVENT_EXECUTION_REFUSED, S("auspex"), why, buf_str(&more));
}

/* May it start without a person? */
static bool starts_by_itself(const struct plan *plan, const struct trust *trust)
{
    return plan->class == 0 || (plan->class == 1 && trust->level == TRUST_AUTO);
}

static struct str proposal_data(struct arena *arena, const struct plan *plan, struct str by, bool needs_approval)
{
    struct buf more CLEANUP(buf_clear) = { 0 };
    const struct json *json = NULL;

    buf_init(&more, 512 * 1024);
    struct json_writer w = json_writer(&more);
    err_free(json_parse(arena, plan->json, &json));
    json_key(&w, S("parameters"));
    if (json_get(json, S("parameters")))
        json_add_tree(&w, json_get(json, S("parameters")));
    else
        json_add_null(&w);
    json_key(&w, S("targets"));
    json_begin_array(&w);
    for (size_t i = 0; i < plan->targets.count; i++)
        json_add_str(&w, plan->targets.at[i]);
    json_end_array(&w);
    json_put_str(&w, S("requested_by"), by);
    json_put_bool(&w, S("needs_approval"), needs_approval);
    return str_copy(arena, buf_str(&more));
}

static err approve(struct tx *tx, struct execution_row *row, struct str by, struct str reason)
{
    enum execution_state was = row->state;

    row->state = EXECUTION_APPROVED;
    row->approved_by = by;
    TRY(execution_append(tx, row, EVENT_EXECUTION_APPROVED, by, reason, S("")));
    return room_dispatch(tx, row, was);
}

static err expire_later(struct tx *tx, const struct execution_row *row)
{
    struct outbox_row out = {
        .kind = "execution_expiry",
        .key = str_printf(tx_arena(tx), "%lld:%lld", (long long)row->id, (long long)row->expires_ms),
        .payload = room_payload(tx_arena(tx), row->id),
        .incident = row->incident,
        .not_before_ms = row->expires_ms,
    };

    return outbox_add(tx, &out);
}

/* Why an automatic proposal is not made; empty: it is. The healer's own effects come back as alerts of the same target
 * while the action cools down, and a no of a person counts for the whole incident. */
static err suppressed(struct tx *tx, const struct action_request *request, const struct action_def *def,
                      const struct plan *plan, struct str *ret_why)
{
    int64_t left_ms, count;
    struct str target = plan->targets.at[0];

    *ret_why = S("");
    TRY(policy_cooling(tx, def, target, &left_ms));
    if (left_ms > 0) {
        *ret_why = S("cooldown");
        return NULL;
    }
    TRY(tx_get_i64(
        tx,
        "SELECT count(*) FROM action_execution WHERE incident = ?1 AND ?1 > 0 AND action = ?2 AND target = ?3 "
        "AND (state IN (5, 11, 12) OR (state = 10 AND approved_by = '')) AND reason <> ?4",
        PARAMS(request->incident, def->id, target, S(ROOM_INCIDENT_OVER)), 0, &count));
    if (count > 0)
        *ret_why = S("same_incident");
    return NULL;
}

static err find_open(struct tx *tx, const struct action_request *request, const struct plan *plan, int64_t *ret_id)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;

    *ret_id = 0;
    TRY(tx_query(tx, "SELECT id, hash FROM action_execution WHERE state < 5 AND action = ?1 AND target = ?2",
                 PARAMS(plan->action, plan->targets.at[0]), &rows));
    if (!rows_next(rows))
        return rows_err(rows);
    *ret_id = rows_i64(rows, 0);
    if (!request->automatic && !str_eq(rows_str(rows, 1), plan->hash))
        return err_new(ERR_CONFLICT, "execution %lld of this action on %.*s is open already, with another plan",
                       (long long)*ret_id, STR_ARG(plan->targets.at[0]));
    return NULL;
}

err room_propose(struct tx *tx, const struct action_request *request, const struct plan *plan, int64_t *ret_id)
{
    struct config *config CLEANUP(config_unrefp) = NULL;
    const struct action_settings *settings = room_settings(&config);
    const struct action_def *def = catalogue_find(action_room->options.catalogue, plan->action);
    struct trust trust;
    struct str why = S("");

    TRY(find_open(tx, request, plan, ret_id));
    if (*ret_id)
        return NULL;
    TRY(trust_get(tx, settings, plan->action, &trust));
    if (request->automatic)
        TRY(suppressed(tx, request, def, plan, &why));
    if (why.length) {
        metric_add_for(&executions_suppressed_total, why, 1);
        return NULL;
    }
    struct execution_row row = {
        .action = plan->action,
        .class = plan->class,
        .state = EXECUTION_PENDING_APPROVAL,
        .incident = request->incident,
        .target = plan->targets.at[0],
        .plan = plan->json,
        .hash = plan->hash,
        .requested_by = request->requested_by,
        .reason = request->reason.at ? request->reason : S(""),
        .origin = request->origin.at ? request->origin : S(""),
        .created_ms = tx_now_ms(tx),
        .expires_ms = tx_now_ms(tx) + settings->approval_expiry.ms,
    };
    bool observe = request->automatic && trust.level == TRUST_OBSERVE;
    bool by_itself = !observe && starts_by_itself(plan, &trust);
    TRY(execution_insert(tx, &row));
    *ret_id = row.id;
    metric_add_for(&executions_proposed_total, row.action, 1);
    TRY(execution_append(tx, &row, EVENT_EXECUTION_PROPOSED, request->requested_by, row.reason,
                         proposal_data(tx_arena(tx), plan, request->requested_by, !by_itself && !observe)));
    if (observe)
        return room_refuse(tx, &row, row.state, S("this action is only observed: it would have been proposed"));
    if (by_itself)
        return approve(tx, &row, S("policy:auto"), plan->class == 0 ? S("it only reads") : trust.why);
    return expire_later(tx, &row);
}

struct decided {
    const struct action_decision *decision;
};

/* How many persons have said yes to this very plan, `by` included. */
static err count_approvers(struct tx *tx, const struct execution_row *row, int64_t *ret_count)
{
    return tx_get_i64(tx, "SELECT count(*) FROM action_decision WHERE execution = ?1 AND hash = ?2 AND approved = 1",
                      PARAMS(row->id, row->hash), 0, ret_count);
}

static err check_rights(struct tx *tx, const struct action_settings *settings, const struct action_decision *d,
                        const struct execution_row *row)
{
    struct trust trust;

    TRY(trust_get(tx, settings, row->action, &trust));
    bool operator_may = trust.level >= TRUST_APPROVE && row->class <= 1;
    if (!role_allows(d->role, operator_may ? ROLE_OPERATOR : ROLE_APPROVER))
        return err_new(ERR_FORBIDDEN, "deciding about %.*s takes role %s", STR_ARG(row->action),
                       role_name(operator_may ? ROLE_OPERATOR : ROLE_APPROVER));
    if (!d->approve || !str_eq(d->by, row->requested_by))
        return NULL;
    if (!settings->single_approver.length || !str_eq(d->by, settings->single_approver))
        return err_hint(err_new(ERR_FORBIDDEN, "who requested an action does not approve it"),
                        "somebody else approves, or actions.single_approver names the only approver there is");
    if (row->class >= 3 && d->reason.length < BREAK_GLASS_MIN)
        return err_new(ERR_FORBIDDEN,
                       "alone, an action of class 3 needs a reason that says why (%d characters or more)",
                       BREAK_GLASS_MIN);
    return NULL;
}

static err decide(struct tx *tx, void *arg)
{
    const struct action_decision *d = ((struct decided *)arg)->decision;
    struct config *config CLEANUP(config_unrefp) = NULL;
    const struct action_settings *settings = room_settings(&config);
    struct execution_row row;
    int64_t approvers;

    TRY(execution_get(tx, tx_arena(tx), d->execution, &row));
    if (row.state != EXECUTION_PENDING_APPROVAL)
        return err_new(ERR_CONFLICT, "execution %lld is %s: there is nothing to decide", (long long)row.id,
                       execution_state_name(row.state));
    if (row.expires_ms <= tx_now_ms(tx))
        return err_new(ERR_CONFLICT, "the plan of execution %lld has expired; request it again", (long long)row.id);
    if (!str_eq(d->hash, row.hash))
        return err_hint(
            err_new(ERR_CONFLICT, "the hash is not that of the plan: what was looked at is not what would run"),
            "look at the plan again");
    TRY(check_rights(tx, settings, d, &row));
    TRY(tx_run(tx,
               "INSERT OR REPLACE INTO action_decision(execution, approver, hash, approved, reason, time) "
               "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
               PARAMS(row.id, d->by, row.hash, (int64_t)d->approve, d->reason, tx_now_ms(tx))));
    if (!d->approve) {
        struct str why = str_printf(tx_arena(tx), "rejected by %.*s%s%.*s", STR_ARG(d->by),
                                    d->reason.length ? ": " : "", STR_ARG(d->reason));
        row.state = EXECUTION_REFUSED;
        row.reason = why;
        row.ended_ms = tx_now_ms(tx);
        TRY(execution_save(tx, &row, EXECUTION_PENDING_APPROVAL));
        return execution_append(tx, &row, EVENT_EXECUTION_REJECTED, d->by, d->reason, S(""));
    }
    TRY(count_approvers(tx, &row, &approvers));
    bool alone = settings->single_approver.length && str_eq(d->by, settings->single_approver);
    if (row.class >= 3 && approvers < 2 && !(alone && d->reason.length >= BREAK_GLASS_MIN))
        return NULL; /* kept: the second person is missing */
    struct str reason = d->reason;
    if (alone && str_eq(d->by, row.requested_by))
        reason = str_printf(tx_arena(tx), "%s: %.*s", row.class >= 3 ? "break-glass, alone" : "single approver",
                            STR_ARG(d->reason));
    return approve(tx, &row, d->by, reason);
}

err action_decide(const struct action_decision *decision)
{
    struct decided decided = { decision };

    if (!action_room)
        return err_new(ERR_UNAVAILABLE, "actions are not started");
    return db_write(action_room->options.db, decide, &decided);
}

err room_expire(struct tx *tx, struct execution_row *row, struct str reason)
{
    row->state = EXECUTION_EXPIRED;
    row->ended_ms = tx_now_ms(tx);
    row->reason = reason;
    TRY(execution_save(tx, row, EXECUTION_PENDING_APPROVAL));
    return execution_append(tx, row, EVENT_EXECUTION_EXPIRED, S("auspex"), reason, S(""));
}

static err expiry_run(struct outbox_job *job, struct str *ret_result)
{
    (void)job;
    *ret_result = S("{}");
    return NULL;
}

static err expiry_complete(struct tx *tx, const struct outbox_job *job, struct str result, err failure)
{
    struct execution_row row;

    (void)result, (void)failure;
    TRY(execution_get(tx, tx_arena(tx), room_payload_id(tx_arena(tx), job->payload), &row));
    if (row.state != EXECUTION_PENDING_APPROVAL || row.expires_ms > tx_now_ms(tx))
        return NULL;
    return room_expire(tx, &row, S("nobody decided in time"));
}

static const struct outbox_worker execution_expiry = {
    .kind = "execution_expiry",
    .max_attempts = 100,
    .timeout_ms = 10000,
    .repeatable = true,
    .run = expiry_run,
    .complete = expiry_complete,
};
REGISTER(outbox_worker, execution_expiry);

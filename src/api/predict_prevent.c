/* predict_prevent.c - /api/predict-fail/prevent and /prevented: what is done against a signal, by the room that acts.
 */
#include "action/action.h"
#include "action/prevent.h"
#include "api/predict_fail_replies.h"
#include "api/services.h"
#include "base/time.h"
#include "topology/topology.h"

#include <limits.h>
#include <unistd.h>

enum { WAIT_MS = 30 * SECOND_MS, ANSWER_MS = SECOND_MS };

struct prevent_job {
    struct arena *arena;
    int64_t signal_id;
    struct signal_row signal;
    bool elsewhere; /* the server is another host */
    struct prevention prevention;
    bool fixed;
};

static bool is_this_host(struct str server)
{
    char name[HOST_NAME_MAX + 1] = "";

    gethostname(name, sizeof name - 1);
    return str_eq_nocase(server, str_of(name)) || str_eq_nocase(server, S("localhost"));
}

static err prevent_read(struct tx *tx, void *arg)
{
    struct prevent_job *job = arg;
    struct resource resource;

    TRY(signal_find(tx, job->arena, job->signal_id, &job->signal));
    struct str id = str_printf(job->arena, "host:%.*s", STR_ARG(job->signal.server_name));
    err e = resource_find(tx, job->arena, id, &resource);
    job->elsewhere = !e && str_eq(resource.id, id) && !is_this_host(job->signal.server_name);
    if (e && err_kind(e) != ERR_NOT_FOUND)
        return e;
    err_free(e);
    return NULL;
}

static err prevent_add(struct tx *tx, void *arg)
{
    struct prevent_job *job = arg;
    return prevention_add(tx, &job->prevention);
}

static err prevent_settle(struct tx *tx, void *arg)
{
    struct prevent_job *job = arg;
    return prevention_settle(tx, job->prevention.execution_id, job->fixed);
}

static err answer(struct prevent_job *job, struct str status, struct reply *reply)
{
    struct prevent_reply body = {
        .prevention_id = job->prevention.id,
        .signal_id = job->signal.id,
        .server_name = job->signal.server_name,
        .action_type = job->prevention.action_type,
        .action_cmd = job->prevention.action_cmd,
        .success = job->fixed,
        .insight = S(""),
        .executed_at = job->prevention.executed_ms,
        .status = status,
        .execution_id = job->prevention.execution_id,
    };

    return reply_encode(reply, &prevent_reply_schema, &body);
}

static err act(struct request *req, struct prevent_job *job, struct reply *reply)
{
    struct arena *arena = job->arena;
    struct str server = job->signal.server_name, name = request_principal(req)->name;
    struct prevent_request request = { .server = server,
                                       .signal_type = job->signal.signal_type,
                                       .signal_id = job->signal.id,
                                       .requested_by = name.length ? name : S("anonymous"),
                                       .deadline_ms = time_mono_ms() };
    struct prevent_outcome outcome;
    struct execution_row row;
    int64_t until = time_mono_ms() + WAIT_MS;

    if (job->elsewhere)
        return err_new(ERR_CONFLICT, "no executor reaches server '%.*s': it is another host than this one",
                       STR_ARG(server));
    TRY(action_prevent(arena, &request, &outcome));
    job->prevention.execution_id = str_printf(arena, "%lld", (long long)outcome.execution_id);
    job->prevention.action_cmd = outcome.action_cmd;
    TRY(db_write(services.db, prevent_add, job)); /* before the wait, which a crash may end */
    if (request_deadline_ms(req) > 0 && request_deadline_ms(req) - ANSWER_MS < until)
        until = request_deadline_ms(req) - ANSWER_MS;
    TRY(action_wait(arena, outcome.execution_id, until, &row));
    job->fixed = row.state == EXECUTION_FIXED;
    if (execution_is_over(row.state)) {
        /* The journal's reader does the same, but it may have seen the end before the row was there. */
        TRY(db_write(services.db, prevent_settle, job));
        job->prevention.executed_ms = row.ended_ms;
        return answer(job, str_of(execution_state_name(row.state)), reply);
    }
    reply->status = 202;
    reply_header(reply, req, S("Location"),
                 str_printf(arena, "/api/v1/remediation/%lld", (long long)outcome.execution_id));
    return answer(job, row.state == EXECUTION_PENDING_APPROVAL ? S("pending_approval") : S("running"), reply);
}

static err prevent(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct prevent_job job = { .arena = request_arena(req) };

    (void)query, (void)body;
    if (!request_param_i64(req, S("signal_id"), &job.signal_id))
        return err_new(ERR_NOT_FOUND, "there is no signal '%.*s'",
                       STR_ARG(str_utf8_head(request_param(req, S("signal_id")), 40)));
    TRY(db_read(services.db, prevent_read, &job));
    job.prevention =
        (struct prevention){ .signal_id = job.signal_id,
                             .action_type = str_of(failure_model_for(job.signal.signal_type)->action_type) };
    if (failure_model_find(job.signal.signal_type))
        return act(req, &job, reply);
    /* Nothing runs: a person has to look. */
    TRY(db_write(services.db, prevent_add, &job));
    return answer(&job, S("manual_review"), reply);
}

static const struct route prevent_route = {
    .method = "POST",
    .path = "/api/predict-fail/prevent/{signal_id}",
    .summary = "Do what prevents the failure",
    .doc = "Waits up to 30 s for the verified outcome; then, or while approval is awaited, 202 with the execution's "
           "Location.",
    .tag = "Predictive failure prevention",
    .role = ROLE_OPERATOR,
    .raw_body = true,
    .reply = &prevent_reply_schema,
    .unknown_ok = true,
    .handle = prevent,
};
REGISTER(route, prevent_route);

struct prevented_query {
    int64_t days, limit;
};
static const struct field prevented_query_fields[] = {
    INT(struct prevented_query, days, .def = "7", .min = 1, .max = 90, .doc = "How far to look back."),
    INT(struct prevented_query, limit, .def = "50", .min = 1, .max = 200, .doc = "At most so many."),
    { 0 },
};
static const struct schema prevented_query_schema = SCHEMA(struct prevented_query, prevented_query_fields);

struct prevented_job {
    struct arena *arena;
    int64_t since_ms;
    int limit;
    struct prevention_list list;
};

static err prevented_read(struct tx *tx, void *arg)
{
    struct prevented_job *job = arg;
    return prevention_select(tx, job->arena, job->since_ms, job->limit, &job->list);
}

static err prevented(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct prevented_query *q = query;
    struct prevented_job job = { .arena = request_arena(req),
                                 .since_ms = time_now_ms() - q->days * DAY_MS,
                                 .limit = (int)q->limit };

    (void)body;
    TRY(db_read(services.db, prevented_read, &job));
    struct prevented_reply *items = arena_array(job.arena, job.list.count + 1, sizeof *items);
    for (size_t i = 0; i < job.list.count; i++)
        items[i] = (struct prevented_reply){ .id = job.list.at[i].id,
                                             .signal_id = job.list.at[i].signal_id,
                                             .action_type = job.list.at[i].action_type,
                                             .action_cmd = job.list.at[i].action_cmd,
                                             .success = job.list.at[i].success,
                                             .created_at = job.list.at[i].created_ms };
    return reply_encode_list(reply, &prevented_reply_schema, items, job.list.count);
}

static const struct route prevented_route = {
    .method = "GET",
    .path = "/api/predict-fail/prevented",
    .summary = "Preventions that were verified, newest first",
    .tag = "Predictive failure prevention",
    .role = ROLE_VIEWER,
    .query = &prevented_query_schema,
    .reply = &prevented_reply_schema,
    .reply_is_list = true,
    .unknown_ok = true,
    .handle = prevented,
};
REGISTER(route, prevented_route);

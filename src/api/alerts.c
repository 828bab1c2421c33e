/* alerts.c - /api/v1/alerts: list, acknowledge, resolve. */
#include "alerts/alert.h"
#include "api/phrases.h"
#include "api/services.h"
#include "model/page.h"

struct list_query {
    struct str status, severity;
    int64_t incident, limit;
    struct str cursor;
};

static const struct field list_query_fields[] = {
    STRING(struct list_query, status, .max = 64, .doc = "firing, acknowledged or resolved."),
    STRING(struct list_query, severity, .max = 64, .doc = "critical, high, medium or low; P1..P4."),
    INT(struct list_query, incident, .min = 0, .max = 1e15, .def = "0", .doc = "Only those of this incident."),
    INT(struct list_query, limit, .min = 1, .max = 1000, .def = "100", .doc = "At most so many."),
    STRING(struct list_query, cursor, .max = 32, .doc = "next_cursor of the page before."),
    { 0 },
};
static const struct schema list_query_schema = SCHEMA(struct list_query, list_query_fields);

struct list_job {
    struct arena *arena;
    struct alert_query query;
    struct alert_list list;
};

static err list_read(struct tx *tx, void *arg)
{
    struct list_job *job = arg;

    return alert_select(tx, job->arena, &job->query, &job->list);
}

static err alerts_list(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct list_query *q = query;
    struct list_job job = {
        .arena = request_arena(req),
        .query = { .status = q->status, .severity = q->severity, .incident = q->incident, .limit = q->limit },
    };

    (void)body;
    TRY(page_before(q->cursor, &job.query.before));
    TRY(db_read(services.db, list_read, &job));
    for (size_t i = 0; i < job.list.alerts.count; i++)
        job.list.alerts.at[i].summary = phrase(job.arena, job.list.alerts.at[i].summary, request_lang(req, LANG_EN));
    return reply_encode(reply, &alert_list_schema, &job.list);
}

static const struct route alerts_list_route = {
    .method = "GET",
    .path = "/api/v1/alerts",
    .summary = "List alerts",
    .tag = "Alerts",
    .role = ROLE_VIEWER,
    .query = &list_query_schema,
    .reply = &alert_list_schema,
    .handle = alerts_list,
};
REGISTER(route, alerts_list_route);

struct change_body {
    struct str comment, resolution;
};

static const struct field acknowledge_fields[] = {
    STRING(struct change_body, comment, .max = 4096, .doc = "What you are going to do."),
    { 0 },
};
static const struct schema acknowledge_schema =
    SCHEMA(struct change_body, acknowledge_fields, .name = "alert_acknowledge");

static const struct field resolve_fields[] = {
    STRING(struct change_body, resolution, .max = 4096, .doc = "What ended it."),
    { 0 },
};
static const struct schema resolve_schema = SCHEMA(struct change_body, resolve_fields, .name = "alert_resolve");

struct change_reply {
    int64_t alert_id;
    struct str status;
};

static const struct field change_reply_fields[] = {
    INT(struct change_reply, alert_id, .doc = "Number of the alert."),
    STRING(struct change_reply, status, .doc = "acknowledged or resolved."),
    { 0 },
};
static const struct schema change_reply_schema =
    SCHEMA(struct change_reply, change_reply_fields, .name = "alert_changed");

struct change_job {
    int64_t id;
    struct str actor, words;
};

static err acknowledge_write(struct tx *tx, void *arg)
{
    struct change_job *job = arg;

    return alert_acknowledge(tx, job->id, job->actor, job->words);
}

static err resolve_write(struct tx *tx, void *arg)
{
    struct change_job *job = arg;

    return alert_resolve(tx, job->id, job->actor, job->words);
}

static err change(struct request *req, struct str words, err (*write)(struct tx *tx, void *arg), struct str status,
                  struct reply *reply)
{
    struct change_job job = { .actor = request_principal(req)->name, .words = words };

    if (!request_param_i64(req, S("id"), &job.id))
        return err_new(ERR_NOT_FOUND, "no alert '%.*s'", STR_ARG(request_param(req, S("id"))));
    TRY(db_write(services.db, write, &job));
    return reply_encode(reply, &change_reply_schema, &(struct change_reply){ job.id, status });
}

static err alerts_acknowledge(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)query;
    return change(req, ((const struct change_body *)body)->comment, acknowledge_write, S("acknowledged"), reply);
}

static err alerts_resolve(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)query;
    return change(req, ((const struct change_body *)body)->resolution, resolve_write, S("resolved"), reply);
}

static const struct route alerts_acknowledge_route = {
    .method = "POST",
    .path = "/api/v1/alerts/{id}/acknowledge",
    .summary = "Take an alert",
    .tag = "Alerts",
    .role = ROLE_OPERATOR,
    .body = &acknowledge_schema,
    .form_ok = true,
    .reply = &change_reply_schema,
    .handle = alerts_acknowledge,
};
REGISTER(route, alerts_acknowledge_route);

static const struct route alerts_resolve_route = {
    .method = "POST",
    .path = "/api/v1/alerts/{id}/resolve",
    .summary = "End an alert by hand",
    .tag = "Alerts",
    .role = ROLE_OPERATOR,
    .body = &resolve_schema,
    .form_ok = true,
    .reply = &change_reply_schema,
    .handle = alerts_resolve,
};
REGISTER(route, alerts_resolve_route);

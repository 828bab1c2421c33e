/* incidents.c - /api/v1/incidents: list, and what people do with one. Its details: incident_detail.c. */
#include "api/phrases.h"
#include "api/services.h"
#include "incident/incident.h"
#include "model/page.h"

struct list_query {
    struct str status, severity, resource, cursor;
    int64_t limit;
};

static const struct field list_query_fields[] = {
    STRING(struct list_query, status, .max = 64,
           .doc = "open, acknowledged, healing, resolved; active: all but resolved."),
    STRING(struct list_query, severity, .max = 64, .doc = "critical, high, medium or low; P1..P4."),
    STRING(struct list_query, resource, .max = 512, .doc = "Only those of this resource."),
    INT(struct list_query, limit, .min = 1, .max = 1000, .def = "50", .doc = "At most so many."),
    STRING(struct list_query, cursor, .max = 32, .doc = "next_cursor of the page before."),
    { 0 },
};
static const struct schema list_query_schema = SCHEMA(struct list_query, list_query_fields);

struct list_job {
    struct arena *arena;
    struct incident_query query;
    struct incident_list list;
};

static err list_read(struct tx *tx, void *arg)
{
    struct list_job *job = arg;

    return incident_select(tx, job->arena, &job->query, &job->list);
}

/* incident_in_words - its sentences in the language of the request. */
static void incident_in_words(struct request *req, struct incident_row *row)
{
    enum lang lang = request_lang(req, LANG_EN);

    row->title = phrase(request_arena(req), row->title, lang);
    row->summary = phrase(request_arena(req), row->summary, lang);
}

static err incidents_list(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct list_query *q = query;
    struct list_job job = {
        .arena = request_arena(req),
        .query = { .status = q->status, .severity = q->severity, .resource = q->resource, .limit = q->limit },
    };

    (void)body;
    TRY(page_before(q->cursor, &job.query.before));
    TRY(db_read(services.db, list_read, &job));
    for (size_t i = 0; i < job.list.incidents.count; i++)
        incident_in_words(req, &job.list.incidents.at[i]);
    return reply_encode(reply, &incident_list_schema, &job.list);
}

static const struct route incidents_list_route = {
    .method = "GET",
    .path = "/api/v1/incidents",
    .summary = "List incidents",
    .tag = "Incidents",
    .role = ROLE_VIEWER,
    .query = &list_query_schema,
    .reply = &incident_list_schema,
    .handle = incidents_list,
};
REGISTER(route, incidents_list_route);

/* What people say: one body for all of the calls, each of which takes one member of it. */
struct words {
    struct str comment, resolution, owner, text, reason;
};

struct change_job {
    err (*change)(struct tx *tx, int64_t id, struct str actor, struct str words);
    int64_t id;
    struct str actor, words;
    struct arena *arena;
    struct incident_row row;
};

static err change_write(struct tx *tx, void *arg)
{
    struct change_job *job = arg;

    TRY(job->change(tx, job->id, job->actor, job->words));
    return incident_get(tx, job->arena, job->id, &job->row);
}

static err change(struct request *req, struct str words, err (*how)(struct tx *, int64_t, struct str, struct str),
                  struct reply *reply)
{
    struct change_job job = {
        .change = how,
        .actor = request_principal(req)->name,
        .words = words,
        .arena = request_arena(req),
    };

    if (!request_param_i64(req, S("id"), &job.id))
        return err_new(ERR_NOT_FOUND, "no incident '%.*s'", STR_ARG(request_param(req, S("id"))));
    TRY(db_write(services.db, change_write, &job));
    incident_in_words(req, &job.row);
    return reply_encode(reply, &incident_row_schema, &job.row);
}

static const struct field acknowledge_fields[] = {
    STRING(struct words, comment, .max = 4096, .doc = "What you are going to do."),
    { 0 },
};
static const struct schema acknowledge_schema =
    SCHEMA(struct words, acknowledge_fields, .name = "incident_acknowledge", .doc = "Acknowledge.");

static err incidents_acknowledge(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)query;
    return change(req, ((const struct words *)body)->comment, incident_acknowledge, reply);
}

static const struct route incidents_acknowledge_route = {
    .method = "POST",
    .path = "/api/v1/incidents/{id}/acknowledge",
    .summary = "Take an incident",
    .tag = "Incidents",
    .role = ROLE_OPERATOR,
    .body = &acknowledge_schema,
    .form_ok = true,
    .reply = &incident_row_schema,
    .handle = incidents_acknowledge,
};
REGISTER(route, incidents_acknowledge_route);

static const struct field resolve_fields[] = {
    STRING(struct words, resolution, .max = 4096, .doc = "What ended it."),
    { 0 },
};
static const struct schema resolve_schema =
    SCHEMA(struct words, resolve_fields, .name = "incident_resolve", .doc = "Resolve.");

static err incidents_resolve(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)query;
    return change(req, ((const struct words *)body)->resolution, incident_resolve, reply);
}

static const struct route incidents_resolve_route = {
    .method = "POST",
    .path = "/api/v1/incidents/{id}/resolve",
    .summary = "End an incident by hand",
    .tag = "Incidents",
    .role = ROLE_OPERATOR,
    .body = &resolve_schema,
    .form_ok = true,
    .reply = &incident_row_schema,
    .handle = incidents_resolve,
};
REGISTER(route, incidents_resolve_route);

static const struct field reopen_fields[] = {
    STRING(struct words, reason, .max = 4096, .doc = "Why it is not over."),
    { 0 },
};
static const struct schema reopen_schema =
    SCHEMA(struct words, reopen_fields, .name = "incident_reopen", .doc = "Reopen.");

static err incidents_reopen(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)query;
    return change(req, ((const struct words *)body)->reason, incident_reopen, reply);
}

static const struct route incidents_reopen_route = {
    .method = "POST",
    .path = "/api/v1/incidents/{id}/reopen",
    .summary = "Open an incident again",
    .tag = "Incidents",
    .role = ROLE_OPERATOR,
    .body = &reopen_schema,
    .form_ok = true,
    .reply = &incident_row_schema,
    .handle = incidents_reopen,
};
REGISTER(route, incidents_reopen_route);

static const struct field assign_fields[] = {
    STRING(struct words, owner, .flags = F_REQUIRED, .min = 1, .max = 256, .doc = "Who takes care."),
    { 0 },
};
static const struct schema assign_schema =
    SCHEMA(struct words, assign_fields, .name = "incident_assign", .doc = "Assign.");

static err incidents_assign(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)query;
    return change(req, ((const struct words *)body)->owner, incident_assign, reply);
}

static const struct route incidents_assign_route = {
    .method = "POST",
    .path = "/api/v1/incidents/{id}/assign",
    .summary = "Give an incident to somebody",
    .tag = "Incidents",
    .role = ROLE_OPERATOR,
    .body = &assign_schema,
    .form_ok = true,
    .reply = &incident_row_schema,
    .handle = incidents_assign,
};
REGISTER(route, incidents_assign_route);

static const struct field note_fields[] = {
    STRING(struct words, text, .flags = F_REQUIRED, .min = 1, .max = 8192, .doc = "The note."),
    { 0 },
};
static const struct schema note_schema =
    SCHEMA(struct words, note_fields, .name = "incident_note", .doc = "A note on the timeline.");

static err incidents_note(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)query;
    return change(req, ((const struct words *)body)->text, incident_note, reply);
}

static const struct route incidents_note_route = {
    .method = "POST",
    .path = "/api/v1/incidents/{id}/note",
    .summary = "Write a note on an incident's timeline",
    .tag = "Incidents",
    .role = ROLE_OPERATOR,
    .body = &note_schema,
    .form_ok = true,
    .reply = &incident_row_schema,
    .handle = incidents_note,
};
REGISTER(route, incidents_note_route);

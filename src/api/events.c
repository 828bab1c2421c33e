/* events.c - GET /api/v1/events: the journal, newest first. */
#include "api/event_text.h"
#include "api/services.h"
#include "db/journal.h"
#include "model/page.h"

struct events_query {
    int64_t limit, before, incident;
    struct str kind, subject, cursor;
};

static const struct field events_query_fields[] = {
    INT(struct events_query, limit, .min = 1, .max = 1000, .def = "50", .doc = "At most so many."),
    INT(struct events_query, before, .min = 0, .max = 1e15, .def = "0",
        .doc = "Only events before this one; 0: the newest."),
    INT(struct events_query, incident, .min = 0, .max = 1e15, .def = "0", .doc = "Only those of this incident."),
    STRING(struct events_query, kind, .max = 64, .doc = "Only kinds that begin so: incident. or alert.firing."),
    STRING(struct events_query, subject, .max = 512, .doc = "Only those about it."),
    STRING(struct events_query, cursor, .max = 32, .doc = "next_cursor of the page before."),
    { 0 },
};
static const struct schema events_query_schema = SCHEMA(struct events_query, events_query_fields);

struct events_reply {
    int64_t total;
    VEC(struct event_row) events;
    struct str next_cursor;
};

static const struct field events_reply_fields[] = {
    INT(struct events_reply, total, .doc = "How many are in this page."),
    LIST(struct events_reply, events, .schema = &event_row_schema, .doc = "The newest first."),
    STRING(struct events_reply, next_cursor, .flags = F_NULLABLE, .doc = "For the next page."),
    { 0 },
};
static const struct schema events_reply_schema = SCHEMA(struct events_reply, events_reply_fields, .doc = "Events.");

struct events_job {
    struct arena *arena;
    struct journal_filter filter;
    struct event_list list;
};

static err events_read(struct tx *tx, void *arg)
{
    struct events_job *job = arg;

    return journal_read(tx, job->arena, &job->filter, &job->list);
}

static err events_list(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct events_query *q = query;
    struct arena *arena = request_arena(req);
    enum lang lang = request_lang(req, LANG_EN);
    struct events_reply out = { 0 };
    int64_t before;

    (void)body;
    TRY(page_before(q->cursor, &before));
    if (!before)
        before = q->before;
    struct events_job job = {
        .arena = arena,
        .filter = { .before = before ? before : INT64_MAX,
                    .incident = q->incident,
                    .kind_prefix = q->kind,
                    .subject = q->subject,
                    .limit = (int)q->limit },
    };
    TRY(db_read(services.db, events_read, &job));
    for (size_t i = 0; i < job.list.count; i++)
        *vec_push(&out.events, arena) = event_row_of(arena, &job.list.at[i], lang);
    out.total = (int64_t)out.events.count;
    if (job.list.count)
        out.next_cursor = page_cursor(arena, job.list.count, q->limit, job.list.at[job.list.count - 1].id);
    return reply_encode(reply, &events_reply_schema, &out);
}

static const struct route events_list_route = {
    .method = "GET",
    .path = "/api/v1/events",
    .summary = "Read the journal",
    .doc = "What was decided or changed, newest first: alerts, incidents, approvals, executions, people's clicks.",
    .tag = "Journal",
    .role = ROLE_VIEWER,
    .query = &events_query_schema,
    .reply = &events_reply_schema,
    .handle = events_list,
};
REGISTER(route, events_list_route);

/* incident_detail.c - GET /api/v1/incidents/{id} and its report: everything about one incident, in one reply. */
#include "action/view.h"
#include "alerts/alert.h"
#include "api/event_text.h"
#include "api/phrases.h"
#include "api/services.h"
#include "base/time.h"
#include "incident/incident.h"

enum { TIMELINE_MAX = 1000, EXECUTIONS_MAX = 100, ALERTS_MAX = 200, SIMILAR_MAX = 5, SIMILAR_LOOKED_AT = 100 };

struct proposal {
    struct str action, reason;
    const struct json *parameters;
    int64_t class;
};
static const struct field proposal_fields[] = {
    STRING(struct proposal, action, .doc = "Id in the catalogue."),
    STRING(struct proposal, reason, .doc = "Why this one."),
    ANY(struct proposal, parameters, .doc = "Its parameters."),
    INT(struct proposal, class, .doc = "0 reads, 1 reversible, 2 affects a service, 3 destructive."),
    { 0 },
};
static const struct schema proposal_schema =
    SCHEMA(struct proposal, proposal_fields, .doc = "An action that would help.");

struct similar {
    int64_t incident_id, resolved_at;
    struct str title, resolution;
};
static const struct field similar_fields[] = {
    INT(struct similar, incident_id, .doc = "An earlier one of the same alert on the same kind of resource."),
    STRING(struct similar, title, .doc = "Its title."),
    TIME(struct similar, resolved_at, .flags = F_NULLABLE, .doc = "When it ended."),
    STRING(struct similar, resolution, .doc = "What ended it."),
    { 0 },
};
static const struct schema similar_schema = SCHEMA(struct similar, similar_fields, .doc = "A similar incident.");

struct incident_detail {
    struct incident_row row;
    VEC(struct alert_row) alerts;
    VEC(struct event_row) timeline;
    VEC(struct proposal) proposed_actions;
    VEC(struct execution_view) executions;
    VEC(struct similar) similar;
};

#define OF_ROW(kind, member, ...)                                                                                      \
    {                                                                                                                  \
        .name = #member, .type = FIELD_##kind, .offset = offsetof(struct incident_detail, row.member), ##__VA_ARGS__   \
    }
static const char *const status_words[] = { "open", "acknowledged", "healing", "resolved", NULL };
static const struct field detail_fields[] = {
    OF_ROW(INT, id, .doc = "Number of the incident."),
    OF_ROW(STRING, title, .doc = "What happened, in one line."),
    OF_ROW(STRING, summary, .doc = "What fails because of it."),
    OF_ROW(ENUM, status, .words = status_words, .doc = "Where it stands."),
    OF_ROW(STRING, severity, .doc = "critical, high, medium or low."),
    OF_ROW(STRING, priority, .doc = "P1..P4."),
    OF_ROW(STRING, owner, .doc = "Who takes care; empty: nobody yet."),
    OF_ROW(STRING, resource, .doc = "What it is about."),
    OF_ROW(TIME, started_at, .doc = "Since when."),
    OF_ROW(TIME, acknowledged_at, .flags = F_NULLABLE, .doc = "When somebody took it."),
    OF_ROW(TIME, resolved_at, .flags = F_NULLABLE, .doc = "When it ended."),
    OF_ROW(TIME, updated_at, .doc = "Last change."),
    OF_ROW(ANY, rca, .flags = F_NULLABLE, .doc = "The last analysis; null until there is one."),
    LIST(struct incident_detail, alerts, .schema = &alert_row_schema, .doc = "Alerts that belong to it."),
    LIST(struct incident_detail, timeline, .schema = &event_row_schema, .doc = "What happened, the oldest first."),
    LIST(struct incident_detail, proposed_actions, .schema = &proposal_schema, .doc = "What would help."),
    LIST(struct incident_detail, executions, .schema = &execution_view_schema,
         .doc = "What was done, the newest first."),
    LIST(struct incident_detail, similar, .schema = &similar_schema, .doc = "Earlier ones like it."),
    { 0 },
};
static const struct schema detail_schema = SCHEMA(struct incident_detail, detail_fields, .doc = "An incident, whole.");

struct detail_job {
    struct arena *arena;
    struct incident_detail *detail;
    struct event_list events;
    struct execution_rows executions;
    struct alert_list alerts;
};

static err read_similar(struct tx *tx, struct detail_job *job)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;

    TRY(tx_query(
        tx,
        "SELECT i.id, i.title, i.resolved_at, coalesce("
        "(SELECT j.reason FROM incident_event e CROSS JOIN journal j ON j.id = e.event"
        " WHERE e.incident = i.id AND j.kind = ?2 ORDER BY e.event DESC LIMIT 1), '')"
        " FROM incident i WHERE i.status = 3 AND i.id IN (SELECT DISTINCT theirs.incident FROM incident_member mine"
        " JOIN incident_member theirs ON theirs.kind = mine.kind AND theirs.name = mine.name"
        " WHERE mine.incident = ?1 AND theirs.incident <> ?1 ORDER BY 1 DESC LIMIT ?4) ORDER BY i.id DESC LIMIT ?3",
        PARAMS(job->detail->row.id, (int64_t)EVENT_INCIDENT_RESOLVED, SIMILAR_MAX, SIMILAR_LOOKED_AT), &rows));
    while (rows_next(rows))
        *vec_push(&job->detail->similar, job->arena) = (struct similar){
            .incident_id = rows_i64(rows, 0),
            .title = rows_copy(rows, 1, job->arena),
            .resolved_at = rows_i64(rows, 2),
            .resolution = rows_copy(rows, 3, job->arena),
        };
    return rows_err(rows);
}

static err detail_read(struct tx *tx, void *arg)
{
    struct detail_job *job = arg;
    int64_t id = job->detail->row.id;
    struct journal_filter timeline = { .before = INT64_MAX, .incident = id, .limit = TIMELINE_MAX };
    struct execution_filter executions = { .state = -1, .incident = id, .limit = EXECUTIONS_MAX };

    TRY(incident_get(tx, job->arena, id, &job->detail->row));
    TRY(journal_read(tx, job->arena, &timeline, &job->events));
    TRY(execution_list(tx, job->arena, &executions, &job->executions));
    TRY(alert_select(tx, job->arena, &(struct alert_query){ .incident = id, .limit = ALERTS_MAX }, &job->alerts));
    return read_similar(tx, job);
}

/* add_proposals - what the analysis recommends and the catalogue has; an open execution of it is no proposal any more.
 */
static void add_proposals(struct detail_job *job)
{
    const struct json *list = json_get(job->detail->row.rca, S("recommended_actions"));

    for (size_t i = 0; list && list->type == JSON_ARRAY && i < list->array.count; i++) {
        const struct json *one = list->array.items[i];
        struct str action = json_str_or(json_get(one, S("action")), S(""));
        const struct action_def *def = catalogue_find(action_catalogue(), action);
        bool executed = false;
        for (size_t j = 0; j < job->executions.count; j++)
            executed |= str_eq(job->executions.at[j].action, action);
        if (def && !executed && job->detail->row.status != INCIDENT_RESOLVED)
            *vec_push(&job->detail->proposed_actions, job->arena) = (struct proposal){
                .action = action,
                .reason = json_str_or(json_get(one, S("reason")), S("")),
                .parameters = json_get(one, S("parameters")),
                .class = def->class,
            };
    }
}

static err load(struct request *req, struct incident_detail *ret_detail)
{
    struct arena *arena = request_arena(req);
    enum lang lang = request_lang(req, LANG_EN);
    struct detail_job job = { .arena = arena, .detail = ret_detail };

    *ret_detail = (struct incident_detail){ 0 };
    if (!request_param_i64(req, S("id"), &ret_detail->row.id))
        return err_new(ERR_NOT_FOUND, "no incident '%.*s'", STR_ARG(request_param(req, S("id"))));
    TRY(db_read(services.db, detail_read, &job));
    for (size_t i = job.events.count; i-- > 0;)
        *vec_push(&ret_detail->timeline, arena) = event_row_of(arena, &job.events.at[i], lang);
    for (size_t i = 0; i < job.executions.count; i++)
        TRY(execution_view(arena, &job.executions.at[i], vec_push(&ret_detail->executions, arena)));
    for (size_t i = 0; i < job.alerts.alerts.count; i++)
        *vec_push(&ret_detail->alerts, arena) = job.alerts.alerts.at[i];
    for (size_t i = 0; i < ret_detail->alerts.count; i++)
        ret_detail->alerts.at[i].summary = phrase(arena, ret_detail->alerts.at[i].summary, lang);
    for (size_t i = 0; i < ret_detail->similar.count; i++)
        ret_detail->similar.at[i].title = phrase(arena, ret_detail->similar.at[i].title, lang);
    add_proposals(&job);
    ret_detail->row.title = phrase(arena, ret_detail->row.title, lang);
    ret_detail->row.summary = phrase(arena, ret_detail->row.summary, lang);
    ret_detail->row.rca = phrases_in(arena, ret_detail->row.rca, lang);
    return NULL;
}

static err incident_detail(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct incident_detail detail;

    (void)query, (void)body;
    TRY(load(req, &detail));
    return reply_encode(reply, &detail_schema, &detail);
}

static const struct route incident_detail_route = {
    .method = "GET",
    .path = "/api/v1/incidents/{id}",
    .summary = "One incident with its timeline, causes and actions",
    .tag = "Incidents",
    .role = ROLE_VIEWER,
    .reply = &detail_schema,
    .handle = incident_detail,
};
REGISTER(route, incident_detail_route);

static const char *const format_words[] = { "markdown", "json", NULL };
struct report_query {
    int format;
};
static const struct field report_query_fields[] = {
    ENUM(struct report_query, format, .words = format_words, .def = "markdown", .doc = "markdown or json."),
    { 0 },
};
static const struct schema report_query_schema = SCHEMA(struct report_query, report_query_fields);

/* add_plain - text of telemetry as Markdown shows it literally: no markup, no line of its own. */
static void add_plain(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.length; i++) {
        char c = text.at[i];
        if (c == '\n' || c == '\r') {
            buf_add_c(out, ' ');
            continue;
        }
        if (c == '*' || c == '_' || c == '`' || c == '[' || c == ']' || c == '<' || c == '>' || c == '#' || c == '|' ||
            c == '\\')
            buf_add_c(out, '\\');
        buf_add_c(out, c);
    }
}

static void add_row(struct buf *out, const char *name, struct str value)
{
    buf_addf(out, "- **%s:** ", name);
    add_plain(out, value.length ? value : S("-"));
    buf_add_c(out, '\n');
}

static void add_causes(struct buf *out, const struct json *rca)
{
    const struct json *causes = json_get(rca, S("root_causes"));

    buf_add(out, S("\n## Cause\n\n"));
    if (json_bool_or(json_get(rca, S("cannot_tell")), true))
        buf_add(out, S("Cannot tell.\n"));
    for (size_t i = 0; causes && causes->type == JSON_ARRAY && i < causes->array.count; i++) {
        const struct json *cause = causes->array.items[i], *evidence = json_get(cause, S("evidence"));
        buf_addf(out, "%zu. ", i + 1);
        add_plain(out, json_str_or(json_get(cause, S("issue")), S("")));
        buf_addf(out, " (%.0f %%)\n", json_number_or(json_get(cause, S("confidence")), 0) * 100);
        for (size_t j = 0; evidence && evidence->type == JSON_ARRAY && j < evidence->array.count; j++) {
            buf_add(out, S("   - "));
            add_plain(out, json_str_or(json_get(evidence->array.items[j], S("text")), S("")));
            buf_add_c(out, '\n');
        }
    }
}

static void add_executions(struct buf *out, const struct incident_detail *detail)
{
    buf_add(out, S("\n## Actions\n\n"));
    if (!detail->executions.count)
        buf_add(out, S("None.\n"));
    for (size_t i = detail->executions.count; i-- > 0;) {
        const struct execution_view *execution = &detail->executions.at[i];
        buf_add(out, S("- "));
        add_plain(out, execution->action);
        buf_add(out, S(": "));
        add_plain(out, execution->state);
        if (execution->verification && execution->verification->detail.length) {
            buf_add(out, S(" ("));
            add_plain(out, execution->verification->detail);
            buf_add_c(out, ')');
        }
        if (execution->approved_by.length) {
            buf_add(out, S(", approved by "));
            add_plain(out, execution->approved_by);
        }
        buf_add_c(out, '\n');
    }
}

static struct str markdown(struct arena *arena, const struct incident_detail *detail)
{
    const struct incident_row *row = &detail->row;
    struct buf out CLEANUP(buf_clear) = { .max = 4 << 20 };

    buf_addf(&out, "# Incident %lld: ", (long long)row->id);
    add_plain(&out, row->title);
    buf_add(&out, S("\n\n"));
    add_row(&out, "Severity", str_printf(arena, "%.*s (%.*s)", STR_ARG(row->severity), STR_ARG(row->priority)));
    add_row(&out, "Status", str_of(status_words[row->status]));
    add_row(&out, "Resource", row->resource);
    add_row(&out, "Owner", row->owner);
    add_row(&out, "Started", time_rfc3339(arena, row->started_at));
    if (row->resolved_at)
        add_row(&out, "Resolved",
                str_printf(arena, "%.*s (after %.1f s)", STR_ARG(time_rfc3339(arena, row->resolved_at)),
                           (double)(row->resolved_at - row->started_at) / 1000));
    add_row(&out, "Failure", json_str_or(json_get(row->rca, S("critical_failure")), S("")));
    add_row(&out, "Impact", json_str_or(json_get(row->rca, S("impact")), S("")));
    add_causes(&out, row->rca);
    add_executions(&out, detail);
    buf_add(&out, S("\n## Timeline\n\n"));
    for (size_t i = 0; i < detail->timeline.count; i++) {
        buf_add(&out, S("- "));
        time_add_rfc3339(&out, detail->timeline.at[i].time);
        buf_add_c(&out, ' ');
        add_plain(&out, detail->timeline.at[i].text);
        buf_add_c(&out, '\n');
    }
    return str_copy(arena, buf_str(&out));
}

static err incident_report(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct incident_detail detail;

    (void)body;
    TRY(load(req, &detail));
    if (((const struct report_query *)query)->format == 1)
        return reply_encode(reply, &detail_schema, &detail);
    reply_text(reply, 200, "text/markdown; charset=utf-8", markdown(request_arena(req), &detail));
    return NULL;
}

static const struct route incident_report_route = {
    .method = "GET",
    .path = "/api/v1/incidents/{id}/report",
    .summary = "The incident as a report",
    .doc = "Markdown, or with format=json the same as the incident itself.",
    .tag = "Incidents",
    .role = ROLE_VIEWER,
    .query = &report_query_schema,
    .reply = &detail_schema,
    .handle = incident_report,
};
REGISTER(route, incident_report_route);

/* monitor_alerts.c - /api/v1/monitor/alerts: what is wrong with the instances now, each with its evidence. */
#include "alerts/alert.h"
#include "api/monitor.h"
#include "redis/diagnosis.h"
#include "redis/doctor.h"

#include <math.h>

enum { ALERTS_MAX = 1000 };

static const struct field evidence_fields[] = {
    STRING(struct monitor_evidence, text, .doc = "What was seen."),
    STRING(struct monitor_evidence, metric, .flags = F_NULLABLE, .doc = "The metric that shows it."),
    DOUBLE(struct monitor_evidence, value, .flags = F_NULLABLE, .doc = "The value."),
    { 0 },
};
const struct schema monitor_evidence_schema =
    SCHEMA(struct monitor_evidence, evidence_fields, .doc = "A sign of it, with numbers.");

void monitor_add_evidence(struct arena *arena, const struct rca_result *result, struct evidence_list *list)
{
    for (size_t i = 0; i < result->root_causes.count; i++) {
        const struct rca_cause *cause = &result->root_causes.at[i];
        for (size_t j = 0; j < cause->evidence.count; j++)
            *vec_push(&list->evidence, arena) =
                (struct monitor_evidence){ cause->evidence.at[j].text, cause->evidence.at[j].metric,
                                           cause->evidence.at[j].value };
    }
}

struct alerts_job {
    struct arena *arena;
    struct str resource; /* empty: any */
    struct alert_list *list;
};

static err alerts_read(struct tx *tx, void *arg)
{
    static const struct str states[] = { S("firing"), S("acknowledged") };
    struct alerts_job *job = arg;

    for (size_t s = 0; s < ARRAY_LEN(states); s++) {
        const struct alert_query query = { .status = states[s], .severity = S(""), .limit = ALERTS_MAX };
        struct alert_list list = { 0 };
        TRY(alert_select(tx, job->arena, &query, &list));
        for (size_t i = 0; i < list.alerts.count; i++)
            if (str_eq(list.alerts.at[i].source, S("redis")) &&
                (!job->resource.length || str_eq(list.alerts.at[i].resource, job->resource)))
                *vec_push(&job->list->alerts, job->arena) = list.alerts.at[i];
    }
    return NULL;
}

err monitor_alerts_of(struct arena *arena, struct str resource, struct alert_list *ret_list)
{
    struct alerts_job job = { .arena = arena, .resource = resource, .list = ret_list };

    *ret_list = (struct alert_list){ 0 };
    return db_read(services.db, alerts_read, &job);
}

struct alert_line {
    int64_t id;
    struct str connection, scenario, severity, title, state;
    int64_t since;
    VEC(struct monitor_evidence) evidence;
};
static const struct field alert_line_fields[] = {
    INT(struct alert_line, id, .doc = "Number of the alert."),
    STRING(struct alert_line, connection, .doc = "HOST:PORT of the instance."),
    STRING(struct alert_line, scenario, .flags = F_NULLABLE, .doc = "SC-001 ...; null where it has no number."),
    STRING(struct alert_line, severity, .doc = "critical, high, medium or low."),
    STRING(struct alert_line, title, .doc = "What is wrong."),
    TIME(struct alert_line, since, .doc = "Since when."),
    STRING(struct alert_line, state, .doc = "firing or acknowledged."),
    LIST(struct alert_line, evidence, .schema = &monitor_evidence_schema, .doc = "What shows it, by the newest poll."),
    { 0 },
};
static const struct schema alert_line_schema = SCHEMA(struct alert_line, alert_line_fields, .doc = "An alert.");

struct alerts_reply {
    int64_t total;
    VEC(struct alert_line) alerts;
};
static const struct field alerts_reply_fields[] = {
    INT(struct alerts_reply, total, .doc = "How many there are."),
    LIST(struct alerts_reply, alerts, .schema = &alert_line_schema, .doc = "Those that fire, then acknowledged ones."),
    { 0 },
};
static const struct schema alerts_reply_schema = SCHEMA(struct alerts_reply, alerts_reply_fields, .doc = "Alerts.");

static struct alert_line line_of(struct arena *arena, const struct alert_row *row)
{
    struct str scenario = json_str_or(json_get(row->labels, S("scenario")), S(""));
    struct redis_facts *facts = arena_alloc(arena, sizeof(*facts));
    struct redis_finding finding = { 0 };
    struct evidence_list list = { 0 };

    if (doctor_facts(arena, row->resource, facts) && diagnosis_of(arena, services.series, facts, row->name, &finding))
        monitor_add_evidence(arena, &finding.result, &list);
    if (!list.evidence.count && !isnan(row->value))
        *vec_push(&list.evidence, arena) = (struct monitor_evidence){
            str_printf(arena, "%.6g, with a threshold of %.6g, when it began", row->value, row->threshold),
            { NULL, 0 },
            row->value,
        };
    struct alert_line line = {
        .id = row->id,
        .connection = str_slice(row->resource, sizeof("redis:") - 1, row->resource.length),
        .scenario = scenario.length ? scenario : (struct str){ NULL, 0 },
        .severity = row->severity,
        .title = row->summary,
        .state = row->status == ALERT_ACKNOWLEDGED ? S("acknowledged") : S("firing"),
        .since = row->starts_at,
    };
    line.evidence.at = list.evidence.at;
    line.evidence.count = list.evidence.count;
    return line;
}

static err alerts(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct which_connection *q = query;
    struct arena *arena = request_arena(req);
    struct alerts_reply out = { 0 };
    struct connection c = { 0 };
    struct alert_list list;

    (void)body;
    if (q->connection.length)
        TRY(connections_find(arena, q->connection, &c));
    TRY(monitor_alerts_of(arena, c.resource, &list));
    for (size_t i = 0; i < list.alerts.count; i++) {
        *vec_push(&out.alerts, arena) = line_of(arena, &list.alerts.at[i]);
        TRY(arena_check(arena));
    }
    out.total = (int64_t)out.alerts.count;
    return reply_encode(reply, &alerts_reply_schema, &out);
}

static const struct route monitor_alerts_route = {
    .method = "GET",
    .path = "/api/v1/monitor/alerts",
    .summary = "What is wrong with which Redis",
    .tag = "Redis",
    .role = ROLE_VIEWER,
    .query = &which_connection_schema,
    .reply = &alerts_reply_schema,
    .handle = alerts,
};
REGISTER(route, monitor_alerts_route);

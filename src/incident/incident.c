/* incident.c - folds alerts, signals and anomalies into incidents, and lets go of them.
 *
 * DESIGN. A journal reader: step() sees each event once, in order, in the transaction that also stores what it changes
 * and appends. It keeps nothing in memory: the open incident of a resource is one indexed look-up, and events are rare.
 * It sends nothing and thinks nothing slow: rooms rca, action and notify read what it appends. */
#include "incident/incident.h"

#include "alerts/alert.h"
#include "base/json.h"
#include "topology/topology.h"

static const struct migration incident_1 = {
    .room = "incident",
    .number = 1,
    .sql = "CREATE TABLE incident ("
           "  id INTEGER PRIMARY KEY, title TEXT NOT NULL, summary TEXT NOT NULL, resource TEXT NOT NULL,"
           "  owner TEXT NOT NULL, severity INTEGER NOT NULL, status INTEGER NOT NULL, executions INTEGER NOT NULL,"
           "  started_at INTEGER NOT NULL, acknowledged_at INTEGER, resolved_at INTEGER, updated_at INTEGER NOT NULL,"
           "  rca TEXT) STRICT;"
           "CREATE INDEX incident_open ON incident (resource) WHERE status < 3;"
           "CREATE TABLE incident_member ("
           "  incident INTEGER NOT NULL, kind INTEGER NOT NULL, ref INTEGER NOT NULL, resource TEXT NOT NULL,"
           "  name TEXT NOT NULL, since INTEGER NOT NULL, ended_at INTEGER,"
           "  PRIMARY KEY (incident, kind, ref)) STRICT, WITHOUT ROWID;"
           "CREATE INDEX incident_member_ref ON incident_member (kind, ref);"
           "CREATE INDEX incident_member_name ON incident_member (name, kind);"
           "CREATE INDEX incident_severity ON incident (severity) WHERE status < 3;"
           /* lists are chosen in it, without reading incidents: their analyses are long */
           "CREATE INDEX incident_status ON incident (status, severity, resource);",
};
REGISTER(migration, incident_1);

/* What arrived, in one shape whatever kind it is. */
struct finding {
    enum incident_member_kind kind;
    int64_t ref;
    struct str name, title;
    struct str resource;
    enum severity severity;
};

static enum severity severity_of_word(struct str word)
{
    enum severity severity;

    return severity_parse(word, &severity) ? severity : SEVERITY_WARNING;
}

static enum severity severity_of_risk(double risk)
{
    return risk >= 0.9 ? SEVERITY_HIGH : risk >= 0.7 ? SEVERITY_WARNING : SEVERITY_INFO;
}

static err finding_of(struct tx *tx, const struct event *event, struct finding *ret_finding)
{
    struct arena *arena = tx_arena(tx);
    const struct json *data;

    TRY(json_parse(arena, event->data, &data));
    *ret_finding = (struct finding){ .resource = event->subject };
    switch (event->kind) {
    case EVENT_ALERT_FIRING:
    case EVENT_ALERT_RESOLVED:
        ret_finding->kind = MEMBER_ALERT;
        ret_finding->ref = json_i64_or(json_get(data, S("alert_id")), 0);
        ret_finding->name = json_str_or(json_get(data, S("alertname")), S("alert"));
        ret_finding->severity = severity_of_word(json_str_or(json_get(data, S("severity")), S("medium")));
        break;
    case EVENT_SIGNAL_RAISED:
    case EVENT_SIGNAL_CLEARED:
        ret_finding->kind = MEMBER_SIGNAL;
        ret_finding->ref = json_i64_or(json_get(data, S("signal_id")), 0);
        ret_finding->name = json_str_or(json_get(data, S("signal_type")), S("signal"));
        ret_finding->severity = severity_of_risk(json_number_or(json_get(data, S("risk_score")), 0));
        break;
    default:
        ret_finding->kind = MEMBER_ANOMALY;
        ret_finding->ref = json_i64_or(json_get(data, S("anomaly_id")), 0);
        ret_finding->name = json_str_or(json_get(data, S("metric")), S("anomaly"));
        ret_finding->severity = severity_of_word(json_str_or(json_get(data, S("severity")), S("low")));
    }
    ret_finding->title = event->reason.length ? str_copy(arena, event->reason) : ret_finding->name;
    return NULL;
}

struct open_incident {
    int64_t id;
    enum incident_status status;
    enum severity severity;
};

static err first_of(struct rows *rows, struct open_incident *ret_incident)
{
    *ret_incident = (struct open_incident){ 0 };
    if (rows_next(rows))
        *ret_incident = (struct open_incident){ rows_i64(rows, 0), (enum incident_status)rows_i64(rows, 1),
                                                (enum severity)rows_i64(rows, 2) };
    return rows_err(rows);
}

/* find_home - the open incident of the resource, else the one that ended with this very member a moment ago. */
static err find_home(struct tx *tx, const struct finding *finding, struct open_incident *ret_incident)
{
    struct rows *open CLEANUP(rows_closep) = NULL, *recent CLEANUP(rows_closep) = NULL;

    TRY(tx_query(
        tx, "SELECT id, status, severity FROM incident WHERE resource = ?1 AND status < 3 ORDER BY id DESC LIMIT 1",
        PARAMS(finding->resource), &open));
    TRY(first_of(open, ret_incident));
    if (ret_incident->id)
        return NULL;
    TRY(tx_query(tx,
                 "SELECT i.id, i.status, i.severity FROM incident_member m JOIN incident i ON i.id = m.incident"
                 " WHERE m.kind = ?1 AND m.ref = ?2 AND i.resolved_at > ?3 ORDER BY i.id DESC LIMIT 1",
                 PARAMS((int64_t)finding->kind, finding->ref, tx_now_ms(tx) - INCIDENT_REOPEN_MS), &recent));
    return first_of(recent, ret_incident);
}

/* show_health - the tile of the resource takes the colour of its incident. */
static err show_health(struct tx *tx, const struct incident_row *row)
{
    enum severity severity = SEVERITY_WARNING;

    if (row->status == INCIDENT_RESOLVED)
        return resource_set_health(tx, row->resource, HEALTH_UNKNOWN);
    bool known = severity_parse(row->severity, &severity);
    return resource_set_health(tx, row->resource,
                               known && severity <= SEVERITY_HIGH ? HEALTH_CRITICAL : HEALTH_WARNING);
}

/* append - the event of a change, with what people want to see of the incident in its data. */
static err append(struct tx *tx, enum event_kind kind, int64_t id, struct str actor, struct str reason, bool automatic)
{
    struct arena *arena = tx_arena(tx);
    struct incident_row row;
    struct buf text CLEANUP(buf_clear) = { .max = 1 << 16 };

    TRY(incident_get(tx, arena, id, &row));
    struct json_writer w = json_writer(&text);
    json_begin_object(&w);
    json_put_i64(&w, S("v"), 1);
    json_put_str(&w, S("title"), row.title);
    json_put_str(&w, S("severity"), row.severity);
    json_put_str(&w, S("priority"), row.priority);
    json_put_i64(&w, S("alerts"), row.alerts);
    json_put_i64(&w, S("signals"), row.signals);
    json_put_str(&w, S("owner"), row.owner);
    json_put_bool(&w, S("automatic"), automatic);
    json_end_object(&w);
    TRY(show_health(tx, &row));
    return journal_append(tx,
                          &(struct event){ .kind = kind,
                                           .subject = row.resource,
                                           .incident = id,
                                           .actor = actor,
                                           .reason = reason,
                                           .data = buf_str(&text) },
                          NULL);
}

static err open_new(struct tx *tx, const struct finding *finding, int64_t *ret_id)
{
    TRY(tx_run(
        tx,
        "INSERT INTO incident (title, summary, resource, owner, severity, status, executions, started_at, updated_at)"
        " VALUES (?1, '', ?2, '', ?3, 0, 0, ?4, ?4)",
        PARAMS(finding->title, finding->resource, (int64_t)finding->severity, tx_now_ms(tx))));
    *ret_id = tx_last_id(tx);
    return NULL;
}

static err add_member(struct tx *tx, int64_t id, const struct finding *finding)
{
    TRY(tx_run(
        tx,
        "INSERT INTO incident_member (incident, kind, ref, resource, name, since) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
        " ON CONFLICT (incident, kind, ref) DO UPDATE SET ended_at = NULL",
        PARAMS(id, (int64_t)finding->kind, finding->ref, finding->resource, finding->name, tx_now_ms(tx))));
    return finding->kind == MEMBER_ALERT ? alert_set_incident(tx, finding->ref, id) : NULL;
}

static err fold(struct tx *tx, const struct event *event)
{
    struct finding finding;
    struct open_incident home;

    TRY(finding_of(tx, event, &finding));
    TRY(find_home(tx, &finding, &home));
    enum event_kind kind = EVENT_INCIDENT_CHANGED;
    if (!home.id) {
        kind = EVENT_INCIDENT_OPENED;
        TRY(open_new(tx, &finding, &home.id));
    } else {
        kind = home.status == INCIDENT_RESOLVED ? EVENT_INCIDENT_REOPENED : EVENT_INCIDENT_CHANGED;
        TRY(tx_run(
            tx,
            "UPDATE incident SET title = CASE WHEN ?2 < severity THEN ?4 ELSE title END," /* the worst names it */
            " severity = min(severity, ?2), updated_at = ?3, resolved_at = NULL,"
            " rca = CASE status WHEN 3 THEN NULL ELSE rca END,"
            " status = CASE status WHEN 3 THEN 0 ELSE status END WHERE id = ?1",
            PARAMS(home.id, (int64_t)finding.severity, tx_now_ms(tx), finding.title)));
    }
    TRY(add_member(tx, home.id, &finding));
    TRY(journal_attach(tx, event->id, home.id));
    return append(tx, kind, home.id, S("auspex"), finding.title, true);
}

/* settle - resolve by itself where every member has ended and nothing is being done about it. */
static err settle(struct tx *tx, int64_t id)
{
    int64_t alive;

    TRY(tx_get_i64(tx,
                   "SELECT (SELECT count(*) FROM incident_member WHERE incident = ?1 AND ended_at IS NULL) + executions"
                   " FROM incident WHERE id = ?1 AND status < 3",
                   PARAMS(id), 1, &alive));
    if (alive)
        return NULL;
    TRY(tx_run(tx, "UPDATE incident SET status = 3, resolved_at = ?2, updated_at = ?2 WHERE id = ?1",
               PARAMS(id, tx_now_ms(tx))));
    return append(tx, EVENT_INCIDENT_RESOLVED, id, S("auspex"), S("everything that belonged to it has ended"), true);
}

static err release(struct tx *tx, const struct event *event)
{
    struct finding finding;
    struct rows *rows CLEANUP(rows_closep) = NULL;
    VEC(int64_t) incidents = { 0 };

    TRY(finding_of(tx, event, &finding));
    TRY(tx_query(tx,
                 "SELECT m.incident FROM incident_member m JOIN incident i ON i.id = m.incident"
                 " WHERE m.kind = ?1 AND m.ref = ?2 AND m.ended_at IS NULL AND i.status < 3",
                 PARAMS((int64_t)finding.kind, finding.ref), &rows));
    while (rows_next(rows))
        *vec_push(&incidents, tx_arena(tx)) = rows_i64(rows, 0);
    TRY(rows_err(rows));
    for (size_t i = 0; i < incidents.count; i++) {
        TRY(tx_run(tx, "UPDATE incident_member SET ended_at = ?4 WHERE incident = ?1 AND kind = ?2 AND ref = ?3",
                   PARAMS(incidents.at[i], (int64_t)finding.kind, finding.ref, tx_now_ms(tx))));
        TRY(journal_attach(tx, event->id, incidents.at[i]));
        TRY(settle(tx, incidents.at[i]));
    }
    return NULL;
}

/* An execution on its way keeps the incident open and shows it as healing. */
static err execution_started(struct tx *tx, const struct event *event)
{
    return tx_run(
        tx, "UPDATE incident SET executions = executions + 1, status = 2, updated_at = ?2 WHERE id = ?1 AND status < 3",
        PARAMS(event->incident, tx_now_ms(tx)));
}

static err execution_ended(struct tx *tx, const struct event *event)
{
    TRY(tx_run(
        tx,
        "UPDATE incident SET executions = max(executions - 1, 0), updated_at = ?2,"
        " status = CASE WHEN status <> 2 OR executions > 1 THEN status WHEN acknowledged_at IS NULL THEN 0 ELSE 1 END"
        " WHERE id = ?1",
        PARAMS(event->incident, tx_now_ms(tx))));
    return settle(tx, event->incident);
}

static err keep_rca(struct tx *tx, const struct event *event)
{
    const struct json *data;

    TRY(json_parse(tx_arena(tx), event->data, &data));
    struct str failure = json_str_or(json_get(data, S("critical_failure")), S(""));
    return tx_run(tx,
                  "UPDATE incident SET rca = ?2, updated_at = ?3, summary = CASE ?4 WHEN '' THEN summary ELSE ?4 END "
                  "WHERE id = ?1",
                  PARAMS(event->incident, event->data, tx_now_ms(tx), failure));
}

static err incident_step(struct reader *reader, const struct event *event)
{
    struct tx *tx = reader_tx(reader);

    switch (event->kind) {
    case EVENT_ALERT_FIRING:
    case EVENT_SIGNAL_RAISED:
    case EVENT_ANOMALY_OPENED:
        return fold(tx, event);
    case EVENT_ALERT_RESOLVED:
    case EVENT_SIGNAL_CLEARED:
    case EVENT_ANOMALY_CLOSED:
        return release(tx, event);
    case EVENT_EXECUTION_STARTED:
        return event->incident ? execution_started(tx, event) : NULL;
    case EVENT_EXECUTION_ENDED:
    case EVENT_EXECUTION_INTERRUPTED:
        return event->incident ? execution_ended(tx, event) : NULL;
    case EVENT_RCA_COMPLETED:
        return event->incident ? keep_rca(tx, event) : NULL;
    default:
        return NULL;
    }
}

static const struct journal_reader incident = { .name = "incident", .step = incident_step };
REGISTER(journal_reader, incident);

/* change - one statement by a person, and its event; changes nothing where `sql` finds the incident in no state that
 * allows it. */
static err change(struct tx *tx, int64_t id, const char *sql, struct params params, enum event_kind kind,
                  struct str actor, struct str words)
{
    struct incident_row row;

    TRY(tx_run(tx, sql, params));
    if (tx_changes(tx))
        return append(tx, kind, id, actor, words, false);
    TRY(incident_get(tx, tx_arena(tx), id, &row));
    return err_new(ERR_CONFLICT, "incident %lld is %s", (long long)id,
                   row.status == INCIDENT_RESOLVED ? "resolved" : "not resolved");
}

err incident_acknowledge(struct tx *tx, int64_t id, struct str actor, struct str comment)
{
    return change(
        tx, id,
        "UPDATE incident SET status = max(status, 1), acknowledged_at = coalesce(acknowledged_at, ?2), updated_at = ?2,"
        " owner = CASE owner WHEN '' THEN ?3 ELSE owner END WHERE id = ?1 AND status < 3",
        PARAMS(id, tx_now_ms(tx), actor), EVENT_INCIDENT_ACKNOWLEDGED, actor, comment);
}

err incident_resolve(struct tx *tx, int64_t id, struct str actor, struct str resolution)
{
    return change(tx, id,
                  "UPDATE incident SET status = 3, resolved_at = ?2, updated_at = ?2 WHERE id = ?1 AND status < 3",
                  PARAMS(id, tx_now_ms(tx)), EVENT_INCIDENT_RESOLVED, actor, resolution);
}

err incident_reopen(struct tx *tx, int64_t id, struct str actor, struct str reason)
{
    return change(
        tx, id,
        "UPDATE incident SET status = 0, rca = NULL, resolved_at = NULL, updated_at = ?2 WHERE id = ?1 AND status = 3",
        PARAMS(id, tx_now_ms(tx)), EVENT_INCIDENT_REOPENED, actor, reason);
}

err incident_assign(struct tx *tx, int64_t id, struct str actor, struct str owner)
{
    return change(tx, id, "UPDATE incident SET owner = ?2, updated_at = ?3 WHERE id = ?1 AND status < 3",
                  PARAMS(id, owner, tx_now_ms(tx)), EVENT_INCIDENT_ASSIGNED, actor, owner);
}

err incident_note(struct tx *tx, int64_t id, struct str actor, struct str text)
{
    return change(tx, id, "UPDATE incident SET updated_at = ?2 WHERE id = ?1", PARAMS(id, tx_now_ms(tx)),
                  EVENT_INCIDENT_NOTE, actor, text);
}

/* alert.c - the life of one alert: firing, acknowledged, resolved, and firing again. */
#include "alerts/alert.h"

#include "base/time.h"
#include "db/journal.h"

#include <math.h>

enum {
    RESOURCE_MAX = 512, /* of labels: an event's subject holds it, and a filter takes as much */
    SENTENCE_MAX = 512, /* of a summary in the journal and in titles; the annotation stays whole */
    JSON_MAX = 1 << 20,
};

static const struct migration alerts_1 = {
    .room = "alerts",
    .number = 1,
    .sql = "CREATE TABLE alert ("
           "  id INTEGER PRIMARY KEY, fingerprint INTEGER NOT NULL, name TEXT NOT NULL, resource TEXT NOT NULL,"
           "  source TEXT NOT NULL, status INTEGER NOT NULL, severity INTEGER NOT NULL, labels TEXT NOT NULL,"
           "  annotations TEXT NOT NULL, value REAL, threshold REAL, generator_url TEXT NOT NULL,"
           "  starts_at INTEGER NOT NULL, ends_at INTEGER, acknowledged_at INTEGER, incident INTEGER) STRICT;"
           "CREATE UNIQUE INDEX alert_fingerprint ON alert (fingerprint);"
           /* lists are chosen in it, without reading alerts: their labels are long */
           "CREATE INDEX alert_status ON alert (status, severity);"
           "CREATE INDEX alert_source ON alert (source);"
           "CREATE INDEX alert_incident ON alert (incident) WHERE incident IS NOT NULL;",
};
REGISTER(migration, alerts_1);

/* What a transition needs to know of the row that stands. */
struct known {
    int64_t id;
    enum alert_status status;
    int64_t starts_at;
};

static err find(struct tx *tx, uint64_t fingerprint, struct known *ret_known)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;

    *ret_known = (struct known){ .status = ALERT_RESOLVED };
    TRY(tx_query(tx, "SELECT id, status, starts_at FROM alert WHERE fingerprint = ?1", PARAMS((int64_t)fingerprint),
                 &rows));
    if (rows_next(rows))
        *ret_known = (struct known){ rows_i64(rows, 0), (enum alert_status)rows_i64(rows, 1), rows_i64(rows, 2) };
    return rows_err(rows);
}

static struct str json_of(struct arena *arena, struct labels labels)
{
    struct buf text CLEANUP(buf_clear);

    buf_init(&text, JSON_MAX);
    struct json_writer w = json_writer(&text);
    labels_write_json(&w, labels);
    return str_copy(arena, buf_str(&text));
}

static enum severity severity_of(const struct alert_in *alert)
{
    enum severity severity;

    return severity_parse(labels_get(alert->labels, S("severity")), &severity) ? severity : SEVERITY_WARNING;
}

/* host_of - an instance without its port: "db1:9100", "[2001:db8::7]:9100", "2001:db8::7". */
static struct str host_of(struct str instance)
{
    struct str rest, host = str_cut(instance, ':', &rest), more;

    if (instance.length && instance.at[0] == '[')
        return str_cut(str_slice(instance, 1, instance.length), ']', &rest);
    str_cut(rest, ':', &more);
    return more.at ? instance : host;
}

struct str alert_resource(struct arena *arena, struct labels labels)
{
    static const struct {
        struct str label, prefix;
    } places[] = {
        { S("resource"), S("") },
        { S("service"), S("service:") },
        { S("job"), S("service:") },
    };

    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct str value = labels_get(labels, places[i].label);
        if (value.length)
            return str_printf(arena, "%.*s%.*s", STR_ARG(places[i].prefix),
                              STR_ARG(str_utf8_head(value, RESOURCE_MAX - places[i].prefix.length)));
    }
    struct str host = str_utf8_head(host_of(labels_get(labels, S("instance"))), RESOURCE_MAX - 5);
    return host.length ? str_printf(arena, "host:%.*s", STR_ARG(host)) : S("service:unknown");
}

static err event_data(struct tx *tx, const struct alert_in *alert, int64_t id, struct str resource, int64_t starts_at,
                      struct str *ret_data)
{
    struct arena *arena = tx_arena(tx);
    struct buf text CLEANUP(buf_clear);

    buf_init(&text, JSON_MAX);
    struct json_writer w = json_writer(&text);
    json_begin_object(&w);
    json_put_i64(&w, S("v"), 1);
    json_put_i64(&w, S("alert_id"), id);
    json_put_str(&w, S("fingerprint"),
                 str_printf(arena, "%016llx", (unsigned long long)labels_fingerprint(alert->labels)));
    json_put_str(&w, S("alertname"), labels_get(alert->labels, S("alertname")));
    json_key(&w, S("labels"));
    labels_write_json(&w, alert->labels);
    json_key(&w, S("annotations"));
    labels_write_json(&w, alert->annotations);
    json_put_str(&w, S("severity"), str_of(severity_word(severity_of(alert))));
    json_put_str(&w, S("source"), alert->source);
    json_put_str(&w, S("resource"), resource);
    json_put_time(&w, S("starts_at"), starts_at);
    if (alert->resolved)
        json_put_time(&w, S("ends_at"), alert->ends_at_ms ? alert->ends_at_ms : tx_now_ms(tx));
    if (!isnan(alert->value))
        json_put_double(&w, S("value"), alert->value);
    if (!isnan(alert->threshold))
        json_put_double(&w, S("threshold"), alert->threshold);
    if (alert->generator_url.length)
        json_put_str(&w, S("generator_url"), alert->generator_url);
    json_end_object(&w);
    *ret_data = str_copy(arena, buf_str(&text));
    return err_wrap(buf_check(&text), "the alert");
}

static struct param null_or_double(double value)
{
    return isnan(value) ? (struct param){ .type = PARAM_NULL } : param_double(value);
}

static struct param null_or_time(int64_t time_ms)
{
    return time_ms ? param_i64(time_ms) : (struct param){ .type = PARAM_NULL };
}

/* store_firing - a first or a renewed start; a renewed one loses its acknowledgement. */
static err store_firing(struct tx *tx, const struct alert_in *alert, struct known *known, struct str resource)
{
    struct arena *arena = tx_arena(tx);

    TRY(tx_run(tx,
               "INSERT INTO alert (fingerprint, name, resource, source, status, severity, labels, annotations, value, "
               "threshold,"
               " generator_url, starts_at, ends_at) VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
               " ON CONFLICT (fingerprint) DO UPDATE SET status = 0, severity = ?5, annotations = ?7, value = ?8, "
               "threshold = ?9,"
               " generator_url = ?10, starts_at = ?11, ends_at = ?12, acknowledged_at = NULL",
               PARAMS((int64_t)labels_fingerprint(alert->labels), labels_get(alert->labels, S("alertname")), resource,
                      alert->source, (int64_t)severity_of(alert), json_of(arena, alert->labels),
                      json_of(arena, alert->annotations), null_or_double(alert->value),
                      null_or_double(alert->threshold), alert->generator_url.at ? alert->generator_url : S(""),
                      known->starts_at, null_or_time(alert->ends_at_ms))));
    if (!known->id)
        known->id = tx_last_id(tx);
    return NULL;
}

static err append(struct tx *tx, const struct alert_in *alert, const struct known *known, struct str resource)
{
    struct event event = {
        .kind = alert->resolved ? EVENT_ALERT_RESOLVED : EVENT_ALERT_FIRING,
        .subject = resource,
        .actor = S("auspex"),
        .reason = str_utf8_head(labels_get(alert->annotations, S("summary")), SENTENCE_MAX),
    };

    TRY(event_data(tx, alert, known->id, resource, known->starts_at, &event.data));
    return journal_append(tx, &event, NULL);
}

err alert_record(struct tx *tx, const struct alert_in *alert, int64_t *ret_id)
{
    struct known known;

    if (labels_get(alert->labels, S("alertname")).length == 0)
        return err_new(ERR_INVALID, "an alert needs the label alertname");
    struct str resource = alert->resource.length ? alert->resource : alert_resource(tx_arena(tx), alert->labels);
    TRY(find(tx, labels_fingerprint(alert->labels), &known));
    bool open = known.id && known.status != ALERT_RESOLVED;
    if (alert->resolved && open) {
        int64_t ends_at = alert->ends_at_ms ? alert->ends_at_ms : tx_now_ms(tx);
        TRY(tx_run(tx, "UPDATE alert SET status = 2, ends_at = ?2 WHERE id = ?1", PARAMS(known.id, ends_at)));
        TRY(append(tx, alert, &known, resource));
    } else if (!alert->resolved && open) {
        TRY(tx_run(tx, "UPDATE alert SET ends_at = ?2, value = coalesce(?3, value) WHERE id = ?1",
                   PARAMS(known.id, null_or_time(alert->ends_at_ms), null_or_double(alert->value))));
    } else if (!alert->resolved) {
        known.starts_at = alert->starts_at_ms ? alert->starts_at_ms : tx_now_ms(tx);
        TRY(store_firing(tx, alert, &known, resource));
        TRY(append(tx, alert, &known, resource));
    }
    if (ret_id)
        *ret_id = known.id;
    return NULL;
}

/* person_changes - the transitions that a person makes, with the person's words in the journal. */
static err person_changes(struct tx *tx, int64_t id, enum event_kind kind, struct str actor, struct str words)
{
    struct arena *arena = tx_arena(tx);
    struct alert_row row;
    struct buf text CLEANUP(buf_clear) = { .max = 1 << 16 };

    TRY(alert_get(tx, arena, id, &row));
    struct json_writer w = json_writer(&text);
    json_begin_object(&w);
    json_put_i64(&w, S("v"), 1);
    json_put_i64(&w, S("alert_id"), id);
    json_put_str(&w, S("fingerprint"), row.fingerprint);
    json_put_str(&w, S("alertname"), row.name);
    json_put_str(&w, kind == EVENT_ALERT_RESOLVED ? S("resolution") : S("comment"), words);
    json_end_object(&w);
    return journal_append(
        tx,
        &(struct event){
            .kind = kind, .subject = row.resource, .actor = actor, .reason = words, .data = buf_str(&text) },
        NULL);
}

err alert_acknowledge(struct tx *tx, int64_t id, struct str actor, struct str comment)
{
    TRY(tx_run(tx, "UPDATE alert SET status = 1, acknowledged_at = ?2 WHERE id = ?1 AND status = 0",
               PARAMS(id, tx_now_ms(tx))));
    if (tx_changes(tx) == 0) {
        struct alert_row row;
        TRY(alert_get(tx, tx_arena(tx), id, &row));
        if (row.status == ALERT_RESOLVED)
            return err_new(ERR_CONFLICT, "alert %lld is resolved already", (long long)id);
        return NULL;
    }
    return person_changes(tx, id, EVENT_ALERT_ACKNOWLEDGED, actor, comment);
}

err alert_resolve(struct tx *tx, int64_t id, struct str actor, struct str resolution)
{
    TRY(tx_run(tx, "UPDATE alert SET status = 2, ends_at = ?2 WHERE id = ?1 AND status < 2",
               PARAMS(id, tx_now_ms(tx))));
    if (tx_changes(tx) == 0) {
        struct alert_row row;
        return alert_get(tx, tx_arena(tx), id, &row);
    }
    return person_changes(tx, id, EVENT_ALERT_RESOLVED, actor, resolution);
}

err alert_set_incident(struct tx *tx, int64_t id, int64_t incident)
{
    return tx_run(tx, "UPDATE alert SET incident = ?2 WHERE id = ?1", PARAMS(id, incident));
}

/* alert.h - rules that fire, ours or another system's: one row an alert, identified by the fingerprint of its labels.
 *
 * Owner: the table `alert`. Threads: functions with a tx within that tx; alert_record is what every source calls.
 *
 * A re-sent alert that changes nothing is no event: only its ends_at moves. Transitions append to the journal
 * (alert.firing, alert.resolved, alert.acknowledged), in the caller's transaction. */
#pragma once
#include "db/db.h"
#include "model/labels.h"
#include "model/severity.h"
#include "schema/schema.h"

enum alert_status { ALERT_FIRING, ALERT_ACKNOWLEDGED, ALERT_RESOLVED };

struct alert_in {
    struct labels labels; /* with alertname */
    struct labels annotations;
    struct str source;   /* "redis", "host", "webhook", "grafana", ... */
    struct str resource; /* empty: taken from the labels, see docs/format/journal.md */
    bool resolved;
    int64_t starts_at_ms;    /* 0: now */
    int64_t ends_at_ms;      /* 0: unknown */
    double value, threshold; /* NaN where there is none */
    struct str generator_url;
};

/* alert_record - store what is new about it and append what follows. *ret_id (may be NULL): the alert's id, 0 where a
 * resolution came for an alert that nobody knows. ERR_INVALID without alertname. */
err alert_record(struct tx *tx, const struct alert_in *alert, int64_t *ret_id) MUST_USE;

/* alert_resource - the resource id that labels point to: labels resource, else instance of a Redis alert, else service,
 * job, instance. */
struct str alert_resource(struct arena *arena, struct labels labels);

struct alert_row {
    int64_t id;
    struct str fingerprint, name, resource, source;
    int status;
    struct str severity;          /* word */
    struct str original_severity; /* the label as it came */
    struct str priority;
    const struct json *labels, *annotations;
    struct str summary;
    double value, threshold;
    int64_t starts_at, ends_at, acknowledged_at, incident_id;
};
extern const struct schema alert_row_schema;

struct alert_list {
    int64_t total;
    VEC(struct alert_row) alerts;
    struct str next_cursor;
};
extern const struct schema alert_list_schema;

struct alert_query {
    struct str status, severity; /* empty: any; an unknown value finds nothing */
    int64_t incident;            /* 0: any */
    int64_t limit;
    int64_t before; /* cursor: ids below it; 0: the newest */
};

err alert_select(struct tx *tx, struct arena *arena, const struct alert_query *query,
                 struct alert_list *ret_list) MUST_USE;
err alert_get(struct tx *tx, struct arena *arena, int64_t id, struct alert_row *ret_alert) MUST_USE;
/* alert_acknowledge, alert_resolve - by a person. ERR_NOT_FOUND; resolving twice changes nothing. */
err alert_acknowledge(struct tx *tx, int64_t id, struct str actor, struct str comment) MUST_USE;
err alert_resolve(struct tx *tx, int64_t id, struct str actor, struct str resolution) MUST_USE;
/* alert_set_incident - which incident it belongs to now; room incident says so. */
err alert_set_incident(struct tx *tx, int64_t id, int64_t incident) MUST_USE;

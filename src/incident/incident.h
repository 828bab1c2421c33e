/* incident.h - one problem: the alerts, anomalies and signals that belong together, and its life until it is resolved.
 *
 * Owner: the tables `incident` and `incident_member`. Threads: functions with a tx within that tx.
 *
 * Folding, first form: what concerns a resource joins the open incident of that resource; an alert that fires again
 * within 5 minutes of its incident's end reopens it; anything else opens a new one. It resolves by itself once every
 * member has ended and no execution is on its way. Correlation over the topology comes on top of this and keeps these
 * tables. */
#pragma once
#include "db/db.h"
#include "db/journal.h"
#include "model/severity.h"
#include "schema/schema.h"

enum incident_status { INCIDENT_OPEN, INCIDENT_ACKNOWLEDGED, INCIDENT_HEALING, INCIDENT_RESOLVED };
enum incident_member_kind { MEMBER_ALERT = 1, MEMBER_SIGNAL = 2, MEMBER_ANOMALY = 3 };
enum { INCIDENT_REOPEN_MS = 5 * 60 * 1000 };

struct incident_row {
    int64_t id;
    struct str title, summary, resource, owner, severity, priority;
    int status;
    int64_t started_at, acknowledged_at, resolved_at, updated_at;
    int64_t alerts, signals; /* members of each kind */
    const struct json *rca;  /* data of the last rca.completed; NULL: none yet */
};
extern const struct schema incident_row_schema;

struct incident_list {
    int64_t total;
    VEC(struct incident_row) incidents;
    struct str next_cursor;
};
extern const struct schema incident_list_schema;

struct incident_query {
    struct str status, severity, resource; /* empty: any. status "active": all but resolved */
    int64_t limit;
    int64_t before;
};

err incident_select(struct tx *tx, struct arena *arena, const struct incident_query *query,
                    struct incident_list *ret_list) MUST_USE;
err incident_get(struct tx *tx, struct arena *arena, int64_t id, struct incident_row *ret_incident) MUST_USE;

struct incident_member {
    int64_t kind, ref; /* enum incident_member_kind; id of the alert or signal */
    struct str resource, name;
    bool ended;
};
struct incident_members {
    VEC(struct incident_member) members;
};
err incident_members(struct tx *tx, struct arena *arena, int64_t id, struct incident_members *ret_members) MUST_USE;

/* What a person does; each appends its event. ERR_NOT_FOUND; ERR_CONFLICT where it is resolved (reopen: where it is
 * not). */
err incident_acknowledge(struct tx *tx, int64_t id, struct str actor, struct str comment) MUST_USE;
err incident_resolve(struct tx *tx, int64_t id, struct str actor, struct str resolution) MUST_USE;
err incident_reopen(struct tx *tx, int64_t id, struct str actor, struct str reason) MUST_USE;
err incident_assign(struct tx *tx, int64_t id, struct str actor, struct str owner) MUST_USE;
err incident_note(struct tx *tx, int64_t id, struct str actor, struct str text) MUST_USE;

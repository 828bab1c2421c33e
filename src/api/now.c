/* now.c - GET /api/v1/now: the state of everything in one reply, for the first page and for `auspex status`. */
#include "action/view.h"
#include "api/services.h"
#include "incident/incident.h"
#include "ingest/collecting.h"
#include "notify/receivers.h"

enum { WINDOW_MS = 24 * 3600 * 1000 };

static const char *const state_words[] = { "ok", "attention", "critical", NULL };

struct noise {
    int64_t alerts, incidents, pages, healed;
    struct str window;
};
static const struct field noise_fields[] = {
    INT(struct noise, alerts, .doc = "Alerts that began."),
    INT(struct noise, incidents, .doc = "Incidents that they became."),
    INT(struct noise, pages, .doc = "Messages that people got."),
    INT(struct noise, healed, .doc = "Executions that were verified as fixed."),
    STRING(struct noise, window, .doc = "Over which time."),
    { 0 },
};
static const struct schema noise_schema = SCHEMA(struct noise, noise_fields, .doc = "From alerts to pages.");

struct guide {
    bool host, service, telemetry, receiver;
};
static const struct field guide_fields[] = {
    BOOL(struct guide, host, .doc = "Samples of this host arrive."),
    BOOL(struct guide, service, .doc = "A service is connected."),
    BOOL(struct guide, telemetry, .doc = "Something was sent in."),
    BOOL(struct guide, receiver, .doc = "A message reached a receiver."),
    { 0 },
};
static const struct schema guide_schema = SCHEMA(struct guide, guide_fields, .doc = "The first four steps.");

struct now {
    int state;
    int64_t open_incidents, needs_you, pending_approvals;
    struct noise noise;
    struct stop_view stop;
    struct guide guide;
};
static const struct field now_fields[] = {
    ENUM(struct now, state, .words = state_words, .doc = "The worst of what is open."),
    INT(struct now, open_incidents, .doc = "Incidents that are not resolved."),
    INT(struct now, needs_you, .doc = "Open incidents that nobody took, and approvals that wait beside them."),
    INT(struct now, pending_approvals, .doc = "Executions that wait for approval."),
    STRUCT(struct now, noise, .schema = &noise_schema, .doc = "From alerts to pages, over 24 hours."),
    STRUCT(struct now, stop, .schema = &stop_view_schema, .doc = "The STOP switch."),
    STRUCT(struct now, guide, .schema = &guide_schema, .doc = "What of the first steps is done."),
    { 0 },
};
static const struct schema now_schema = SCHEMA(struct now, now_fields, .doc = "The state of everything.");

struct now_job {
    struct now *now;
    struct execution_rows waiting;
};

/* waits_elsewhere - approvals that are no part of an incident which needs somebody already. */
static err waits_elsewhere(struct tx *tx, const struct execution_rows *waiting, int64_t *ret_count)
{
    *ret_count = 0;
    for (size_t i = 0; i < waiting->count; i++) {
        int64_t untaken;
        TRY(tx_get_i64(tx, "SELECT count(*) FROM incident WHERE id = ?1 AND status = 0 AND severity <= 3",
                       PARAMS(waiting->at[i].incident), 0, &untaken));
        *ret_count += !untaken;
    }
    return NULL;
}

static err read_incidents(struct tx *tx, struct now_job *job)
{
    struct now *now = job->now;
    int64_t critical, untaken, elsewhere;

    TRY(tx_get_i64(tx, "SELECT count(*) FROM incident WHERE status < 3", NONE, 0, &now->open_incidents));
    TRY(tx_get_i64(tx, "SELECT count(*) FROM incident WHERE status < 3 AND severity <= 2", NONE, 0, &critical));
    TRY(tx_get_i64(tx, "SELECT count(*) FROM incident WHERE status < 3 AND status = 0 AND severity <= 3", NONE, 0,
                   &untaken));
    TRY(waits_elsewhere(tx, &job->waiting, &elsewhere));
    now->pending_approvals = job->waiting.total;
    now->state = critical ? 2 : now->open_incidents || now->pending_approvals ? 1 : 0;
    now->needs_you = untaken + elsewhere;
    return NULL;
}

/* read_noise - counted by the journal's index of kinds, from where the window begins. */
static err read_noise(struct tx *tx, struct now *now)
{
    int64_t first;

    now->noise.window = S("24h");
    TRY(journal_id_at(tx, tx_now_ms(tx) - WINDOW_MS, &first));
    TRY(tx_get_i64(tx, "SELECT count(*) FROM journal WHERE kind = ?1 AND id >= ?2",
                   PARAMS((int64_t)EVENT_ALERT_FIRING, first), 0, &now->noise.alerts));
    TRY(tx_get_i64(tx, "SELECT count(*) FROM journal WHERE kind = ?1 AND id >= ?2",
                   PARAMS((int64_t)EVENT_INCIDENT_OPENED, first), 0, &now->noise.incidents));
    TRY(tx_get_i64(tx, /* a test message belongs to no incident: it wakes nobody */
                   "SELECT count(*) FROM journal WHERE kind = ?1 AND id >= ?2 AND incident <> 0",
                   PARAMS((int64_t)EVENT_NOTIFICATION_SENT, first), 0, &now->noise.pages));
    return tx_get_i64(tx,
                      "SELECT count(*) FROM journal WHERE kind = ?1 AND id >= ?2"
                      " AND json_extract(data, '$.outcome') = 'fixed'",
                      PARAMS((int64_t)EVENT_EXECUTION_ENDED, first), 0, &now->noise.healed);
}

static err read_guide(struct tx *tx, struct now *now)
{
    struct config *config CLEANUP(config_unrefp) = services.config();
    int64_t sent_in, told = 0;
    size_t receivers;

    TRY(tx_get_i64(tx, "SELECT EXISTS (SELECT 1 FROM alert WHERE source IN ('webhook', 'grafana'))", NONE, 0,
                   &sent_in));
    config_list(config, &receivers_section, &receivers);
    if (receivers)
        TRY(tx_get_i64(tx, "SELECT EXISTS (SELECT 1 FROM journal WHERE kind = ?1)",
                       PARAMS((int64_t)EVENT_NOTIFICATION_SENT), 0, &told));
    now->guide.telemetry = sent_in > 0;
    now->guide.receiver = told > 0;
    return NULL;
}

static err now_read(struct tx *tx, void *arg)
{
    struct now_job *job = arg;

    TRY(read_incidents(tx, job));
    TRY(read_noise(tx, job->now));
    return read_guide(tx, job->now);
}

static void read_sources(struct arena *arena, struct now *now)
{
    struct source_list sources;

    collecting_list(services.collecting, arena, &sources);
    for (size_t i = 0; i < sources.count; i++) {
        bool ok = sources.at[i].condition == SOURCE_OK;
        if (str_eq(sources.at[i].collector, S("node")))
            now->guide.host |= ok;
        else if (str_eq(sources.at[i].collector, S("redis")))
            now->guide.service |= ok;
    }
}

static err now_handle(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct arena *arena = request_arena(req);
    struct execution_filter waiting = { .state = EXECUTION_PENDING_APPROVAL, .limit = 1000 };
    struct stop_state stop;
    struct now now = { 0 };
    struct now_job job = { .now = &now };

    (void)query, (void)body;
    TRY(action_list(arena, &waiting, &job.waiting));
    TRY(action_stop_get(arena, &stop));
    now.stop =
        (struct stop_view){ stop.engaged, stop.engaged ? stop.reason : (struct str){ NULL, 0 },
                            stop.engaged ? stop.actor : (struct str){ NULL, 0 }, stop.engaged ? stop.since_ms : 0 };
    TRY(db_read(services.db, now_read, &job));
    read_sources(arena, &now);
    return reply_encode(reply, &now_schema, &now);
}

static const struct route now_route = {
    .method = "GET",
    .path = "/api/v1/now",
    .summary = "The state of everything, in one reply",
    .tag = "Operations",
    .role = ROLE_VIEWER,
    .reply = &now_schema,
    .handle = now_handle,
};
REGISTER(route, now_route);

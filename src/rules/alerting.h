/* alerting.h - the state of one alerting rule: what holds since when, what fires, what ended.
 *
 * Owner: the group that the rule stands in. Threads: under the group's lock.
 *
 * The rules of the game are Prometheus': an alert is its label set; it is pending until it held for `for`, then fires;
 * once it no longer holds it goes on for keep_firing_for, then it is resolved, and remembered as such for 15 minutes so
 * that nobody who was away misses it. */
#pragma once
#include "promql/query.h"
#include "rules/rule_file.h"

enum alert_state { ALERT_STATE_INACTIVE, ALERT_STATE_PENDING, ALERT_STATE_FIRING };
const char *alert_state_name(enum alert_state state);

struct active_alert {
    struct arena *arena, *texts; /* its own; that of the annotations, which change */
    uint64_t hash;
    struct labels labels; /* with alertname */
    struct labels annotations;
    enum alert_state state; /* INACTIVE: resolved */
    double value;
    int64_t active_at_ms, fired_at_ms, resolved_at_ms, keep_since_ms; /* 0: never */
    bool seen;
    bool told; /* that it fires stands in the journal */
};

struct alerting {
    const struct rule *rule;
    VEC(struct active_alert *) alerts;
    bool restored; /* what was before the restart is known; ALERTS series are written from then on */
};

void alerting_clear(struct alerting *alerting);

struct alert_texts {
    struct series_source *series; /* for query in templates */
    struct labels external_labels;
    struct str external_url;
    int64_t time_ms;
};

/* alerting_read - what the answer of the rule's expression says: its alerts, with their texts. Changes nothing.
 * ERR_CONFLICT where two series become the same alert. */
struct found_alert {
    struct labels labels, annotations;
    uint64_t hash;
    double value;
};
struct found_alerts {
    struct found_alert *at; /* by hash */
    size_t count;
};
err alerting_read(const struct rule *rule, struct arena *arena, const struct query_result *answer,
                  const struct alert_texts *texts, struct found_alerts *ret_found) MUST_USE;
/* alerting_apply - the step to time_ms. ERR_TOO_LARGE above `limit` (0: none): the state is then empty. */
err alerting_apply(struct alerting *alerting, const struct found_alerts *found, int64_t limit,
                   int64_t time_ms) MUST_USE;
/* alerting_restore - after the first update: `since_ms` of the alerts that were active before the restart, last seen at
 * `last_ms`. */
void alerting_restore(struct alerting *alerting, const struct labels *labels, int64_t since_ms, int64_t last_ms,
                      int64_t now_ms);
/* alerting_state - the worst of its alerts. */
enum alert_state alerting_state(const struct alerting *alerting);

/* group.h - rules that are evaluated together, one after the other, at the same moment.
 *
 * Owner: struct rules makes and frees them. Threads: group_evaluate from one at a time; group_view from any. */
#pragma once
#include "model/series_source.h"
#include "rules/alerting.h"

struct group;

struct group_options {
    struct series_source *series;
    struct sample_sink *samples;
    const struct rule_group *spec;
    const char *file;
    int64_t interval_ms, query_offset_ms;
    int64_t subquery_step_ms; /* of [range:]; 0: 1 minute */
    struct labels external_labels;
    struct str external_url;
    bool restores; /* this is the first start: look for what was before it */
    /* changed - some of the alerts that began or ended to fire, or could not be told before. An err is logged
     * and they are told again at the next evaluation. */
    err (*changed)(void *arg, const struct rule *rule, struct active_alert *const *alerts, size_t count);
    void *arg;
};

/* group_new - options->spec must live as long. group_free - stale markers are written for what it recorded, unless it
 * is `replaced`. */
struct group *group_new(const struct group_options *options);
void group_free(struct group *group, bool replaced);
/* group_adopt - take over the state of the rules that are the same in an older group. */
void group_adopt(struct group *group, struct group *older);
void group_evaluate(struct group *group, int64_t time_ms);
bool group_evaluated(struct group *group); /* at least once */

/* ---- what is seen of it: copies in the caller's arena ---- */

struct alert_view {
    struct labels labels, annotations;
    enum alert_state state;
    double value;
    int64_t active_at_ms, keep_since_ms;
};
struct rule_view {
    const char *type; /* "alerting", "recording" */
    struct str name, query, last_error;
    struct duration hold, keep_firing_for;
    struct labels labels, annotations;
    enum alert_state state;
    const char *health; /* "ok", "err", "unknown" */
    int64_t evaluated_at_ms, took_us;
    struct alert_view *alerts;
    size_t alert_count;
};
struct group_view {
    struct str name, file;
    int64_t interval_ms, limit, evaluated_at_ms, took_us;
    struct rule_view *rules;
    size_t rule_count;
};
void group_view(struct group *group, struct arena *arena, struct group_view *ret_view);
/* group_has_alert - does an active alert of it have these labels? */
bool group_has_alert(struct group *group, struct labels labels);

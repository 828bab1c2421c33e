/* alerting.c - the state machine of alerts. */
#include "rules/alerting.h"

#include "base/log.h"
#include "base/time.h"

#include <stdlib.h>

enum {
    RESOLVED_KEPT_MS = 15 * MINUTE_MS,
    GRACE_MS = 10 * MINUTE_MS, /* after a restart nothing that still had to wait fires sooner */
    ALERT_BYTES = 64 << 10,
};

const char *alert_state_name(enum alert_state state)
{
    static const char *const names[] = { "inactive", "pending", "firing" };

    return names[state];
}

static void alert_free(struct active_alert *alert)
{
    arena_free(alert->texts);
    arena_free(alert->arena);
}

static void forget(struct alerting *alerting, size_t index)
{
    alert_free(alerting->alerts.at[index]);
    alerting->alerts.at[index] = alerting->alerts.at[--alerting->alerts.count];
}

void alerting_clear(struct alerting *alerting)
{
    while (alerting->alerts.count)
        forget(alerting, alerting->alerts.count - 1);
    vec_clear(&alerting->alerts);
}

/* ---- what an answer says ---- */

static struct str expand(struct arena *arena, const struct template *template, const struct alert_texts *texts,
                         const struct template_variable *variables, struct value dot, const struct rule *rule)
{
    const struct template_scope scope = {
        .dot = dot, .variables = variables, .variable_count = 4, .arg = (void *)texts
    };
    struct str text;
    err e CLEANUP(err_freep) = template_run(template, arena, &scope, &text);

    if (!e)
        return text;
    log_warn("rule %.*s: %s", STR_ARG(rule->alert), err_message(e));
    return str_printf(arena, "<error expanding template: %s>", err_message(e));
}

static void describe(struct arena *arena, const struct rule *rule, const struct alert_texts *texts,
                     const struct result_series *series, struct found_alert *ret_found)
{
    const struct template_variable variables[] = {
        { "labels", value_labels(arena, series->labels) },
        { "externalLabels", value_labels(arena, texts->external_labels) },
        { "externalURL", value_text(texts->external_url) },
        { "value", value_float(series->points[0].value) },
    };
    struct value dot = value_map_new(arena);
    size_t count = 0;

    dot.map->fields = true;
    value_put(arena, dot, S("Labels"), variables[0].value);
    value_put(arena, dot, S("ExternalLabels"), variables[1].value);
    value_put(arena, dot, S("ExternalURL"), variables[2].value);
    value_put(arena, dot, S("Value"), variables[3].value);
    struct label *labels = arena_array(arena, series->labels.count + rule->labels.count + 1, sizeof(*labels));
    for (size_t i = 0; i < series->labels.count; i++)
        if (!str_eq(series->labels.at[i].name, S("__name__")))
            labels[count++] = series->labels.at[i];
    for (size_t i = 0; i < rule->labels.count; i++)
        labels[count++] =
            (struct label){ rule->labels.at[i].key, expand(arena, rule->label_texts[i], texts, variables, dot, rule) };
    labels[count++] = (struct label){ S("alertname"), rule->alert };
    ret_found->labels = labels_make(arena, labels, count);
    struct label *annotations = arena_array(arena, rule->annotations.count + 1, sizeof(*annotations));
    for (size_t i = 0; i < rule->annotations.count; i++)
        annotations[i] = (struct label){ rule->annotations.at[i].key,
                                         expand(arena, rule->annotation_texts[i], texts, variables, dot, rule) };
    ret_found->annotations = labels_make(arena, annotations, rule->annotations.count);
    ret_found->hash = labels_hash(ret_found->labels);
    ret_found->value = series->points[0].value;
}

/* ---- and what becomes of it ---- */

static int by_hash(const void *a, const void *b)
{
    const struct found_alert *const x = a, *const y = b;

    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static int alert_by_hash(const void *a, const void *b)
{
    const struct active_alert *const *x = a, *const *y = b;

    return (*x)->hash < (*y)->hash ? -1 : (*x)->hash > (*y)->hash;
}

static struct active_alert *find(struct alerting *alerting, size_t sorted, const struct found_alert *found)
{
    size_t low = 0, high = sorted;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (alerting->alerts.at[middle]->hash < found->hash)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < sorted && alerting->alerts.at[low]->hash == found->hash; low++)
        if (labels_eq(alerting->alerts.at[low]->labels, found->labels))
            return alerting->alerts.at[low];
    return NULL;
}

static void keep(struct alerting *alerting, struct active_alert *alert, const struct found_alert *found,
                 int64_t time_ms)
{
    if (!alert || alert->state == ALERT_STATE_INACTIVE) {
        /* A resolved one that holds again begins anew, in its place. */
        struct arena *arena = arena_new(ALERT_BYTES);
        struct active_alert *fresh = arena_alloc(arena, sizeof(*fresh));
        *fresh = (struct active_alert){ .arena = arena,
                                        .texts = arena_new(ALERT_BYTES),
                                        .hash = found->hash,
                                        .labels = labels_copy(arena, found->labels),
                                        .state = ALERT_STATE_PENDING,
                                        .active_at_ms = time_ms };
        if (alert) {
            size_t at = 0;
            while (alerting->alerts.at[at] != alert)
                at++;
            fresh->told = alert->told;
            alert_free(alert);
            alerting->alerts.at[at] = fresh;
        } else {
            *vec_push(&alerting->alerts, NULL) = fresh;
        }
        alert = fresh;
    }
    if (!labels_eq(alert->annotations, found->annotations)) {
        arena_reset(alert->texts);
        alert->annotations = labels_copy(alert->texts, found->annotations);
    }
    alert->value = found->value;
    alert->seen = true;
}

/* age - where an alert that this evaluation did not see goes; false: it is forgotten. */
static bool age(const struct rule *rule, struct active_alert *alert, int64_t time_ms)
{
    if (alert->state == ALERT_STATE_FIRING && rule->keep_firing_for.ms) {
        if (!alert->keep_since_ms)
            alert->keep_since_ms = time_ms;
        if (time_ms - alert->keep_since_ms < rule->keep_firing_for.ms)
            return true;
    }
    if (alert->state == ALERT_STATE_PENDING ||
        (alert->resolved_at_ms && time_ms - alert->resolved_at_ms > RESOLVED_KEPT_MS))
        return false;
    if (alert->state != ALERT_STATE_INACTIVE) {
        alert->state = ALERT_STATE_INACTIVE;
        alert->resolved_at_ms = time_ms;
    }
    return true;
}

static void advance(const struct rule *rule, struct active_alert *alert, int64_t time_ms)
{
    if (alert->seen)
        alert->keep_since_ms = 0;
    if (alert->state == ALERT_STATE_PENDING && time_ms - alert->active_at_ms >= rule->hold.ms) {
        alert->state = ALERT_STATE_FIRING;
        alert->fired_at_ms = time_ms;
    } else if (alert->state == ALERT_STATE_FIRING && time_ms - alert->active_at_ms < rule->hold.ms) {
        /* `for` became longer by a reload. */
        alert->state = ALERT_STATE_PENDING;
        alert->fired_at_ms = alert->keep_since_ms = 0;
    }
}

err alerting_read(const struct rule *rule, struct arena *arena, const struct query_result *answer,
                  const struct alert_texts *texts, struct found_alerts *ret_found)
{
    struct found_alert *found = arena_array(arena, answer->count ? answer->count : 1, sizeof(*found));

    for (size_t i = 0; i < answer->count; i++) {
        describe(arena, rule, texts, &answer->at[i], &found[i]);
        TRY(arena_check(arena));
    }
    qsort(found, answer->count, sizeof(*found), by_hash);
    for (size_t i = 1; i < answer->count; i++)
        if (found[i].hash == found[i - 1].hash && labels_eq(found[i].labels, found[i - 1].labels))
            return err_new(ERR_CONFLICT, "vector contains metrics with the same labelset after applying alert labels");
    *ret_found = (struct found_alerts){ found, answer->count };
    return NULL;
}

err alerting_apply(struct alerting *alerting, const struct found_alerts *found, int64_t limit, int64_t time_ms)
{
    const struct rule *rule = alerting->rule;
    size_t sorted = alerting->alerts.count;
    int64_t active = 0;

    if (sorted)
        qsort(alerting->alerts.at, sorted, sizeof(*alerting->alerts.at), alert_by_hash);
    for (size_t i = 0; i < sorted; i++)
        alerting->alerts.at[i]->seen = false;
    for (size_t i = 0; i < found->count; i++)
        keep(alerting, find(alerting, sorted, &found->at[i]), &found->at[i], time_ms);
    for (size_t i = alerting->alerts.count; i-- > 0;) {
        struct active_alert *alert = alerting->alerts.at[i];
        if (!alert->seen && !age(rule, alert, time_ms)) {
            forget(alerting, i);
            continue;
        }
        if (alert->state == ALERT_STATE_INACTIVE)
            continue;
        active++;
        advance(rule, alert, time_ms);
    }
    if (limit && active > limit) {
        alerting_clear(alerting);
        return err_new(ERR_TOO_LARGE, "exceeded limit of %lld with %lld alerts", (long long)limit, (long long)active);
    }
    return NULL;
}

void alerting_restore(struct alerting *alerting, const struct labels *labels, int64_t since_ms, int64_t last_ms,
                      int64_t now_ms)
{
    int64_t hold_ms = alerting->rule->hold.ms;
    int64_t left_ms = hold_ms - (last_ms - since_ms);

    for (size_t i = 0; i < alerting->alerts.count; i++) {
        struct active_alert *alert = alerting->alerts.at[i];
        if (!labels_eq(alert->labels, *labels))
            continue;
        if (left_ms <= 0)
            alert->active_at_ms = since_ms; /* it fired: it does so again at once */
        else if (left_ms < GRACE_MS)
            alert->active_at_ms = now_ms + GRACE_MS - hold_ms;
        else
            alert->active_at_ms = since_ms + (now_ms - last_ms); /* the outage does not count */
    }
}

enum alert_state alerting_state(const struct alerting *alerting)
{
    enum alert_state worst = ALERT_STATE_INACTIVE;

    for (size_t i = 0; i < alerting->alerts.count; i++)
        if (alerting->alerts.at[i]->state > worst)
            worst = alerting->alerts.at[i]->state;
    return worst;
}

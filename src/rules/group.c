/* group.c - evaluates the rules of a group and writes what they give.
 *
 * DESIGN. All results of one rule are one append, so the next rule of the group sees them. Series that a rule gave last
 * time and no longer gives get a stale marker; for that a rule remembers the labels of its last series. What a rule
 * found is changed by the evaluating thread alone; the lock is for those who look at it, and is held for the change
 * only. */
#include "rules/group.h"

#include "base/log.h"
#include "base/metric.h"
#include "base/time.h"

#include <pthread.h>
#include <stdlib.h>

enum { EVAL_BYTES = 256 << 20, OUTAGE_MS = HOUR_MS, GRACE_MS = 10 * MINUTE_MS, TELL_MAX = 200 };

METRIC(COUNTER, rule_evaluations_total, "Evaluations of rules.", NULL);
METRIC(COUNTER, rule_evaluation_failures_total, "Evaluations that failed.", NULL);
METRIC(COUNTER, rule_group_seconds_total, "Time that evaluating groups took.", NULL);

/* What a rule did last. */
struct last {
    struct alerting alerting; /* of alerting rules */
    struct arena *arena;      /* of the labels, swapped at each evaluation */
    VEC(struct labels) series;
    struct buf error;
    bool evaluated, failed;
    int64_t at_ms, took_us;
};

struct group {
    struct group_options options;
    pthread_mutex_t lock;
    struct last *rules;
    int64_t at_ms, took_us;
};

struct group *group_new(const struct group_options *options)
{
    struct group *group = calloc(1, sizeof(*group));
    size_t count = options->spec->rules.count;

    if (group)
        group->rules = calloc(count ? count : 1, sizeof(*group->rules));
    if (!group || !group->rules)
        out_of_memory(sizeof(*group));
    group->options = *options;
    pthread_mutex_init(&group->lock, NULL);
    for (size_t i = 0; i < count; i++) {
        struct last *last = &group->rules[i];
        last->alerting.rule = &options->spec->rules.at[i];
        last->alerting.restored = !options->restores || last->alerting.rule->hold.ms < GRACE_MS;
        last->arena = arena_new(EVAL_BYTES);
        buf_init(&last->error, 4096);
    }
    return group;
}

static err write_samples(struct group *group, const struct sample_in *samples, size_t count)
{
    return count ? group->options.samples->ops->append(group->options.samples, samples, count) : NULL;
}

static void end_series(struct group *group)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(EVAL_BYTES);
    VEC(struct sample_in) samples = { 0 };

    for (size_t i = 0; i < group->options.spec->rules.count; i++)
        for (size_t k = 0; k < group->rules[i].series.count; k++)
            *vec_push(&samples, arena) = (struct sample_in){ .labels = group->rules[i].series.at[k],
                                                             .time_ms = time_now_ms(),
                                                             .value = value_stale() };
    log_err(write_samples(group, samples.at, samples.count), "can't end the series of rule group %.*s",
            STR_ARG(group->options.spec->name));
}

void group_free(struct group *group, bool replaced)
{
    if (!replaced)
        end_series(group);
    for (size_t i = 0; i < group->options.spec->rules.count; i++) {
        alerting_clear(&group->rules[i].alerting);
        arena_free(group->rules[i].arena);
        buf_clear(&group->rules[i].error);
    }
    pthread_mutex_destroy(&group->lock);
    free(group->rules);
    free(group);
}

static bool same_rule(const struct rule *a, const struct rule *b)
{
    if (!str_eq(a->alert, b->alert) || !str_eq(a->record, b->record) || a->labels.count != b->labels.count)
        return false;
    for (size_t i = 0; i < a->labels.count; i++)
        if (!str_eq(a->labels.at[i].key, b->labels.at[i].key) || !str_eq(a->labels.at[i].value, b->labels.at[i].value))
            return false;
    return true;
}

void group_adopt(struct group *group, struct group *older)
{
    size_t count = group->options.spec->rules.count, older_count = older->options.spec->rules.count;

    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < older_count; k++) {
            struct last *to = &group->rules[i], *from = &older->rules[k];
            if (to->evaluated || !from->evaluated || !same_rule(to->alerting.rule, from->alerting.rule))
                continue;
            struct last fresh = *to;
            *to = *from;
            to->alerting.rule = fresh.alerting.rule;
            *from = fresh;
            from->alerting.rule = &older->options.spec->rules.at[k];
            break;
        }
    group->at_ms = older->at_ms;
}

/* ---- series of one rule ---- */

struct output {
    struct arena *arena; /* outlives the evaluation: the labels of the next comparison */
    VEC(struct sample_in) samples;
};

static void put(struct output *out, struct labels labels, int64_t time_ms, double value,
                const struct histogram *histogram)
{
    *vec_push(&out->samples, out->arena) =
        (struct sample_in){ .labels = labels, .time_ms = time_ms, .value = value, .histogram = histogram };
}

static int by_labels(const void *a, const void *b)
{
    return labels_cmp(((const struct sample_in *)a)->labels, ((const struct sample_in *)b)->labels);
}

static err record(struct output *out, const struct rule *rule, const struct query_result *answer, int64_t limit,
                  int64_t time_ms)
{
    if (limit && (int64_t)answer->count > limit)
        return err_new(ERR_TOO_LARGE, "exceeded limit of %lld with %zu series", (long long)limit, answer->count);
    for (size_t i = 0; i < answer->count; i++) {
        const struct result_series *series = &answer->at[i];
        struct label *labels = arena_array(out->arena, series->labels.count + rule->labels.count + 1, sizeof(*labels));
        size_t count = 0;
        for (size_t k = 0; k < series->labels.count; k++)
            labels[count++] = series->labels.at[k];
        for (size_t k = 0; k < rule->labels.count; k++)
            labels[count++] = (struct label){ rule->labels.at[k].key, rule->labels.at[k].value };
        labels[count++] = (struct label){ S("__name__"), rule->record };
        put(out, labels_copy(out->arena, labels_make(out->arena, labels, count)), time_ms, series->points[0].value,
            series->points[0].histogram);
    }
    if (out->samples.count)
        qsort(out->samples.at, out->samples.count, sizeof(*out->samples.at), by_labels);
    for (size_t i = 1; i < out->samples.count; i++)
        if (labels_eq(out->samples.at[i - 1].labels, out->samples.at[i].labels))
            return err_new(ERR_CONFLICT, "vector contains metrics with the same labelset after applying rule labels");
    return NULL;
}

static struct labels state_labels(struct arena *arena, struct labels labels, struct str name, const char *state)
{
    struct label *all = arena_array(arena, labels.count + 2, sizeof(*all));
    size_t count = 0;

    for (size_t i = 0; i < labels.count; i++)
        all[count++] = labels.at[i];
    all[count++] = (struct label){ S("__name__"), name };
    if (state)
        all[count++] = (struct label){ S("alertstate"), str_of(state) };
    return labels_copy(arena, labels_make(arena, all, count));
}

static void put_states(struct output *out, const struct alerting *alerting, int64_t time_ms)
{
    for (size_t i = 0; i < alerting->alerts.count && alerting->restored; i++) {
        const struct active_alert *alert = alerting->alerts.at[i];
        if (alert->state == ALERT_STATE_INACTIVE)
            continue;
        put(out, state_labels(out->arena, alert->labels, S("ALERTS"), alert_state_name(alert->state)), time_ms, 1,
            NULL);
        const int64_t since_s = alert->active_at_ms / SECOND_MS;
        put(out, state_labels(out->arena, alert->labels, S("ALERTS_FOR_STATE"), NULL), time_ms, (double)since_s, NULL);
    }
    if (out->samples.count)
        qsort(out->samples.at, out->samples.count, sizeof(*out->samples.at), by_labels);
}

/* put_ends - stale markers for what was there last time; both lists are sorted. */
static void put_ends(struct output *out, const struct last *last, int64_t time_ms)
{
    size_t now = out->samples.count, at = 0;

    for (size_t i = 0; i < last->series.count; i++) {
        int order = 1;
        while (at < now && (order = labels_cmp(out->samples.at[at].labels, last->series.at[i])) < 0)
            at++;
        if (at == now || order != 0)
            put(out, labels_copy(out->arena, last->series.at[i]), time_ms, value_stale(), NULL);
    }
}

/* remember - the output's arena becomes the rule's; *used is what it had before. */
static void remember(struct last *last, struct output *out, struct arena **used)
{
    *used = last->arena;
    last->arena = out->arena;
    last->series.at = NULL;
    last->series.count = last->series.room = 0;
    for (size_t i = 0; i < out->samples.count; i++)
        if (!value_is_stale(out->samples.at[i].value))
            *vec_push(&last->series, last->arena) = out->samples.at[i].labels;
}

/* ---- alerts ---- */

/* restore - since when alerts were active before the restart, from the series that were written then. */
static err restore(struct group *group, struct alerting *alerting, struct arena *arena, int64_t time_ms)
{
    struct matcher matchers[2];
    struct series_list list;

    alerting->restored = true;
    TRY(matcher_make(arena, MATCH_EQ, S("__name__"), S("ALERTS_FOR_STATE"), &matchers[0]));
    TRY(matcher_make(arena, MATCH_EQ, S("alertname"), alerting->rule->alert, &matchers[1]));
    TRY(series_select(group->options.series, arena, matchers, 2, time_ms - OUTAGE_MS, time_ms - 1, &list));
    for (size_t i = 0; i < list.count; i++) {
        const struct sample *sample = &list.at[i].samples[list.at[i].count - 1];
        struct label *labels = arena_array(arena, list.at[i].labels.count, sizeof(*labels));
        size_t count = 0;
        for (size_t k = 0; k < list.at[i].labels.count; k++)
            if (!str_eq(list.at[i].labels.at[k].name, S("__name__")))
                labels[count++] = list.at[i].labels.at[k];
        const struct labels plain = { labels, count };
        alerting_restore(alerting, &plain, (int64_t)sample->value * SECOND_MS, sample->time_ms, time_ms);
    }
    return NULL;
}

/* tell - some at a time: other writers of the journal get their turn between them. */
static void tell(struct group *group, struct alerting *alerting, struct arena *arena)
{
    VEC(struct active_alert *) changed = { 0 };

    for (size_t i = 0; i < alerting->alerts.count; i++) {
        struct active_alert *alert = alerting->alerts.at[i];
        if (alert->told != (alert->state == ALERT_STATE_FIRING) &&
            (alert->state == ALERT_STATE_FIRING || alert->state == ALERT_STATE_INACTIVE))
            *vec_push(&changed, arena) = alert;
    }
    err e = NULL;
    for (size_t from = 0; from < changed.count && !e; from += TELL_MAX) {
        size_t count = changed.count - from < TELL_MAX ? changed.count - from : TELL_MAX;
        e = group->options.changed(group->options.arg, alerting->rule, changed.at + from, count);
        for (size_t i = from; i < from + count && !e; i++)
            changed.at[i]->told = changed.at[i]->state == ALERT_STATE_FIRING;
    }
    log_err(e, "can't record what rule %.*s found", STR_ARG(alerting->rule->alert));
}

/* step - the only place where the state of alerts changes. */
static err step(struct group *group, struct alerting *alerting, const struct found_alerts *found, int64_t time_ms)
{
    pthread_mutex_lock(&group->lock);
    err e = alerting_apply(alerting, found, group->options.spec->limit, time_ms);
    pthread_mutex_unlock(&group->lock);
    return e;
}

static err evaluate_alerts(struct group *group, struct last *last, struct arena *arena,
                           const struct query_result *answer, struct output *out, int64_t time_ms)
{
    struct alerting *alerting = &last->alerting;
    const struct alert_texts texts = { .series = group->options.series,
                                       .external_labels = group->options.external_labels,
                                       .external_url = group->options.external_url,
                                       .time_ms = time_ms - group->options.query_offset_ms };
    struct found_alerts found;

    TRY(alerting_read(alerting->rule, arena, answer, &texts, &found));
    TRY(step(group, alerting, &found, time_ms));
    if (!alerting->restored) {
        log_err(restore(group, alerting, arena, time_ms), "can't restore since when rule %.*s holds",
                STR_ARG(alerting->rule->alert));
        TRY(step(group, alerting, &found, time_ms));
    }
    put_states(out, alerting, texts.time_ms);
    tell(group, alerting, arena);
    return NULL;
}

/* ---- evaluation ---- */

static err evaluate_rule(struct group *group, struct last *last, struct output *out, int64_t time_ms)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(EVAL_BYTES);
    const struct rule *rule = last->alerting.rule;
    int64_t at_ms = time_ms - group->options.query_offset_ms;
    struct query_result answer;

    TRY(promql_query(&(struct query){ .source = group->options.series,
                                      .arena = arena,
                                      .expr = rule->parsed,
                                      .start_ms = at_ms,
                                      .end_ms = at_ms,
                                      .subquery_step_ms = group->options.subquery_step_ms,
                                      .deadline_ms = time_mono_ms() + group->options.interval_ms,
                                      .features = &promql_all_features,
                                      .limits = &(struct promql_limits){ 0 } },
                     &answer));
    if (rule->alert.length)
        TRY(evaluate_alerts(group, last, arena, &answer, out, time_ms));
    else
        TRY(record(out, rule, &answer, group->options.spec->limit, at_ms));
    put_ends(out, last, at_ms);
    return write_samples(group, out->samples.at, out->samples.count);
}

static void evaluate_one(struct group *group, struct last *last, int64_t time_ms)
{
    struct output out = { .arena = arena_new(EVAL_BYTES) };
    struct arena *used = out.arena;
    int64_t began_us = time_mono_us();

    metric_add(&rule_evaluations_total, 1);
    err e = evaluate_rule(group, last, &out, time_ms);
    if (!e)
        remember(last, &out, &used);
    arena_free(used);
    pthread_mutex_lock(&group->lock);
    last->evaluated = true;
    last->failed = e != NULL;
    last->at_ms = time_ms;
    last->took_us = time_mono_us() - began_us;
    buf_reset(&last->error);
    buf_add(&last->error, str_utf8_head(str_of(e ? err_message(e) : ""), 4000));
    pthread_mutex_unlock(&group->lock);
    metric_add(&rule_evaluation_failures_total, e != NULL);
    log_err(e, "rule %.*s",
            STR_ARG(last->alerting.rule->alert.length ? last->alerting.rule->alert : last->alerting.rule->record));
}

void group_evaluate(struct group *group, int64_t time_ms)
{
    int64_t began_us = time_mono_us();

    for (size_t i = 0; i < group->options.spec->rules.count; i++)
        evaluate_one(group, &group->rules[i], time_ms);
    pthread_mutex_lock(&group->lock);
    group->at_ms = time_ms;
    group->took_us = time_mono_us() - began_us;
    pthread_mutex_unlock(&group->lock);
    metric_add(&rule_group_seconds_total, (double)(time_mono_us() - began_us) / 1e6);
}

bool group_evaluated(struct group *group)
{
    pthread_mutex_lock(&group->lock);
    bool evaluated = group->at_ms != 0;
    pthread_mutex_unlock(&group->lock);
    return evaluated;
}

/* ---- views ---- */

static struct labels pairs_copy(struct arena *arena, const struct pair *pairs, size_t count)
{
    struct label *labels = arena_array(arena, count ? count : 1, sizeof(*labels));

    for (size_t i = 0; i < count; i++)
        labels[i] = (struct label){ pairs[i].key, pairs[i].value };
    return labels_copy(arena, labels_make(arena, labels, count));
}

static void view_rule_locked(const struct last *last, struct arena *arena, struct rule_view *ret_view)
{
    const struct rule *rule = last->alerting.rule;
    struct buf query CLEANUP(buf_clear) = { .max = 1 << 20 };

    promql_print(&query, rule->parsed);
    *ret_view = (struct rule_view){
        .type = rule->alert.length ? "alerting" : "recording",
        .name = str_copy(arena, rule->alert.length ? rule->alert : rule->record),
        .query = str_copy(arena, buf_str(&query)),
        .last_error = str_copy(arena, buf_str(&last->error)),
        .hold = rule->hold,
        .keep_firing_for = rule->keep_firing_for,
        .labels = pairs_copy(arena, rule->labels.at, rule->labels.count),
        .annotations = pairs_copy(arena, rule->annotations.at, rule->annotations.count),
        .state = alerting_state(&last->alerting),
        .health = !last->evaluated ? "unknown"
                  : last->failed   ? "err"
                                   : "ok",
        .evaluated_at_ms = last->at_ms,
        .took_us = last->took_us,
        .alerts = arena_array(arena, last->alerting.alerts.count + 1, sizeof(*ret_view->alerts)),
    };
    for (size_t i = 0; i < last->alerting.alerts.count; i++) {
        const struct active_alert *alert = last->alerting.alerts.at[i];
        if (alert->state == ALERT_STATE_INACTIVE)
            continue;
        ret_view->alerts[ret_view->alert_count++] = (struct alert_view){
            .labels = labels_copy(arena, alert->labels),
            .annotations = labels_copy(arena, alert->annotations),
            .state = alert->state,
            .value = alert->value,
            .active_at_ms = alert->active_at_ms,
            .keep_since_ms = alert->keep_since_ms,
        };
    }
}

void group_view(struct group *group, struct arena *arena, struct group_view *ret_view)
{
    const struct rule_group *spec = group->options.spec;

    pthread_mutex_lock(&group->lock);
    *ret_view = (struct group_view){
        .name = str_copy(arena, spec->name),
        .file = str_copy(arena, str_of(group->options.file)),
        .interval_ms = group->options.interval_ms,
        .limit = spec->limit,
        .evaluated_at_ms = group->at_ms,
        .took_us = group->took_us,
        .rules = arena_array(arena, spec->rules.count + 1, sizeof(*ret_view->rules)),
        .rule_count = spec->rules.count,
    };
    for (size_t i = 0; i < spec->rules.count; i++)
        view_rule_locked(&group->rules[i], arena, &ret_view->rules[i]);
    pthread_mutex_unlock(&group->lock);
}

bool group_has_alert(struct group *group, struct labels labels)
{
    bool found = false;

    pthread_mutex_lock(&group->lock);
    for (size_t i = 0; i < group->options.spec->rules.count && !found; i++) {
        const struct alerting *alerting = &group->rules[i].alerting;
        for (size_t k = 0; k < alerting->alerts.count && !found; k++)
            found = alerting->alerts.at[k]->state == ALERT_STATE_FIRING &&
                    labels_eq(alerting->alerts.at[k]->labels, labels);
    }
    pthread_mutex_unlock(&group->lock);
    return found;
}

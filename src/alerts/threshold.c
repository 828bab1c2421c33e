/* threshold.c - evaluates rules on a timer; what starts or ends to hold becomes an alert.
 *
 * DESIGN. The state of a rule is one row a label set: since when it holds, whether it fired. It is kept in memory
 * alone: after a restart `for` begins anew, and alerts that fired before the restart and no longer hold are ended by
 * the first evaluation (they are found in the table of alerts by their source). */
#include "alerts/threshold.h"

#include "alerts/alert.h"
#include "alerts/threshold_expr.h"
#include "base/asset.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/time.h"
#include "schema/yaml.h"

#include <math.h>
#include <stdlib.h>

enum { INTERVAL_MS = 15 * SECOND_MS, STATES_MAX = 2000, EVAL_BYTES = 16 << 20 };

METRIC(COUNTER, rule_evaluations_total, "Evaluations of threshold rules.", NULL);
METRIC(COUNTER, rule_evaluation_failures_total, "Evaluations that failed.", NULL);

struct rule {
    struct str alert, expr;
    struct duration hold;
    VEC(struct pair) labels, annotations;
    struct threshold_expr parsed;
};

static const struct field rule_fields[] = {
    STRING(struct rule, alert, .flags = F_REQUIRED, .min = 1, .max = 256, .doc = "Name of the alert."),
    STRING(struct rule, expr, .flags = F_REQUIRED, .min = 1, .max = 4096, .doc = "When it fires."),
    DURATION(struct rule, hold, .name = "for", .def = "0s", .doc = "It must hold this long."),
    PAIRS(struct rule, labels, .doc = "Added to the series' own."),
    PAIRS(struct rule, annotations, .doc = "Texts; {{ $labels.NAME }} and {{ $value }} are replaced."),
    { 0 },
};
static const struct schema rule_schema = SCHEMA(struct rule, rule_fields, .doc = "An alerting rule.");

struct group {
    struct str name;
    VEC(struct rule) rules;
};
static const struct field group_fields[] = {
    STRING(struct group, name, .flags = F_REQUIRED, .min = 1, .doc = "Name of the group."),
    LIST(struct group, rules, .schema = &rule_schema, .doc = "Its rules."),
    { 0 },
};
static const struct schema group_schema = SCHEMA(struct group, group_fields, .doc = "A group of rules.");

struct rule_file {
    VEC(struct group) groups;
};
static const struct field rule_file_fields[] = {
    LIST(struct rule_file, groups, .schema = &group_schema, .doc = "Groups."),
    { 0 },
};
static const struct schema rule_file_schema = SCHEMA(struct rule_file, rule_file_fields, .doc = "A rule file.");

/* One label set of one rule that holds, or held at the last evaluation. */
struct state {
    uint64_t key; /* of rule and labels */
    const struct rule *rule;
    struct arena *arena; /* the labels' */
    struct labels labels;
    double value;
    int64_t since_ms;
    bool firing, seen;
};

struct thresholds {
    struct thresholds_options options;
    struct arena *arena; /* of the rules */
    VEC(struct rule *) rules;
    VEC(struct state) states;
    struct timer *timer;
};

static err load(struct arena *arena, struct str text, const char *file, struct rule_file *ret_file)
{
    const struct json *json;

    TRY(yaml_parse(arena, text, file, &json));
    TRY(schema_parse(&(struct schema_options){ .arena = arena, .file = file }, &rule_file_schema, json, ret_file));
    for (size_t i = 0; i < ret_file->groups.count; i++)
        for (size_t j = 0; j < ret_file->groups.at[i].rules.count; j++) {
            struct rule *rule = &ret_file->groups.at[i].rules.at[j];
            TRY(err_wrap(threshold_parse(arena, rule->expr, &rule->parsed), "%s: groups[%zu].rules[%zu].expr", file, i,
                         j));
        }
    return NULL;
}

err thresholds_check(struct str text, const char *file)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(EVAL_BYTES);
    struct rule_file rules;

    return load(arena, text, file, &rules);
}

static void forget(struct thresholds *thresholds, size_t index)
{
    arena_free(thresholds->states.at[index].arena);
    thresholds->states.at[index] = thresholds->states.at[--thresholds->states.count];
}

static struct state *state_of(struct thresholds *thresholds, const struct rule *rule, struct labels labels,
                              int64_t now_ms)
{
    uint64_t key = labels_hash(labels) ^ (uint64_t)(uintptr_t)rule;

    for (size_t i = 0; i < thresholds->states.count; i++)
        if (thresholds->states.at[i].key == key && labels_eq(thresholds->states.at[i].labels, labels))
            return &thresholds->states.at[i];
    if (thresholds->states.count == STATES_MAX)
        return NULL;
    struct arena *arena = arena_new(64 << 10);
    struct state *state = vec_push(&thresholds->states, NULL);
    *state = (struct state){
        .key = key, .rule = rule, .arena = arena, .labels = labels_copy(arena, labels), .since_ms = now_ms
    };
    return state;
}

/* expand - {{ $labels.x }} and {{ $value }}, as plain text. */
static struct str expand(struct arena *arena, struct str template, const struct state *state)
{
    struct buf out CLEANUP(buf_clear);

    buf_init(&out, 1 << 16);
    for (size_t at = 0; at < template.length;) {
        size_t open = str_find(template, S("{{"), at), close = str_find(template, S("}}"), at);
        if (open == SIZE_MAX || close == SIZE_MAX || close < open) {
            buf_add(&out, str_slice(template, at, template.length));
            break;
        }
        buf_add(&out, str_slice(template, at, open));
        struct str name = str_trim(str_slice(template, open + 2, close));
        if (str_eq(name, S("$value")))
            buf_addf(&out, "%.4g", state->value);
        else if (str_starts(name, S("$labels.")))
            buf_add(&out, labels_get(state->labels, str_slice(name, 8, name.length)));
        at = close + 2;
    }
    return str_copy(arena, buf_str(&out));
}

static struct labels with_pairs(struct arena *arena, struct labels labels, const struct rule *rule,
                                struct str alertname)
{
    struct label *all = arena_array(arena, labels.count + rule->labels.count + 1, sizeof(*all));
    size_t count = 0;

    for (size_t i = 0; i < labels.count; i++)
        all[count++] = labels.at[i];
    for (size_t i = 0; i < rule->labels.count; i++)
        all[count++] = (struct label){ rule->labels.at[i].key, rule->labels.at[i].value };
    all[count++] = (struct label){ S("alertname"), alertname };
    return labels_make(arena, all, count);
}

static struct labels annotations_of(struct arena *arena, const struct state *state)
{
    struct label *all = arena_array(arena, state->rule->annotations.count + 1, sizeof(*all));

    for (size_t i = 0; i < state->rule->annotations.count; i++)
        all[i] = (struct label){ state->rule->annotations.at[i].key,
                                 expand(arena, state->rule->annotations.at[i].value, state) };
    return labels_make(arena, all, state->rule->annotations.count);
}

/* resource_of - the thing on this host that the labels name. */
static struct str resource_of(struct arena *arena, const char *host, struct labels labels)
{
    struct str mount = labels_get(labels, S("mountpoint")), unit = labels_get(labels, S("name"));

    if (mount.length)
        return str_printf(arena, "filesystem:%s:%.*s", host, STR_ARG(mount));
    if (unit.length)
        return str_printf(arena, "service:%s:%.*s", host, STR_ARG(unit));
    return str_printf(arena, "host:%s", host);
}

struct change {
    struct thresholds *thresholds;
    const struct state *state;
    bool resolved;
};

static err record(struct tx *tx, void *arg)
{
    const struct change *change = arg;
    const struct state *state = change->state;
    struct arena *arena = tx_arena(tx);
    const struct alert_in alert = {
        .labels = with_pairs(arena, state->labels, state->rule, state->rule->alert),
        .annotations = annotations_of(arena, state),
        .source = S("rule"),
        .resource = resource_of(arena, change->thresholds->options.host, state->labels),
        .resolved = change->resolved,
        .starts_at_ms = state->since_ms,
        .value = state->value,
        .threshold = state->rule->parsed.limit,
    };

    return alert_record(tx, &alert, NULL);
}

static err tell(struct thresholds *thresholds, const struct state *state, bool resolved)
{
    struct change change = { thresholds, state, resolved };

    return db_write(thresholds->options.db, record, &change);
}

static err evaluate_rule(struct thresholds *thresholds, struct arena *arena, const struct rule *rule, int64_t now_ms)
{
    struct threshold_values found;

    metric_add(&rule_evaluations_total, 1);
    TRY(threshold_eval(arena, thresholds->options.series, &rule->parsed, now_ms, &found));
    for (size_t i = 0; i < found.values.count; i++) {
        struct state *state = state_of(thresholds, rule, found.values.at[i].labels, now_ms);
        if (!state)
            return err_new(ERR_TOO_LARGE, "more than %d alerts of threshold rules at once", STATES_MAX);
        state->seen = true;
        state->value = found.values.at[i].value;
        if (state->firing || now_ms - state->since_ms < rule->hold.ms)
            continue;
        TRY(tell(thresholds, state, false));
        state->firing = true;
    }
    return NULL;
}

static void evaluate(void *arg)
{
    struct thresholds *thresholds = arg;
    int64_t now_ms = time_now_ms();

    for (size_t i = 0; i < thresholds->states.count; i++)
        thresholds->states.at[i].seen = false;
    for (size_t i = 0; i < thresholds->rules.count; i++) {
        struct arena *arena CLEANUP(arena_freep) = arena_new(EVAL_BYTES);
        err e = evaluate_rule(thresholds, arena, thresholds->rules.at[i], now_ms);
        metric_add(&rule_evaluation_failures_total, e != NULL);
        log_err(e, "rule %.*s", STR_ARG(thresholds->rules.at[i]->alert));
    }
    for (size_t i = thresholds->states.count; i-- > 0;) {
        struct state *state = &thresholds->states.at[i];
        if (state->seen)
            continue;
        err e = state->firing ? tell(thresholds, state, true) : NULL;
        if (!e)
            forget(thresholds, i); /* else it is told at the next turn */
        log_err(e, "can't end alert %.*s", STR_ARG(state->rule->alert));
    }
}

/* adopt - alerts that fired before the restart: known as firing, so that the first evaluation ends those that are over.
 */
static err adopt(struct tx *tx, void *arg)
{
    struct thresholds *thresholds = arg;
    struct alert_list list;

    TRY(alert_select(tx, tx_arena(tx), &(struct alert_query){ .limit = 1000 }, &list));
    for (size_t i = 0; i < list.alerts.count; i++) {
        const struct alert_row *row = &list.alerts.at[i];
        if (row->status == ALERT_RESOLVED || !str_eq(row->source, S("rule")))
            continue;
        for (size_t j = 0; j < thresholds->rules.count; j++) {
            const struct rule *rule = thresholds->rules.at[j];
            struct labels labels;
            if (!str_eq(rule->alert, row->name))
                continue;
            TRY(labels_from_json(tx_arena(tx), row->labels, &labels));
            VEC(struct label) own = { 0 };
            for (size_t k = 0; k < labels.count; k++) {
                bool added = str_eq(labels.at[k].name, S("alertname"));
                for (size_t l = 0; l < rule->labels.count; l++)
                    added |= str_eq(labels.at[k].name, rule->labels.at[l].key);
                if (!added)
                    *vec_push(&own, tx_arena(tx)) = labels.at[k];
            }
            struct state *state =
                state_of(thresholds, rule, labels_make(tx_arena(tx), own.at, own.count), row->starts_at);
            if (state)
                state->firing = true;
        }
    }
    return NULL;
}

static err load_assets(struct thresholds *thresholds)
{
    for (const struct asset *asset = NULL; (asset = asset_next(S("content/rules/"), asset));) {
        struct rule_file *file = arena_alloc(thresholds->arena, sizeof(*file));
        TRY(load(thresholds->arena, (struct str){ (const char *)asset->bytes, asset->length }, asset->path, file));
        for (size_t i = 0; i < file->groups.count; i++)
            for (size_t j = 0; j < file->groups.at[i].rules.count; j++)
                *vec_push(&thresholds->rules, thresholds->arena) = &file->groups.at[i].rules.at[j];
    }
    return NULL;
}

err thresholds_start(const struct thresholds_options *options, struct thresholds **ret_thresholds)
{
    struct thresholds *thresholds = calloc(1, sizeof(*thresholds));

    if (!thresholds)
        abort();
    *thresholds = (struct thresholds){ .options = *options, .arena = arena_new(SIZE_MAX) };
    err e = load_assets(thresholds);
    if (!e)
        e = db_read(options->db, adopt, thresholds);
    if (e) {
        thresholds_stop(thresholds);
        return e;
    }
    int64_t interval = options->interval_ms ? options->interval_ms : INTERVAL_MS;
    thresholds->timer = timer_start(options->ticker, &(struct timer_options){ .pool = options->pool,
                                                                              .lane = LANE_BACKGROUND,
                                                                              .first_ms = interval,
                                                                              .every_ms = interval,
                                                                              .run = evaluate,
                                                                              .arg = thresholds });
    *ret_thresholds = thresholds;
    return NULL;
}

void thresholds_stop(struct thresholds *thresholds)
{
    if (!thresholds)
        return;
    timer_stop(thresholds->timer);
    while (thresholds->states.count)
        forget(thresholds, 0);
    vec_clear(&thresholds->states);
    arena_free(thresholds->arena);
    free(thresholds);
}

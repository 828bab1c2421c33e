/* rules.c - which groups there are, when they are evaluated, and what the journal hears of their alerts.
 *
 * DESIGN. A load is an arena with everything that was parsed and the groups made of it. A reload makes a second load
 * beside the running one; only when all of it is good do timers stop, states move over, and the new timers start.
 * Groups start spread over their interval, by a hash of file and name, so that they don't all ask at once. */
#include "rules/rules.h"

#include "alerts/alert.h"
#include "base/asset.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "ingest/global.h"
#include "rules/settings.h"

#include <glob.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

enum { FILE_BYTES_MAX = 16 << 20, LOAD_BYTES_MAX = 1 << 30, OPEN_ALERTS_MAX = 10000, FILES_MAX = 10000 };

struct running {
    struct rules *rules;
    struct str key; /* file;name */
    struct group *group;
    struct timer *timer;
    int64_t interval_ms, offset_ms;
};

struct load {
    struct arena *arena;
    struct config *config;
    VEC(struct running *) groups;
};

struct rules {
    struct rules_options options;
    pthread_mutex_t lock; /* of `load` */
    struct load *load;
    bool restores; /* the first load: what was before the restart matters */
    bool ended;    /* alerts of before the restart that no longer hold were ended */
};

/* ---- alerts to the journal ---- */

/* resource_of - the thing on this host that the labels name; elsewhere the labels say it, see alert.h. */
static struct str resource_of(struct arena *arena, const char *host, struct labels labels)
{
    struct str mount = labels_get(labels, S("mountpoint")), unit = labels_get(labels, S("name"));

    if (!str_eq(labels_get(labels, S("instance")), str_of(host)))
        return S("");
    if (mount.length)
        return str_printf(arena, "filesystem:%s:%.*s", host, STR_ARG(mount));
    if (unit.length && labels_get(labels, S("state")).length)
        return str_printf(arena, "service:%s:%.*s", host, STR_ARG(unit));
    return str_printf(arena, "host:%s", host);
}

struct changes {
    struct rules *rules;
    const struct rule *rule;
    struct active_alert *const *alerts;
    size_t count;
};

static err record_changes(struct tx *tx, void *arg)
{
    const struct changes *changes = arg;

    for (size_t i = 0; i < changes->count; i++) {
        const struct active_alert *alert = changes->alerts[i];
        const struct alert_in in = {
            .labels = alert->labels,
            .annotations = alert->annotations,
            .source = S("rule"),
            .resource = resource_of(tx_arena(tx), changes->rules->options.host, alert->labels),
            .resolved = alert->state == ALERT_STATE_INACTIVE,
            .starts_at_ms = alert->fired_at_ms,
            .ends_at_ms = alert->resolved_at_ms,
            .value = alert->value,
            .threshold = changes->rule->threshold,
        };
        TRY(alert_record(tx, &in, NULL));
    }
    return NULL;
}

static err changed(void *arg, const struct rule *rule, struct active_alert *const *alerts, size_t count)
{
    struct rules *rules = arg;
    struct changes changes = { rules, rule, alerts, count };

    return db_write(rules->options.db, record_changes, &changes);
}

static bool still_holds(const struct load *load, struct labels labels)
{
    for (size_t i = 0; i < load->groups.count; i++)
        if (group_has_alert(load->groups.at[i]->group, labels))
            return true;
    return false;
}

/* end_orphans - alerts that a rule raised before the restart or the reload, and none holds now. */
static err end_orphans(struct tx *tx, void *arg)
{
    struct rules *rules = arg;
    struct alert_list list;

    TRY(alert_select(tx, tx_arena(tx), &(struct alert_query){ .limit = OPEN_ALERTS_MAX }, &list));
    for (size_t i = 0; i < list.alerts.count; i++) {
        const struct alert_row *row = &list.alerts.at[i];
        struct labels labels, annotations;
        if (row->status == ALERT_RESOLVED || !str_eq(row->source, S("rule")))
            continue;
        TRY(labels_from_json(tx_arena(tx), row->labels, &labels));
        if (still_holds(rules->load, labels))
            continue;
        TRY(labels_from_json(tx_arena(tx), row->annotations, &annotations));
        TRY(alert_record(tx,
                         &(struct alert_in){ .labels = labels,
                                             .annotations = annotations,
                                             .source = row->source,
                                             .resource = row->resource,
                                             .resolved = true,
                                             .value = NAN,
                                             .threshold = NAN },
                         NULL));
    }
    return NULL;
}

static void end_orphans_once(struct rules *rules)
{
    pthread_mutex_lock(&rules->lock);
    bool due = !rules->ended;
    for (size_t i = 0; i < rules->load->groups.count && due; i++)
        due = group_evaluated(rules->load->groups.at[i]->group);
    rules->ended |= due;
    pthread_mutex_unlock(&rules->lock);
    if (!due)
        return;
    err e = db_write(rules->options.db, end_orphans, rules);
    if (e)
        rules->ended = false; /* tried again with the next evaluation */
    log_err(e, "can't end alerts of rules that no longer hold");
}

/* ---- loading ---- */

static struct labels external_labels(struct arena *arena, const struct global_settings *global)
{
    struct label *labels = arena_array(arena, global->external_labels.count + 1, sizeof(*labels));

    for (size_t i = 0; i < global->external_labels.count; i++)
        labels[i] = (struct label){ global->external_labels.at[i].key, global->external_labels.at[i].value };
    return labels_make(arena, labels, global->external_labels.count);
}

static void add_groups(struct rules *rules, struct load *load, const struct rule_file *file, const char *name)
{
    const struct global_settings *global = config_get(load->config, &global_section);

    for (size_t i = 0; i < file->groups.count; i++) {
        const struct rule_group *spec = &file->groups.at[i];
        struct running *running = arena_alloc(load->arena, sizeof(*running));
        int64_t interval = spec->interval.ms ? spec->interval.ms : global->evaluation_interval.ms;
        struct str key = str_printf(load->arena, "%s;%.*s", name, STR_ARG(spec->name));
        struct digest hash = digest_of(key);
        *running = (struct running){
            .rules = rules,
            .key = key,
            .interval_ms = interval,
            .offset_ms = (int64_t)(hash.bytes[0] | hash.bytes[1] << 8) * interval / 65536,
            .group = group_new(&(struct group_options){
                .series = rules->options.series,
                .samples = rules->options.samples,
                .spec = spec,
                .file = name,
                .interval_ms = interval,
                .query_offset_ms = spec->query_offset.ms ? spec->query_offset.ms : global->rule_query_offset.ms,
                .external_labels = external_labels(load->arena, global),
                .external_url = rules->options.external_url,
                .restores = rules->restores,
                .changed = changed,
                .arg = rules }),
        };
        *vec_push(&load->groups, load->arena) = running;
    }
}

static err load_text(struct rules *rules, struct load *load, struct str text, const char *name)
{
    struct rule_file *file = arena_alloc(load->arena, sizeof(*file));

    TRY(rule_file_parse(load->arena, text, name, file));
    add_groups(rules, load, file, name);
    return arena_check(load->arena);
}

static err load_pattern(struct rules *rules, struct load *load, struct str pattern)
{
    const char *folder = config_folder(load->config, &rule_files_section);
    bool absolute = str_starts(pattern, S("/"));
    char *path = str_c(load->arena, absolute ? pattern : str_printf(load->arena, "%s/%.*s", folder, STR_ARG(pattern)));
    glob_t found CLEANUP(globfree) = { 0 };

    if (glob(path, 0, NULL, &found) != 0 || found.gl_pathc > FILES_MAX)
        return NULL; /* as in Prometheus: a pattern that matches nothing is none of our business */
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct str text;
        char *name = str_c(load->arena, str_of(found.gl_pathv[i]));
        TRY(file_read(load->arena, name, FILE_BYTES_MAX, &text));
        TRY(load_text(rules, load, text, name));
    }
    return NULL;
}

static void load_free(struct load *load, bool replaced)
{
    for (size_t i = 0; i < load->groups.count; i++) {
        timer_stop(load->groups.at[i]->timer);
        group_free(load->groups.at[i]->group, replaced);
    }
    config_unref(load->config);
    arena_free(load->arena); /* in which it stands itself */
}

static err load_all(struct rules *rules, struct config *config, struct load **ret_load)
{
    struct arena *arena = arena_new(LOAD_BYTES_MAX);
    struct load *load = arena_alloc(arena, sizeof(*load));
    size_t count;
    const struct str *patterns = config_list(config, &rule_files_section, &count);
    err e = NULL;

    *load = (struct load){ .arena = arena, .config = config_ref(config) };
    for (const struct asset *asset = NULL; !e && (asset = asset_next(S("content/rules/"), asset));)
        e = load_text(rules, load, (struct str){ (const char *)asset->bytes, asset->length }, asset->path);
    for (size_t i = 0; i < count && !e; i++)
        e = load_pattern(rules, load, patterns[i]);
    if (e) {
        load_free(load, true);
        return e;
    }
    *ret_load = load;
    return NULL;
}

/* ---- evaluating ---- */

static void evaluate(void *arg)
{
    struct running *running = arg;
    int64_t now_ms = time_now_ms();

    /* The moment that was due: rules see even steps, whatever the clock's thread did meanwhile. */
    int64_t due_ms = (now_ms - running->offset_ms) / running->interval_ms * running->interval_ms + running->offset_ms;
    group_evaluate(running->group, due_ms);
    end_orphans_once(running->rules);
}

static void start_timers(struct rules *rules, struct load *load)
{
    for (size_t i = 0; i < load->groups.count; i++) {
        struct running *running = load->groups.at[i];
        int64_t past_ms = (time_now_ms() - running->offset_ms) % running->interval_ms;
        running->timer =
            timer_start(rules->options.ticker, &(struct timer_options){ .pool = rules->options.pool,
                                                                        .lane = LANE_BACKGROUND,
                                                                        .first_ms = running->interval_ms - past_ms,
                                                                        .every_ms = running->interval_ms,
                                                                        .run = evaluate,
                                                                        .arg = running });
    }
}

static struct running *find_group(const struct load *load, struct str key)
{
    for (size_t i = 0; i < load->groups.count; i++)
        if (str_eq(load->groups.at[i]->key, key))
            return load->groups.at[i];
    return NULL;
}

err rules_start(const struct rules_options *options, struct rules **ret_rules)
{
    struct rules *rules = calloc(1, sizeof(*rules));

    if (!rules)
        out_of_memory(sizeof(*rules));
    rules->options = *options;
    rules->restores = true;
    pthread_mutex_init(&rules->lock, NULL);
    err e = load_all(rules, options->config, &rules->load);
    if (e) {
        rules_stop(rules);
        return e;
    }
    rules->restores = false;
    start_timers(rules, rules->load);
    *ret_rules = rules;
    return NULL;
}

err rules_reload(struct rules *rules, struct config *config)
{
    struct load *fresh;

    TRY(load_all(rules, config, &fresh));
    for (size_t i = 0; i < rules->load->groups.count; i++) {
        timer_stop(rules->load->groups.at[i]->timer);
        rules->load->groups.at[i]->timer = NULL;
    }
    for (size_t i = 0; i < rules->load->groups.count; i++) {
        struct running *running = rules->load->groups.at[i];
        struct running *next = find_group(fresh, running->key);
        if (next)
            group_adopt(next->group, running->group);
    }
    pthread_mutex_lock(&rules->lock);
    struct load *old = rules->load;
    rules->load = fresh;
    rules->ended = false;
    pthread_mutex_unlock(&rules->lock);
    start_timers(rules, fresh);
    load_free(old, false); /* ends the series of rules that are gone; what was adopted is no longer in there */
    return NULL;
}

void rules_stop(struct rules *rules)
{
    if (!rules)
        return;
    if (rules->load)
        load_free(rules->load, true); /* no stale markers: after the restart they go on */
    pthread_mutex_destroy(&rules->lock);
    free(rules);
}

void rules_view(struct rules *rules, struct arena *arena, struct rules_view *ret_view)
{
    pthread_mutex_lock(&rules->lock);
    ret_view->count = rules->load->groups.count;
    ret_view->groups = arena_array(arena, ret_view->count + 1, sizeof(*ret_view->groups));
    for (size_t i = 0; i < ret_view->count; i++)
        group_view(rules->load->groups.at[i]->group, arena, &ret_view->groups[i]);
    pthread_mutex_unlock(&rules->lock);
}

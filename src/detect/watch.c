/* watch.c - the watcher's looks: read, remember, judge, raise and clear. */
#include "detect/watch.h"

#include "base/log.h"
#include "base/metric.h"
#include "base/time.h"
#include "detect/track.h"
#include "detect/watch_quantities.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    SERIES_MAX = 500,
    ARENA_BYTES = 64 << 20,
    BACKFILL_DAYS = 21,
    ENDED_MS = 10 * MINUTE_MS,
    FORGOTTEN_MS = DAY_MS,
    REFRESH_MS = MINUTE_MS,
    SWEEP_MS = HOUR_MS,
};

METRIC(GAUGE, detect_series, "Series that are watched for failures.", NULL);
METRIC(GAUGE, detect_series_learning, "Watched series that are too new for more than their level.", NULL);
METRIC(GAUGE, detect_signals_open, "Signals of our own that are open.", NULL);
METRIC(COUNTER, detect_series_dropped_total, "Series not watched because 500 are already.", NULL);
METRIC(GAUGE, detect_look_seconds, "What the last look over all series took.", NULL);

struct watched_series {
    const struct quantity *quantity;
    struct arena *memory; /* of the texts */
    struct str resource, server;
    struct labels labels; /* without __name__ */
    struct history *history;
    struct assessment judged;
    int64_t signal_id; /* open; 0: none */
    int64_t written_ms;
    double written_risk;
    int above, below; /* looks in a row */
    bool at_limit;
};

struct watch {
    struct watch_options options;
    struct timer *timer;
    pthread_mutex_t lock; /* over series and what they hold; writers are the one look that runs */
    VEC(struct watched_series *) series;
    int64_t first_ms, looked_ms, swept_ms; /* looks: the first, the last, and the last that swept */
    bool adopted;                          /* open signals of an earlier run were looked at */
};

struct change {
    struct watched_series *series;
    struct signal_row row;
    bool raise, clear, reached;
};

struct pass {
    struct watch *watch;
    struct arena *arena;
    const struct detect_settings *settings;
    int64_t now_ms;
    VEC(struct sample_in) shares;
    VEC(struct change) changes;
    bool sweep;
};

static void series_free(struct watched_series *series)
{
    history_free(series->history);
    arena_free(series->memory);
    free(series);
}

static struct watched_series *series_find(struct watch *watch, const struct quantity *quantity, struct labels labels)
{
    for (size_t i = 0; i < watch->series.count; i++)
        if (watch->series.at[i]->quantity == quantity && labels_eq(watch->series.at[i]->labels, labels))
            return watch->series.at[i];
    return NULL;
}

static struct labels without_name(struct arena *arena, struct labels labels, const char *name)
{
    struct label *kept = arena_array(arena, labels.count + 1, sizeof *kept);
    size_t count = 0;

    for (size_t i = 0; i < labels.count; i++)
        if (!str_eq(labels.at[i].name, S("__name__")))
            kept[count++] = labels.at[i];
    if (name)
        kept[count++] = (struct label){ S("__name__"), str_of(name) };
    return labels_make(arena, kept, count);
}

/* What the store still knows of the share. */
static err backfill(struct pass *pass, struct watched_series *series)
{
    struct series_source *source = pass->watch->options.series;
    size_t count = series->labels.count + 1;
    struct matcher *matchers = arena_array(pass->arena, count, sizeof *matchers);
    struct series_list list;

    TRY(matcher_make(pass->arena, MATCH_EQ, S("__name__"), str_of(series->quantity->metric), &matchers[0]));
    for (size_t i = 1; i < count; i++)
        TRY(matcher_make(pass->arena, MATCH_EQ, series->labels.at[i - 1].name, series->labels.at[i - 1].value,
                         &matchers[i]));
    TRY(series_select(source, pass->arena, matchers, count, pass->now_ms - (int64_t)BACKFILL_DAYS * DAY_MS,
                      pass->now_ms, &list));
    for (size_t i = 0; i < list.count; i++)
        if (labels_eq(without_name(pass->arena, list.at[i].labels, NULL), series->labels))
            for (size_t j = 0; j < list.at[i].count; j++)
                history_add(series->history, list.at[i].samples[j].time_ms, list.at[i].samples[j].value);
    return NULL;
}

static struct watched_series *series_add(struct pass *pass, const struct quantity *quantity, struct str resource,
                                         struct str server, struct labels labels)
{
    struct watch *watch = pass->watch;

    if (watch->series.count >= SERIES_MAX) {
        metric_add(&detect_series_dropped_total, 1);
        return NULL;
    }
    struct watched_series *series = calloc(1, sizeof *series);
    if (!series)
        abort();
    series->quantity = quantity;
    series->memory = arena_new(64 * 1024);
    series->resource = str_copy(series->memory, resource);
    series->server = str_copy(series->memory, server);
    series->labels = labels_copy(series->memory, labels);
    series->history = history_new();
    series->judged.learning = true;
    log_err(backfill(pass, series), "reading back %s", quantity->metric);
    pthread_mutex_lock(&watch->lock);
    *vec_push(&watch->series, NULL) = series;
    pthread_mutex_unlock(&watch->lock);
    return series;
}

static void take_value(struct look *look, const struct quantity *quantity, struct str resource, struct str server,
                       struct labels labels, int64_t time_ms, double percent)
{
    struct pass *pass = look->arg;
    struct labels own = without_name(look->arena, labels, NULL);
    struct watched_series *series = series_find(pass->watch, quantity, own);

    if (!isfinite(percent))
        return;
    if (!series)
        series = series_add(pass, quantity, resource, server, own);
    if (!series || time_ms <= history_last_ms(series->history))
        return;
    pthread_mutex_lock(&pass->watch->lock);
    history_add(series->history, time_ms, percent);
    pthread_mutex_unlock(&pass->watch->lock);
    *vec_push(&pass->shares, look->arena) =
        (struct sample_in){ without_name(look->arena, own, quantity->metric), time_ms, percent };
}

static struct assess_options options_of(const struct quantity *quantity, const struct detect_settings *settings)
{
    struct assess_options options = failure_model_options(&failure_models[quantity->model], quantity->limit);

    if (settings->min_window.ms > 0)
        options.min_window_ms = settings->min_window.ms;
    return options;
}

static struct signal_row row_of(const struct watched_series *series, int64_t now_ms)
{
    const struct failure_model *model = failure_model_for(str_of(series->quantity->signal_type));
    double risk = round_decimals(series->judged.risk, 3);

    return (struct signal_row){ .server_name = series->server,
                                .signal_type = str_of(series->quantity->signal_type),
                                .value = round_decimals(series->judged.value, 2),
                                .threshold = model->threshold,
                                .risk_score = risk,
                                .resource = series->resource,
                                .metric = str_of(series->quantity->metric),
                                .labels = series->labels,
                                .limit = series->quantity->limit,
                                .model_risk = risk,
                                .eta_seconds = series->judged.eta_seconds,
                                .eta_low = series->judged.eta_low,
                                .eta_high = series->judged.eta_high,
                                .has_evidence = true,
                                .evidence = series->judged.evidence,
                                .seen_ms = now_ms };
}

/* Raise, refresh, clear, or leave alone. */
static void decide(struct pass *pass, struct watched_series *series, const struct assess_options *options)
{
    const struct detect_settings *settings = pass->settings;
    double risk = series->judged.risk;
    bool ended = pass->now_ms - history_last_ms(series->history) > ENDED_MS;
    bool at_limit = series->judged.value >= options->limit - options->noise_floor;
    /* Who is still learning has announced nothing, and could not: that is no miss. */
    bool reached = at_limit && !series->at_limit && !series->judged.learning;
    struct change change = { .series = series, .reached = reached };

    series->above = risk >= settings->raise_risk && !ended ? series->above + 1 : 0;
    series->below = risk < settings->clear_risk || ended ? series->below + 1 : 0;
    series->at_limit = at_limit;
    if (series->signal_id == 0) {
        change.raise = series->above >= settings->confirm;
    } else {
        change.clear = ended || series->below >= 2 * settings->confirm;
        change.raise = !change.clear && !ended &&
                       (pass->now_ms - series->written_ms >= REFRESH_MS ||
                        (risk >= RISK_HIGH && series->written_risk < RISK_HIGH));
    }
    if (!change.raise && !change.clear && !change.reached)
        return;
    change.row = row_of(series, pass->now_ms);
    *vec_push(&pass->changes, pass->arena) = change;
}

static err write_changes(struct tx *tx, void *arg)
{
    struct pass *pass = arg;

    for (size_t i = 0; i < pass->changes.count; i++) {
        struct change *change = &pass->changes.at[i];
        if (change->raise) {
            TRY(signal_raise(tx, &change->row));
            TRY(track_announced(tx, &change->row));
        }
        if (change->reached)
            TRY(track_reached(tx, change->row.signal_type, change->row.resource));
        if (change->clear) {
            TRY(signal_clear(tx, change->series->signal_id, change->row.risk_score));
            TRY(track_cleared(tx, change->series->signal_id));
        }
    }
    if (!pass->sweep)
        return NULL;
    TRY(track_overdue(tx));
    int64_t before = tx_now_ms(tx) - pass->settings->retention.ms;
    TRY(tx_run(tx, "DELETE FROM signal WHERE created_ms < ?1 AND (posted = 1 OR cleared_ms > 0)", PARAMS(before)));
    TRY(tx_run(tx, "DELETE FROM prevention WHERE created_ms < ?1", PARAMS(before)));
    return tx_run(tx, "DELETE FROM prediction WHERE made_ms < ?1 AND outcome IS NOT NULL", PARAMS(before));
}

static void remember_changes(struct pass *pass)
{
    for (size_t i = 0; i < pass->changes.count; i++) {
        struct change *change = &pass->changes.at[i];
        struct watched_series *series = change->series;
        if (change->raise) {
            series->signal_id = change->row.id;
            series->written_ms = pass->now_ms;
            series->written_risk = change->row.risk_score;
        }
        if (change->clear)
            series->signal_id = 0;
    }
}

struct adoption {
    struct arena *arena;
    struct signal_list list;
};

static err read_open(struct tx *tx, void *arg)
{
    struct adoption *adoption = arg;
    return signal_select(tx, adoption->arena, &(struct signal_filter){ .open_only = true }, &adoption->list);
}

static err clear_orphans(struct tx *tx, void *arg)
{
    struct adoption *adoption = arg;

    for (size_t i = 0; i < adoption->list.count; i++) {
        TRY(signal_clear(tx, adoption->list.at[i].id, 0));
        TRY(track_cleared(tx, adoption->list.at[i].id));
    }
    return NULL;
}

/* Signals that an earlier run left open go on with their series; those whose series did not come back in time end. */
static err adopt(struct pass *pass)
{
    struct watch *watch = pass->watch;
    struct adoption adoption = { .arena = pass->arena };
    size_t orphans = 0;

    if (watch->adopted)
        return NULL;
    TRY(db_read(watch->options.db, read_open, &adoption));
    for (size_t i = 0; i < adoption.list.count; i++) {
        struct signal_row *row = &adoption.list.at[i];
        bool found = false;
        for (size_t j = 0; j < watch->series.count; j++) {
            struct watched_series *series = watch->series.at[j];
            if (!str_eq(row->signal_type, str_of(series->quantity->signal_type)) ||
                !str_eq(row->resource, series->resource) || !labels_eq(row->labels, series->labels))
                continue;
            pthread_mutex_lock(&watch->lock);
            series->signal_id = row->id;
            series->written_risk = row->risk_score;
            pthread_mutex_unlock(&watch->lock);
            found = true;
        }
        if (!found)
            adoption.list.at[orphans++] = *row;
    }
    adoption.list.count = orphans;
    watch->adopted = orphans == 0;
    if (pass->now_ms - watch->first_ms < ENDED_MS)
        return NULL;
    watch->adopted = true;
    return db_write(watch->options.db, clear_orphans, &adoption);
}

/* Series that ended a day ago leave the table. */
static void forget(struct pass *pass)
{
    struct watch *watch = pass->watch;
    size_t kept = 0, learning = 0, open = 0;

    pthread_mutex_lock(&watch->lock);
    for (size_t i = 0; i < watch->series.count; i++) {
        struct watched_series *series = watch->series.at[i];
        if (series->signal_id == 0 && pass->now_ms - history_last_ms(series->history) > FORGOTTEN_MS) {
            series_free(series);
            continue;
        }
        learning += series->judged.learning;
        open += series->signal_id != 0;
        watch->series.at[kept++] = series;
    }
    watch->series.count = kept;
    watch->looked_ms = pass->now_ms;
    pthread_mutex_unlock(&watch->lock);
    metric_set(&detect_series, (double)kept);
    metric_set(&detect_series_learning, (double)learning);
    metric_set(&detect_signals_open, (double)open);
}

/* describe - what the watcher stores itself; not at the start, as a store that recovers keeps its callers waiting. */
static void describe(struct sample_sink *samples)
{
    for (size_t i = 0; i < quantity_count; i++) {
        struct metric_meta meta = { str_of(quantities[i].metric), str_of(quantities[i].doc), S("percent"), KIND_GAUGE };
        samples->ops->describe(samples, &meta);
    }
}

static err look(struct watch *watch, const struct detect_settings *settings, int64_t now_ms)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(ARENA_BYTES);
    struct arena *work CLEANUP(arena_freep) = arena_new(ARENA_BYTES);
    struct pass pass = { .watch = watch, .arena = arena, .settings = settings, .now_ms = now_ms };
    struct look looking = { arena, watch->options.series, now_ms, take_value, &pass };

    if (watch->first_ms == 0) {
        watch->first_ms = now_ms;
        if (watch->options.samples)
            describe(watch->options.samples);
    }
    for (size_t i = 0; i < quantity_count; i++)
        TRY(quantities[i].read(&looking, &quantities[i]));
    TRY(arena_check(arena));
    if (pass.shares.count && watch->options.samples)
        log_err(watch->options.samples->ops->append(watch->options.samples, pass.shares.at, pass.shares.count),
                "storing shares");
    TRY(adopt(&pass));
    for (size_t i = 0; i < watch->series.count; i++) {
        struct watched_series *series = watch->series.at[i];
        const struct failure_model *model = &failure_models[series->quantity->model];
        struct assess_options options = options_of(series->quantity, settings);
        pthread_mutex_lock(&watch->lock);
        series->judged = assess(work, model->algorithm, series->history, &options);
        decide(&pass, series, &options);
        pthread_mutex_unlock(&watch->lock);
        arena_reset(work);
    }
    pass.sweep = now_ms - watch->swept_ms >= SWEEP_MS;
    if (pass.changes.count || pass.sweep) {
        TRY(db_write(watch->options.db, write_changes, &pass));
        pthread_mutex_lock(&watch->lock);
        remember_changes(&pass);
        pthread_mutex_unlock(&watch->lock);
    }
    if (pass.sweep)
        watch->swept_ms = now_ms;
    forget(&pass);
    return NULL;
}

err watch_look(struct watch *watch, int64_t now_ms)
{
    struct config *config CLEANUP(config_unrefp) = watch->options.config();
    const struct detect_settings *settings = config_get(config, &detect_section);
    int64_t started = time_mono_us();
    err e = settings->enabled ? look(watch, settings, now_ms) : NULL;

    metric_set(&detect_look_seconds, (double)(time_mono_us() - started) / 1e6);
    return e;
}

static void run(void *arg)
{
    LOG_SCOPE("room", "detect");
    log_err(watch_look(arg, time_now_ms()), "watching for failures");
}

err watch_start(const struct watch_options *options, struct watch **ret_watch)
{
    struct watch *watch = calloc(1, sizeof *watch);

    if (!watch)
        abort();
    watch->options = *options;
    pthread_mutex_init(&watch->lock, NULL);
    if (options->ticker) {
        struct config *config CLEANUP(config_unrefp) = options->config();
        const struct detect_settings *settings = config_get(config, &detect_section);
        struct timer_options every = { .pool = options->pool,
                                       .lane = LANE_BACKGROUND,
                                       .first_ms = settings->interval.ms,
                                       .every_ms = settings->interval.ms,
                                       .run = run,
                                       .arg = watch };
        watch->timer = timer_start(options->ticker, &every);
    }
    *ret_watch = watch;
    return NULL;
}

void watch_stop(struct watch *watch)
{
    if (!watch)
        return;
    timer_stopp(&watch->timer);
    for (size_t i = 0; i < watch->series.count; i++)
        series_free(watch->series.at[i]);
    vec_clear(&watch->series);
    pthread_mutex_destroy(&watch->lock);
    free(watch);
}

struct watch_state watch_state(struct watch *watch)
{
    struct watch_state state = { 0 };

    pthread_mutex_lock(&watch->lock);
    state.series = watch->series.count;
    for (size_t i = 0; i < watch->series.count; i++) {
        state.learning += watch->series.at[i]->judged.learning;
        state.raised += watch->series.at[i]->signal_id != 0;
    }
    state.looked_ms = watch->looked_ms;
    pthread_mutex_unlock(&watch->lock);
    return state;
}

bool watch_assess(struct watch *watch, struct arena *arena, struct str server_name, struct str signal_type,
                  struct assessment *ret_judged)
{
    struct config *config CLEANUP(config_unrefp) = watch->options.config();
    const struct detect_settings *settings = config_get(config, &detect_section);
    bool found = false;

    pthread_mutex_lock(&watch->lock);
    for (size_t i = 0; i < watch->series.count; i++) {
        struct watched_series *series = watch->series.at[i];
        if (!str_eq(series->server, server_name) || !str_eq(str_of(series->quantity->signal_type), signal_type) ||
            history_samples(series->history) == 0)
            continue;
        struct assess_options options = options_of(series->quantity, settings);
        struct assessment judged =
            assess(arena, failure_models[series->quantity->model].algorithm, series->history, &options);
        if (!found || judged.risk > ret_judged->risk)
            *ret_judged = judged;
        found = true;
    }
    pthread_mutex_unlock(&watch->lock);
    return found;
}

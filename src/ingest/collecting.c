/* collecting.c - the sources, their timers, and one run of one of them.
 *
 * DESIGN. A source is a timer on one of two pools; the timer never lets its runs overlap, so a source's collector state
 * needs no lock. What others may ask (collecting_list) is copied under the lock at the end of each run. Settings live
 * in the source's own arena, so a source outlives the configuration that made it. */
#include "ingest/collecting.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/metric.h"
#include "base/time.h"

METRIC(COUNTER, ingest_scrapes_total, "Runs of collectors, by result.", "result");
METRIC(COUNTER, ingest_samples_total, "Samples collected, by source.", "source");
METRIC(COUNTER, ingest_samples_dropped_total, "Samples beyond a source's maximum.", "source");
METRIC(GAUGE, ingest_sources, "Sources that run.", NULL);

enum {
    SOURCES_MAX = 1000,
    RUN_MAX_MS = 10 * SECOND_MS,
    RUN_BYTES_MAX = 64 * 1024 * 1024,
    JITTER_MS = 250,
    DESCRIBED_SLOTS = 4096,
    ERROR_MAX = 400,
};

struct source {
    struct source *next;
    struct collecting *owner;
    struct arena *memory; /* as long as the source */
    const struct collector *collector;
    struct str name, instance;
    struct str spec_settings; /* as they came, to see a change at reload */
    bool from_config, trusted;
    int64_t interval_ms;
    void *settings;
    struct timer *timer;

    /* Of the run alone. */
    void *state;
    bool opened;
    int64_t last_ms;     /* of the samples */
    uint64_t *described; /* hashes of the names whose metric was described */

    /* Under the lock. */
    enum source_condition condition;
    int64_t received_ms, samples;
    double duration_seconds;
    char error[ERROR_MAX], note[ERROR_MAX];
};

struct collecting {
    struct collecting_options options;
    char host[HOST_NAME_MAX + 1];
    pthread_mutex_t changing; /* one add, remove or reload at a time; taken before lock */
    pthread_mutex_t lock;     /* the list, and what can be asked of a source */
    struct source *sources;
    size_t count;
};

struct source_entry {
    struct str type, name;
    struct duration interval;
    const struct json *settings;
};

static const struct field source_fields[] = {
    STRING(struct source_entry, type, .flags = F_REQUIRED, .doc = "The collector: `auspex list integrations`."),
    STRING(struct source_entry, name, .max = 100, .doc = "Unique; the collector's own name where empty."),
    DURATION(struct source_entry, interval, .min = 0, .max = DAY_MS,
             .doc = "How often; 0 is the collector's own choice."),
    ANY(struct source_entry, settings, .doc = "The collector's own settings."),
    { 0 },
};

static const struct collector *collector_find(struct str name)
{
    FOR_EACH_REGISTERED (collector, it) {
        if (str_eq(str_of(it->name), name))
            return it;
    }
    return NULL;
}

static void source_entry_check(const void *object, struct str path, err *e);
static const struct schema source_schema =
    SCHEMA(struct source_entry, source_fields, .doc = "Something that samples are collected from, again and again.",
           .check = source_entry_check);
static const struct config_section sources_section = { .key = "sources", .schema = &source_schema, .is_list = true };
REGISTER(config_section, sources_section);

static err settings_parse(struct arena *arena, const struct collector *collector, const struct json *json,
                          const char *file, const char *path, void **ret_settings)
{
    static const struct json empty = { .type = JSON_OBJECT };

    if (!collector->settings.fields) {
        if (json && (json->type != JSON_OBJECT || json->object.count))
            return err_new(ERR_INVALID, "collector %s takes no settings", collector->name);
        return NULL;
    }
    *ret_settings = arena_alloc(arena, collector->settings.size);
    return schema_parse(&(struct schema_options){ .arena = arena, .file = file, .path = path }, &collector->settings,
                        json ? json : &empty, *ret_settings);
}

static void source_entry_check(const void *object, struct str path, err *e)
{
    const struct source_entry *entry = object;
    const struct collector *collector = collector_find(entry->type);
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    void *settings;

    if (!collector) {
        err_add_field(e, ERR_INVALID, str_printf(arena, "%.*stype", STR_ARG(path)).at, "there is no collector '%.*s'",
                      STR_ARG(entry->type));
        return;
    }
    const char *below = str_printf(arena, "%.*ssettings.", STR_ARG(path)).at;
    err fault = settings_parse(arena, collector, entry->settings, NULL, below, &settings);
    for (size_t i = 0; fault && i < err_field_count(fault); i++)
        err_add_field(e, ERR_INVALID, err_field_path(fault, i), "%s", err_field_message(fault, i));
    if (fault && !err_field_count(fault))
        err_add_field(e, ERR_INVALID, below, "%s", err_message(fault));
    err_free(fault);
}

/* Describe each metric once: the hash of its name is remembered; when the table is full, it is told again. */
static void describe(struct source *source, const struct metric_meta *meta)
{
    struct sample_sink *sink = source->owner->options.sink;
    uint64_t hash = str_hash(meta->name) | 1;
    size_t slot = (size_t)(hash >> 32) % DESCRIBED_SLOTS;

    for (int probe = 0; probe < 8; probe++, slot = (slot + 1) % DESCRIBED_SLOTS) {
        if (source->described[slot] == hash)
            return;
        if (!source->described[slot]) {
            source->described[slot] = hash;
            break;
        }
    }
    sink->ops->describe(sink, meta);
}

/* Timers jitter by milliseconds; samples that were meant to be 5 s apart are said to be 5 s apart. */
static int64_t scrape_time(struct source *source)
{
    int64_t now_ms = time_now_ms(), planned_ms = source->last_ms + source->interval_ms;
    int64_t allowed_ms = source->interval_ms / 10 < JITTER_MS ? source->interval_ms / 10 : JITTER_MS;

    return llabs(now_ms - planned_ms) <= allowed_ms ? planned_ms : now_ms;
}

static err run_collector(struct source *source, struct call *call, struct batch *batch)
{
    if (!source->opened) {
        if (source->collector->open)
            TRY(source->collector->open(call, source->settings, &source->state));
        source->opened = true;
    }
    TRY(source->collector->collect(call, source->settings, source->state, batch));
    return arena_check(batch->arena);
}

static void copy_text(char *to, struct str text)
{
    struct str head = str_utf8_head(text, ERROR_MAX - 1);

    if (head.length)
        memcpy(to, head.at, head.length);
    to[head.length] = '\0';
}

static void remember(struct source *source, const struct batch *batch, int64_t stored, double seconds, err failure)
{
    bool had_failed;

    pthread_mutex_lock(&source->owner->lock);
    had_failed = source->condition == SOURCE_ERROR;
    source->condition = failure ? SOURCE_ERROR : batch->absent.length ? SOURCE_ABSENT : SOURCE_OK;
    source->duration_seconds = seconds;
    source->samples += stored;
    if (stored)
        source->received_ms = batch->time_ms;
    copy_text(source->error, failure ? str_of(err_message(failure)) : S(""));
    copy_text(source->note, batch->absent.length ? batch->absent : batch->note);
    pthread_mutex_unlock(&source->owner->lock);

    metric_add_for(&ingest_scrapes_total, failure ? S("failed") : S("ok"), 1);
    metric_add_for(&ingest_samples_total, source->name, (double)stored);
    if (batch->dropped)
        metric_add_for(&ingest_samples_dropped_total, source->name, (double)batch->dropped);
    if (failure && !had_failed) /* said when it begins; the list shows that it lasts */
        log_err(failure, "source %.*s", STR_ARG(source->name));
    else
        err_free(failure);
}

static void source_run(void *arg)
{
    struct source *source = arg;
    const struct collecting_options *options = &source->owner->options;
    struct arena *arena CLEANUP(arena_freep) = arena_new(RUN_BYTES_MAX);
    int64_t start_us = time_mono_us();
    int64_t limit_ms = source->interval_ms < RUN_MAX_MS ? source->interval_ms : RUN_MAX_MS;
    struct batch batch = batch_make(arena, scrape_time(source), str_of(source->collector->name), source->instance);
    struct call call = {
        .arena = arena, .deadline_ms = time_mono_ms() + limit_ms, .http = options->http, .trusted = source->trusted
    };

    batch.source = source->name;
    err failure = run_collector(source, &call, &batch);
    double seconds = (double)(time_mono_us() - start_us) / 1e6;
    int64_t collected = (int64_t)batch.samples.count;
    source->last_ms = batch.time_ms;
    if (!batch.absent.length) {
        batch.samples_max += 3;
        batch_gauge(&batch, "up", "1 where the last scrape worked.", !failure, NULL);
        batch_gauge(&batch, "scrape_duration_seconds", "How long the last scrape took.", seconds, NULL);
        batch_gauge(&batch, "scrape_samples_scraped", "Samples of the last scrape.", (double)collected, NULL);
    }
    for (size_t i = 0; i < batch.metas.count; i++)
        describe(source, &batch.metas.at[i]);
    err stored =
        batch.samples.count ? options->sink->ops->append(options->sink, batch.samples.at, batch.samples.count) : NULL;
    if (options->topology && batch.resources.count)
        topology_saw(options->topology, batch.resources.at, batch.resources.count);
    if (!failure)
        failure = stored;
    else
        err_free(stored);
    remember(source, &batch, stored ? 0 : collected, seconds, failure);
}

static void source_free(struct source *source)
{
    if (source->timer)
        timer_stop(source->timer);
    if (source->opened && source->collector->close)
        source->collector->close(source->state);
    free(source->described);
    arena_free(source->memory);
    free(source);
}

static err source_new(struct collecting *collecting, const struct source_spec *spec, struct source **ret_source)
{
    const struct collector *collector = collector_find(spec->collector);
    struct source *source;
    const struct json *json = NULL;
    err e = NULL;

    if (!collector)
        return err_new(ERR_NOT_FOUND, "there is no collector '%.*s'", STR_ARG(spec->collector));
    source = calloc(1, sizeof(*source));
    if (!source)
        abort();
    source->owner = collecting;
    source->memory = arena_new(4 << 20);
    source->collector = collector;
    source->trusted = spec->trusted;
    source->interval_ms = spec->interval_ms ? spec->interval_ms : collector->interval_ms;
    source->name = str_copy(source->memory, spec->name.length ? spec->name : str_of(collector->name));
    source->spec_settings = str_copy(source->memory, spec->settings);
    source->described = calloc(DESCRIBED_SLOTS, sizeof(*source->described));
    if (!source->described)
        abort();
    if (spec->settings.length)
        e = json_parse(source->memory, source->spec_settings, &json);
    if (!e)
        e = settings_parse(source->memory, collector, json, spec->trusted ? "sources" : NULL, NULL, &source->settings);
    if (e) {
        source_free(source);
        return err_wrap(e, "source %.*s", STR_ARG(spec->name));
    }
    source->instance =
        collector->instance ? collector->instance(source->memory, source->settings) : str_of(collecting->host);
    *ret_source = source;
    return NULL;
}

static struct source *find_locked(struct collecting *collecting, struct str name)
{
    struct source *source = collecting->sources;

    while (source && !str_eq(source->name, name))
        source = source->next;
    return source;
}

/* Put it into the list and let it run; the first time at once. */
static void source_start(struct source *source)
{
    struct collecting *collecting = source->owner;

    pthread_mutex_lock(&collecting->lock);
    source->next = collecting->sources;
    collecting->sources = source;
    collecting->count++;
    metric_set(&ingest_sources, (double)collecting->count);
    pthread_mutex_unlock(&collecting->lock);
    source->timer =
        timer_start(collecting->options.ticker,
                    &(struct timer_options){
                        .pool = source->collector->blocks ? collecting->options.outside : collecting->options.workers,
                        .lane = LANE_BACKGROUND,
                        .every_ms = source->interval_ms,
                        .run = source_run,
                        .arg = source,
                    });
}

/* Take it out of the list; NULL where there is none. `changing` is held. */
static struct source *unlink_source(struct collecting *collecting, struct str name)
{
    struct source **link = &collecting->sources, *source;

    pthread_mutex_lock(&collecting->lock);
    while (*link && !str_eq((*link)->name, name))
        link = &(*link)->next;
    source = *link;
    if (source) {
        *link = source->next;
        collecting->count--;
        metric_set(&ingest_sources, (double)collecting->count);
    }
    pthread_mutex_unlock(&collecting->lock);
    return source;
}

err collecting_add(struct collecting *collecting, const struct source_spec *spec)
{
    struct source *source = NULL;

    TRY(source_new(collecting, spec, &source));
    pthread_mutex_lock(&collecting->changing);
    pthread_mutex_lock(&collecting->lock);
    bool taken = find_locked(collecting, source->name) != NULL, full = collecting->count >= SOURCES_MAX;
    pthread_mutex_unlock(&collecting->lock);
    if (!taken && !full)
        source_start(source);
    pthread_mutex_unlock(&collecting->changing);
    if (!taken && !full)
        return NULL;
    err e = taken ? err_new(ERR_CONFLICT, "a source is named '%.*s' already", STR_ARG(source->name))
                  : err_new(ERR_BUSY, "%d sources run already", SOURCES_MAX);
    source_free(source);
    return e;
}

bool collecting_remove(struct collecting *collecting, struct str name)
{
    pthread_mutex_lock(&collecting->changing);
    struct source *source = unlink_source(collecting, name);
    pthread_mutex_unlock(&collecting->changing);
    if (source)
        source_free(source);
    return source != NULL;
}

bool collecting_poke(struct collecting *collecting, struct str name)
{
    pthread_mutex_lock(&collecting->changing);
    pthread_mutex_lock(&collecting->lock);
    struct source *source = find_locked(collecting, name);
    pthread_mutex_unlock(&collecting->lock);
    if (source && source->timer)
        timer_poke(source->timer);
    pthread_mutex_unlock(&collecting->changing);
    return source != NULL;
}

/* The sources that the configuration asks for, made but not started. */
static err sources_wanted(struct collecting *collecting, const struct config *config, struct arena *arena,
                          struct source_spec **ret_specs, size_t *ret_count)
{
    size_t count;
    const struct source_entry *entries = config_list(config, &sources_section, &count);
    VEC(struct source_spec) specs = { 0 };

    (void)collecting;
    for (size_t i = 0; i < count; i++) {
        struct buf settings CLEANUP(buf_clear);
        buf_init(&settings, 1 << 20);
        struct json_writer w = json_writer(&settings);
        if (entries[i].settings)
            json_add_tree(&w, entries[i].settings);
        TRY(buf_check(&settings));
        *vec_push(&specs, arena) = (struct source_spec){
            .collector = entries[i].type,
            .name = entries[i].name.length ? entries[i].name : entries[i].type,
            .interval_ms = entries[i].interval.ms,
            .settings = str_copy(arena, buf_str(&settings)),
            .trusted = true,
        };
        for (size_t k = 0; k + 1 < specs.count; k++)
            if (str_eq(specs.at[k].name, specs.at[i].name))
                return err_new(ERR_INVALID, "sources[%zu].name: '%.*s' is used by sources[%zu] already", i,
                               STR_ARG(specs.at[i].name), k);
    }
    if (count == 0) {
        FOR_EACH_REGISTERED (collector, it) {
            if (it->automatic)
                *vec_push(&specs, arena) =
                    (struct source_spec){ .collector = str_of(it->name), .name = str_of(it->name), .trusted = true };
        }
    }
    *ret_specs = specs.at;
    *ret_count = specs.count;
    return NULL;
}

static bool is_same(const struct source *source, const struct source_spec *spec)
{
    int64_t interval_ms = spec->interval_ms ? spec->interval_ms : source->collector->interval_ms;

    return str_eq(source->name, spec->name) && str_eq(str_of(source->collector->name), spec->collector) &&
           str_eq(source->spec_settings, spec->settings) && source->interval_ms == interval_ms;
}

/* Names of the configuration's sources that no spec asks for any more. */
static struct str *outdated(struct collecting *collecting, struct arena *arena, const struct source_spec *specs,
                            size_t count, size_t *ret_count)
{
    VEC(struct str) names = { 0 };

    pthread_mutex_lock(&collecting->lock);
    for (const struct source *it = collecting->sources; it; it = it->next) {
        bool wanted = !it->from_config;
        for (size_t i = 0; i < count && !wanted; i++)
            wanted = is_same(it, &specs[i]);
        if (!wanted)
            *vec_push(&names, arena) = str_copy(arena, it->name);
    }
    pthread_mutex_unlock(&collecting->lock);
    *ret_count = names.count;
    return names.at;
}

err collecting_reload(struct collecting *collecting, struct config *config)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(4 << 20);
    struct source_spec *specs = NULL;
    VEC(struct source *) made = { 0 };
    size_t count = 0, old_count;
    err e = NULL;

    TRY(sources_wanted(collecting, config, arena, &specs, &count));
    for (size_t i = 0; i < count && !e; i++) {
        struct source *source = NULL;
        e = source_new(collecting, &specs[i], &source);
        if (source) {
            source->from_config = true;
            *vec_push(&made, arena) = source;
        }
    }
    for (size_t i = 0; e && i < made.count; i++)
        source_free(made.at[i]);
    TRY(e);
    pthread_mutex_lock(&collecting->changing);
    struct str *old = outdated(collecting, arena, specs, count, &old_count);
    for (size_t i = 0; i < old_count; i++)
        source_free(unlink_source(collecting, old[i]));
    for (size_t i = 0; i < made.count; i++) {
        pthread_mutex_lock(&collecting->lock);
        bool there = find_locked(collecting, made.at[i]->name) != NULL; /* unchanged, or somebody else's */
        pthread_mutex_unlock(&collecting->lock);
        if (there)
            source_free(made.at[i]);
        else
            source_start(made.at[i]);
    }
    pthread_mutex_unlock(&collecting->changing);
    return NULL;
}

err collecting_start(const struct collecting_options *options, struct collecting **ret_collecting)
{
    struct collecting *collecting = calloc(1, sizeof(*collecting));

    if (!collecting)
        abort();
    collecting->options = *options;
    collecting->options.config = NULL; /* needed now alone */
    pthread_mutex_init(&collecting->changing, NULL);
    pthread_mutex_init(&collecting->lock, NULL);
    gethostname(collecting->host, sizeof(collecting->host) - 1);
    if (!collecting->host[0])
        memcpy(collecting->host, "localhost", sizeof("localhost"));
    err e = collecting_reload(collecting, options->config);
    if (e) {
        collecting_stop(collecting);
        return e;
    }
    *ret_collecting = collecting;
    return NULL;
}

void collecting_stop(struct collecting *collecting)
{
    if (!collecting)
        return;
    while (collecting->sources) {
        struct source *source = collecting->sources;
        source_free(unlink_source(collecting, source->name));
    }
    pthread_mutex_destroy(&collecting->changing);
    pthread_mutex_destroy(&collecting->lock);
    free(collecting);
}

static int by_name(const void *left, const void *right)
{
    return str_cmp(((const struct source_state *)left)->name, ((const struct source_state *)right)->name);
}

void collecting_list(struct collecting *collecting, struct arena *arena, struct source_list *ret_list)
{
    VEC(struct source_state) list = { 0 };

    pthread_mutex_lock(&collecting->lock);
    for (const struct source *it = collecting->sources; it; it = it->next)
        *vec_push(&list, arena) = (struct source_state){
            .name = str_copy(arena, it->name),
            .collector = str_of(it->collector->name),
            .doc = str_of(it->collector->doc),
            .instance = str_copy(arena, it->instance),
            .condition = it->condition,
            .interval_ms = it->interval_ms,
            .received_ms = it->received_ms,
            .samples = it->samples,
            .duration_seconds = it->duration_seconds,
            .error = str_copy(arena, str_of(it->error)),
            .note = str_copy(arena, str_of(it->note)),
        };
    pthread_mutex_unlock(&collecting->lock);
    if (list.count)
        qsort(list.at, list.count, sizeof(*list.at), by_name);
    *ret_list = (struct source_list){ list.at, list.count };
}

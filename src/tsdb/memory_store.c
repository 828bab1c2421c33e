/* memory_store.c - the table of series: append, select, make room. */
#include "tsdb/store.h"

#include <errno.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/metric.h"
#include "base/time.h"

METRIC(GAUGE, tsdb_series, "Series in the memory store.", NULL);
METRIC(COUNTER, tsdb_samples_appended_total, "Samples stored.", NULL);
METRIC(COUNTER, tsdb_samples_dropped_total, "Samples not stored, by why.", "reason");
METRIC(COUNTER, tsdb_series_evicted_total, "Idle series removed to make room, or because they ended long ago.", NULL);
METRIC(COUNTER, tsdb_snapshots_total, "Snapshots written, by result.", "result");

enum {
    SERIES_MAX = 20000,
    IDLE_MS = HOUR_MS,          /* a series without samples for this long may be pushed out */
    FUTURE_MS = 10 * MINUTE_MS, /* what is stored further ahead than this was written under a wrong clock */
    FLUSH_EVERY_MS = 5 * MINUTE_MS,
};

const struct tier_rule tier_rules[TIER_COUNT] = {
    [TIER_RAW] = { 0, HOUR_MS, 15 * MINUTE_MS },
    [TIER_MINUTE] = { MINUTE_MS, DAY_MS, 4 * HOUR_MS },
    [TIER_HOUR] = { HOUR_MS, 15 * (int64_t)DAY_MS, 2 * (int64_t)DAY_MS },
};

static char *copy_text(char **at, struct str text)
{
    char *copy = *at;

    if (text.length)
        memcpy(copy, text.at, text.length);
    *at += text.length;
    return copy;
}

static struct labels labels_own(struct labels labels)
{
    size_t size = labels.count * sizeof(struct label);

    for (size_t i = 0; i < labels.count; i++)
        size += labels.at[i].name.length + labels.at[i].value.length;
    struct label *own = malloc(size ? size : 1);
    if (!own)
        abort();
    char *text = (char *)(own + labels.count);
    for (size_t i = 0; i < labels.count; i++) {
        own[i].name = (struct str){ copy_text(&text, labels.at[i].name), labels.at[i].name.length };
        own[i].value = (struct str){ copy_text(&text, labels.at[i].value), labels.at[i].value.length };
    }
    return (struct labels){ own, labels.count };
}

static struct str str_own(struct str text)
{
    char *own = malloc(text.length + 1);

    if (!own)
        abort();
    if (text.length)
        memcpy(own, text.at, text.length);
    own[text.length] = '\0';
    return (struct str){ own, text.length };
}

static struct family *family_find(struct memory_store *store, struct str name)
{
    struct family *family = store->families[str_hash(name) % FAMILY_BUCKETS];

    while (family && !str_eq(family->name, name))
        family = family->next;
    return family;
}

struct family *store_family_locked(struct memory_store *store, struct str name)
{
    struct family *family = family_find(store, name);
    struct family **bucket = &store->families[str_hash(name) % FAMILY_BUCKETS];

    if (family)
        return family;
    family = calloc(1, sizeof(*family));
    if (!family)
        abort();
    *family = (struct family){ .next = *bucket, .name = str_own(name), .help = str_own(S("")), .unit = str_own(S("")) };
    *bucket = family;
    return family;
}

struct stored_series *store_find_locked(struct memory_store *store, struct labels labels, uint64_t hash)
{
    struct stored_series *series = store->buckets[hash & (store->bucket_count - 1)];

    while (series && !(series->hash == hash && labels_eq(series->labels, labels)))
        series = series->next;
    return series;
}

void store_remove_locked(struct memory_store *store, struct stored_series *series)
{
    struct stored_series **link = &store->buckets[series->hash & (store->bucket_count - 1)];
    struct family *family = series->family;

    while (*link != series)
        link = &(*link)->next;
    *link = series->next;
    for (size_t i = 0; i < family->series.count; i++)
        if (family->series.at[i] == series) {
            family->series.at[i] = family->series.at[--family->series.count];
            break;
        }
    store->all.at[series->index] = NULL;
    *vec_push(&store->holes, NULL) = series->index;
    store->series_count--;
    for (int tier = 0; tier < TIER_COUNT; tier++)
        stream_clear(&series->tiers[tier]);
    free((void *)series->labels.at);
    free(series);
    metric_add(&tsdb_series_evicted_total, 1);
}

/* Remove what has been idle for `idle_ms`; at most once a minute when asked by a full store. */
static void evict_locked(struct memory_store *store, int64_t now_ms, int64_t idle_ms)
{
    for (size_t i = 0; i < store->all.count; i++)
        if (store->all.at[i] && store->all.at[i]->newest_ms < now_ms - idle_ms)
            store_remove_locked(store, store->all.at[i]);
    store->evicted_ms = now_ms;
}

struct stored_series *store_add_locked(struct memory_store *store, struct labels labels, uint64_t hash, int64_t now_ms)
{
    if (store->series_count >= store->series_max) {
        if (llabs(now_ms - store->evicted_ms) >= MINUTE_MS)
            evict_locked(store, now_ms, IDLE_MS);
        if (store->series_count >= store->series_max)
            return NULL;
    }
    struct stored_series *series = calloc(1, sizeof(*series));
    struct stored_series **bucket = &store->buckets[hash & (store->bucket_count - 1)];
    if (!series)
        abort();
    *series = (struct stored_series){
        .next = *bucket,
        .family = store_family_locked(store, labels_get(labels, S("__name__"))),
        .hash = hash,
        .newest_ms = INT64_MIN,
        .labels = labels_own(labels),
    };
    *bucket = series;
    *vec_push(&series->family->series, NULL) = series;
    if (store->holes.count) {
        series->index = store->holes.at[--store->holes.count];
        store->all.at[series->index] = series;
    } else {
        series->index = store->all.count;
        *vec_push(&store->all, NULL) = series;
    }
    store->series_count++;
    return series;
}

/* A mean needs no more than 36 bits of mantissa, and the rest would be the most expensive bytes of a chunk. */
static double rounded(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    bits = (bits + 0x8000) & ~(uint64_t)0xffff;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static void summary_close(struct stored_series *series, enum tier tier)
{
    struct summary *open = &series->open[tier];
    double value = open->last;

    if (!open->count)
        return;
    if (open->varies && series->family->kind != KIND_COUNTER && series->family->kind != KIND_HISTOGRAM)
        value = rounded(open->sum / open->count);
    stream_append(&series->tiers[tier], open->last_ms, value, tier_rules[tier].span_ms);
    stream_expire(&series->tiers[tier], open->last_ms - tier_rules[tier].keep_ms);
    *open = (struct summary){ 0 };
}

static void summary_add(struct stored_series *series, enum tier tier, int64_t time_ms, double value)
{
    struct summary *open = &series->open[tier];
    int64_t bucket = time_ms / tier_rules[tier].width_ms;

    if (isnan(value))
        return;
    if (open->bucket != bucket)
        summary_close(series, tier);
    if (!open->count)
        *open = (struct summary){ .bucket = bucket, .first = value };
    open->varies = open->varies || value != open->first;
    open->last_ms = time_ms;
    open->last = value;
    open->sum += value;
    open->count++;
}

static void series_append(struct stored_series *series, int64_t time_ms, double value)
{
    struct stream *raw = &series->tiers[TIER_RAW];
    const struct chunk *before = raw->last;

    stream_append(raw, time_ms, value, tier_rules[TIER_RAW].span_ms);
    if (raw->last != before)
        stream_expire(raw, time_ms - tier_rules[TIER_RAW].keep_ms);
    for (int tier = TIER_MINUTE; tier < TIER_COUNT; tier++)
        summary_add(series, tier, time_ms, value);
    series->newest_ms = time_ms;
}

/* The clock went back: what was stored ahead of it would refuse everything until it is true again. */
static void series_unjump(struct stored_series *series, int64_t now_ms)
{
    size_t dropped = 0;

    series->newest_ms = INT64_MIN;
    for (int tier = 0; tier < TIER_COUNT; tier++) {
        dropped += stream_cut(&series->tiers[tier], now_ms);
        series->open[tier] = (struct summary){ 0 };
        if (series->tiers[tier].last && series->tiers[tier].last->last_ms > series->newest_ms)
            series->newest_ms = series->tiers[tier].last->last_ms;
    }
    metric_add_for(&tsdb_samples_dropped_total, S("clock_jumped"), (double)dropped);
}

struct tally {
    size_t stored, late, full, future;
};

static void append_one(struct memory_store *store, const struct sample_in *sample, int64_t now_ms, struct tally *tally)
{
    uint64_t hash = labels_hash(sample->labels);
    struct stored_series *series = store_find_locked(store, sample->labels, hash);

    if (sample->time_ms > now_ms + FUTURE_MS) {
        tally->future++;
        return;
    }
    if (!series)
        series = store_add_locked(store, sample->labels, hash, now_ms);
    if (!series) {
        tally->full++;
        return;
    }
    if (series->newest_ms > now_ms + FUTURE_MS)
        series_unjump(series, now_ms);
    if (sample->time_ms <= series->newest_ms) {
        tally->late++;
        return;
    }
    series_append(series, sample->time_ms, sample->value);
    tally->stored++;
}

static struct memory_store *store_of_sink(struct sample_sink *sink)
{
    return (struct memory_store *)((char *)sink - offsetof(struct memory_store, sink));
}

static err store_append(struct sample_sink *sink, const struct sample_in *samples, size_t count)
{
    struct memory_store *store = store_of_sink(sink);
    int64_t now_ms = time_now_ms();
    struct tally tally = { 0 };

    pthread_rwlock_wrlock(&store->lock);
    for (size_t i = 0; i < count; i++)
        append_one(store, &samples[i], now_ms, &tally);
    metric_set(&tsdb_series, (double)store->series_count);
    pthread_rwlock_unlock(&store->lock);

    metric_add(&tsdb_samples_appended_total, (double)tally.stored);
    if (tally.late)
        metric_add_for(&tsdb_samples_dropped_total, S("late"), (double)tally.late);
    if (tally.full)
        metric_add_for(&tsdb_samples_dropped_total, S("too_many_series"), (double)tally.full);
    if (tally.future)
        metric_add_for(&tsdb_samples_dropped_total, S("future"), (double)tally.future);
    return NULL;
}

static void replace(struct str *own, struct str text)
{
    if (str_eq(*own, text))
        return;
    free((void *)own->at);
    *own = str_own(text);
}

static void store_describe(struct sample_sink *sink, const struct metric_meta *meta)
{
    struct memory_store *store = store_of_sink(sink);

    pthread_rwlock_wrlock(&store->lock);
    struct family *family = store_family_locked(store, meta->name);
    family->kind = meta->kind;
    replace(&family->help, meta->help);
    replace(&family->unit, meta->unit);
    pthread_rwlock_unlock(&store->lock);
}

static err store_meta(struct series_source *source, struct arena *arena, struct str name, struct metric_meta *ret_meta)
{
    struct memory_store *store = (struct memory_store *)source;
    err e = NULL;

    pthread_rwlock_rdlock(&store->lock);
    const struct family *family = family_find(store, name);
    if (family)
        *ret_meta = (struct metric_meta){ str_copy(arena, name), str_copy(arena, family->help),
                                          str_copy(arena, family->unit), family->kind };
    else
        e = err_new(ERR_NOT_FOUND, "no metric is named '%.*s'", STR_ARG(name));
    pthread_rwlock_unlock(&store->lock);
    return e;
}

/* The finest samples there are for each stretch of [start_ms, end_ms]: hours, then minutes, then every one. */
static void series_read(const struct stored_series *series, struct arena *arena, int64_t start_ms, int64_t end_ms,
                        struct series *ret_series)
{
    size_t room = 0, count = 0;

    for (int tier = 0; tier < TIER_COUNT; tier++)
        room += stream_count(&series->tiers[tier], start_ms, end_ms);
    struct sample *samples = arena_array(arena, room ? room : 1, sizeof(*samples));
    int64_t from_ms = start_ms;
    for (int tier = TIER_COUNT - 1; tier >= 0 && from_ms <= end_ms; tier--) {
        int64_t until_ms = end_ms;
        for (int finer = 0; finer < tier; finer++)
            if (series->tiers[finer].first && series->tiers[finer].first->first_ms <= until_ms)
                until_ms = series->tiers[finer].first->first_ms - 1;
        count += stream_read(&series->tiers[tier], from_ms, until_ms, samples + count);
        if (count)
            from_ms = samples[count - 1].time_ms + 1;
    }
    *ret_series = (struct series){ labels_copy(arena, series->labels), samples, count };
}

static err select_locked(struct memory_store *store, struct arena *arena, const struct matcher *matchers, size_t count,
                         int64_t start_ms, int64_t end_ms, struct series_list *ret_list)
{
    struct stored_series *const *candidates = store->all.at;
    size_t candidate_count = store->all.count;
    VEC(struct series) found = { 0 };

    for (size_t i = 0; i < count; i++)
        if (matchers[i].type == MATCH_EQ && str_eq(matchers[i].name, S("__name__"))) {
            const struct family *family = family_find(store, matchers[i].value);
            candidates = family ? family->series.at : NULL;
            candidate_count = family ? family->series.count : 0;
        }
    for (size_t i = 0; i < candidate_count; i++) {
        struct series series;
        if (!candidates[i] || !matchers_match(matchers, count, candidates[i]->labels))
            continue;
        series_read(candidates[i], arena, start_ms, end_ms, &series);
        TRY(arena_check(arena));
        if (series.count)
            *vec_push(&found, arena) = series;
    }
    *ret_list = (struct series_list){ found.at, found.count };
    return NULL;
}

static err store_open(struct series_source *source, struct arena *arena, const struct series_query *query,
                      struct series_set **ret_set)
{
    struct memory_store *store = (struct memory_store *)source;
    struct series_list list;

    pthread_rwlock_rdlock(&store->lock);
    err e = select_locked(store, arena, query->matchers, query->matcher_count, query->start_ms, query->end_ms, &list);
    pthread_rwlock_unlock(&store->lock);
    TRY(e);
    *ret_set = series_set_of_list(arena, list);
    return NULL;
}

static const struct series_source_ops source_ops = { .open = store_open, .meta = store_meta };
static const struct sample_sink_ops sink_ops = { .append = store_append, .describe = store_describe };

/* What ended long ago goes, and idle series give back what they would have dropped when appended to. */
static void sweep(struct memory_store *store)
{
    int64_t now_ms = time_now_ms();

    pthread_rwlock_wrlock(&store->lock);
    evict_locked(store, now_ms, tier_rules[TIER_HOUR].keep_ms);
    for (size_t i = 0; i < store->all.count; i++)
        for (int tier = 0; store->all.at[i] && tier < TIER_COUNT; tier++)
            stream_expire(&store->all.at[i]->tiers[tier], now_ms - tier_rules[tier].keep_ms);
    metric_set(&tsdb_series, (double)store->series_count);
    pthread_rwlock_unlock(&store->lock);
    malloc_trim(0); /* chunks grow and go all day long: what lies free between them goes back, a tenth after two days */
}

err memory_store_flush(struct memory_store *store)
{
    sweep(store);
    if (!store->snapshot_path)
        return NULL;
    pthread_mutex_lock(&store->flushing);
    err e = snapshot_save(store, store->snapshot_path);
    pthread_mutex_unlock(&store->flushing);
    metric_add_for(&tsdb_snapshots_total, e ? S("failed") : S("written"), 1);
    return e;
}

static void flush_run(void *arg)
{
    log_err(memory_store_flush(arg), "the snapshot of the series was not written; the last one stays");
}

static void set_aside(struct memory_store *store, err why)
{
    struct buf bad CLEANUP(buf_clear);

    buf_init(&bad, 4096);
    buf_addf(&bad, "%s.bad", store->snapshot_path);
    if (rename(store->snapshot_path, buf_c(&bad)))
        log_err(err_errno("%s cannot be set aside", store->snapshot_path), "series");
    log_err(err_hint(why, "It was set aside as %s; history starts anew.", buf_c(&bad)), "series");
}

static void clear_locked(struct memory_store *store)
{
    for (size_t i = 0; i < store->all.count; i++)
        if (store->all.at[i])
            store_remove_locked(store, store->all.at[i]);
}

err memory_store_new(const struct memory_store_options *options, struct memory_store **ret_store)
{
    struct memory_store *store = calloc(1, sizeof(*store));

    if (!store)
        abort();
    store->source.ops = &source_ops;
    store->sink.ops = &sink_ops;
    store->series_max = options->series_max ? options->series_max : SERIES_MAX;
    for (store->bucket_count = 1024; store->bucket_count < store->series_max; store->bucket_count *= 2)
        ;
    store->buckets = calloc(store->bucket_count, sizeof(struct stored_series *));
    if (!store->buckets)
        abort();
    pthread_mutex_init(&store->flushing, NULL);
    pthread_rwlock_init(&store->lock, NULL);
    if (options->snapshot_path) {
        store->snapshot_path = (char *)str_own(str_of(options->snapshot_path)).at;
        err e = snapshot_load(store, store->snapshot_path);
        if (e && err_kind(e) == ERR_CORRUPT) {
            clear_locked(store);
            set_aside(store, e);
        } else if (e) {
            memory_store_free(store);
            return e;
        }
        metric_set(&tsdb_series, (double)store->series_count);
    }
    if (options->ticker && options->pool && store->snapshot_path)
        store->flush_timer = timer_start(options->ticker, &(struct timer_options){ .pool = options->pool,
                                                                                   .lane = LANE_BACKGROUND,
                                                                                   .first_ms = FLUSH_EVERY_MS,
                                                                                   .every_ms = FLUSH_EVERY_MS,
                                                                                   .run = flush_run,
                                                                                   .arg = store });
    *ret_store = store;
    return NULL;
}

struct series_source *memory_store_source(struct memory_store *store)
{
    return &store->source;
}

struct sample_sink *memory_store_sink(struct memory_store *store)
{
    return &store->sink;
}

void memory_store_free(struct memory_store *store)
{
    if (!store)
        return;
    if (store->flush_timer)
        timer_stop(store->flush_timer);
    clear_locked(store);
    for (size_t i = 0; i < FAMILY_BUCKETS; i++)
        for (struct family *it = store->families[i], *next; it; it = next) {
            next = it->next;
            free((void *)it->name.at);
            free((void *)it->help.at);
            free((void *)it->unit.at);
            vec_clear(&it->series);
            free(it);
        }
    vec_clear(&store->all);
    vec_clear(&store->holes);
    free(store->buckets);
    free(store->snapshot_path);
    pthread_rwlock_destroy(&store->lock);
    pthread_mutex_destroy(&store->flushing);
    free(store);
}

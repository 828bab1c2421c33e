/* append.c - one request's samples: series found by their bytes, samples stored, the record written. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/metric.h"
#include "base/time.h"
#include "tsdb/room.h"

METRIC(COUNTER, tsdb_samples_appended_total, "Samples stored, by kind.", "type");
METRIC(COUNTER, tsdb_exemplars_appended_total, "Exemplars stored.", NULL);
METRIC(COUNTER, tsdb_samples_refused_total, "Samples not stored, by why; duplicates are stored already.", "reason");

/* Times further out would overflow where spans are computed. */
#define TIME_LIMIT_MS (INT64_MAX / 4)

enum { LABEL_BYTES_MAX = 64 * 1024 /* of a name or value */, EXPLAIN_MAX = 1200 };

struct append {
    struct append *next; /* on the shelf */
    struct tsdb *tsdb;
    struct arena *arena; /* for parsing */
    uint32_t origin;
    struct str origin_name; /* in text */
    uint32_t spelling;      /* the last one that was found */
    uint32_t series;        /* the current one; 0: refused */
    int64_t newest_ms;      /* that is accepted */
    uint8_t seen;           /* the mark of now */
    struct append_summary summary;
    struct buf text, why;
    struct wal_batch record;
    bool recorded;         /* there is something in it */
    VEC(uint32_t) defined; /* series that the record says what they are */
};

/* ---- begin and end ---- */

static struct append *shelf_take(struct append_shelf *shelf)
{
    pthread_mutex_lock(&shelf->lock);
    struct append *append = shelf->free;
    if (append)
        shelf->free = append->next;
    pthread_mutex_unlock(&shelf->lock);
    if (append)
        return append;
    append = calloc(1, sizeof(*append));
    if (!append)
        out_of_memory(sizeof(*append));
    append->arena = arena_new(4 << 20);
    buf_init(&append->text, 1024);
    buf_init(&append->why, 2048);
    wal_batch_init(&append->record);
    return append;
}

static void shelf_give(struct append_shelf *shelf, struct append *append)
{
    pthread_mutex_lock(&shelf->lock);
    append->next = shelf->free;
    shelf->free = append;
    pthread_mutex_unlock(&shelf->lock);
}

void append_shelf_clear(struct append_shelf *shelf)
{
    for (struct append *append; (append = shelf->free);) {
        shelf->free = append->next;
        arena_free(append->arena);
        buf_clear(&append->text);
        buf_clear(&append->why);
        wal_batch_clear(&append->record);
        vec_clear(&append->defined);
        free(append);
    }
    pthread_mutex_destroy(&shelf->lock);
}

err append_begin(struct tsdb *tsdb, struct str origin, int64_t deadline_ms, struct append **ret_append)
{
    struct arena *arena CLEANUP(arena_freep) = NULL;

    TRY(disk_await(tsdb->disk, deadline_ms));
    if (!wal_is_well(disk_wal(tsdb->disk))) {
        arena = arena_new(1 << 16);
        return err_retry_after(
            err_new(ERR_IO, "samples can't be stored now: %s", str_c(arena, wal_trouble(disk_wal(tsdb->disk), arena))),
            SECOND_MS);
    }
    struct append *append = shelf_take(&tsdb->shelf);
    if (append->tsdb != tsdb || !str_eq(append->origin_name, origin)) {
        buf_reset(&append->text);
        buf_add(&append->text, str_utf8_head(origin, 200));
        append->origin_name = buf_str(&append->text);
        append->origin = table_origin(&tsdb->head->table, append->origin_name);
        append->tsdb = tsdb;
        append->spelling = 0;
    }
    append->series = 0;
    int64_t now_ms = time_now_ms();
    append->newest_ms = now_ms + tsdb->future_max_ms;
    append->seen = (uint8_t)(now_ms / SEEN_UNIT_MS);
    append->summary = (struct append_summary){ 0 };
    buf_reset(&append->why);
    wal_batch_reset(&append->record);
    append->recorded = false;
    append->defined.count = 0;
    *ret_append = append;
    return NULL;
}

static void count_summary(const struct append_summary *summary)
{
    static const char *const reasons[APPEND_OUTCOMES] = {
        [APPEND_DUPLICATE] = "duplicate",
        [APPEND_TOO_NEW] = "too_new",
        [APPEND_TOO_OLD] = "too_old",
        [APPEND_NO_SERIES] = "series_refused",
    };

    if (summary->floats)
        metric_add_for(&tsdb_samples_appended_total, S("float"), (double)summary->floats);
    if (summary->histograms)
        metric_add_for(&tsdb_samples_appended_total, S("histogram"), (double)summary->histograms);
    if (summary->exemplars)
        metric_add(&tsdb_exemplars_appended_total, (double)summary->exemplars);
    for (int i = 0; i < APPEND_OUTCOMES; i++)
        if (reasons[i] && summary->outcomes[i])
            metric_add_for(&tsdb_samples_refused_total, str_of(reasons[i]), (double)summary->outcomes[i]);
}

const struct append_summary *append_so_far(const struct append *append)
{
    return &append->summary;
}

static void mark_logged(struct append *append)
{
    for (size_t i = 0; i < append->defined.count; i++) {
        uint32_t id = append->defined.at[i];
        struct shard *shard = shard_of(append->tsdb->head, id);
        pthread_mutex_lock(&shard->lock);
        series_at(&append->tsdb->head->table, id)->flags |= SERIES_LOGGED;
        pthread_mutex_unlock(&shard->lock);
    }
}

err append_end(struct append *append, struct append_summary *ret_summary)
{
    err e = append->recorded ? wal_write(disk_wal(append->tsdb->disk), &append->record) : NULL;

    if (!e) {
        mark_logged(append);
        count_summary(&append->summary);
    }
    if (ret_summary)
        *ret_summary = append->summary;
    shelf_give(&append->tsdb->shelf, append);
    return e;
}

/* ---- the series ---- */

/* explain_series - cut where it would leave no room to say what is wrong; NUL would end the text. */
static void explain_series(struct buf *why, struct labels labels)
{
    struct buf text CLEANUP(buf_clear) = { .max = EXPLAIN_MAX };

    labels_write_series(&text, labels);
    buf_add(why, S("series "));
    for (size_t i = 0; i < text.length; i++)
        buf_add_c(why, (unsigned char)text.at[i] < ' ' ? '?' : text.at[i]);
    if (text.failed)
        buf_add(why, S("..."));
}

static void explain(struct append *append, struct labels labels, const char *what)
{
    struct buf *why = &append->why;

    if (why->length)
        return;
    explain_series(why, labels);
    buf_addf(why, " is refused: %s; from %.*s", what, STR_ARG(append->origin_name));
    append->summary.why = buf_str(why);
}

static void explain_limit(struct append *append, struct labels labels, enum refusal refusal,
                          const struct series_limits *limits)
{
    char what[160];

    if (refusal == REFUSED_ALL)
        snprintf(what, sizeof(what), "there are %" PRId64 " already, which is storage.series_max", limits->all);
    else
        snprintf(what, sizeof(what), "its sender has made %" PRId64 ", which is storage.series_max_per_source",
                 limits->per_origin);
    explain(append, labels, what);
}

static const char *fault_of(const struct label *items, size_t count, struct labels made)
{
    size_t named = 0;

    for (size_t i = 0; i < count; i++) {
        if (items[i].name.length == 0)
            return "a label has an empty name";
        if (!str_is_utf8(items[i].name) || !str_is_utf8(items[i].value))
            return "a label is not UTF-8";
        if (items[i].name.length > LABEL_BYTES_MAX || items[i].value.length > LABEL_BYTES_MAX)
            return "a label is longer than 64 KiB";
        named += items[i].value.length > 0;
    }
    if (named == 0)
        return "it has no labels";
    if (named != made.count)
        return "a label's name appears twice";
    return made.count > LABELS_MAX ? "it has more than 256 labels" : NULL;
}

static bool use_spelling(struct append *append, uint32_t spelling)
{
    const struct table *table = &append->tsdb->head->table;

    append->series = atomic_load_explicit(&spelling_at(table, spelling)->series, memory_order_acquire);
    if (!append->series)
        return false;
    if (append->spelling)
        atomic_store_explicit(&spelling_at(table, append->spelling)->next, spelling, memory_order_release);
    append->spelling = spelling;
    return true;
}

static bool add_series(struct append *append, struct labels given, struct spelled spelled)
{
    struct tsdb *tsdb = append->tsdb;
    const struct series_limits limits = { tsdb->series_max, tsdb->series_max_per_source };
    const struct labels labels = labels_make(append->arena, given.at, given.count);
    const char *fault = fault_of(given.at, given.count, labels);
    enum refusal refusal;

    append->series = 0;
    if (fault) {
        explain(append, given, fault);
        return false;
    }
    uint32_t spelling = table_add(&tsdb->head->table, labels, spelled, append->origin, &limits, &refusal);
    if (refusal != NOT_REFUSED)
        explain_limit(append, labels, refusal, &limits);
    return spelling && use_spelling(append, spelling);
}

/* follows - the spelling that came after the last one, the time before: is it this one again? */
static bool follows(struct append *append, struct spelled spelled)
{
    const struct table *table = &append->tsdb->head->table;

    if (!append->spelling)
        return false;
    uint32_t next = atomic_load_explicit(&spelling_at(table, append->spelling)->next, memory_order_acquire);
    if (!next)
        return false;
    const struct spelling *spelling = spelling_at(table, next);
    if (spelling->low != spelled.low || spelling->high != spelled.high)
        return false;
    uint32_t series = atomic_load_explicit(&spelling->series, memory_order_acquire);
    if (!series)
        return false;
    append->spelling = next;
    append->series = series;
    return true;
}

static bool known(struct append *append, struct spelled spelled)
{
    if (follows(append, spelled))
        return true;
    uint32_t spelling = table_find_spelling(&append->tsdb->head->table, spelled);
    return spelling && use_spelling(append, spelling);
}

bool append_raw(struct append *append, struct str raw, append_parse parse, void *arg)
{
    struct spelled spelled = spell_raw(&append->tsdb->head->table, raw);
    struct labels labels = { 0 };

    if (known(append, spelled))
        return true;
    arena_reset(append->arena);
    err e = parse(arg, raw, append->arena, &labels);
    if (e) {
        append->series = 0;
        if (!append->why.length) {
            buf_addf(&append->why, "a series could not be read: %s", err_message(e));
            append->summary.why = buf_str(&append->why);
        }
        err_free(e);
        return false;
    }
    return add_series(append, labels, spelled);
}

bool append_labels(struct append *append, struct labels labels)
{
    struct spelled spelled = spell_labels(&append->tsdb->head->table, labels);

    if (known(append, spelled))
        return true;
    arena_reset(append->arena);
    return add_series(append, labels, spelled);
}

uint32_t append_series(const struct append *append)
{
    return append->series;
}

void append_known(struct append *append, uint32_t series)
{
    append->series = series; /* where it was collected meanwhile, its first sample makes it anew */
}

/* ---- samples ---- */

static void explain_time(struct append *append, int64_t time_ms, const char *what)
{
    const struct table *table = &append->tsdb->head->table;
    struct label room[LABELS_MAX];
    struct buf *why = &append->why;

    if (why->length)
        return;
    explain_series(why, series_labels(table, series_at(table, append->series), room));
    buf_addf(why, ": a sample at %" PRId64 " ms %s; from %.*s", time_ms, what, STR_ARG(append->origin_name));
    append->summary.why = buf_str(why);
}

static enum append_outcome refused(struct append *append, int64_t time_ms)
{
    enum append_outcome outcome = APPEND_NO_SERIES;

    if (append->series && time_ms > append->newest_ms) {
        explain_time(append, time_ms, "is further ahead of the clock than storage.future_max");
        outcome = APPEND_TOO_NEW;
    } else if (append->series) {
        explain_time(append, time_ms, "is before what can be represented");
        outcome = APPEND_TOO_OLD;
    }
    append->summary.outcomes[outcome]++;
    return outcome;
}

static bool acceptable(const struct append *append, int64_t time_ms)
{
    return append->series && time_ms <= append->newest_ms && time_ms >= -TIME_LIMIT_MS && time_ms <= TIME_LIMIT_MS;
}

/* revive - the current series was collected since it was found: make it anew, from the labels that it had. */
static bool revive(struct append *append)
{
    const struct table *table = &append->tsdb->head->table;
    struct label room[LABELS_MAX];

    return append_labels(append, series_labels(table, series_at(table, append->series), room));
}

/* lock_current - the current series under the lock of its shard; NULL where it can't be made any more. */
static struct head_series *lock_current(struct append *append, struct shard **ret_shard)
{
    struct head *head = append->tsdb->head;

    do {
        struct head_series *series = series_at(&head->table, append->series);
        *ret_shard = shard_of(head, append->series);
        pthread_mutex_lock(&(*ret_shard)->lock);
        if (series->flags & SERIES_LIVE)
            return series;
        pthread_mutex_unlock(&(*ret_shard)->lock);
    } while (revive(append));
    return NULL;
}

/* look_ahead - mostly the neighbour comes soon, and its samples are not in the cache. Of another shard nothing may be
 * read. */
static inline void look_ahead(const struct head *head, const struct shard *shard, uint32_t id)
{
    enum { AHEAD = 4, SHARD_RUN = 64 };

    if (id % SHARD_RUN >= SHARD_RUN - AHEAD)
        return;
    const struct head_series *series = series_at(&head->table, id + AHEAD);
    if (series->open.last_piece)
        __builtin_prefetch(piece_at(&shard->pieces, series->open.last_piece), 1);
}

/* define - the record says what the current series is. */
static void define(struct append *append)
{
    const struct table *table = &append->tsdb->head->table;
    struct label room[LABELS_MAX];
    uint32_t id = append->series;

    if (append->defined.count && append->defined.at[append->defined.count - 1] == id)
        return;
    wal_batch_series(&append->record, id, series_labels(table, series_at(table, id), room));
    *vec_push(&append->defined, NULL) = id;
}

enum append_outcome append_float(struct append *append, int64_t time_ms, int64_t start_ms, double value)
{
    struct head_series *series = NULL;
    struct shard *shard;
    uint64_t bits;

    if (!acceptable(append, time_ms) || !(series = lock_current(append, &shard)))
        return refused(append, time_ms);
    memcpy(&bits, &value, sizeof(bits));
    enum append_outcome outcome = series_append_float_locked(shard, series, append->series, time_ms, start_ms, bits);
    series->seen = append->seen;
    look_ahead(append->tsdb->head, shard, append->series);
    bool logged = series->flags & SERIES_LOGGED;
    pthread_mutex_unlock(&shard->lock);
    if (!logged)
        define(append);
    wal_batch_float(&append->record, append->series, time_ms, start_ms, value);
    append->recorded = true;
    append->summary.outcomes[outcome]++;
    append->summary.floats++;
    return outcome;
}

enum append_outcome append_histogram(struct append *append, int64_t time_ms, int64_t start_ms,
                                     const struct histogram *histogram)
{
    struct head_series *series = NULL;
    struct shard *shard;

    if (!acceptable(append, time_ms) || !(series = lock_current(append, &shard)))
        return refused(append, time_ms);
    enum append_outcome outcome = series_append_histogram_locked(shard, series, time_ms, start_ms, histogram);
    series->seen = append->seen;
    bool logged = series->flags & SERIES_LOGGED;
    pthread_mutex_unlock(&shard->lock);
    if (!logged)
        define(append);
    wal_batch_histogram(&append->record, append->series, time_ms, start_ms, histogram);
    append->recorded = true;
    append->summary.outcomes[outcome]++;
    append->summary.histograms++;
    return outcome;
}

void append_exemplar(struct append *append, const struct exemplar *exemplar)
{
    struct head_series *series = NULL;
    struct shard *shard;

    if (!append->series || !(series = lock_current(append, &shard)))
        return;
    bool logged = series->flags & SERIES_LOGGED;
    pthread_mutex_unlock(&shard->lock);
    if (!logged)
        define(append);
    exemplars_add(&append->tsdb->head->exemplars, append->series, exemplar);
    wal_batch_exemplar(&append->record, append->series, exemplar);
    append->recorded = true;
    append->summary.exemplars++;
}

void append_meta(struct append *append, const struct metric_meta *meta)
{
    if (!metas_put(&append->tsdb->head->metas, meta))
        return;
    wal_batch_meta(&append->record, meta);
    append->recorded = true;
}

/* ---- as a sink ---- */

enum { SINK_WAIT_MS = 10000 };

static struct tsdb *tsdb_of(struct sample_sink *sink)
{
    return (struct tsdb *)((char *)sink - offsetof(struct tsdb, sink));
}

static err sink_append(struct sample_sink *sink, const struct sample_in *samples, size_t count)
{
    struct append *append;

    TRY(append_begin(tsdb_of(sink), S("collectors"), time_mono_ms() + SINK_WAIT_MS, &append));
    for (size_t i = 0; i < count; i++) {
        append_labels(append, samples[i].labels);
        if (samples[i].histogram)
            append_histogram(append, samples[i].time_ms, samples[i].start_ms, samples[i].histogram);
        else
            append_float(append, samples[i].time_ms, samples[i].start_ms, samples[i].value);
    }
    return append_end(append, NULL);
}

static void sink_describe(struct sample_sink *sink, const struct metric_meta *meta)
{
    struct append *append;
    err e = append_begin(tsdb_of(sink), S("collectors"), time_mono_ms() + SINK_WAIT_MS, &append);

    if (!e) {
        append_meta(append, meta);
        e = append_end(append, NULL);
    }
    log_err(e, "what is known about metric %.*s was not stored", STR_ARG(meta->name));
}

static void sink_note(struct sample_sink *sink, struct labels series, const struct exemplar *exemplar)
{
    struct append *append;
    err e = append_begin(tsdb_of(sink), S("collectors"), time_mono_ms() + SINK_WAIT_MS, &append);

    if (!e) {
        append_labels(append, series);
        append_exemplar(append, exemplar);
        e = append_end(append, NULL);
    }
    log_err(e, "an exemplar was not stored");
}

const struct sample_sink_ops tsdb_sink_ops = { .append = sink_append, .describe = sink_describe, .note = sink_note };

/* series_source.c - what every source of series shares: lists as sets, sets as lists. */
#include "model/series_source.h"

#include <stdlib.h>
#include <string.h>

double value_stale(void)
{
    const uint64_t bits = STALE_NAN_BITS;
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

const char *metric_kind_name(enum metric_kind kind)
{
    static const char *const names[] = {
        [KIND_UNKNOWN] = "unknown",
        [KIND_COUNTER] = "counter",
        [KIND_GAUGE] = "gauge",
        [KIND_HISTOGRAM] = "histogram",
        [KIND_SUMMARY] = "summary",
        [KIND_INFO] = "info",
        [KIND_GAUGE_HISTOGRAM] = "gaugehistogram",
        [KIND_STATESET] = "stateset",
    };

    return names[kind];
}

void series_set_close(struct series_set *set)
{
    if (set && set->ops->close)
        set->ops->close(set);
}

void series_set_closep(struct series_set **set)
{
    series_set_close(*set);
}

/* ---- a list as a set ---- */

struct list_set {
    struct series_set set;
    struct arena *arena;
    struct series_list list;
    int64_t *times;
    double *values;
    size_t room;
};

static struct labels list_labels(struct series_set *set, size_t index)
{
    return ((struct list_set *)set)->list.at[index].labels;
}

static err list_read(struct series_set *set, size_t index, struct samples *ret_samples)
{
    struct list_set *from = (struct list_set *)set;
    const struct series *series = &from->list.at[index];

    if (series->count > from->room) {
        from->room = series->count;
        from->times = arena_array(from->arena, from->room, sizeof(*from->times));
        from->values = arena_array(from->arena, from->room, sizeof(*from->values));
    }
    for (size_t i = 0; i < series->count; i++) {
        from->times[i] = series->samples[i].time_ms;
        from->values[i] = series->samples[i].value;
    }
    *ret_samples = (struct samples){ .times = from->times, .values = from->values, .count = series->count };
    return arena_check(from->arena);
}

struct series_set *series_set_of_list(struct arena *arena, struct series_list list)
{
    static const struct series_set_ops ops = { .labels = list_labels, .read = list_read };
    struct list_set *set = arena_alloc(arena, sizeof(*set));

    *set = (struct list_set){ .set = { .ops = &ops, .count = list.count }, .arena = arena, .list = list };
    return &set->set;
}

/* ---- a set as a list ---- */

static int by_labels(const void *a, const void *b)
{
    return labels_cmp(((const struct series *)a)->labels, ((const struct series *)b)->labels);
}

static size_t keep_floats(struct arena *arena, const struct samples *from, const struct sample **ret_samples)
{
    struct sample *to = arena_array(arena, from->count, sizeof(*to));
    size_t count = 0;

    for (size_t i = 0; i < from->count; i++)
        if (!(from->histograms && from->histograms[i]) && !value_is_stale(from->values[i]))
            to[count++] = (struct sample){ .time_ms = from->times[i], .value = from->values[i] };
    *ret_samples = to;
    return count;
}

err series_select(struct series_source *source, struct arena *arena, const struct matcher *matchers, size_t count,
                  int64_t start_ms, int64_t end_ms, struct series_list *ret_list)
{
    const struct series_query query = {
        .matchers = matchers, .matcher_count = count, .start_ms = start_ms, .end_ms = end_ms
    };
    struct series_set *set CLEANUP(series_set_closep) = NULL;
    VEC(struct series) list = { 0 };

    TRY(source->ops->open(source, arena, &query, &set));
    for (size_t i = 0; i < set->count; i++) {
        struct samples samples;
        struct series series;

        TRY(set->ops->read(set, i, &samples));
        if (samples.count == 0)
            continue;
        series.count = keep_floats(arena, &samples, &series.samples);
        if (series.count == 0)
            continue;
        series.labels = labels_copy(arena, set->ops->labels(set, i));
        *vec_push(&list, arena) = series;
        TRY(arena_check(arena));
    }
    if (list.count)
        qsort(list.at, list.count, sizeof(*list.at), by_labels);
    *ret_list = (struct series_list){ .at = list.at, .count = list.count };
    return NULL;
}

/* charts.c - /api/v1/charts: series to draw; /api/v1/metrics: what there is to draw. */
#include <math.h>
#include <stdlib.h>

#include "api/services.h"
#include "base/time.h"
#include "topology/topology.h"

enum { SERIES_SHOWN = 200, MATCHERS_MAX = 16, LOOKBACK_MS = 10 * MINUTE_MS };

static const char *const kind_words[] = { "unknown", "counter", "gauge", "histogram", "summary", "info", NULL };

struct chart_query {
    struct str metric, resource, labels;
    int64_t minutes, points;
    bool rate;
};
static const struct field chart_query_fields[] = {
    STRING(struct chart_query, metric, .flags = F_REQUIRED, .min = 1, .max = 200, .doc = "Name of the metric."),
    STRING(struct chart_query, resource, .max = 500, .doc = "Only series of this resource: host:db1 ..."),
    STRING(struct chart_query, labels, .max = 2000, .doc = "Only series with these labels: name=value,name=value."),
    INT(struct chart_query, minutes, .def = "60", .min = 1, .max = 21600, .doc = "How far back."),
    INT(struct chart_query, points, .def = "300", .min = 2, .max = 2000, .doc = "At most so many a series."),
    BOOL(struct chart_query, rate, .def = "false", .doc = "Increase a second, of counters."),
    { 0 },
};
static const struct schema chart_query_schema = SCHEMA(struct chart_query, chart_query_fields);

struct chart_series {
    VEC(struct pair) labels;
    const struct json *points;
};
static const struct field chart_series_fields[] = {
    PAIRS(struct chart_series, labels, .doc = "Labels, without the metric's name."),
    ANY(struct chart_series, points, .doc = "[[epoch seconds, value]], by time; the value may be null."),
    { 0 },
};
static const struct schema chart_series_schema = SCHEMA(struct chart_series, chart_series_fields, .doc = "A line.");

struct chart_reply {
    struct str metric, unit;
    int type;
    int64_t total;
    VEC(struct chart_series) series;
};
static const struct field chart_reply_fields[] = {
    STRING(struct chart_reply, metric, .doc = "Name of the metric."),
    STRING(struct chart_reply, unit, .doc = "bytes, seconds, ratio, celsius, or nothing; with /s where it is a rate."),
    ENUM(struct chart_reply, type, .words = kind_words, .doc = "Kind of the metric."),
    INT(struct chart_reply, total, .doc = "Series that match; at most 200 are given."),
    LIST(struct chart_reply, series, .schema = &chart_series_schema, .doc = "Sorted by labels."),
    { 0 },
};
static const struct schema chart_reply_schema =
    SCHEMA(struct chart_reply, chart_reply_fields, .doc = "Series to draw.");

/* One point of the chart in the making. */
struct slot {
    double sum, increase;
    int64_t covered_ms, last_ms;
    size_t count;
};

/* Means of each slot, or increase a second over what the samples of the slot cover. A fall is a reset: it restarts from
 * zero. */
static void fill_slots(const struct series *series, int64_t start_ms, int64_t step_ms, struct slot *slots, size_t count)
{
    for (size_t i = 0; i < series->count; i++) {
        const struct sample *now = &series->samples[i];
        size_t at = (size_t)((now->time_ms - start_ms) / step_ms);
        struct slot *slot = &slots[at < count ? at : count - 1];
        if (!isfinite(now->value))
            continue;
        slot->sum += now->value;
        slot->count++;
        slot->last_ms = now->time_ms;
        if (i > 0 && isfinite(now[-1].value)) {
            slot->increase += now->value >= now[-1].value ? now->value - now[-1].value : now->value;
            slot->covered_ms += now->time_ms - now[-1].time_ms;
        }
    }
}

static const struct json *number(struct arena *arena, double value)
{
    struct json *json = arena_alloc(arena, sizeof(*json));

    json->type = JSON_NUMBER;
    json->number.value = value;
    return json;
}

static struct json *array_of(struct arena *arena, size_t room)
{
    struct json *json = arena_alloc(arena, sizeof(*json));

    json->type = JSON_ARRAY;
    json->array.items = arena_array(arena, room ? room : 1, sizeof(struct json *));
    return json;
}

static void push(struct json *array, const struct json *item)
{
    array->array.items[array->array.count++] = (struct json *)item;
}

static const struct json *points_of(struct arena *arena, const struct series *series, const struct chart_query *q,
                                    int64_t start_ms, int64_t end_ms)
{
    size_t count = (size_t)q->points;
    int64_t step_ms = (end_ms - start_ms + (int64_t)count - 1) / (int64_t)count;
    struct slot *slots = arena_array(arena, count, sizeof(*slots));
    struct json *points = array_of(arena, count);

    fill_slots(series, start_ms, step_ms ? step_ms : 1, slots, count);
    for (size_t i = 0; i < count; i++) {
        if (!slots[i].count || (q->rate && !slots[i].covered_ms))
            continue;
        double value =
            q->rate ? slots[i].increase / ((double)slots[i].covered_ms / 1000) : slots[i].sum / (double)slots[i].count;
        struct json *point = array_of(arena, 2);
        push(point, number(arena, (double)slots[i].last_ms / 1000));
        push(point, number(arena, value));
        push(points, point);
    }
    return points;
}

static struct str unit_of(struct arena *arena, struct str metric, bool rate)
{
    static const struct {
        const char *suffix, *unit;
    } units[] = {
        { "_bytes", "bytes" },     { "_seconds", "seconds" }, { "_ratio", "ratio" },
        { "_celsius", "celsius" }, { "_milliseconds", "ms" }, { "_percent", "percent" },
        { "_bits", "bits" },       { "_hertz", "hertz" },     { "_usec", "microseconds" },
    };
    struct str unit = S(""), stem = str_ends(metric, S("_total")) ? str_slice(metric, 0, metric.length - 6) : metric;

    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (str_ends(stem, str_of(units[i].suffix)))
            unit = str_of(units[i].unit);
    return rate ? str_printf(arena, "%.*s/s", STR_ARG(unit)) : unit;
}

static err matchers_of(struct arena *arena, const struct chart_query *q, struct matcher *matchers, size_t *ret_count)
{
    struct label labels[3];
    size_t count = 0;

    matchers[count++] = (struct matcher){ MATCH_EQ, S("__name__"), q->metric, NULL };
    if (q->resource.length) {
        size_t own = resource_labels(arena, q->resource, labels);
        for (size_t i = 0; i < own; i++)
            matchers[count++] = (struct matcher){ MATCH_EQ, labels[i].name, labels[i].value, NULL };
        if (!own) /* an unknown value in a filter is an empty list */
            matchers[count++] = (struct matcher){ MATCH_EQ, S("instance"), q->resource, NULL };
    }
    for (struct str rest = q->labels, pair; rest.at && rest.length;) {
        pair = str_cut(rest, ',', &rest);
        struct str value, name = str_trim(str_cut(pair, '=', &value));
        if (!value.at || !name.length || count == MATCHERS_MAX)
            return err_new(ERR_INVALID, "labels '%.*s': name=value,name=value is wanted, at most %d",
                           STR_ARG(q->labels), MATCHERS_MAX - 4);
        matchers[count++] = (struct matcher){ MATCH_EQ, name, value, NULL };
    }
    *ret_count = count;
    return NULL;
}

static void pairs_of(struct arena *arena, struct labels labels, struct chart_series *series)
{
    for (size_t i = 0; i < labels.count; i++)
        if (!str_eq(labels.at[i].name, S("__name__")))
            *vec_push(&series->labels, arena) = (struct pair){ labels.at[i].name, labels.at[i].value };
}

static err chart(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct chart_query *q = query;
    struct arena *arena = request_arena(req);
    int64_t end_ms = time_now_ms(), start_ms = end_ms - q->minutes * MINUTE_MS;
    struct matcher matchers[MATCHERS_MAX];
    struct metric_meta meta = { 0 };
    struct series_list list;
    size_t count = 0;

    (void)body;
    TRY(matchers_of(arena, q, matchers, &count));
    TRY(series_select(services.series, arena, matchers, count, start_ms, end_ms, &list));
    err unknown = services.series->ops->meta(services.series, arena, q->metric, &meta);
    err_free(unknown); /* a metric that nobody sent yet has no kind */
    struct chart_reply out = {
        .metric = q->metric,
        .unit = unit_of(arena, q->metric, q->rate),
        .type = (int)meta.kind,
        .total = (int64_t)list.count,
    };
    for (size_t i = 0; i < list.count && i < SERIES_SHOWN; i++) {
        struct chart_series *series = vec_push(&out.series, arena);
        pairs_of(arena, list.at[i].labels, series);
        series->points = points_of(arena, &list.at[i], q, start_ms, end_ms);
        TRY(arena_check(arena));
    }
    return reply_encode(reply, &chart_reply_schema, &out);
}

static const struct route charts_route = {
    .method = "GET",
    .path = "/api/v1/charts",
    .summary = "Series to draw",
    .tag = "Metrics",
    .role = ROLE_VIEWER,
    .query = &chart_query_schema,
    .reply = &chart_reply_schema,
    .handle = chart,
};
REGISTER(route, charts_route);

struct metrics_query {
    struct str prefix;
};
static const struct field metrics_query_fields[] = {
    STRING(struct metrics_query, prefix, .max = 200, .doc = "Only names that begin so."),
    { 0 },
};
static const struct schema metrics_query_schema = SCHEMA(struct metrics_query, metrics_query_fields);

struct metric_row {
    struct str name, unit, help;
    int type;
    int64_t series;
};
static const struct field metric_row_fields[] = {
    STRING(struct metric_row, name, .doc = "Name."),
    ENUM(struct metric_row, type, .words = kind_words, .doc = "Kind."),
    STRING(struct metric_row, unit, .doc = "Unit, or nothing."),
    STRING(struct metric_row, help, .doc = "What it is."),
    INT(struct metric_row, series, .doc = "Series that had a sample in the last ten minutes."),
    { 0 },
};
static const struct schema metric_row_schema = SCHEMA(struct metric_row, metric_row_fields, .doc = "A metric.");

struct metrics_reply {
    int64_t total;
    VEC(struct metric_row) metrics;
};
static const struct field metrics_reply_fields[] = {
    INT(struct metrics_reply, total, .doc = "How many there are."),
    LIST(struct metrics_reply, metrics, .schema = &metric_row_schema, .doc = "By name."),
    { 0 },
};
static const struct schema metrics_reply_schema =
    SCHEMA(struct metrics_reply, metrics_reply_fields, .doc = "Metrics that are stored.");

static int by_name(const void *left, const void *right)
{
    return str_cmp(((const struct metric_row *)left)->name, ((const struct metric_row *)right)->name);
}

/* Series are sorted by labels, and __name__ is not always the first: count by name after sorting by it. */
static err metrics_list(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct metrics_query *q = query;
    struct arena *arena = request_arena(req);
    int64_t now_ms = time_now_ms();
    VEC(struct metric_row) all = { 0 };
    struct metrics_reply out = { 0 };
    struct series_list list;

    (void)body;
    TRY(series_select(services.series, arena, NULL, 0, now_ms - LOOKBACK_MS, now_ms, &list));
    for (size_t i = 0; i < list.count; i++) {
        struct str name = labels_get(list.at[i].labels, S("__name__"));
        if (str_starts(name, q->prefix))
            *vec_push(&all, arena) = (struct metric_row){ .name = name, .series = 1 };
    }
    if (all.count)
        qsort(all.at, all.count, sizeof(*all.at), by_name);
    for (size_t i = 0; i < all.count; i++) {
        struct metric_meta meta = { 0 };
        if (i > 0 && str_eq(all.at[i].name, all.at[i - 1].name)) {
            out.metrics.at[out.metrics.count - 1].series++;
            continue;
        }
        err_free(services.series->ops->meta(services.series, arena, all.at[i].name, &meta));
        *vec_push(&out.metrics, arena) = (struct metric_row){ .name = all.at[i].name,
                                                              .unit = unit_of(arena, all.at[i].name, false),
                                                              .help = meta.help.at ? meta.help : S(""),
                                                              .type = (int)meta.kind,
                                                              .series = 1 };
    }
    out.total = (int64_t)out.metrics.count;
    return reply_encode(reply, &metrics_reply_schema, &out);
}

static const struct route metrics_route = {
    .method = "GET",
    .path = "/api/v1/metrics",
    .summary = "List metrics",
    .tag = "Metrics",
    .role = ROLE_VIEWER,
    .query = &metrics_query_schema,
    .reply = &metrics_reply_schema,
    .handle = metrics_list,
};
REGISTER(route, metrics_route);

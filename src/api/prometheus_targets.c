/* prometheus_targets.c - /prometheus/api/v1/targets, targets/metadata, scrape_pools and alertmanagers: whom we ask, in
 * the words of Prometheus. A source that collects here is a target too, whose pool is its collector. */
#include "api/prometheus.h"
#include "base/duration.h"
#include "ingest/collecting.h"
#include "promql/parse.h"
#include "scrape/scraping.h"

#include <stdlib.h>

struct targets_query {
    struct str state, scrape_pool;
};
static const struct field targets_fields[] = {
    STRING(struct targets_query, state, .max = 40, .doc = "active, dropped or any."),
    STRING(struct targets_query, scrape_pool, .name = "scrapePool", .max = 500, .doc = "Only of this pool."),
    { 0 },
};
static const struct schema targets_schema = SCHEMA(struct targets_query, targets_fields);

static struct source_list sources(struct arena *arena)
{
    struct source_list list = { 0 };

    if (services.collecting)
        collecting_list(services.collecting, arena, &list);
    return list;
}

static struct labels labels_of(struct arena *arena, const struct source_state *source)
{
    const struct label labels[] = { { S("instance"), source->instance }, { S("job"), source->collector } };

    return labels_make(arena, labels, ARRAY_LEN(labels));
}

/* One target, wherever it comes from. */
struct shown {
    struct labels discovered, labels;
    struct str pool, url, error;
    int64_t scraped_ms, interval_ms, timeout_ms;
    double took_seconds;
    const char *health;
};

static void put_span(struct json_writer *w, struct str name, int64_t ms)
{
    struct buf text CLEANUP(buf_clear) = { .max = 100 };

    duration_add(&text, (struct duration){ ms });
    json_put_str(w, name, buf_str(&text));
}

static void put_target(struct json_writer *w, const struct shown *target)
{
    json_begin_object(w);
    json_key(w, S("discoveredLabels"));
    labels_write_json(w, target->discovered);
    json_key(w, S("labels"));
    labels_write_json(w, target->labels);
    json_put_str(w, S("scrapePool"), target->pool);
    json_put_str(w, S("scrapeUrl"), target->url);
    json_put_str(w, S("globalUrl"), target->url);
    json_put_str(w, S("lastError"), target->error);
    if (target->scraped_ms)
        json_put_time(w, S("lastScrape"), target->scraped_ms);
    else
        json_put_str(w, S("lastScrape"), S("0001-01-01T00:00:00Z"));
    json_put_double(w, S("lastScrapeDuration"), target->took_seconds);
    json_put_str(w, S("health"), str_of(target->health));
    put_span(w, S("scrapeInterval"), target->interval_ms);
    put_span(w, S("scrapeTimeout"), target->timeout_ms);
    json_end_object(w);
}

static void put_source(struct json_writer *w, struct arena *arena, const struct source_state *source)
{
    put_target(w, &(struct shown){
                      .labels = labels_of(arena, source),
                      .pool = source->collector,
                      .error = source->error,
                      .scraped_ms = source->received_ms,
                      .interval_ms = source->interval_ms,
                      .timeout_ms = source->interval_ms,
                      .took_seconds = source->duration_seconds,
                      .health = source->condition == SOURCE_ERROR ? "down"
                                : source->condition == SOURCE_OK  ? "up"
                                                                  : "unknown",
                  });
}

static void put_loop(struct json_writer *w, const struct loop_view *loop)
{
    static const char *const health[] = { "unknown", "up", "down" };

    put_target(w, &(struct shown){
                      .discovered = loop->target.discovered,
                      .labels = loop->target.labels,
                      .pool = loop->target.job,
                      .url = loop->target.url,
                      .error = loop->last_error,
                      .scraped_ms = loop->scraped_at_ms,
                      .interval_ms = loop->target.interval_ms,
                      .timeout_ms = loop->target.timeout_ms,
                      .took_seconds = loop->took_seconds,
                      .health = health[loop->health],
                  });
}

static struct scraping_view scraped(struct arena *arena)
{
    struct scraping_view view = { 0 };

    if (services.scraping)
        scraping_view(services.scraping, arena, &view);
    return view;
}

static void put_active(struct json_writer *w, struct arena *arena, const struct scraping_view *view, struct str pool)
{
    struct source_list list = sources(arena);

    for (size_t i = 0; i < list.count; i++)
        if (list.at[i].condition != SOURCE_ABSENT && (!pool.length || str_eq(pool, list.at[i].collector)))
            put_source(w, arena, &list.at[i]);
    for (size_t i = 0; i < view->count; i++)
        for (size_t k = 0; k < view->pools[i].active_count; k++)
            if (!pool.length || str_eq(pool, view->pools[i].job))
                put_loop(w, &view->pools[i].active[k]);
}

static void put_dropped(struct json_writer *w, const struct scraping_view *view, struct str pool)
{
    for (size_t i = 0; i < view->count; i++)
        for (size_t k = 0; k < view->pools[i].dropped_count; k++) {
            if (pool.length && !str_eq(pool, view->pools[i].job))
                continue;
            json_begin_object(w);
            json_key(w, S("discoveredLabels"));
            labels_write_json(w, view->pools[i].dropped[k]);
            json_put_str(w, S("scrapePool"), view->pools[i].job);
            json_end_object(w);
        }
}

static err targets(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct targets_query *q = query;
    struct scraping_view view = scraped(request_arena(req));
    bool any = !q->state.length || str_eq_nocase(q->state, S("any"));

    (void)body;
    struct json_writer w = prometheus_begin(reply);
    json_begin_object(&w);
    json_key(&w, S("activeTargets"));
    json_begin_array(&w);
    if (any || str_eq_nocase(q->state, S("active")))
        put_active(&w, request_arena(req), &view, q->scrape_pool);
    json_end_array(&w);
    json_key(&w, S("droppedTargets"));
    json_begin_array(&w);
    if (any || str_eq_nocase(q->state, S("dropped")))
        put_dropped(&w, &view, q->scrape_pool);
    json_end_array(&w);
    json_key(&w, S("droppedTargetCounts"));
    json_begin_object(&w);
    for (size_t i = 0; i < view.count; i++)
        json_put_i64(&w, view.pools[i].job, (int64_t)view.pools[i].dropped_total);
    json_end_object(&w);
    json_end_object(&w);
    return prometheus_end(reply, &w, NULL, NULL);
}

static int by_collector(const void *a, const void *b)
{
    return str_cmp(((const struct source_state *)a)->collector, ((const struct source_state *)b)->collector);
}

static err scrape_pools(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct source_list list = sources(request_arena(req));

    (void)query, (void)body;
    if (list.count)
        qsort(list.at, list.count, sizeof(*list.at), by_collector);
    struct json_writer w = prometheus_begin(reply);
    json_begin_object(&w);
    json_key(&w, S("scrapePools"));
    json_begin_array(&w);
    for (size_t i = 0; i < list.count; i++)
        if (!i || !str_eq(list.at[i - 1].collector, list.at[i].collector))
            json_add_str(&w, list.at[i].collector);
    struct scraping_view view = scraped(request_arena(req));
    for (size_t i = 0; i < view.count; i++)
        json_add_str(&w, view.pools[i].job);
    json_end_array(&w);
    json_end_object(&w);
    return prometheus_end(reply, &w, NULL, NULL);
}

struct target_metadata_query {
    struct str match_target, metric, limit;
};
static const struct field target_metadata_fields[] = {
    STRING(struct target_metadata_query, match_target, .max = 10000, .doc = "Selector of the targets."),
    STRING(struct target_metadata_query, metric, .max = 1000, .doc = "Only of this metric."),
    STRING(struct target_metadata_query, limit, .max = 40, .doc = "At most so many."),
    { 0 },
};
static const struct schema target_metadata_schema = SCHEMA(struct target_metadata_query, target_metadata_fields);

/* target_metadata - which target a metric is from isn't kept: what is known of it is known of all. */
static err target_metadata(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct target_metadata_query *q = query;
    struct metric_meta_list list = { 0 };
    struct matcher *matchers;
    int64_t limit = -1;
    size_t count;

    (void)body;
    if (q->limit.length && !str_to_i64(q->limit, &limit))
        return err_new(ERR_INVALID, "limit must be a number");
    if (q->match_target.length)
        TRY(promql_parse_selector(request_arena(req), q->match_target, &matchers, &count));
    TRY(services.series->ops->metas(services.series, request_arena(req), q->metric, &list));
    struct json_writer w = prometheus_begin(reply);
    json_begin_array(&w);
    for (size_t i = 0; i < list.count && (limit < 0 || i < (size_t)limit); i++) {
        json_begin_object(&w);
        json_key(&w, S("target"));
        labels_write_json(&w, (struct labels){ 0 });
        json_put_str(&w, S("metric"), list.at[i].name);
        json_put_str(&w, S("type"), str_of(metric_kind_name(list.at[i].kind)));
        json_put_str(&w, S("help"), list.at[i].help);
        json_put_str(&w, S("unit"), list.at[i].unit);
        json_end_object(&w);
    }
    json_end_array(&w);
    return prometheus_end(reply, &w, NULL, NULL);
}

/* alertmanagers - none: what our rules find goes to our own incidents. */
static err alertmanagers(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)req, (void)query, (void)body;
    struct json_writer w = prometheus_begin(reply);
    json_add_raw(&w, S("{\"activeAlertmanagers\":[],\"droppedAlertmanagers\":[]}"));
    return prometheus_end(reply, &w, NULL, NULL);
}

static const struct route targets_route = {
    .method = "GET",
    .path = "/prometheus/api/v1/targets",
    .summary = "List whom we collect from",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .query = &targets_schema,
    .unknown_ok = true,
    .handle = targets,
    .write_error = prometheus_error,
};
REGISTER(route, targets_route);

static const struct route target_metadata_route = {
    .method = "GET",
    .path = "/prometheus/api/v1/targets/metadata",
    .summary = "Describe metrics of targets",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .query = &target_metadata_schema,
    .unknown_ok = true,
    .slow = true,
    .handle = target_metadata,
    .write_error = prometheus_error,
};
REGISTER(route, target_metadata_route);

static const struct route scrape_pools_route = {
    .method = "GET",
    .path = "/prometheus/api/v1/scrape_pools",
    .summary = "List pools of targets",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .unknown_ok = true,
    .handle = scrape_pools,
    .write_error = prometheus_error,
};
REGISTER(route, scrape_pools_route);

static const struct route alertmanagers_route = {
    .method = "GET",
    .path = "/prometheus/api/v1/alertmanagers",
    .summary = "List Alertmanagers that alerts are sent to",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .unknown_ok = true,
    .handle = alertmanagers,
    .write_error = prometheus_error,
};
REGISTER(route, alertmanagers_route);

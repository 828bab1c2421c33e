/* monitor_metrics.c - /api/v1/monitor/metrics: the figures of a Redis now, and their last minutes. */
#include "api/monitor.h"
#include "base/time.h"
#include "redis/doctor.h"

#include <math.h>

enum { POINTS_MAX = 2000, SERIES_BYTES = 4 << 20 };

struct metrics_query {
    struct str connection;
    int64_t minutes;
};
static const struct field metrics_query_fields[] = {
    STRING(struct metrics_query, connection, .max = 300,
           .doc = "Id, name or address; may be left out where there is one connection only."),
    INT(struct metrics_query, minutes, .def = "15", .min = 1, .max = 21600, .doc = "How far the series go back."),
    { 0 },
};
static const struct schema metrics_query_schema = SCHEMA(struct metrics_query, metrics_query_fields);

#define FIGURE(member, text) DOUBLE(struct figures, member, .flags = F_NULLABLE, .doc = text)
struct figures {
    double used_memory_bytes, maxmemory_bytes, memory_ratio, used_memory_rss_bytes, used_memory_peak_bytes,
        mem_fragmentation_ratio, connected_clients, maxclients, blocked_clients, ops_per_sec, hit_rate,
        evicted_keys_per_sec, expired_keys_per_sec, rejected_connections_per_sec, net_input_bytes_per_sec,
        net_output_bytes_per_sec, keys, connected_slaves, uptime_seconds, round_trip_ms;
    struct str maxmemory_policy, role, redis_version, rdb_last_bgsave_status, aof_last_write_status;
};
static const struct field figures_fields[] = {
    FIGURE(used_memory_bytes, "used_memory."),
    FIGURE(maxmemory_bytes, "maxmemory; 0: no limit."),
    FIGURE(memory_ratio, "used_memory / maxmemory; null without a limit."),
    FIGURE(used_memory_rss_bytes, "used_memory_rss."),
    FIGURE(used_memory_peak_bytes, "used_memory_peak."),
    FIGURE(mem_fragmentation_ratio, "mem_fragmentation_ratio; says little below some 100 MB."),
    FIGURE(connected_clients, "connected_clients."),
    FIGURE(maxclients, "maxclients."),
    FIGURE(blocked_clients, "blocked_clients."),
    FIGURE(ops_per_sec, "instantaneous_ops_per_sec."),
    FIGURE(hit_rate, "Hits of all reads: since the poll before, or since its start where there were none; 0..1."),
    FIGURE(evicted_keys_per_sec, "Since the poll before; null where there is none."),
    FIGURE(expired_keys_per_sec, "Since the poll before."),
    FIGURE(rejected_connections_per_sec, "Since the poll before."),
    FIGURE(net_input_bytes_per_sec, "Since the poll before."),
    FIGURE(net_output_bytes_per_sec, "Since the poll before."),
    FIGURE(keys, "Keys of all databases."),
    FIGURE(connected_slaves, "Replicas."),
    FIGURE(uptime_seconds, "How long the process has run."),
    FIGURE(round_trip_ms, "Of PING, at the last poll."),
    STRING(struct figures, maxmemory_policy, .flags = F_NULLABLE, .doc = "What it does when it is full."),
    STRING(struct figures, role, .flags = F_NULLABLE, .doc = "master, replica, sentinel."),
    STRING(struct figures, redis_version, .flags = F_NULLABLE, .doc = "Of the server."),
    STRING(struct figures, rdb_last_bgsave_status, .flags = F_NULLABLE, .doc = "ok or err."),
    STRING(struct figures, aof_last_write_status, .flags = F_NULLABLE, .doc = "ok or err."),
    { 0 },
};
static const struct schema figures_schema =
    SCHEMA(struct figures, figures_fields, .doc = "Figures; null where the server does not say.");

struct metrics_reply {
    struct str connection;
    int64_t time;
    struct figures current;
    const struct json *series;
};
static const struct field metrics_reply_fields[] = {
    STRING(struct metrics_reply, connection, .doc = "Its id."),
    TIME(struct metrics_reply, time, .flags = F_NULLABLE, .doc = "When `current` was true; null: never seen."),
    STRUCT(struct metrics_reply, current, .schema = &figures_schema, .doc = "The newest figures."),
    ANY(struct metrics_reply, series, .doc = "{metric: [[epoch seconds, value]]}, by time; names as in `current`."),
    { 0 },
};
static const struct schema metrics_reply_schema =
    SCHEMA(struct metrics_reply, metrics_reply_fields, .name = "monitor_metrics", .doc = "Metrics of one Redis.");

static double known(int64_t value)
{
    return value == REDIS_UNSET ? NAN : (double)value;
}

/* rate - a second, since the poll before; NaN where that can't be said. */
static double rate(const struct redis_facts *facts, int64_t now, int64_t before)
{
    if (now == REDIS_UNSET || before == REDIS_UNSET || facts->info_ms <= facts->previous_ms)
        return NAN;
    return (double)facts_rise(now, before) * 1000 / (double)(facts->info_ms - facts->previous_ms);
}

static double hit_rate(const struct redis_facts *facts)
{
    const struct redis_info *now = facts->info, *before = facts->previous;
    double hits = known(now->keyspace_hits), misses = known(now->keyspace_misses);

    if (before && facts_rise(now->keyspace_hits, before->keyspace_hits) +
                          facts_rise(now->keyspace_misses, before->keyspace_misses) >
                      0) {
        hits = (double)facts_rise(now->keyspace_hits, before->keyspace_hits);
        misses = (double)facts_rise(now->keyspace_misses, before->keyspace_misses);
    }
    return hits + misses > 0 ? hits / (hits + misses) : NAN;
}

static double keys_of(const struct redis_info *info)
{
    double keys = 0;

    for (size_t i = 0; i < info->keyspace_count; i++)
        if (info->keyspaces[i].keys > 0)
            keys += (double)info->keyspaces[i].keys;
    return keys;
}

static struct str text_or_null(struct arena *arena, struct str text)
{
    return text.length ? str_utf8_scrub(arena, text) : (struct str){ NULL, 0 };
}

static struct figures nothing(void)
{
    return (struct figures){ NAN, NAN, NAN,         NAN,         NAN,         NAN,         NAN,        NAN, NAN,
                             NAN, NAN, NAN,         NAN,         NAN,         NAN,         NAN,        NAN, NAN,
                             NAN, NAN, { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, { NULL, 0 } };
}

static void add_rates(const struct redis_facts *facts, struct figures *out)
{
    const struct redis_info *now = facts->info, *before = facts->previous;

    if (!before)
        return;
    out->evicted_keys_per_sec = rate(facts, now->evicted_keys, before->evicted_keys);
    out->expired_keys_per_sec = rate(facts, now->expired_keys, before->expired_keys);
    out->rejected_connections_per_sec = rate(facts, now->rejected_connections, before->rejected_connections);
    out->net_input_bytes_per_sec = rate(facts, now->total_net_input_bytes, before->total_net_input_bytes);
    out->net_output_bytes_per_sec = rate(facts, now->total_net_output_bytes, before->total_net_output_bytes);
}

static struct figures figures_of(struct arena *arena, const struct redis_facts *facts)
{
    const struct redis_info *info = facts->info;
    struct figures out = nothing();

    if (!info)
        return out;
    out.used_memory_bytes = known(info->used_memory);
    out.maxmemory_bytes = known(info->maxmemory);
    out.memory_ratio = info->maxmemory > 0 ? out.used_memory_bytes / out.maxmemory_bytes : NAN;
    out.used_memory_rss_bytes = known(info->used_memory_rss);
    out.used_memory_peak_bytes = known(info->used_memory_peak);
    out.mem_fragmentation_ratio = info->mem_fragmentation_ratio;
    out.connected_clients = known(info->connected_clients);
    out.maxclients = known(info->maxclients);
    out.blocked_clients = known(info->blocked_clients);
    out.ops_per_sec = known(info->instantaneous_ops_per_sec);
    out.hit_rate = hit_rate(facts);
    out.keys = keys_of(info);
    out.connected_slaves = known(info->connected_slaves);
    out.uptime_seconds = known(info->uptime_in_seconds);
    out.round_trip_ms = facts->round_trip_ms;
    out.maxmemory_policy = text_or_null(arena, info->maxmemory_policy);
    out.role = str_eq(info->role, S("slave")) ? S("replica") : text_or_null(arena, info->role);
    out.redis_version = text_or_null(arena, info->redis_version);
    out.rdb_last_bgsave_status = text_or_null(arena, info->rdb_last_bgsave_status);
    out.aof_last_write_status = text_or_null(arena, info->aof_last_write_status);
    add_rates(facts, &out);
    return out;
}

/* What the store has, under the names of `current`. */
static const struct line {
    const char *name, *metric;
    bool rate;
} lines[] = {
    { "used_memory_bytes", "redis_memory_used_bytes", false },
    { "maxmemory_bytes", "redis_memory_max_bytes", false },
    { "used_memory_rss_bytes", "redis_memory_used_rss_bytes", false },
    { "connected_clients", "redis_connected_clients", false },
    { "maxclients", "redis_config_maxclients", false },
    { "blocked_clients", "redis_blocked_clients", false },
    { "ops_per_sec", "redis_commands_processed_total", true },
    { "evicted_keys_per_sec", "redis_evicted_keys_total", true },
    { "expired_keys_per_sec", "redis_expired_keys_total", true },
    { "rejected_connections_per_sec", "redis_rejected_connections_total", true },
    { "net_input_bytes_per_sec", "redis_net_input_bytes_total", true },
    { "net_output_bytes_per_sec", "redis_net_output_bytes_total", true },
};

struct window {
    struct arena *arena;
    struct str instance;
    int64_t start_ms, end_ms;
};

static err select_one(const struct window *window, const char *metric, struct series *ret_series)
{
    const struct matcher matchers[] = { { MATCH_EQ, S("__name__"), str_of(metric), NULL },
                                        { MATCH_EQ, S("instance"), window->instance, NULL } };
    struct series_list list;

    *ret_series = (struct series){ 0 };
    TRY(series_select(services.series, window->arena, matchers, ARRAY_LEN(matchers), window->start_ms, window->end_ms,
                      &list));
    if (list.count)
        *ret_series = list.at[0];
    return NULL;
}

static void put_point(struct json_writer *w, int64_t time_ms, double value)
{
    json_begin_array(w);
    json_add_double(w, (double)time_ms / 1000);
    json_add_double(w, value);
    json_end_array(w);
}

/* stride - every so-many-th sample, so that a line has at most POINTS_MAX points; rates then span the stride. */
static size_t stride(size_t count)
{
    return count / POINTS_MAX + 1;
}

/* rise - of a counter between two samples; after a restart it counts from zero. */
static double rise(double before, double now)
{
    return now >= before ? now - before : now;
}

static void put_line(struct json_writer *w, const struct line *line, const struct series *series)
{
    size_t step = stride(series->count);

    json_key(w, str_of(line->name));
    json_begin_array(w);
    for (size_t i = line->rate ? step : 0; i < series->count; i += step) {
        const struct sample *now = &series->samples[i], *before = line->rate ? now - step : now;
        double seconds = (double)(now->time_ms - before->time_ms) / 1000;
        put_point(w, now->time_ms, line->rate ? rise(before->value, now->value) / seconds : now->value);
    }
    json_end_array(w);
}

/* put_hit_rate - of the reads between two samples; no point where there were none. */
static void put_hit_rate(struct json_writer *w, const struct series *hits, const struct series *misses)
{
    size_t count = hits->count < misses->count ? hits->count : misses->count, step = stride(count);

    json_key(w, S("hit_rate"));
    json_begin_array(w);
    for (size_t i = step; i < count && hits->samples[i].time_ms == misses->samples[i].time_ms; i += step) {
        double hit = rise(hits->samples[i - step].value, hits->samples[i].value);
        double all = hit + rise(misses->samples[i - step].value, misses->samples[i].value);
        if (all > 0)
            put_point(w, hits->samples[i].time_ms, hit / all);
    }
    json_end_array(w);
}

static err series_of(const struct window *window, const struct json **ret_series)
{
    struct buf text CLEANUP(buf_clear);
    struct series series, misses;

    buf_init(&text, SERIES_BYTES);
    struct json_writer w = json_writer(&text);
    json_begin_object(&w);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        TRY(select_one(window, lines[i].metric, &series));
        put_line(&w, &lines[i], &series);
    }
    TRY(select_one(window, "redis_keyspace_hits_total", &series));
    TRY(select_one(window, "redis_keyspace_misses_total", &misses));
    put_hit_rate(&w, &series, &misses);
    json_end_object(&w);
    TRY(buf_check(&text));
    return json_parse(window->arena, str_copy(window->arena, buf_str(&text)), ret_series);
}

static err metrics(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct metrics_query *q = query;
    struct arena *arena = request_arena(req);
    struct redis_facts *facts = arena_alloc(arena, sizeof(*facts));
    int64_t now_ms = time_now_ms();
    struct connection c;

    (void)body;
    TRY(connections_find(arena, q->connection, &c));
    if (!c.watched || !doctor_facts(arena, c.resource, facts))
        TRY(monitor_facts(arena, &c, facts));
    struct metrics_reply out = { .connection = c.key, .time = facts->info_ms, .current = figures_of(arena, facts) };
    const struct window window = {
        .arena = arena, .instance = c.address, .start_ms = now_ms - q->minutes * MINUTE_MS, .end_ms = now_ms
    };
    TRY(series_of(&window, &out.series));
    return reply_encode(reply, &metrics_reply_schema, &out);
}

static const struct route monitor_metrics_route = {
    .method = "GET",
    .path = "/api/v1/monitor/metrics",
    .summary = "Figures of a Redis",
    .tag = "Redis",
    .role = ROLE_VIEWER,
    .query = &metrics_query_schema,
    .reply = &metrics_reply_schema,
    .handle = metrics,
};
REGISTER(route, monitor_metrics_route);

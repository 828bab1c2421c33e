/* prometheus_status.c - /prometheus/api/v1/status/..., features and notifications, /prometheus/-/healthy and ready:
 * what this server is, in the words of Prometheus.
 *
 * Grafana and its kin decide by the version what they may ask; so it is the version of Prometheus whose API and
 * language these are. Ours stands beside it. */
#include "api/health.h"
#include "api/prometheus.h"
#include "base/duration.h"
#include "base/time.h"
#include "promql/function.h"
#include "promql/settings.h"
#include "tsdb/tsdb.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

static err build_info(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)req, (void)query, (void)body;
    struct json_writer w = prometheus_begin(reply);
    json_begin_object(&w);
    json_put_str(&w, S("version"), S("3.14.0"));
    json_put_str(&w, S("revision"), S(""));
    json_put_str(&w, S("branch"), S(""));
    json_put_str(&w, S("buildUser"), S(""));
    json_put_str(&w, S("buildDate"), S(""));
    json_put_str(&w, S("goVersion"), S(""));
    json_put_str(&w, S("application"), S("Auspex"));
    json_put_str(&w, S("applicationVersion"), S(AUSPEX_VERSION));
    json_end_object(&w);
    return prometheus_end(reply, &w, NULL, NULL);
}

static int64_t thread_count(void)
{
    DIR *folder = opendir("/proc/self/task");
    int64_t count = -2; /* "." and ".." */

    if (!folder)
        return 0;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void put_span(struct json_writer *w, const char *name, struct duration span)
{
    struct buf text CLEANUP(buf_clear) = { .max = 64 };

    duration_add(&text, span);
    json_put_str(w, str_of(name), buf_str(&text));
}

static err runtime_info(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct config *config CLEANUP(config_unrefp) = services.config();
    const struct tsdb_settings *storage = config_get(config, &storage_section);
    char folder[PATH_MAX] = "", host[256] = "";
    struct tsdb_state state = { 0 };

    (void)query, (void)body;
    if (!getcwd(folder, sizeof(folder)))
        folder[0] = 0;
    gethostname(host, sizeof(host) - 1);
    tsdb_state(services.tsdb, request_arena(req), false, &state);
    struct json_writer w = prometheus_begin(reply);
    json_begin_object(&w);
    json_put_time(&w, S("startTime"), services.started_ms);
    json_put_str(&w, S("CWD"), str_of(folder));
    json_put_str(&w, S("hostname"), str_of(host));
    json_put_time(&w, S("serverTime"), time_now_ms());
    json_put_bool(&w, S("reloadConfigSuccess"), true); /* a wrong file is refused, and what was in force goes on */
    json_put_time(&w, S("lastConfigTime"), services.started_ms);
    json_put_i64(&w, S("corruptionCount"), (int64_t)state.set_aside.count);
    json_put_i64(&w, S("goroutineCount"), thread_count());
    json_put_i64(&w, S("GOMAXPROCS"), sysconf(_SC_NPROCESSORS_ONLN));
    json_put_str(&w, S("GOGC"), S(""));
    json_put_str(&w, S("GODEBUG"), S(""));
    put_span(&w, "storageRetention", storage->retention_time);
    json_end_object(&w);
    return prometheus_end(reply, &w, NULL, NULL);
}

static void put_flag(struct json_writer *w, const char *name, int64_t value)
{
    struct buf text CLEANUP(buf_clear) = { .max = 64 };

    buf_add_i64(&text, value);
    json_put_str(w, str_of(name), buf_str(&text));
}

/* flags - those of Prometheus' options that have a counterpart here. */
static err flags(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct config *config CLEANUP(config_unrefp) = services.config();
    const struct query_settings *settings = config_get(config, &query_section);

    (void)req, (void)query, (void)body;
    struct json_writer w = prometheus_begin(reply);
    json_begin_object(&w);
    put_span(&w, "query.lookback-delta", settings->lookback_delta);
    put_flag(&w, "query.max-concurrency", settings->max_concurrency);
    put_flag(&w, "query.max-samples", settings->max_samples);
    put_span(&w, "query.timeout", settings->timeout);
    json_put_str(&w, S("storage.tsdb.path"), str_of(services.storage_path));
    json_put_str(&w, S("web.enable-admin-api"), S("true"));
    json_put_str(&w, S("web.enable-remote-write-receiver"), S("true"));
    json_end_object(&w);
    return prometheus_end(reply, &w, NULL, NULL);
}

/* config_text - what is in force, without secrets; JSON is YAML too. */
static err config_text(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct config *config CLEANUP(config_unrefp) = services.config();
    struct buf text CLEANUP(buf_clear) = { .max = 16 << 20 };
    struct json_writer inner = json_writer(&text);

    (void)req, (void)query, (void)body;
    config_write(&inner, config);
    TRY(buf_check(&text));
    struct json_writer w = prometheus_begin(reply);
    json_begin_object(&w);
    json_put_str(&w, S("yaml"), buf_str(&text));
    json_end_object(&w);
    return prometheus_end(reply, &w, NULL, NULL);
}

static err notifications(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)req, (void)query, (void)body;
    struct json_writer w = prometheus_begin(reply);
    json_add_raw(&w, S("[]"));
    return prometheus_end(reply, &w, NULL, NULL);
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(str_of((*(const struct function *const *)a)->name),
                   str_of((*(const struct function *const *)b)->name));
}

static void put_functions(struct json_writer *w, struct arena *arena)
{
    VEC(const struct function *) all = { 0 };

    FOR_EACH_REGISTERED (function, it)
        *vec_push(&all, arena) = it;
    qsort(all.at, all.count, sizeof(*all.at), by_name);
    json_key(w, S("promql_functions"));
    json_begin_object(w);
    for (size_t i = 0; i < all.count; i++)
        json_put_bool(w, str_of(all.at[i]->name), true);
    json_end_object(w);
}

static void put_operators(struct json_writer *w)
{
    json_key(w, S("promql_operators"));
    json_begin_object(w);
    for (int op = OP_NONE + 1; op <= OP_TRIM_LOWER; op++)
        json_put_bool(w, str_of(operator_text((enum operator)op)), true);
    for (int op = 0; op <= AGG_LIMIT_RATIO; op++)
        json_put_bool(w, str_of(aggregation_name((enum aggregation)op)), true);
    json_end_object(w);
}

static err features(struct request *req, const void *query, const void *body, struct reply *reply)
{
    static const char words[] =
        "{\"anchored\":true,\"at_modifier\":true,\"bool\":true,\"by\":true,\"delayed_name_removal\":true,"
        "\"duration_expr\":true,\"fill\":true,\"fill_left\":true,\"fill_right\":true,\"group_left\":true,"
        "\"group_right\":true,\"ignoring\":true,\"negative_offset\":true,\"offset\":true,\"on\":true,"
        "\"per_query_lookback_delta\":true,\"per_step_stats\":false,\"smoothed\":true,\"subqueries\":true,"
        "\"type_and_unit_labels\":true,\"without\":true}";

    (void)query, (void)body;
    struct json_writer w = prometheus_begin(reply);
    json_begin_object(&w);
    json_key(&w, S("api"));
    json_add_raw(&w, S("{\"admin\":true,\"exclude_alerts\":true,\"label_values_match\":true,\"query_stats\":true,"
                       "\"query_warnings\":true,\"remote_write_receiver\":true,\"time_range_labels\":true,"
                       "\"time_range_series\":true}"));
    json_key(&w, S("promql"));
    json_add_raw(&w, str_of(words));
    put_functions(&w, request_arena(req));
    put_operators(&w);
    json_end_object(&w);
    return prometheus_end(reply, &w, NULL, NULL);
}

static err healthy(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)req, (void)query, (void)body;
    reply_text(reply, 200, "text/plain; charset=utf-8", S("Prometheus Server is Healthy.\n"));
    return NULL;
}

static err ready(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)req, (void)query, (void)body;
    if (!services_ready())
        return err_retry_after(err_new(ERR_UNAVAILABLE, "Service Unavailable"), 1000);
    reply_text(reply, 200, "text/plain; charset=utf-8", S("Prometheus Server is Ready.\n"));
    return NULL;
}

static const struct route build_info_route = {
    .method = "GET",
    .path = "/prometheus/api/v1/status/buildinfo",
    .summary = "What this server is",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .unknown_ok = true,
    .quick = true,
    .handle = build_info,
    .write_error = prometheus_error,
};
REGISTER(route, build_info_route);

static const struct route runtime_info_route = {
    .method = "GET",
    .path = "/prometheus/api/v1/status/runtimeinfo",
    .summary = "How this server runs",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .unknown_ok = true,
    .handle = runtime_info,
    .write_error = prometheus_error,
};
REGISTER(route, runtime_info_route);

static const struct route flags_route = {
    .method = "GET",
    .path = "/prometheus/api/v1/status/flags",
    .summary = "Options in force",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .unknown_ok = true,
    .handle = flags,
    .write_error = prometheus_error,
};
REGISTER(route, flags_route);

static const struct route config_text_route = {
    .method = "GET",
    .path = "/prometheus/api/v1/status/config",
    .summary = "Configuration in force, without secrets",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .unknown_ok = true,
    .handle = config_text,
    .write_error = prometheus_error,
};
REGISTER(route, config_text_route);

static const struct route features_route = {
    .method = "GET",
    .path = "/prometheus/api/v1/features",
    .summary = "What this server can do",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .unknown_ok = true,
    .handle = features,
    .write_error = prometheus_error,
};
REGISTER(route, features_route);

static const struct route notifications_route = {
    .method = "GET",
    .path = "/prometheus/api/v1/notifications",
    .summary = "What operators should know; nothing",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .unknown_ok = true,
    .quick = true,
    .handle = notifications,
    .write_error = prometheus_error,
};
REGISTER(route, notifications_route);

static const struct route prometheus_healthy_route = {
    .method = "GET",
    .path = "/prometheus/-/healthy",
    .summary = "Alive, for clients of Prometheus",
    .tag = "Prometheus",
    .role = ROLE_NOBODY,
    .unknown_ok = true,
    .quick = true,
    .before_ready = true,
    .handle = healthy,
    .write_error = prometheus_error,
};
REGISTER(route, prometheus_healthy_route);

static const struct route prometheus_ready_route = {
    .method = "GET",
    .path = "/prometheus/-/ready",
    .summary = "Ready to serve, for clients of Prometheus",
    .tag = "Prometheus",
    .role = ROLE_NOBODY,
    .unknown_ok = true,
    .quick = true,
    .before_ready = true,
    .handle = ready,
    .write_error = prometheus_error,
};
REGISTER(route, prometheus_ready_route);

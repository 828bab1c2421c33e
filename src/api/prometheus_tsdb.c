/* prometheus_tsdb.c - /prometheus/api/v1/status/tsdb and admin/tsdb/...: how much is stored; deleting from it, and
 * copying it. */
#include "api/prometheus.h"
#include "base/file.h"
#include "base/random.h"
#include "base/time.h"
#include "tsdb/tsdb.h"

#include <time.h>

struct status_query {
    struct str limit;
};
static const struct field status_fields[] = {
    STRING(struct status_query, limit, .max = 40, .doc = "At most so many of each list; ten at most."),
    { 0 },
};
static const struct schema status_schema = SCHEMA(struct status_query, status_fields);

static void put_counts(struct json_writer *w, const char *key, const struct tsdb_count *counts, size_t most)
{
    json_key(w, str_of(key));
    json_begin_array(w);
    for (size_t i = 0; i < most && counts[i].name.length; i++) {
        json_begin_object(w);
        json_put_str(w, S("name"), counts[i].name);
        json_put_i64(w, S("value"), (int64_t)counts[i].count);
        json_end_object(w);
    }
    json_end_array(w);
}

static err tsdb_status(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct status_query *q = query;
    struct tsdb_state state = { 0 };
    int64_t limit = ARRAY_LEN(state.by_metric);

    (void)body;
    if (q->limit.length && (!str_to_i64(q->limit, &limit) || limit < 1))
        return err_new(ERR_INVALID, "limit must be a positive number");
    if (limit > (int64_t)ARRAY_LEN(state.by_metric))
        limit = ARRAY_LEN(state.by_metric);
    tsdb_state(services.tsdb, request_arena(req), true, &state);
    struct json_writer w = prometheus_begin(reply);
    json_begin_object(&w);
    json_key(&w, S("headStats"));
    json_begin_object(&w);
    json_put_i64(&w, S("numSeries"), (int64_t)state.series);
    json_put_i64(&w, S("numLabelPairs"), (int64_t)state.label_pairs);
    json_put_i64(&w, S("chunkCount"), (int64_t)state.chunks);
    json_put_i64(&w, S("minTime"), state.first_ms);
    json_put_i64(&w, S("maxTime"), state.last_ms);
    json_end_object(&w);
    put_counts(&w, "seriesCountByMetricName", state.by_metric, (size_t)limit);
    put_counts(&w, "labelValueCountByLabelName", state.by_label, (size_t)limit);
    put_counts(&w, "memoryInBytesByLabelName", state.bytes_by_label, (size_t)limit);
    put_counts(&w, "seriesCountByLabelValuePair", state.by_pair, (size_t)limit);
    json_end_object(&w);
    return prometheus_end(reply, &w, NULL, NULL);
}

/* wal_replay - in hundredths, as it has no segments to count. */
static err wal_replay(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct tsdb_state state = { 0 };

    (void)query, (void)body;
    tsdb_state(services.tsdb, request_arena(req), false, &state);
    struct json_writer w = prometheus_begin(reply);
    json_begin_object(&w);
    json_put_i64(&w, S("min"), 0);
    json_put_i64(&w, S("max"), state.recovering ? 100 : 0);
    json_put_i64(&w, S("current"), state.recovering ? (int64_t)(state.recovered * 100) : 0);
    json_end_object(&w);
    return prometheus_end(reply, &w, NULL, NULL);
}

struct delete_query {
    struct prometheus_selection selection;
};
static const struct field delete_fields[] = { PROMETHEUS_SELECTION_FIELDS(struct delete_query), { 0 } };
static const struct schema delete_schema = SCHEMA(struct delete_query, delete_fields);

static err delete_series(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct delete_query *q = query;
    struct prometheus_sets sets;

    (void)body;
    if (!q->selection.match.count)
        return err_new(ERR_INVALID, "no match[] parameter provided");
    TRY(prometheus_select(req, &q->selection, "match[]", &sets));
    for (size_t i = 0; i < sets.count; i++)
        TRY(tsdb_delete(services.tsdb, sets.at[i].matchers, sets.at[i].matcher_count, sets.at[i].start_ms,
                        sets.at[i].end_ms));
    reply->status = 204;
    return NULL;
}

static err clean_tombstones(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)req, (void)query, (void)body;
    TRY(tsdb_clean(services.tsdb));
    reply->status = 204;
    return NULL;
}

/* snapshot - a copy beside the data, whose name is answered: 20261122T143538Z-777bcc6970936f72. */
static err snapshot(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct arena *arena = request_arena(req);
    time_t now = (time_t)(time_now_ms() / 1000);
    char stamp[40];
    struct tm tm;

    (void)query, (void)body;
    gmtime_r(&now, &tm);
    strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
    struct str name = str_printf(arena, "%s-%016llx", stamp, (unsigned long long)random_u64());
    struct str folder = str_printf(arena, "%s/snapshots", services.storage_path);
    TRY(file_make_dirs(folder.at, 0700));
    TRY(tsdb_backup(services.tsdb, str_printf(arena, "%s/%.*s", folder.at, STR_ARG(name)).at));
    struct json_writer w = prometheus_begin(reply);
    json_begin_object(&w);
    json_put_str(&w, S("name"), name);
    json_end_object(&w);
    return prometheus_end(reply, &w, NULL, NULL);
}

static const struct route tsdb_status_route = {
    .method = "GET",
    .path = "/prometheus/api/v1/status/tsdb",
    .summary = "How much is stored",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .query = &status_schema,
    .unknown_ok = true,
    .slow = true,
    .handle = tsdb_status,
    .write_error = prometheus_error,
};
REGISTER(route, tsdb_status_route);

static const struct route wal_replay_route = {
    .method = "GET",
    .path = "/prometheus/api/v1/status/walreplay",
    .summary = "How far the log is read",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .unknown_ok = true,
    .handle = wal_replay,
    .write_error = prometheus_error,
};
REGISTER(route, wal_replay_route);

static const struct route delete_series_post = {
    .method = "POST",
    .path = "/prometheus/api/v1/admin/tsdb/delete_series",
    .summary = "Delete samples",
    .tag = "Prometheus",
    .role = ROLE_ADMIN,
    .query = &delete_schema,
    .form_ok = true,
    .body_max = 4 * 1024 * 1024,
    .unknown_ok = true,
    .slow = true,
    .handle = delete_series,
    .write_error = prometheus_error,
};
REGISTER(route, delete_series_post);

static const struct route clean_tombstones_post = {
    .method = "POST",
    .path = "/prometheus/api/v1/admin/tsdb/clean_tombstones",
    .summary = "Free the space of what was deleted",
    .tag = "Prometheus",
    .role = ROLE_ADMIN,
    .form_ok = true,
    .body_max = 4 * 1024 * 1024,
    .unknown_ok = true,
    .slow = true,
    .handle = clean_tombstones,
    .write_error = prometheus_error,
};
REGISTER(route, clean_tombstones_post);

static const struct route snapshot_post = {
    .method = "POST",
    .path = "/prometheus/api/v1/admin/tsdb/snapshot",
    .summary = "Copy all that is stored",
    .tag = "Prometheus",
    .role = ROLE_ADMIN,
    .form_ok = true,
    .body_max = 4 * 1024 * 1024,
    .unknown_ok = true,
    .slow = true,
    .handle = snapshot,
    .write_error = prometheus_error,
};
REGISTER(route, snapshot_post);

static const struct route delete_series_put = {
    .method = "PUT",
    .path = "/prometheus/api/v1/admin/tsdb/delete_series",
    .summary = "Delete samples",
    .tag = "Prometheus",
    .role = ROLE_ADMIN,
    .query = &delete_schema,
    .form_ok = true,
    .body_max = 4 * 1024 * 1024,
    .unknown_ok = true,
    .slow = true,
    .handle = delete_series,
    .write_error = prometheus_error,
};
REGISTER(route, delete_series_put);

static const struct route clean_tombstones_put = {
    .method = "PUT",
    .path = "/prometheus/api/v1/admin/tsdb/clean_tombstones",
    .summary = "Free the space of what was deleted",
    .tag = "Prometheus",
    .role = ROLE_ADMIN,
    .form_ok = true,
    .body_max = 4 * 1024 * 1024,
    .unknown_ok = true,
    .slow = true,
    .handle = clean_tombstones,
    .write_error = prometheus_error,
};
REGISTER(route, clean_tombstones_put);

static const struct route snapshot_put = {
    .method = "PUT",
    .path = "/prometheus/api/v1/admin/tsdb/snapshot",
    .summary = "Copy all that is stored",
    .tag = "Prometheus",
    .role = ROLE_ADMIN,
    .form_ok = true,
    .body_max = 4 * 1024 * 1024,
    .unknown_ok = true,
    .slow = true,
    .handle = snapshot,
    .write_error = prometheus_error,
};
REGISTER(route, snapshot_put);

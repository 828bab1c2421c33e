/* prometheus_query.c - /prometheus/api/v1/query and query_range: evaluate PromQL, within the limits of the section
 * `query`, and write what comes out.
 *
 * DESIGN. A query runs on a thread for slow handlers, and waits there for its turn: at most max_concurrency run at a
 * time. Its deadline counts from its arrival. When its client goes away it is cancelled. The evaluation has an arena of
 * its own; the answer is written straight into the reply. */
#include "api/prometheus.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/time.h"
#include "model/histogram.h"
#include "promql/parse.h"
#include "promql/settings.h"

#include <malloc.h>
#include <pthread.h>

enum { TRIM_BYTES = 64 << 20 };

METRIC(COUNTER, promql_queries_total, "PromQL queries that were asked for over HTTP, by what came of them.", "result");
METRIC(COUNTER, promql_query_seconds_total, "Seconds that PromQL queries took, waiting included.", NULL);
METRIC(COUNTER, promql_samples_total, "Samples that PromQL queries read.", NULL);
METRIC(COUNTER, promql_slow_queries_total, "PromQL queries that took longer than query.slow_query.", NULL);
METRIC(GAUGE, promql_queries_in_flight, "PromQL queries that run now.", NULL);
METRIC(GAUGE, promql_queries_waiting, "PromQL queries that wait for others to end.", NULL);

/* Turns: how many queries run, and who waits. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    int64_t running, waiting;
} turns = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void turns_init(void)
{
    pthread_condattr_t clock;

    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&turns.freed, &clock);
    pthread_condattr_destroy(&clock);
}

static err turn_take(int64_t most, int64_t deadline_ms)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct timespec until = { deadline_ms / 1000, deadline_ms % 1000 * 1000000 };
    int code = 0;

    pthread_once(&once, turns_init);
    pthread_mutex_lock(&turns.lock);
    metric_set(&promql_queries_waiting, (double)++turns.waiting);
    while (turns.running >= most && !code)
        code = pthread_cond_timedwait(&turns.freed, &turns.lock, &until);
    metric_set(&promql_queries_waiting, (double)--turns.waiting);
    bool mine = turns.running < most;
    if (mine)
        metric_set(&promql_queries_in_flight, (double)++turns.running);
    pthread_mutex_unlock(&turns.lock);
    return mine ? NULL : err_new(ERR_TIMEOUT, "query timed out in query queue");
}

static void turn_give(void)
{
    pthread_mutex_lock(&turns.lock);
    metric_set(&promql_queries_in_flight, (double)--turns.running);
    pthread_cond_signal(&turns.freed);
    pthread_mutex_unlock(&turns.lock);
}

struct query_parameters {
    struct str query, time, start, end, step, timeout, limit, lookback_delta, stats;
};
#define QUERY_FIELDS                                                                                                   \
    STRING(struct query_parameters, query, .max = PROMQL_TEXT_MAX, .doc = "PromQL."),                                  \
        STRING(struct query_parameters, timeout, .max = 40, .doc = "At most query.timeout."),                          \
        STRING(struct query_parameters, limit, .max = 40, .doc = "At most so many series; 0: all."),                   \
        STRING(struct query_parameters, lookback_delta, .max = 40, .doc = "Instead of query.lookback_delta."),         \
        STRING(struct query_parameters, stats, .max = 100, .doc = "true or all: with statistics.")
static const struct field instant_fields[] = {
    QUERY_FIELDS,
    STRING(struct query_parameters, time, .max = 100, .doc = "RFC 3339 or Unix seconds; none: now."),
    { 0 },
};
static const struct field range_fields[] = {
    QUERY_FIELDS,
    STRING(struct query_parameters, start, .max = 100, .doc = "RFC 3339 or Unix seconds."),
    STRING(struct query_parameters, end, .max = 100, .doc = "RFC 3339 or Unix seconds, included."),
    STRING(struct query_parameters, step, .max = 40, .doc = "Duration or seconds."),
    { 0 },
};
static const struct schema instant_schema = SCHEMA(struct query_parameters, instant_fields);
static const struct schema range_schema = SCHEMA(struct query_parameters, range_fields);

static void add_point(struct buf *out, const struct point *point)
{
    buf_add_c(out, '[');
    prometheus_seconds(out, point->time_ms);
    buf_add_c(out, ',');
    if (point->histogram) {
        struct json_writer w = json_writer(out);
        histogram_json(&w, point->histogram);
    } else {
        prometheus_value(out, point->value);
    }
    buf_add_c(out, ']');
}

/* add_points - ,"values":[...] of the floats, or ,"histograms":[...] of the others. */
static void add_points(struct buf *out, const struct result_series *series, bool histograms)
{
    bool any = false;

    for (size_t i = 0; i < series->count; i++) {
        if ((series->points[i].histogram != NULL) != histograms)
            continue;
        if (any)
            buf_add_c(out, ',');
        else
            buf_add(out, histograms ? S(",\"histograms\":[") : S(",\"values\":["));
        any = true;
        add_point(out, &series->points[i]);
    }
    if (any)
        buf_add_c(out, ']');
}

static void add_result(struct buf *out, const struct query_result *result, int64_t time_ms, size_t count)
{
    if (result->type == TYPE_STRING) {
        struct json_writer w = json_writer(out);
        buf_add_c(out, '[');
        prometheus_seconds(out, time_ms);
        buf_add_c(out, ',');
        json_add_str(&w, result->text);
        buf_add_c(out, ']');
        return;
    }
    if (result->type == TYPE_SCALAR) {
        add_point(out, &result->at[0].points[0]);
        return;
    }
    buf_add_c(out, '[');
    for (size_t i = 0; i < count && !out->failed; i++) {
        const struct result_series *series = &result->at[i];
        buf_add(out, i ? S(",{\"metric\":") : S("{\"metric\":"));
        prometheus_labels(out, series->labels);
        if (result->type == TYPE_MATRIX) {
            add_points(out, series, false);
            add_points(out, series, true);
        } else {
            buf_add(out, series->points[0].histogram ? S(",\"histogram\":") : S(",\"value\":"));
            add_point(out, &series->points[0]);
        }
        buf_add_c(out, '}');
    }
    buf_add_c(out, ']');
}

static void put_stats(struct json_writer *w, const struct query_stats *stats, int64_t waited_us)
{
    double total = (double)stats->time_us / 1e6;

    json_key(w, S("stats"));
    json_begin_object(w);
    json_key(w, S("timings"));
    json_begin_object(w);
    json_put_double(w, S("evalTotalTime"), total);
    json_put_double(w, S("resultSortTime"), 0);
    json_put_double(w, S("queryPreparationTime"), 0);
    json_put_double(w, S("innerEvalTime"), total);
    json_put_double(w, S("execQueueTime"), (double)waited_us / 1e6);
    json_put_double(w, S("execTotalTime"), total + (double)waited_us / 1e6);
    json_end_object(w);
    json_key(w, S("samples"));
    json_begin_object(w);
    json_put_i64(w, S("totalQueryableSamples"), (int64_t)stats->samples);
    json_put_i64(w, S("samplesRead"), (int64_t)stats->samples);
    json_put_i64(w, S("seriesRead"), (int64_t)stats->series);
    json_put_i64(w, S("peakSamples"), (int64_t)(stats->peak_bytes / sizeof(struct point)));
    json_end_object(w);
    json_end_object(w);
}

/* One query on its way. */
struct asked {
    struct request *req;
    const struct query_parameters *parameters;
    const struct query_settings *settings;
    struct query query;
    int64_t limit, began_ms, waited_us;
    struct query_result result;
};

static struct str_list with_note(struct arena *arena, struct str_list list, struct str note)
{
    struct str *at = arena_array(arena, list.count + 1, sizeof(*at));

    for (size_t i = 0; i < list.count; i++)
        at[i] = list.at[i];
    at[list.count] = note;
    return (struct str_list){ at, list.count + 1 };
}

static err write_answer(struct asked *asked, struct reply *reply)
{
    struct query_result *result = &asked->result;
    struct arena *arena = request_arena(asked->req);
    struct str stats = asked->parameters->stats;
    size_t count = result->count, max = reply->body.max;
    static const char *const types[] = {
        [TYPE_SCALAR] = "scalar", [TYPE_VECTOR] = "vector", [TYPE_MATRIX] = "matrix", [TYPE_STRING] = "string"
    };

    if (asked->limit && count > (uint64_t)asked->limit && result->type != TYPE_SCALAR) {
        count = (size_t)asked->limit;
        result->warnings = with_note(arena, result->warnings, S("results truncated due to limit"));
    }
    if (stats.length && !str_eq(stats, S("true")) && !str_eq(stats, S("all")))
        result->warnings = with_note(arena, result->warnings,
                                     str_printf(arena,
                                                "value \"%.*s\" for parameter \"stats\" is deprecated and will be "
                                                "rejected in the next major release, use \"true\" or \"all\"",
                                                STR_ARG(stats)));
    reply->body.max = max < (size_t)asked->settings->max_reply_bytes ? max : (size_t)asked->settings->max_reply_bytes;
    struct json_writer w = prometheus_begin(reply);
    json_begin_object(&w);
    json_put_str(&w, S("resultType"), str_of(types[result->type]));
    json_key(&w, S("result"));
    add_result(&reply->body, result, asked->query.end_ms, count);
    w.comma = true;
    if (stats.length)
        put_stats(&w, &result->stats, asked->waited_us);
    json_end_object(&w);
    err e = prometheus_end(reply, &w, &result->warnings, &result->infos);
    size_t taken = reply->body.max;
    reply->body.max = max;
    if (!e)
        return NULL;
    err_free(e);
    return err_new(ERR_RANGE,
                   "the answer is larger than %zu bytes: aggregate, select fewer series or a longer step, or raise "
                   "query.max_reply_bytes",
                   taken);
}

/* as_execution - what goes wrong in an evaluation is 422, unless it is about time or about us. */
static err as_execution(err e, struct request *req)
{
    enum err_kind kind = e ? err_kind(e) : ERR_RANGE;

    if (kind == ERR_UNAVAILABLE && __atomic_load_n(request_gone(req), __ATOMIC_RELAXED))
        kind = ERR_CONFLICT;
    else if (kind != ERR_INVALID && kind != ERR_TOO_LARGE)
        return e;
    else
        kind = ERR_RANGE;
    err told = err_new(kind, "%s", err_message(e));
    err_free(e);
    return told;
}

/* evaluate_within - what it takes is counted until the answer is written and all of it freed. */
static err evaluate_within(struct asked *asked, struct query_share *share, struct reply *reply)
{
    const struct query_settings *settings = asked->settings;
    struct arena *arena CLEANUP(arena_freep) = arena_new((size_t)settings->max_bytes);
    struct promql_limits limits = query_limits(settings);
    struct query query = asked->query;

    limits.share = share;
    query.arena = arena;
    query.limits = &limits;
    query.source = services.series;
    TRY(as_execution(promql_query(&query, &asked->result), asked->req));
    return write_answer(asked, reply);
}

/* evaluate - in its turn. The allocator would keep what a large query took, each thread its own: that goes back. */
static err evaluate(struct asked *asked, struct reply *reply)
{
    static struct query_budget budget;
    struct query_share share = { .budget = &budget, .max = (size_t)asked->settings->max_bytes_together };
    int64_t asked_us = time_mono_us();

    TRY(turn_take(asked->settings->max_concurrency, asked->query.deadline_ms));
    asked->waited_us = time_mono_us() - asked_us;
    err e = evaluate_within(asked, &share, reply);
    if (share.held >= TRIM_BYTES)
        malloc_trim(0);
    query_share_give(&share);
    turn_give();
    metric_add(&promql_samples_total, (double)asked->result.stats.samples);
    return e;
}

static err take_timeout(struct asked *asked)
{
    int64_t timeout_ms = asked->settings->timeout.ms, given_ms;
    int64_t last_ms = request_deadline_ms(asked->req) - 100; /* room to say so */

    if (asked->parameters->timeout.length) {
        TRY(prometheus_invalid("timeout", prometheus_duration(asked->parameters->timeout, &given_ms)));
        if (given_ms < timeout_ms)
            timeout_ms = given_ms;
    }
    asked->query.deadline_ms = asked->began_ms + (timeout_ms < 1 ? 1 : timeout_ms);
    if (asked->query.deadline_ms > last_ms)
        asked->query.deadline_ms = last_ms;
    return NULL;
}

static err take_times(struct asked *asked, bool ranged)
{
    const struct query_parameters *q = asked->parameters;
    struct query *query = &asked->query;

    TRY(prometheus_limit(q->limit, &asked->limit));
    if (!ranged) {
        TRY(prometheus_time_or("time", q->time, time_now_ms(), &query->start_ms));
        query->end_ms = query->start_ms;
        return NULL;
    }
    TRY(prometheus_invalid("start", prometheus_time(q->start, &query->start_ms)));
    TRY(prometheus_invalid("end", prometheus_time(q->end, &query->end_ms)));
    if (query->end_ms < query->start_ms)
        return err_new(ERR_INVALID, "invalid parameter \"end\": end timestamp must not be before start time");
    TRY(prometheus_invalid("step", prometheus_duration(q->step, &query->step_ms)));
    if (query->step_ms <= 0)
        return err_new(ERR_INVALID, "invalid parameter \"step\": zero or negative query resolution step widths are not "
                                    "accepted. Try a positive integer");
    int64_t most = asked->settings->max_points;
    if ((query->end_ms - query->start_ms) / query->step_ms <= most)
        return NULL;
    struct buf number CLEANUP(buf_clear) = { .max = 40 };
    if (most >= 1000)
        buf_addf(&number, "%lld,%03lld", (long long)(most / 1000), (long long)(most % 1000));
    else
        buf_add_i64(&number, most);
    return err_new(ERR_INVALID,
                   "exceeded maximum resolution of %s points per timeseries. Try decreasing the query "
                   "resolution (?step=XX)",
                   buf_c(&number));
}

static err take_lookback(struct asked *asked)
{
    struct str text = asked->parameters->lookback_delta;

    asked->query.lookback_ms = asked->settings->lookback_delta.ms;
    if (!text.length)
        return NULL;
    err e = prometheus_duration(text, &asked->query.lookback_ms);
    if (e) {
        err told = err_new(ERR_INVALID, "error parsing lookback delta duration: %s", err_message(e));
        err_free(e);
        return told;
    }
    if (asked->query.lookback_ms <= 0)
        asked->query.lookback_ms = asked->settings->lookback_delta.ms;
    return NULL;
}

static err run(struct asked *asked, bool ranged, struct reply *reply)
{
    struct expr *expr;

    TRY(take_times(asked, ranged));
    TRY(take_timeout(asked));
    TRY(take_lookback(asked));
    TRY(prometheus_invalid(
        "query", promql_parse(request_arena(asked->req), asked->parameters->query, &promql_all_features, &expr)));
    if (ranged && expr->type != TYPE_SCALAR && expr->type != TYPE_VECTOR)
        return err_new(ERR_INVALID,
                       "invalid parameter \"query\": invalid expression type \"%s\" for range query, must be Scalar or "
                       "instant Vector",
                       value_type_name(expr->type));
    asked->query.expr = expr;
    asked->query.text = asked->parameters->query;
    asked->query.features = &promql_all_features;
    asked->query.cancelled = request_gone(asked->req);
    return evaluate(asked, reply);
}

static void account(const struct asked *asked, err e)
{
    int64_t took_ms = time_mono_ms() - asked->began_ms;
    struct str text = str_utf8_head(asked->parameters->query, 2000);

    int status;
    metric_add_for(&promql_queries_total, e ? str_of(prometheus_error_type(err_kind(e), &status)) : S("success"), 1);
    metric_add(&promql_query_seconds_total, (double)took_ms / 1e3);
    if (took_ms < asked->settings->slow_query.ms)
        return;
    metric_add(&promql_slow_queries_total, 1);
    log_info("slow query: %.*s: %lld ms, %llu samples, from %lld to %lld step %lld%s%s", STR_ARG(text),
             (long long)took_ms, (unsigned long long)asked->result.stats.samples, (long long)asked->query.start_ms,
             (long long)asked->query.end_ms, (long long)asked->query.step_ms, e ? ": " : "", e ? err_message(e) : "");
}

static err answer(struct request *req, const struct query_parameters *parameters, bool ranged, struct reply *reply)
{
    struct config *config CLEANUP(config_unrefp) = services.config();
    struct asked asked = {
        .req = req, .parameters = parameters, .settings = config_get(config, &query_section), .began_ms = time_mono_ms()
    };

    err e = run(&asked, ranged, reply);
    account(&asked, e);
    return e;
}

static err query_instant(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)body;
    return answer(req, query, false, reply);
}

static err query_range(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)body;
    return answer(req, query, true, reply);
}

static const struct route query_route_get = {
    .method = "GET",
    .path = "/prometheus/api/v1/query",
    .summary = "Evaluate PromQL at one time",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .query = &instant_schema,
    .unknown_ok = true,
    .slow = true,
    .handle = query_instant,
    .write_error = prometheus_error,
};
REGISTER(route, query_route_get);

static const struct route query_route_post = {
    .method = "POST",
    .path = "/prometheus/api/v1/query",
    .summary = "Evaluate PromQL at one time, by a form",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .query = &instant_schema,
    .form_ok = true,
    .body_max = 4 * 1024 * 1024,
    .unknown_ok = true,
    .slow = true,
    .handle = query_instant,
    .write_error = prometheus_error,
};
REGISTER(route, query_route_post);

static const struct route query_range_route_get = {
    .method = "GET",
    .path = "/prometheus/api/v1/query_range",
    .summary = "Evaluate PromQL over a range of times",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .query = &range_schema,
    .unknown_ok = true,
    .slow = true,
    .handle = query_range,
    .write_error = prometheus_error,
};
REGISTER(route, query_range_route_get);

static const struct route query_range_route_post = {
    .method = "POST",
    .path = "/prometheus/api/v1/query_range",
    .summary = "Evaluate PromQL over a range of times, by a form",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .query = &range_schema,
    .form_ok = true,
    .body_max = 4 * 1024 * 1024,
    .unknown_ok = true,
    .slow = true,
    .handle = query_range,
    .write_error = prometheus_error,
};
REGISTER(route, query_range_route_post);

/* otlp.c - POST /v1/metrics and /prometheus/api/v1/otlp/v1/metrics: metrics of OpenTelemetry, protobuf or JSON.
 *
 * Answers by the protocol's rules (opentelemetry.io/docs/specs/otlp, "OTLP/HTTP"): 200 once all that can be stored is,
 * with partial_success where points were refused, which the sender must not repeat; errors as google.rpc.Status; both
 * in the content type of the request. */
#include "api/services.h"
#include "base/metric.h"
#include "ingest/otlp_append.h"
#include "ingest/protobuf.h"
#include "ingest/receiver.h"

#include <pthread.h>

enum { BODY_MAX = 32 * 1024 * 1024, ARENA_BYTES = 256 * 1024 * 1024 };

METRIC(COUNTER, otlp_samples_total, "Samples and histograms stored from OTLP.", NULL);
METRIC(COUNTER, otlp_refused_points_total, "Data points of OTLP that were refused.", NULL);

static struct receiver_state opentelemetry_state;
static const struct receiver opentelemetry = {
    .name = "opentelemetry",
    .kind = "otlp",
    .note = "Metrics of OpenTelemetry SDKs and Collectors, by OTLP over HTTP.",
    .snippet = "# The token: page Settings, Users and tokens; or auspex token create --role ingest\n"
               "export OTEL_EXPORTER_OTLP_METRICS_ENDPOINT='{{url}}/v1/metrics'\n"
               "export OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/protobuf\n"
               "export OTEL_EXPORTER_OTLP_METRICS_HEADERS='Authorization=Bearer <token of role ingest>'\n",
    .state = &opentelemetry_state,
};
REGISTER(receiver, opentelemetry);

static bool is_json(struct request *req)
{
    struct str rest, type = str_trim(str_cut(request_header(req, S("Content-Type")), ';', &rest));

    return str_eq_nocase(type, S("application/json"));
}

static err check_type(struct request *req)
{
    struct str rest, whole = request_header(req, S("Content-Type")), type = str_trim(str_cut(whole, ';', &rest));

    if (is_json(req) || str_eq_nocase(type, S("application/x-protobuf")))
        return NULL;
    return err_hint(
        err_new(ERR_MEDIA_TYPE, "the content type '%.*s' is none of OTLP", STR_ARG(str_slice(whole, 0, 100))),
        "send application/x-protobuf or application/json");
}

/* The running totals of series that come as deltas: as long as the process lives. */
static struct delta_table *deltas;
static pthread_once_t deltas_once = PTHREAD_ONCE_INIT;

static void make_deltas(void)
{
    struct config *config CLEANUP(config_unrefp) = services.config();
    const struct otlp_settings *settings = config_get(config, &otlp_section);

    deltas = delta_table_new((size_t)settings->delta_series_max);
}

static err store(struct request *req, struct arena *arena, const struct otlp_request *request,
                 struct append_summary *ret_summary, struct otlp_refusals *ret_refusals)
{
    struct config *config CLEANUP(config_unrefp) = services.config();
    struct str who = request_principal(req)->name;
    struct delta_turn turn = { 0 };
    struct append *append;

    pthread_once(&deltas_once, make_deltas);
    turn.table = deltas;
    if (!who.length)
        who = request_peer(req);
    TRY(append_begin(services.tsdb, str_printf(arena, "otlp:%.*s", STR_ARG(who)), request_deadline_ms(req), &append));
    const struct otlp_appending to = {
        .arena = arena, .append = append, .settings = config_get(config, &otlp_section), .turn = &turn
    };
    err e = otlp_append(&to, request, ret_refusals);
    err ended = append_end(append, ret_summary);
    if (ended)
        delta_undo(&turn);
    else
        delta_keep(&turn);
    if (!e)
        return ended;
    err_free(ended);
    return e;
}

static void answer(struct request *req, const struct otlp_refusals *refusals, struct reply *reply)
{
    struct json_writer w = json_writer(&reply->body);
    bool partial = refusals->points || refusals->why.length;

    if (!is_json(req)) {
        reply->content_type = "application/x-protobuf";
        if (!partial)
            return;
        size_t begun = protobuf_begin(&reply->body, 1);
        if (refusals->points)
            protobuf_put_varint(&reply->body, 1, refusals->points);
        protobuf_put_bytes(&reply->body, 2, refusals->why);
        protobuf_end(&reply->body, begun);
        return;
    }
    json_begin_object(&w);
    if (partial) {
        json_key(&w, S("partialSuccess"));
        json_begin_object(&w);
        json_put_str(&w, S("rejectedDataPoints"),
                     str_printf(request_arena(req), "%llu", (unsigned long long)refusals->points));
        json_put_str(&w, S("errorMessage"), refusals->why);
        json_end_object(&w);
    }
    json_end_object(&w);
}

static err take(struct request *req, struct arena *arena, struct append_summary *summary,
                struct otlp_refusals *refusals)
{
    struct str encoding = request_header(req, S("Content-Encoding"));
    struct otlp_request request;

    TRY(check_type(req));
    if (encoding.length && !str_eq_nocase(encoding, S("gzip")) && !str_eq_nocase(encoding, S("identity")))
        return err_new(ERR_MEDIA_TYPE, "a body of OTLP is encoded by gzip, not by '%.*s'",
                       STR_ARG(str_slice(encoding, 0, 40)));
    if (is_json(req))
        TRY(otlp_read_json(arena, request_body(req), &request));
    else
        TRY(otlp_read_protobuf(arena, request_body(req), &request));
    if (!request.resources.count)
        return NULL;
    return store(req, arena, &request, summary, refusals);
}

static err otlp_metrics(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(ARENA_BYTES);
    struct append_summary summary = { 0 };
    struct otlp_refusals refusals = { 0, S("") };

    (void)query, (void)body;
    err e = take(req, arena, &summary, &refusals);
    if (e || refusals.points)
        receiver_refused(&opentelemetry);
    if (e)
        return e;
    uint64_t stored = summary.floats + summary.histograms;
    metric_add(&otlp_samples_total, (double)stored);
    metric_add(&otlp_refused_points_total, (double)refusals.points);
    if (stored)
        receiver_got(&opentelemetry, (int64_t)stored);
    answer(req, &refusals, reply);
    return NULL;
}

/* rpc_code - of google.rpc.Code. */
static int rpc_code(int status)
{
    static const struct {
        int status, code;
    } codes[] = { { 400, 3 }, { 401, 16 }, { 403, 7 },  { 404, 5 }, { 413, 8 },
                  { 415, 3 }, { 429, 8 },  { 503, 14 }, { 504, 4 } };

    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (codes[i].status == status)
            return codes[i].code;
    return 13;
}

static void write_error(struct request *req, err e, struct reply *reply)
{
    struct json_writer w = json_writer(&reply->body);
    int code = rpc_code(err_status(e));

    if (is_json(req)) {
        reply->content_type = "application/json";
        json_begin_object(&w);
        json_put_i64(&w, S("code"), code);
        json_put_str(&w, S("message"), str_of(err_message(e)));
        json_end_object(&w);
        return;
    }
    reply->content_type = "application/x-protobuf";
    protobuf_put_varint(&reply->body, 1, (uint64_t)code);
    protobuf_put_bytes(&reply->body, 2, str_of(err_message(e)));
}

static const struct route otlp_metrics_route = {
    .method = "POST",
    .path = "/v1/metrics",
    .summary = "Take metrics by OTLP",
    .doc = "An ExportMetricsServiceRequest in protobuf or JSON, gzip or plain, of at most 32 MiB.",
    .tag = "Intake",
    .role = ROLE_INGEST,
    .raw_body = true,
    .unknown_ok = true,
    .body_max = BODY_MAX,
    .handle = otlp_metrics,
    .write_error = write_error,
};
REGISTER(route, otlp_metrics_route);

static const struct route otlp_metrics_prometheus_route = {
    .method = "POST",
    .path = "/prometheus/api/v1/otlp/v1/metrics",
    .summary = "Take metrics by OTLP",
    .doc = "The same as /v1/metrics.",
    .tag = "Intake",
    .role = ROLE_INGEST,
    .raw_body = true,
    .unknown_ok = true,
    .body_max = BODY_MAX,
    .handle = otlp_metrics,
    .write_error = write_error,
};
REGISTER(route, otlp_metrics_prometheus_route);

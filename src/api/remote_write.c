/* remote_write.c - POST /api/v1/write and /prometheus/api/v1/write: samples that Prometheus and its kin send.
 *
 * A request is taken whole as far as its samples may be stored: what single ones do wrong is answered with 400, which
 * senders do not repeat, naming the first, after the others have been stored. 503 says that nothing was acknowledged.
 */
#include "ingest/remote_write.h"
#include "api/services.h"
#include "base/metric.h"
#include "ingest/receiver.h"
#include "ingest/snappy.h"

enum { PACKED_MAX = 16 * 1024 * 1024, PLAIN_MAX = 32 * 1024 * 1024 };

METRIC(COUNTER, remote_write_samples_total, "Samples and histograms stored from remote_write.", NULL);
METRIC(COUNTER, remote_write_refused_total, "Samples and histograms of remote_write that were refused.", NULL);

static struct receiver_state prometheus_state;
static const struct receiver prometheus = {
    .name = "prometheus",
    .kind = "remote_write",
    .note = "Metrics of a Prometheus, vmagent, Grafana Alloy or OpenTelemetry Collector that writes to us.",
    .snippet = "# The token: page Settings, Users and tokens; or auspex token create --role ingest\n"
               "remote_write:\n"
               "  - url: '{{url}}/api/v1/write'\n"
               "    authorization: { credentials: '<token of role ingest>' }\n",
    .state = &prometheus_state,
};
REGISTER(receiver, prometheus);

/* message_of - which message the body holds, by RFC 9110's media type with the parameter `proto`. Senders of 1.0 that
 * say nothing are believed. */
static err message_of(struct str type, enum remote_write_version *ret_version)
{
    struct str rest, name = str_trim(str_cut(type, ';', &rest));

    *ret_version = REMOTE_WRITE_1;
    if (name.length && !str_eq_nocase(name, S("application/x-protobuf")))
        goto unknown;
    while (rest.at) {
        struct str message, key = str_trim(str_cut(str_trim(str_cut(rest, ';', &rest)), '=', &message));
        if (!str_eq_nocase(key, S("proto")))
            continue;
        if (str_eq(message, S("io.prometheus.write.v2.Request")))
            *ret_version = REMOTE_WRITE_2;
        else if (!str_eq(message, S("prometheus.WriteRequest")))
            goto unknown;
    }
    return NULL;
unknown:
    return err_hint(
        err_new(ERR_MEDIA_TYPE, "the content type '%.*s' is none of remote_write", STR_ARG(str_slice(type, 0, 100))),
        "send application/x-protobuf, with proto=io.prometheus.write.v2.Request for version 2.0");
}

static err check_encoding(struct str encoding)
{
    if (encoding.length == 0 || str_eq_nocase(encoding, S("snappy")))
        return NULL;
    return err_new(ERR_MEDIA_TYPE, "a body of remote_write is encoded by snappy (block format), not by '%.*s'",
                   STR_ARG(str_slice(encoding, 0, 40)));
}

struct taken {
    enum remote_write_version version;
    struct append_summary summary;
    struct remote_write_refusals refusals;
    struct str why; /* the first refusal */
};

static uint64_t refused_by_store(const struct append_summary *summary)
{
    return summary->outcomes[APPEND_TOO_NEW] + summary->outcomes[APPEND_TOO_OLD] + summary->outcomes[APPEND_NO_SERIES];
}

static err store(struct request *req, struct str message, struct taken *taken)
{
    struct str origin = request_principal(req)->name;
    struct append *append;

    TRY(remote_write_check(taken->version, message, request_arena(req)));
    if (!origin.length)
        origin = request_peer(req);
    origin = str_printf(request_arena(req), "remote_write:%.*s", STR_ARG(origin));
    TRY(append_begin(services.tsdb, origin, request_deadline_ms(req), &append));
    err e = remote_write_append(taken->version, message, request_arena(req), append, &taken->refusals);
    /* Its text lives until append_end. */
    taken->why = str_copy(request_arena(req), append_so_far(append)->why);
    err ended = append_end(append, &taken->summary);
    if (!e)
        return ended;
    err_free(ended);
    return e;
}

static err take(struct request *req, struct taken *taken)
{
    struct str message;

    TRY(message_of(request_header(req, S("Content-Type")), &taken->version));
    TRY(check_encoding(request_header(req, S("Content-Encoding"))));
    TRY(snappy_unpack(request_body(req), PLAIN_MAX, &message));
    return store(req, message, taken);
}

static void say_written(struct request *req, struct reply *reply, const struct append_summary *summary)
{
    const struct {
        struct str name;
        uint64_t count;
    } written[] = {
        { S("X-Prometheus-Remote-Write-Samples-Written"), summary->floats },
        { S("X-Prometheus-Remote-Write-Histograms-Written"), summary->histograms },
        { S("X-Prometheus-Remote-Write-Exemplars-Written"), summary->exemplars },
    };

    for (size_t i = 0; i < ARRAY_LEN(written); i++)
        reply_header(reply, req, written[i].name,
                     str_printf(request_arena(req), "%llu", (unsigned long long)written[i].count));
}

static err remote_write(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct taken taken = { 0 };

    (void)query, (void)body;
    err e = take(req, &taken);
    snappy_let_go();
    uint64_t stored = e ? 0 : taken.summary.floats + taken.summary.histograms;
    uint64_t refused = refused_by_store(&taken.summary) + taken.refusals.count;
    metric_add(&remote_write_samples_total, (double)stored);
    metric_add(&remote_write_refused_total, (double)refused);
    if (e)
        taken.summary = (struct append_summary){ 0 };
    if (e || taken.version == REMOTE_WRITE_2)
        say_written(req, reply, &taken.summary);
    if (e || refused)
        receiver_refused(&prometheus);
    if (e)
        return e;
    if (stored)
        receiver_got(&prometheus, (int64_t)stored);
    if (!refused) {
        reply_text(reply, 204, "text/plain; charset=utf-8", S(""));
        return NULL;
    }
    struct str why = taken.why.length ? taken.why : taken.refusals.why;
    reply_text(reply, 400, "text/plain; charset=utf-8",
               str_printf(request_arena(req), "%llu of %llu samples were refused, the others are stored: %.*s\n",
                          (unsigned long long)refused, (unsigned long long)(refused + stored), STR_ARG(why)));
    return NULL;
}

/* Senders log the first line of what is no 2xx: plain text serves them best. */
static void write_error(struct request *req, err e, struct reply *reply)
{
    (void)req;
    reply->content_type = "text/plain; charset=utf-8";
    buf_addf(&reply->body, "%s%s%s\n", err_message(e), err_hint_text(e) ? "; " : "",
             err_hint_text(e) ? err_hint_text(e) : "");
}

static const struct route remote_write_route = {
    .method = "POST",
    .path = "/api/v1/write",
    .summary = "Take samples by Prometheus' remote_write",
    .doc = "Versions 1.0 and 2.0, by content type. 204 once all of it is written to the log; 400 with a text where "
           "samples were refused, the others being stored.",
    .tag = "Intake",
    .role = ROLE_INGEST,
    .raw_body = true,
    .unknown_ok = true,
    .status = 204,
    .body_max = PACKED_MAX,
    .handle = remote_write,
    .write_error = write_error,
};
REGISTER(route, remote_write_route);

static const struct route remote_write_prometheus_route = {
    .method = "POST",
    .path = "/prometheus/api/v1/write",
    .summary = "Take samples by Prometheus' remote_write",
    .doc = "The same as /api/v1/write.",
    .tag = "Intake",
    .role = ROLE_INGEST,
    .raw_body = true,
    .unknown_ok = true,
    .status = 204,
    .body_max = PACKED_MAX,
    .handle = remote_write,
    .write_error = write_error,
};
REGISTER(route, remote_write_prometheus_route);

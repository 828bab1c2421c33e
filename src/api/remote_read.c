/* remote_read.c - POST /api/v1/read and /prometheus/api/v1/read: raw samples for a Prometheus that reads from us. */
#include "ingest/remote_read.h"
#include "api/services.h"
#include "ingest/snappy.h"

enum { BODY_MAX = 1024 * 1024, ANSWER_MAX = 128 * 1024 * 1024 };

static err check_encoding(struct request *req)
{
    struct str encoding = request_header(req, S("Content-Encoding"));

    if (encoding.length == 0 || str_eq_nocase(encoding, S("snappy")))
        return NULL;
    return err_new(ERR_MEDIA_TYPE, "a body of remote_read is encoded by snappy (block format), not by '%.*s'",
                   STR_ARG(str_slice(encoding, 0, 40)));
}

static err answer_samples(struct request *req, const struct remote_read *read, struct reply *reply)
{
    struct buf plain CLEANUP(buf_clear) = { 0 };

    buf_init(&plain, ANSWER_MAX);
    err e = remote_read_samples(services.series, request_arena(req), read, request_deadline_ms(req), &plain);
    if (e && err_kind(e) == ERR_TOO_LARGE)
        e = err_hint(e, "ask for fewer series or a shorter time");
    TRY(e);
    reply->content_type = "application/x-protobuf";
    reply_header(reply, req, S("Content-Encoding"), S("snappy"));
    snappy_pack(&reply->body, buf_str(&plain));
    return NULL;
}

static err remote_read(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct remote_read read;
    struct str message;

    (void)query, (void)body;
    TRY(check_encoding(req));
    TRY(snappy_unpack(request_body(req), BODY_MAX, &message));
    TRY(remote_read_parse(request_arena(req), message, &read));
    if (read.answer == REMOTE_READ_SAMPLES)
        return answer_samples(req, &read, reply);
    err e = remote_read_chunks(services.series, request_arena(req), &read, request_deadline_ms(req), &reply->body);
    if (!e) {
        reply->content_type = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
        return NULL;
    }
    if (err_kind(e) != ERR_RANGE || !read.samples_ok)
        return e;
    err_free(e);
    buf_reset(&reply->body);
    return answer_samples(req, &read, reply);
}

static void write_error(struct request *req, err e, struct reply *reply)
{
    (void)req;
    reply->content_type = "text/plain; charset=utf-8";
    buf_addf(&reply->body, "%s\n", err_message(e));
}

static const struct route remote_read_route = {
    .method = "POST",
    .path = "/api/v1/read",
    .summary = "Raw samples by Prometheus' remote_read",
    .doc = "SAMPLES, or STREAMED_XOR_CHUNKS where that is accepted; series with native histograms come as SAMPLES.",
    .tag = "Series",
    .role = ROLE_VIEWER,
    .raw_body = true,
    .unknown_ok = true,
    .body_max = BODY_MAX,
    .handle = remote_read,
    .write_error = write_error,
};
REGISTER(route, remote_read_route);

static const struct route remote_read_prometheus_route = {
    .method = "POST",
    .path = "/prometheus/api/v1/read",
    .summary = "Raw samples by Prometheus' remote_read",
    .doc = "The same as /api/v1/read.",
    .tag = "Series",
    .role = ROLE_VIEWER,
    .raw_body = true,
    .unknown_ok = true,
    .body_max = BODY_MAX,
    .handle = remote_read,
    .write_error = write_error,
};
REGISTER(route, remote_read_prometheus_route);

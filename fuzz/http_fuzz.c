/* http_fuzz.c - any bytes as a request: head, chunks, path, parameters, body by schema, reply. */
#include "base/lang.h"
#include "net/http_loop.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct fuzz_query {
    int64_t limit;
    struct str name;
    VEC(struct str) match;
};
static const struct field query_fields[] = {
    INT(struct fuzz_query, limit, .def = "50", .min = 1, .max = 200),
    STRING(struct fuzz_query, name, .max = 20),
    STRINGS(struct fuzz_query, match, .name = "match[]"),
    { 0 },
};
static const struct schema query_schema = SCHEMA(struct fuzz_query, query_fields);

struct fuzz_body {
    struct str name;
    double value;
    int64_t at;
    struct fuzz_query nested;
};
static const struct field body_fields[] = {
    STRING(struct fuzz_body, name, .flags = F_REQUIRED),
    DOUBLE(struct fuzz_body, value),
    TIME(struct fuzz_body, at, .flags = F_NULLABLE),
    STRUCT(struct fuzz_body, nested, .schema = &query_schema),
    { 0 },
};
static const struct schema body_schema = SCHEMA(struct fuzz_body, body_fields);

static err handle_query(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)req;
    (void)body;
    return reply_encode(reply, &query_schema, query);
}

static err handle_body(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)req;
    (void)query;
    return reply_encode(reply, &body_schema, body);
}

static err handle_raw(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)query;
    (void)body;
    reply_header(reply, req, S("X-Echo"), request_param(req, S("id")));
    reply_text(reply, 200, "text/plain", request_body(req));
    return NULL;
}

/* Rows of its own: those of the program need the program. */
static const struct route rows[] = {
    { .method = "GET", .path = "/q/{id}", .role = ROLE_NOBODY, .query = &query_schema, .handle = handle_query },
    { .method = "POST",
      .path = "/b",
      .role = ROLE_NOBODY,
      .body = &body_schema,
      .body_max = 65536,
      .handle = handle_body },
    { .method = "POST",
      .path = "/f",
      .role = ROLE_NOBODY,
      .body = &body_schema,
      .form_ok = true,
      .handle = handle_body },
    { .method = "POST",
      .path = "/r/{id}",
      .role = ROLE_NOBODY,
      .raw_body = true,
      .body_max = 65536,
      .handle = handle_raw },
    { .method = "DELETE", .path = "/r/{id}/{other}", .role = ROLE_OPERATOR, .handle = handle_raw },
    { .method = "GET", .path = "/{rest...}", .role = ROLE_NOBODY, .unknown_ok = true, .handle = handle_raw },
};

static struct http_server *fuzz_server(void)
{
    static struct http_server server;
    const struct route *list[ARRAY_LEN(rows)];

    if (server.router)
        return &server;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        list[i] = &rows[i];
    err_free(router_new(list, ARRAY_LEN(list), NULL, 0, &server.router));
    server.options.settings = &server.settings;
    server.listen_host = S("127.0.0.1");
    server.ready = true;
    return &server;
}

static void run(struct request *req, struct str text)
{
    struct http_fault fault;
    struct buf body CLEANUP(buf_clear) = { 0 }, out CLEANUP(buf_clear) = { 0 };
    struct chunked chunked = { 0 };
    size_t used = 0, end = http_head_end(text, 0);

    buf_init(&body, 65536);
    buf_init(&out, 1 << 20);
    if (end == 0 || end == SIZE_MAX)
        return;
    if (!http_head_parse(str_slice(text, 0, end), &req->head, &fault)) {
        request_fault(req, &fault);
        reply_head_write(&out, req, req->reply.body.length, false);
        return;
    }
    text = str_slice(text, end, text.length);
    err e = request_begin(req);
    if (!e && req->head.chunked && chunked_feed(&chunked, text, &body, &used) == CHUNKED_WRONG)
        e = err_new(ERR_INVALID, "chunks");
    if (used > text.length || body.length > body.max)
        __builtin_trap();
    if (e) {
        request_fail(req, e);
    } else {
        req->body = req->head.chunked ? buf_str(&body) : text;
        request_run(req);
    }
    reply_head_write(&out, req, req->reply.body.length, true);
    /* Whatever was asked, the reply's head is one: it ends once, and holds no line that we didn't write. */
    if (req->reply.status < 100 || str_find(buf_str(&out), S("\r\n\r\n"), 0) != out.length - 4)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 24);
    struct request *req = arena_alloc(arena, sizeof(*req));
    static const struct sockaddr_in6 address = { .sin6_family = AF_INET6 };

    req->server = fuzz_server();
    req->arena = arena;
    req->head.minor = 1;
    req->head.path = req->head.method = req->head.query = req->head.host = req->lang = req->body = S("");
    req->peer = S("127.0.0.1");
    req->peer_address = req->local_address = &address;
    buf_init(&req->reply.body, 1 << 24);
    /* A copy of exactly that size, so that reading past the end is seen. */
    char *text = malloc(length + 1);
    if (!text)
        abort();
    memcpy(text, bytes, length);
    run(req, (struct str){ text, length });
    free(text);
    buf_clear(&req->reply.body);
    return 0;
}

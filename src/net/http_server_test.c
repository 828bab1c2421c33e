/* http_server_test.c - a server in this process, and a peer that writes bytes. */
#include "net/http_server.h"

#include "base/lang.h"
#include "base/random.h"
#include "base/test.h"
#include "base/time.h"
#include "net/idempotency.h"
#include "net/route.h"
#include "net/wire.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zlib.h>

/* The routes of these tests; an example of each kind of row. */

struct echo_query {
    int64_t limit;
    struct str name;
};
static const struct field echo_query_fields[] = {
    INT(struct echo_query, limit, .def = "50", .min = 1, .max = 200, .doc = "How many."),
    STRING(struct echo_query, name, .max = 20, .doc = "Whose."),
    { 0 },
};
static const struct schema echo_query_schema = SCHEMA(struct echo_query, echo_query_fields);

struct echo_body {
    struct str server_name;
    double value;
};
static const struct field echo_body_fields[] = {
    STRING(struct echo_body, server_name, .flags = F_REQUIRED, .doc = "Which one."),
    DOUBLE(struct echo_body, value, .def = "1", .doc = "How much."),
    { 0 },
};
static const struct schema echo_body_schema = SCHEMA(struct echo_body, echo_body_fields);

struct echo_reply {
    struct str id, name, lang, who;
    int64_t limit;
    double value;
};
static const struct field echo_reply_fields[] = {
    STRING(struct echo_reply, id),
    STRING(struct echo_reply, name),
    STRING(struct echo_reply, lang),
    STRING(struct echo_reply, who),
    INT(struct echo_reply, limit),
    DOUBLE(struct echo_reply, value),
    { 0 },
};
static const struct schema echo_reply_schema = SCHEMA(struct echo_reply, echo_reply_fields);

static _Atomic int handled;

static err echo_handle(struct request *req, const void *query, const void *body, struct reply *reply)
{
    static const char *const langs[] = { "en", "ko", "zh" };
    const struct echo_query *q = query;
    const struct echo_body *b = body;
    struct echo_reply answer = { .id = request_param(req, S("id")),
                                 .name = q   ? q->name
                                         : b ? b->server_name
                                             : S(""),
                                 .lang = str_of(langs[request_lang(req, LANG_EN)]),
                                 .who = request_principal(req)->name,
                                 .limit = q ? q->limit : 0,
                                 .value = b ? b->value : 0 };

    handled++;
    return reply_encode(reply, &echo_reply_schema, &answer);
}

static const struct route test_get_route = {
    .method = "GET",
    .path = "/test/things/{id}",
    .summary = "One thing",
    .role = ROLE_VIEWER,
    .query = &echo_query_schema,
    .reply = &echo_reply_schema,
    .quick = true,
    .handle = echo_handle,
};
REGISTER(route, test_get_route);
static const struct route test_post_route = {
    .method = "POST",
    .path = "/test/things",
    .summary = "A new thing",
    .role = ROLE_OPERATOR,
    .body = &echo_body_schema,
    .reply = &echo_reply_schema,
    .status = 201,
    .body_max = 4096,
    .handle = echo_handle,
};
REGISTER(route, test_post_route);
static const struct route test_form_route = {
    .method = "POST",
    .path = "/test/things/{id}/acknowledge",
    .summary = "Acknowledge",
    .role = ROLE_OPERATOR,
    .body = &echo_body_schema,
    .reply = &echo_reply_schema,
    .form_ok = true,
    .handle = echo_handle,
};
REGISTER(route, test_form_route);

static err raw_handle(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)query;
    (void)body;
    char text[64];
    snprintf(text, sizeof(text), "%zu bytes", request_body(req).length);
    reply_text(reply, 200, "text/plain", str_of(text));
    return NULL;
}

static void raw_error(struct request *req, err e, struct reply *reply)
{
    (void)req;
    reply_text(reply, err_status(e), "application/json", S("{\"status\":\"error\"}"));
}

static const struct route test_raw_route = {
    .method = "POST",
    .path = "/test/raw",
    .summary = "Somebody else's format",
    .role = ROLE_INGEST,
    .raw_body = true,
    .body_max = 100000,
    .before_ready = true,
    .write_error = raw_error,
    .handle = raw_handle,
};
REGISTER(route, test_raw_route);

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER; /* held: /test/slow waits */

static err slow_handle(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)req;
    (void)query;
    (void)body;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    char *text = buf_reserve(&reply->body, 300000);
    memset(text, 'x', 300000);
    reply->body.length = 300000;
    reply->content_type = "application/octet-stream";
    return NULL;
}

static const struct route test_slow_route = {
    .method = "GET",
    .path = "/test/slow",
    .summary = "Waits",
    .role = ROLE_NOBODY,
    .handle = slow_handle,
};
REGISTER(route, test_slow_route);

static err broken_handle(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)req;
    (void)query;
    (void)body;
    (void)reply;
    return err_hint(err_retry_after(err_new(ERR_BUSY, "the queue is full"), 2500), "come back");
}

static const struct route test_broken_route = {
    .method = "GET",
    .path = "/test/broken",
    .summary = "Fails",
    .role = ROLE_NOBODY,
    .handle = broken_handle,
};
REGISTER(route, test_broken_route);

static err identify(struct request *req, struct principal *ret_principal)
{
    struct str token = request_header(req, S("Authorization")), cookie = request_header(req, S("Cookie"));

    if (str_eq(token, S("Bearer operator")))
        *ret_principal = (struct principal){ .name = S("token:op"), .role = ROLE_OPERATOR };
    else if (str_eq(token, S("Bearer ingest")))
        *ret_principal = (struct principal){ .name = S("token:in"), .role = ROLE_INGEST };
    else if (str_eq(cookie, S("session=kim")))
        *ret_principal = (struct principal){
            .name = S("user:kim"), .role = ROLE_ADMIN, .by_cookie = true, .csrf_token = S("csrf-of-kim")
        };
    else
        return err_new(ERR_UNAUTHORIZED, "the token is not valid");
    return NULL;
}
static const struct authenticator test_authenticator = { identify };

/* The server and its peer. */

static struct http_server *server;
static struct pool *pool;

static struct http_server_settings default_settings(void)
{
    struct http_server_settings settings = { 0 };
    static struct arena *arena; /* as long as the process of this test */

    if (!arena)
        arena = arena_new(10000);
    schema_defaults(arena, server_section.schema, &settings);
    settings.listen = S("127.0.0.1:0");
    return settings;
}

static void start_with(struct http_server_settings settings, bool auth_none)
{
    const struct pool_options workers = { .name = "work", .threads = 2, .queue_max = 16 };

    route_authenticator = &test_authenticator;
    ASSERT_OK(pool_start(&workers, &pool));
    ASSERT_OK(http_server_start(
        &(struct http_server_options){ .settings = &settings, .workers = pool, .auth_none = auth_none }, &server));
    http_server_ready(server);
}

static void start(void)
{
    start_with(default_settings(), false);
}

static void stop(void)
{
    http_server_stop(server);
    pool_stop(pool);
}

static struct wire dial(void)
{
    struct wire wire;

    ASSERT_OK(wire_connect(S("127.0.0.1"), http_server_port(server), time_mono_ms() + 5000, &wire));
    return wire;
}

static void put(struct wire *wire, struct str bytes)
{
    while (bytes.length) {
        struct iovec part = { (char *)(uintptr_t)bytes.at, bytes.length };
        ssize_t sent = wire_write(wire, &part, 1);
        if (sent == WIRE_BROKEN)
            return; /* the server closed: what it said is still to be read */
        if (sent == WIRE_AGAIN)
            ASSERT_OK(wire_wait(wire, time_mono_ms() + 10000));
        else
            bytes = str_slice(bytes, (size_t)sent, bytes.length);
    }
}

static char heard[2000000];

/* hear - until the server closes, or `until` has come `times`. */
static struct str hear(struct wire *wire, const char *until, int times)
{
    size_t length = 0, from = 0;

    for (int64_t deadline_ms = time_mono_ms() + 20000;;) {
        struct str sofar = { heard, length };
        size_t found = until ? str_find(sofar, str_of(until), from) : SIZE_MAX;
        if (found != SIZE_MAX) {
            from = found + 1;
            if (--times == 0)
                return sofar;
            continue;
        }
        ssize_t got = wire_read(wire, heard + length, sizeof(heard) - length);
        if (got == WIRE_AGAIN)
            ASSERT_OK(wire_wait(wire, deadline_ms));
        else if (got <= 0)
            return sofar;
        else
            length += (size_t)got;
    }
}

/* ask - one request on a connection of its own; the whole answer. */
static struct str ask_bytes(struct str bytes)
{
    struct wire wire = dial();

    put(&wire, bytes);
    struct str answer = hear(&wire, NULL, 0);
    wire_close(&wire);
    return answer;
}

static struct str ask(const char *line, const char *headers, const char *body)
{
    static char text[200000];

    int length =
        snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s", line, headers);
    if (body)
        length += snprintf(text + length, sizeof(text) - (size_t)length, "Content-Length: %zu\r\n", strlen(body));
    length += snprintf(text + length, sizeof(text) - (size_t)length, "\r\n%s", body ? body : "");
    return ask_bytes((struct str){ text, (size_t)length });
}

#define OPERATOR "Authorization: Bearer operator\r\n"
#define JSON     OPERATOR "Content-Type: application/json\r\n"

static void assert_status(const char *status, struct str answer)
{
    ASSERT_STR(status, str_slice(answer, 9, 12));
}

TEST(http_server_answers_a_row)
{
    start();
    struct str answer = ask("GET /test/things/a%2Fb?limit=7&name=x+y", OPERATOR, NULL);
    assert_status("200", answer);
    ASSERT_CONTAINS("{\"id\":\"a/b\",\"name\":\"x y\",\"lang\":\"en\",\"who\":\"token:op\",\"limit\":7,", answer);
    ASSERT_CONTAINS("Content-Security-Policy: default-src 'self'", answer);
    ASSERT_CONTAINS("X-Content-Type-Options: nosniff", answer);
    ASSERT_CONTAINS("Cache-Control: no-store", answer);
    ASSERT_CONTAINS("Connection: close", answer);
    stop();
}

TEST(http_server_validates_parameters_by_schema)
{
    start();
    assert_status("422", ask("GET /test/things/1?limit=0", OPERATOR, NULL));
    assert_status("422", ask("GET /test/things/1?limit=many", OPERATOR, NULL));
    struct str answer = ask("GET /test/things/1?limt=5", OPERATOR, NULL);
    assert_status("400", answer);
    ASSERT_CONTAINS("application/problem+json", answer);
    ASSERT_CONTAINS("\"instance\":\"/test/things/1\"", answer);
    ASSERT_CONTAINS("\"errors\":[{\"field\":\"limt\"", answer);
    assert_status("400", ask("GET /test/things/%zz", OPERATOR, NULL));
    assert_status("400", ask("GET /test/things/a%00b", OPERATOR, NULL));
    assert_status("400", ask("GET /test/things/a?name=%ff", OPERATOR, NULL));
    assert_status("400", ask("GET /test/things/a?name=%4", OPERATOR, NULL));
    ASSERT_CONTAINS("\"lang\":\"ko\"", ask("GET /test/things/1?lang=ko", OPERATOR, NULL));
    ASSERT_CONTAINS("\"lang\":\"zh\"",
                    ask("GET /test/things/1", OPERATOR "Accept-Language: de, ko;q=0.3, zh-CN;q=0.8\r\n", NULL));
    stop();
}

TEST(http_server_validates_bodies_by_schema)
{
    start();
    struct str answer = ask("POST /test/things", JSON, "{\"server_name\":\"db-1\",\"value\":2.5}");
    assert_status("201", answer);
    ASSERT_CONTAINS("\"name\":\"db-1\"", answer);
    ASSERT_CONTAINS("\"value\":2.5", answer);
    assert_status("422", ask("POST /test/things", JSON, "{\"value\":1}"));
    assert_status("422", ask("POST /test/things", JSON, "{\"server_name\":5}"));
    assert_status("422", ask("POST /test/things", JSON, "{\"server_name\":\"a\",\"value\":1e999}"));
    assert_status("400", ask("POST /test/things", JSON, "{\"server_name\":\"a\",\"value\":NaN}"));
    assert_status("400", ask("POST /test/things", JSON, "{\"server_name\":"));
    assert_status("400", ask("POST /test/things", JSON, "{\"server_name\":\"a\",\"valu\":1}"));
    assert_status("422", ask("POST /test/things", JSON, NULL)); /* nothing sent is {} */
    assert_status("415", ask("POST /test/things", OPERATOR "Content-Type: text/plain\r\n", "{}"));
    assert_status("415", ask("POST /test/things", OPERATOR "Content-Type: application/json; charset=latin1\r\n", "{}"));
    assert_status("415",
                  ask("POST /test/things", OPERATOR "Content-Type: application/x-www-form-urlencoded\r\n", "a=b"));
    stop();
}

TEST(http_server_takes_forms_and_queries_where_the_row_says_so)
{
    start();
    struct str form = ask("POST /test/things/7/acknowledge",
                          OPERATOR "Content-Type: application/x-www-form-urlencoded\r\n", "server_name=a+b&value=3");
    assert_status("200", form);
    ASSERT_CONTAINS("\"id\":\"7\",\"name\":\"a b\"", form);
    ASSERT_CONTAINS("\"name\":\"q\"", ask("POST /test/things/7/acknowledge?server_name=q", OPERATOR, NULL));
    ASSERT_CONTAINS("\"name\":\"j\"", ask("POST /test/things/7/acknowledge", JSON, "{\"server_name\":\"j\"}"));
    assert_status("400", ask("POST /test/things/7/acknowledge?nobody=q&server_name=x", OPERATOR, NULL));
    stop();
}

TEST(http_server_tells_404_from_405)
{
    start();
    assert_status("404", ask("GET /api/v1/nothing", OPERATOR, NULL));
    assert_status("404", ask("POST /api/v1/nothing", OPERATOR, NULL));
    struct str answer = ask("DELETE /test/things/1", OPERATOR, NULL);
    assert_status("405", answer);
    ASSERT_CONTAINS("Allow: GET, HEAD\r\n", answer);
    answer = ask("HEAD /test/things/1", OPERATOR, NULL);
    assert_status("200", answer);
    ASSERT_TRUE(str_ends(answer, S("\r\n\r\n")));
    stop();
}

TEST(http_server_checks_credentials_roles_and_csrf)
{
    start();
    struct str answer = ask("GET /test/things/1", "", NULL);
    assert_status("401", answer);
    ASSERT_CONTAINS("WWW-Authenticate: Bearer", answer);
    assert_status("401", ask("GET /test/things/1", "Authorization: Bearer wrong\r\n", NULL));
    assert_status("403", ask("GET /test/things/1", "Authorization: Bearer ingest\r\n", NULL));
    assert_status("200", ask("POST /test/raw", "Authorization: Bearer ingest\r\n", "abc"));
    const char *body = "{\"server_name\":\"a\"}";
    assert_status("403", ask("POST /test/things", "Cookie: session=kim\r\nContent-Type: application/json\r\n", body));
    assert_status("403",
                  ask("POST /test/things",
                      "Cookie: session=kim\r\nX-CSRF-Token: csrf-of-kin\r\nContent-Type: application/json\r\n", body));
    assert_status("201",
                  ask("POST /test/things",
                      "Cookie: session=kim\r\nX-CSRF-Token: csrf-of-kim\r\nContent-Type: application/json\r\n", body));
    assert_status("200", ask("GET /test/things/1", "Cookie: session=kim\r\n", NULL));
    stop();
}

TEST(http_server_checks_host_and_origin_of_writes)
{
    start();
    const char *body = "{\"server_name\":\"a\"}";
    assert_status("403", ask("POST /test/things", JSON "Origin: https://evil.example\r\n", body));
    assert_status("403", ask("POST /test/things", JSON "Origin: null\r\n", body));
    assert_status("403", ask("POST /test/things", JSON "Sec-Fetch-Site: cross-site\r\n", body));
    assert_status("201", ask("POST /test/things", JSON "Origin: http://localhost\r\n", body));
    struct str rebound = ask_bytes(S("POST /test/raw HTTP/1.1\r\nHost: evil.example:80\r\nConnection: close\r\n"
                                     "Content-Length: 0\r\n\r\n"));
    assert_status("403", rebound);
    assert_status("401", ask_bytes(S("POST /test/raw HTTP/1.1\r\nHost: [::1]:7171\r\nConnection: close\r\n\r\n")));
    stop();
}

TEST(http_server_checks_host_of_reads_too_where_nobody_needs_a_credential)
{
    start_with(default_settings(), true);
    assert_status("200", ask("GET /test/things/1", "", NULL));
    assert_status("403",
                  ask_bytes(S("GET /test/things/1 HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")));
    stop();
}

TEST(http_server_refuses_what_two_readers_could_read_differently)
{
    static const struct {
        const char *status, *request;
    } rows[] = {
        { "400", "POST /test/raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc" },
        { "400",
          "POST /test/raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" },
        { "400", "POST /test/raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: +3\r\n\r\nabc" },
        { "400", "POST /test/raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3, 3\r\n\r\nabc" },
        { "400", "POST /test/raw HTTP/1.1\r\nHost: localhost\r\nContent-Length : 3\r\n\r\nabc" },
        { "400", "POST /test/raw HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n" },
        { "501", "POST /test/raw HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n" },
        { "501", "POST /test/raw HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" },
        { "400", "POST /test/raw HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" },
        { "400", "GET /test/raw HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n" },
        { "400", "GET /test/raw HTTP/1.1\r\n\r\n" },
        { "400", "GET /test/raw HTTP/1.1\nHost: localhost\n\n" },
        { "400", "GET /test/ra w HTTP/1.1\r\nHost: localhost\r\n\r\n" },
        { "400", "GET test HTTP/1.1\r\nHost: localhost\r\n\r\n" },
        { "505", "GET /test HTTP/2.0\r\nHost: localhost\r\n\r\n" },
        { "417", "GET /test HTTP/1.1\r\nHost: localhost\r\nExpect: gold\r\n\r\n" },
        { "400", "\x16\x03\x01\x02\r\n\r\n" },
        { "400", "POST /test/raw HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ingest\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n" },
        { "400", "POST /test/raw HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ingest\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n" },
        { "400", "POST /test/raw HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ingest\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n" },
    };

    start();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_status(rows[i].status, ask_bytes(str_of(rows[i].request)));
    stop();
}

TEST(http_server_reads_chunks_and_pipelines_on_one_connection)
{
    start();
    struct wire wire = dial();
    put(&wire,
        S("\r\nPOST /test/raw HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ingest\r\n"
          "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nTrailer: 1\r\n\r\n"
          "POST /test/raw HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ingest\r\nContent-Length: 5\r\n\r\n"
          "12345GET /test/things/1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer operator\r\n\r\n"
          "GET /test/things/2 HTTP/1.0\r\nAuthorization: Bearer operator\r\n\r\n"));
    struct str answer = hear(&wire, NULL, 0); /* HTTP/1.0 ends it */
    ASSERT_CONTAINS("19 bytes", answer);
    ASSERT_CONTAINS("5 bytes", answer);
    ASSERT_TRUE(str_find(answer, S("19 bytes"), 0) < str_find(answer, S("5 bytes"), 0));
    ASSERT_CONTAINS("{\"id\":\"1\"", answer);
    ASSERT_CONTAINS("{\"id\":\"2\"", answer);
    wire_close(&wire);
    stop();
}

TEST(http_server_takes_gzip_and_refuses_bombs)
{
    static char plain[300000];
    unsigned char packed[4096];
    char request[8192];

    start();
    for (int bomb = 0; bomb < 2; bomb++) {
        z_stream z = { .next_in = (unsigned char *)plain,
                       .avail_in = bomb ? sizeof(plain) : 1000,
                       .next_out = packed,
                       .avail_out = sizeof(packed) };
        deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
        ASSERT_EQ_INT(Z_STREAM_END, deflate(&z, Z_FINISH));
        deflateEnd(&z);
        size_t length = sizeof(packed) - z.avail_out;
        int head = snprintf(
            request, sizeof(request),
            "POST /test/raw HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ingest\r\nConnection: close\r\n"
            "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
            length);
        memcpy(request + head, packed, length);
        struct str answer = ask_bytes((struct str){ request, (size_t)head + length });
        assert_status(bomb ? "413" : "200", answer);
        if (bomb)
            ASSERT_CONTAINS("{\"status\":\"error\"}", answer); /* the row's own shape */
        else
            ASSERT_CONTAINS("1000 bytes", answer);
    }
    assert_status("400",
                  ask("POST /test/raw", "Authorization: Bearer ingest\r\nContent-Encoding: gzip\r\n", "not gzip"));
    stop();
}

TEST(http_server_packs_large_replies)
{
    start();
    struct str plain = ask("GET /test/slow", "", NULL);
    ASSERT_TRUE(plain.length > 300000); /* application/octet-stream is left alone */
    stop();
}

TEST(http_server_packs_one_reply_and_then_a_longer_one)
{
    static char text[20000];
    char small[1201], large[4001];

    memset(small, 'a', sizeof(small) - 1), small[sizeof(small) - 1] = '\0';
    memset(large, 'b', sizeof(large) - 1), large[sizeof(large) - 1] = '\0';
    start();
    struct wire wire = dial();
    int length = snprintf(text, sizeof(text),
                          "GET /test/things/%s HTTP/1.1\r\nHost: localhost\r\n" OPERATOR "Accept-Encoding: gzip\r\n\r\n"
                          "GET /test/things/%s HTTP/1.1\r\nHost: localhost\r\n" OPERATOR "Connection: close\r\n\r\n",
                          small, large);
    put(&wire, (struct str){ text, (size_t)length });
    struct str answer = hear(&wire, NULL, 0);
    assert_status("200", answer);
    ASSERT_CONTAINS("Content-Encoding: gzip", answer);
    ASSERT_CONTAINS(large, answer);
    wire_close(&wire);
    stop();
}

TEST(http_server_limits_headers_and_bodies)
{
    static char flood[40000];
    size_t length = (size_t)snprintf(flood, sizeof(flood), "GET /test/things/1 HTTP/1.1\r\nHost: localhost\r\nX: ");

    start();
    memset(flood + length, 'a', sizeof(flood) - length);
    assert_status("431", ask_bytes((struct str){ flood, sizeof(flood) }));
    length = (size_t)snprintf(flood, sizeof(flood), "GET /test/things/1 HTTP/1.1\r\nHost: localhost\r\n");
    for (int i = 0; i < 100; i++)
        length += (size_t)snprintf(flood + length, sizeof(flood) - length, "X%d: y\r\n", i);
    length += (size_t)snprintf(flood + length, sizeof(flood) - length, "\r\n");
    assert_status("431", ask_bytes((struct str){ flood, length }));
    assert_status(
        "413", ask_bytes(S("POST /test/things HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\nabc")));
    length = (size_t)snprintf(flood, sizeof(flood),
                              "POST /test/things HTTP/1.1\r\nHost: localhost\r\n"
                              "Transfer-Encoding: chunked\r\n\r\nFFFFFF\r\n");
    memset(flood + length, 'a', 10000);
    assert_status("413", ask_bytes((struct str){ flood, length + 10000 }));
    stop();
}

TEST(http_server_cuts_who_drips)
{
    struct http_server_settings settings = default_settings();

    settings.header_timeout.ms = settings.body_timeout.ms = 300;
    settings.idle_timeout.ms = 200;
    start_with(settings, false);
    struct wire slow = dial();
    put(&slow, S("GET /test/thi"));
    int64_t began_ms = time_mono_ms();
    for (int i = 0; i < 100 && time_mono_ms() - began_ms < 5000; i++) { /* a byte each 20 ms gains nothing */
        struct wire other = slow;
        char byte;
        other.wants_write = false;
        err e = wire_wait(&other, time_mono_ms() + 20);
        if (!e && recv(slow.fd, &byte, 1, MSG_PEEK) >= 0)
            break;
        err_free(e);
        put(&slow, S("n"));
    }
    ASSERT_TRUE(time_mono_ms() - began_ms < 2000);
    assert_status("408", hear(&slow, NULL, 0));
    wire_close(&slow);

    struct wire body = dial();
    put(&body, S("POST /test/raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc"));
    assert_status("408", hear(&body, NULL, 0));
    wire_close(&body);

    struct wire silent = dial();
    ASSERT_EQ_INT(0, (int64_t)hear(&silent, NULL, 0).length);
    wire_close(&silent);
    stop();
}

TEST(http_server_answers_a_peer_that_has_nothing_more_to_say)
{
    start();
    struct wire wire = dial();
    put(&wire, S("GET /test/slow HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    shutdown(wire.fd, SHUT_WR);
    ASSERT_TRUE(hear(&wire, NULL, 0).length > 300000);
    wire_close(&wire);
    stop();
}

TEST(http_server_gives_up_on_a_handler_that_takes_too_long)
{
    struct http_server_settings settings = default_settings();

    settings.handle_timeout.ms = 100;
    start_with(settings, false);
    pthread_mutex_lock(&gate);
    struct str answer = ask("GET /test/slow", "", NULL);
    assert_status("504", answer);
    ASSERT_TRUE(str_ends(answer, S("allowed here\"}")));
    pthread_mutex_unlock(&gate);
    stop();
}

TEST(http_server_stops_though_a_handler_hangs)
{
    start();
    pthread_mutex_lock(&gate);
    struct wire wire = dial();
    put(&wire, S("GET /test/slow HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    while (pool_state(pool).busy == 0)
        sched_yield();
    int64_t began_ms = time_mono_ms();
    http_server_stop(server);
    ASSERT_TRUE(time_mono_ms() - began_ms < 2500);
    pthread_mutex_unlock(&gate);
    pool_stop(pool);
    wire_close(&wire);
}

TEST(http_server_says_when_to_come_back)
{
    start();
    struct str answer = ask("GET /test/broken", "", NULL);
    assert_status("429", answer);
    ASSERT_CONTAINS("Retry-After: 3\r\n", answer);
    ASSERT_CONTAINS("\"hint\":\"come back\"", answer);
    stop();
}

TEST(http_server_refuses_until_ready_and_after_quiet)
{
    struct http_server_settings settings = default_settings();
    const struct pool_options workers = { .name = "work", .threads = 2, .queue_max = 16 };

    route_authenticator = &test_authenticator;
    ASSERT_OK(pool_start(&workers, &pool));
    ASSERT_OK(http_server_start(&(struct http_server_options){ .settings = &settings, .workers = pool }, &server));
    struct str answer = ask("POST /test/things", JSON, "{\"server_name\":\"a\"}");
    assert_status("503", answer);
    ASSERT_CONTAINS("Retry-After: 1", answer);
    assert_status("200", ask("POST /test/raw", "Authorization: Bearer ingest\r\n", "x"));
    assert_status("503", ask("GET /test/things/1", OPERATOR, NULL)); /* its room may not be there yet */
    http_server_ready(server);
    assert_status("201", ask("POST /test/things", JSON, "{\"server_name\":\"a\"}"));
    assert_status("200", ask("GET /test/things/1", OPERATOR, NULL));
    ASSERT_TRUE(http_server_quiet(server, 5000));
    assert_status("503", ask("GET /test/things/1", OPERATOR, NULL));
    assert_status("200", ask("POST /test/raw", "Authorization: Bearer ingest\r\n", "x"));
    stop();
}

TEST(http_server_survives_more_connections_than_it_may_hold)
{
    struct http_server_settings settings = default_settings();
    struct wire wires[40];

    settings.max_connections = 8;
    start_with(settings, false);
    for (size_t i = 0; i < ARRAY_LEN(wires); i++) {
        wires[i] = dial();
        put(&wires[i], S("GET /slow"));
    }
    assert_status("200", ask("GET /test/things/1", OPERATOR, NULL));
    for (size_t i = 0; i < ARRAY_LEN(wires); i++)
        wire_close(&wires[i]);
    stop();
}

static err start_at(struct str listen, bool auth_none)
{
    struct http_server_settings settings = default_settings();

    settings.listen = listen;
    return http_server_start(
        &(struct http_server_options){ .settings = &settings, .workers = pool, .auth_none = auth_none }, &server);
}

TEST(http_server_says_why_it_does_not_listen)
{
    char taken[40];

    start();
    snprintf(taken, sizeof(taken), "127.0.0.1:%d", http_server_port(server));
    err e = start_at(str_of(taken), false);
    ASSERT_CONTAINS("in use", str_of(err_message(e)));
    ASSERT_CONTAINS("web.listen-address", str_of(err_hint_text(e)));
    err_free(e);
    ASSERT_ERR(ERR_FORBIDDEN, "nothing encrypts", start_at(S("0.0.0.0:0"), false));
    ASSERT_ERR(ERR_FORBIDDEN, "nothing encrypts", start_at(S(":0"), false));
    ASSERT_ERR(ERR_FORBIDDEN, "loopback", start_at(S("0.0.0.0:0"), true));
    ASSERT_ERR(ERR_INVALID, "ADDRESS:PORT", start_at(S("localhost"), false));
}

/* A store in memory: what net/idempotency.h asks of one. */
static struct {
    char key[80], principal[40], body[2000], type[80];
    unsigned char hash[IDEMPOTENCY_HASH_BYTES];
    struct idempotency_reply reply;
    bool used, done;
} kept;

static err store_begin(struct arena *arena, const struct idempotency_request *request,
                       enum idempotency_state *ret_state, struct idempotency_reply *ret_reply)
{
    (void)arena;
    bool same_key =
        kept.used && str_eq(str_of(kept.key), request->key) && str_eq(str_of(kept.principal), request->principal);
    bool same = same_key && memcmp(kept.hash, request->hash, sizeof(kept.hash)) == 0;

    *ret_state = !same_key   ? IDEMPOTENCY_NEW
                 : !same     ? IDEMPOTENCY_OTHER
                 : kept.done ? IDEMPOTENCY_KNOWN
                             : IDEMPOTENCY_RUNNING;
    *ret_reply = kept.reply;
    if (!same_key) {
        snprintf(kept.key, sizeof(kept.key), "%.*s", STR_ARG(request->key));
        snprintf(kept.principal, sizeof(kept.principal), "%.*s", STR_ARG(request->principal));
        memcpy(kept.hash, request->hash, sizeof(kept.hash));
        kept.used = true;
        kept.done = false;
    }
    return NULL;
}

static err store_keep(const struct idempotency_request *request, const struct idempotency_reply *reply)
{
    (void)request;
    kept.reply = *reply;
    snprintf(kept.body, sizeof(kept.body), "%.*s", STR_ARG(reply->body));
    snprintf(kept.type, sizeof(kept.type), "%.*s", STR_ARG(reply->content_type));
    kept.reply.body = str_of(kept.body);
    kept.reply.content_type = str_of(kept.type);
    kept.done = true;
    return NULL;
}

static void store_forget(const struct idempotency_request *request)
{
    (void)request;
    kept.used = false;
}

TEST(http_server_does_a_write_with_one_key_once)
{
    static const struct idempotency_store store = { store_begin, store_keep, store_forget };

    http_idempotency = &store;
    start();
    struct str first = ask("POST /test/things", JSON "Idempotency-Key: k1\r\n", "{\"server_name\":\"a\"}");
    assert_status("201", first);
    ASSERT_EQ_INT(1, handled);
    struct str second = ask("POST /test/things", JSON "Idempotency-Key: k1\r\n", "{\"server_name\":\"a\"}");
    assert_status("201", second);
    ASSERT_CONTAINS("\"name\":\"a\"", second);
    ASSERT_CONTAINS("Idempotent-Replayed: true", second);
    ASSERT_EQ_INT(1, handled);
    assert_status("409", ask("POST /test/things", JSON "Idempotency-Key: k1\r\n", "{\"server_name\":\"b\"}"));
    assert_status("422", ask("POST /test/things", JSON "Idempotency-Key: k2\r\n", "{}"));
    ASSERT_EQ_INT(1, handled);
    stop();
}

TEST(http_server_serves_the_page_and_says_when_it_is_the_same)
{
    start();
    struct str page = ask("GET /incidents/17", "", NULL);
    assert_status("200", page);
    ASSERT_CONTAINS("Content-Type: text/html", page);
    ASSERT_CONTAINS("Cache-Control: no-cache", page);
    ASSERT_CONTAINS("<html", page);
    size_t at = str_find(page, S("ETag: "), 0) + 6;
    struct str etag = str_slice(page, at, str_find(page, S("\r\n"), at));
    char header[200];
    snprintf(header, sizeof(header), "If-None-Match: %.*s\r\n", STR_ARG(etag));
    struct str same = ask("GET /", header, NULL);
    assert_status("304", same);
    ASSERT_TRUE(str_ends(same, S("\r\n\r\n")));
    ASSERT_CONTAINS("Content-Encoding: gzip", ask("GET /docs.js", "Accept-Encoding: gzip, br\r\n", NULL));
    ASSERT_CONTAINS("use strict", ask("GET /docs.js", "Accept-Encoding: gzip;q=0\r\n", NULL));
    assert_status("404", ask("GET /api/v1/nothing", "", NULL));
    assert_status("404", ask("GET /assets/nothing", "", NULL));
    assert_status("404", ask("GET /favicon.png", "", NULL));
    assert_status("404", ask("GET /../../etc/passwd.txt", "", NULL));
    assert_status("401", ask("GET /api/openapi.json", "", NULL));
    struct str document = ask("GET /api/openapi.json", OPERATOR "Accept-Encoding: gzip\r\n", NULL);
    assert_status("200", document);
    ASSERT_CONTAINS("Content-Encoding: gzip", document);
    ASSERT_CONTAINS("Vary: Accept-Encoding", document);
    stop();
}

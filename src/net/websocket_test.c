/* websocket_test.c - a peer that speaks raw frames, well and badly. */
#include "base/lang.h"
#include "base/test.h"
#include "base/time.h"
#include "net/http_server.h"
#include "net/route.h"
#include "net/wire.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

/* The row: echoes what it hears, and leaves its socket for the test to send to. */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct socket *opened;
static int closed;

static err ws_open(struct socket *socket, struct request *req, const void *query, void **ret_state)
{
    (void)query;
    if (str_eq(request_param(req, S("name")), S("nobody")))
        return err_new(ERR_NOT_FOUND, "there is no such thing");
    pthread_mutex_lock(&lock);
    socket_unref(opened); /* of the connection before */
    opened = socket_ref(socket);
    pthread_mutex_unlock(&lock);
    *ret_state = socket;
    socket_send(socket, S("hello"));
    return NULL;
}

static void ws_message(struct socket *socket, void *state, struct str text)
{
    ASSERT_TRUE(state == socket);
    socket_send(socket, text);
}

static void ws_closed(struct socket *socket, void *state)
{
    ASSERT_TRUE(state == socket);
    pthread_mutex_lock(&lock);
    closed++;
    pthread_mutex_unlock(&lock);
}

static const struct socket_route test_socket_route = {
    .path = "/test/ws/{name}",
    .summary = "Echo",
    .role = ROLE_NOBODY,
    .queue_max = 100000,
    .open = ws_open,
    .message = ws_message,
    .closed = ws_closed,
};
REGISTER(socket_route, test_socket_route);

static struct http_server *server;
static struct pool *pool;
static struct arena *arena;

static void start(void)
{
    static struct http_server_settings settings;
    const struct pool_options workers = { .name = "work", .threads = 2, .queue_max = 16 };

    arena = arena_new(10000);
    schema_defaults(arena, server_section.schema, &settings);
    settings.listen = S("127.0.0.1:0");
    ASSERT_OK(pool_start(&workers, &pool));
    ASSERT_OK(http_server_start(&(struct http_server_options){ .settings = &settings, .workers = pool }, &server));
    http_server_ready(server);
}

static void stop(void)
{
    http_server_stop(server);
    pool_stop(pool);
    arena_free(arena);
    if (opened)
        ASSERT_FALSE(socket_send(opened, S("too late")));
    socket_unref(TAKE(opened)); /* the last: a leak is seen by the sanitizer */
}

static void put(struct wire *wire, const void *bytes, size_t length)
{
    struct iovec part = { (void *)(uintptr_t)bytes, length };

    ASSERT_EQ_INT((int64_t)length, wire_write(wire, &part, 1));
}

/* put_frame - masked, as clients must. */
static void put_frame(struct wire *wire, int opcode, const char *text, size_t length)
{
    static char frame[100000];
    const unsigned char mask[4] = { 1, 2, 3, 4 };
    size_t at = 0;

    frame[at++] = (char)(0x80 | opcode);
    if (length < 126) {
        frame[at++] = (char)(0x80 | length);
    } else {
        frame[at++] = (char)(0x80 | 127);
        for (int i = 7; i >= 0; i--)
            frame[at++] = (char)(length >> (8 * i));
    }
    memcpy(frame + at, mask, 4);
    at += 4;
    for (size_t i = 0; i < length; i++)
        frame[at + i] = (char)(text[i] ^ mask[i % 4]);
    put(wire, frame, at + length);
}

static char heard[1000000];
static size_t heard_length;

/* hear - until `text` is there, or the end (then NULL is what was waited for). */
static struct str hear(struct wire *wire, const char *text)
{
    int64_t deadline_ms = time_mono_ms() + 10000;

    for (;;) {
        struct str sofar = { heard, heard_length };
        if (text && str_contains(sofar, str_of(text)))
            return sofar;
        ssize_t got = wire_read(wire, heard + heard_length, sizeof(heard) - heard_length);
        if (got == WIRE_AGAIN)
            ASSERT_OK(wire_wait(wire, deadline_ms));
        else if (got <= 0)
            return sofar;
        else
            heard_length += (size_t)got;
    }
}

static struct wire dial(const char *headers)
{
    char request[512];
    struct wire wire;

    heard_length = 0;
    ASSERT_OK(wire_connect(S("127.0.0.1"), http_server_port(server), time_mono_ms() + 5000, &wire));
    int length = snprintf(request, sizeof(request),
                          "GET /test/ws/x HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\n"
                          "Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
                          headers);
    put(&wire, request, (size_t)length);
    return wire;
}

#define VERSION "Sec-WebSocket-Version: 13\r\n"

TEST(websocket_greets_echoes_and_parts)
{
    start();
    struct wire wire = dial(VERSION);
    ASSERT_CONTAINS("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", hear(&wire, "hello")); /* RFC 6455, 1.3 */
    put_frame(&wire, 1, "echo me", 7);
    hear(&wire, "echo me");
    put_frame(&wire, 9, "ping", 4);
    hear(&wire, "\x8a\x04ping");
    put_frame(&wire, 8, "\x03\xe8", 2);
    ASSERT_CONTAINS("\x88\x02\x03\xe8", hear(&wire, NULL));
    wire_close(&wire);
    stop();
    ASSERT_EQ_INT(1, closed);
}

TEST(websocket_refuses_bad_handshakes)
{
    static const struct {
        const char *status, *headers;
    } rows[] = {
        { "400", "" },
        { "403", VERSION "Origin: https://evil.example\r\n" },
        { "400", VERSION "Host: evil.example\r\n" }, /* two hosts */
    };

    start();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct wire wire = dial(rows[i].headers);
        hear(&wire, "\r\n\r\n");
        ASSERT_STR(rows[i].status, str_slice((struct str){ heard, heard_length }, 9, 12));
        wire_close(&wire);
    }
    stop();
}

TEST(websocket_closes_on_broken_and_oversized_frames)
{
    static char large[70000];

    start();
    struct wire wire = dial(VERSION);
    hear(&wire, "hello");
    put(&wire, "\x81\x02hi", 4); /* not masked */
    ASSERT_CONTAINS("\x88", hear(&wire, NULL));
    wire_close(&wire);
    wire = dial(VERSION);
    hear(&wire, "hello");
    put_frame(&wire, 1, large, sizeof(large));
    ASSERT_CONTAINS("\x03\xf1", hear(&wire, NULL)); /* 1009 */
    wire_close(&wire);
    wire = dial(VERSION);
    hear(&wire, "hello");
    put_frame(&wire, 1, "\xff\xfe", 2);
    ASSERT_CONTAINS("\x03\xef", hear(&wire, NULL)); /* 1007 */
    wire_close(&wire);
    stop();
}

TEST(websocket_tells_a_peer_that_does_not_read_and_closes)
{
    static char text[50000];
    bool taken = true;

    start();
    struct wire wire = dial(VERSION);
    hear(&wire, "hello");
    memset(text, 'x', sizeof(text));
    for (int i = 0; i < 10000 && taken; i++) /* the kernel's buffers first, then ours */
        taken = socket_send(opened, (struct str){ text, sizeof(text) });
    ASSERT_FALSE(taken);
    heard_length = 0;
    for (;;) { /* now it reads: what was under way, the gap, the end */
        ssize_t got = wire_read(&wire, heard + heard_length, sizeof(heard) / 2);
        if (got == WIRE_AGAIN) {
            ASSERT_OK(wire_wait(&wire, time_mono_ms() + 10000));
            continue;
        }
        if (got <= 0)
            break;
        heard_length += (size_t)got;
        if (heard_length > 100) { /* only the last bytes matter */
            memmove(heard, heard + heard_length - 100, 100);
            heard_length = 100;
        }
    }
    struct str last = { heard, heard_length };
    ASSERT_CONTAINS("{\"kind\":\"gap\"}", last);
    wire_close(&wire);
    stop();
    ASSERT_EQ_INT(1, closed);
}

TEST(websocket_stop_says_goodbye)
{
    start();
    struct wire wire = dial(VERSION);
    hear(&wire, "hello");
    stop();
    ASSERT_CONTAINS("\x03\xe9", hear(&wire, NULL)); /* 1001 */
    wire_close(&wire);
    ASSERT_EQ_INT(1, closed);
}

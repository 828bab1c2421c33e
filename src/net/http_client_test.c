/* http_client_test.c - the guard against every spelling, and a peer that answers as told. */
#include "net/http_client.h"

#include "base/lang.h"
#include "base/test.h"
#include "base/time.h"
#include "net/address_guard.h"
#include "net/call.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_public(const char *text)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return address_is_public((struct sockaddr *)&v4);
    ASSERT_EQ_INT(1, inet_pton(AF_INET6, text, &v6.sin6_addr));
    return address_is_public((struct sockaddr *)&v6);
}

TEST(address_guard_knows_what_is_not_public)
{
    static const char *const inside[] = {
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.100.100.200",
        "192.0.0.192",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "fd00::1",
        "fd00:ec2::254",
        "fe80::1",
        "ff02::1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "::ffff:169.254.169.254",
        "fec0::1",
    };
    static const char *const outside[] = { "1.1.1.1",         "172.32.0.1",     "172.15.255.255",   "11.0.0.1",
                                           "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "128.0.0.1" };

    for (size_t i = 0; i < ARRAY_LEN(inside); i++)
        if (is_public(inside[i]))
            ASSERT_STR("not public", str_of(inside[i]));
    for (size_t i = 0; i < ARRAY_LEN(outside); i++)
        if (!is_public(outside[i]))
            ASSERT_STR("public", str_of(outside[i]));
}

/* A peer that answers one request on each of `times` connections, and counts connections. */
struct peer {
    int listener, port, times, connections;
    const char *answer;
    char heard[4096];
    pthread_t thread;
};

static void *peer_run(void *arg)
{
    struct peer *peer = arg;

    for (int i = 0; i < peer->times; i++) {
        int fd = accept(peer->listener, NULL, NULL);
        peer->connections++;
        size_t length = 0;
        while (length < sizeof(peer->heard) - 1 && !strstr(peer->heard, "\r\n\r\n")) {
            ssize_t got = read(fd, peer->heard + length, sizeof(peer->heard) - 1 - length);
            if (got <= 0)
                break;
            length += (size_t)got;
        }
        if (peer->answer)
            send(fd, peer->answer, strlen(peer->answer), MSG_NOSIGNAL);
        else
            while (read(fd, peer->heard, 1) > 0) /* hangs until the client has gone */
                ;
        close(fd);
    }
    return NULL;
}

static void peer_start(struct peer *peer)
{
    peer->listener = test_listen(&peer->port);
    pthread_create(&peer->thread, NULL, peer_run, peer);
}

static struct http_client *client_with(const struct str *allow, size_t count)
{
    struct http_client *client;

    ASSERT_OK(http_client_new(&(struct http_client_options){ allow, count }, &client));
    return client;
}

static err get(struct http_client *client, struct arena *arena, const char *url, bool trusted, struct http_reply *reply)
{
    struct http_request_out request = {
        .url = str_of(url), .deadline_ms = time_mono_ms() + 5000, .trusted = trusted, .reply_max = 1000
    };

    return http_call(client, arena, &request, reply);
}

TEST(http_client_posts_json_with_its_key)
{
    struct peer peer = { .times = 1,
                         .answer = "HTTP/1.1 429 Slow down\r\nRetry-After: 7\r\nContent-Type: text/plain\r\n"
                                   "Content-Length: 6\r\n\r\nslower" };
    struct arena *arena CLEANUP(arena_freep) = arena_new(100000);
    struct http_client *client = client_with(NULL, 0);
    struct http_reply reply;

    peer_start(&peer);
    struct call call = { .arena = arena,
                         .deadline_ms = time_mono_ms() + 5000,
                         .http = client,
                         .idempotency_key = S("k-1"),
                         .trusted = true };
    ASSERT_OK(http_post_json(&call, str_printf(arena, "http://127.0.0.1:%d/hook", peer.port), S("{\"a\":1}"), &reply));
    ASSERT_EQ_INT(429, reply.status);
    ASSERT_STR("slower", reply.body);
    ASSERT_STR("text/plain", reply.content_type);
    ASSERT_EQ_INT(7000, reply.retry_after_ms);
    pthread_join(peer.thread, NULL);
    ASSERT_CONTAINS("POST /hook HTTP/1.1\r\n", str_of(peer.heard));
    ASSERT_CONTAINS("Idempotency-Key: k-1\r\n", str_of(peer.heard));
    ASSERT_CONTAINS("Content-Type: application/json\r\n", str_of(peer.heard));
    err e = http_reply_err(&reply);
    ASSERT_EQ_INT(ERR_BUSY, err_kind(e));
    ASSERT_EQ_INT(7000, err_retry_after_ms(e));
    ASSERT_TRUE(err_is_retryable(e));
    err_free(e);
    http_client_free(client);
}

TEST(http_client_refuses_inside_addresses_in_every_spelling)
{
    static const char *const forms[] = {
        "http://127.0.0.1",  "http://localhost",         "http://2130706433",
        "http://0177.0.0.1", "http://0x7f000001",        "http://127.1",
        "http://0",          "http://0.0.0.0",           "http://[::ffff:127.0.0.1]",
        "http://[::1]",      "http://user:pw@127.0.0.1", "http://example.com@127.0.0.1",
        "http://LOCALHOST.", "http://127.0.0.1.",
    };
    struct arena *arena CLEANUP(arena_freep) = arena_new(100000);
    struct http_client *client = client_with(NULL, 0);
    struct peer peer = { .times = 1, .answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" };
    struct http_reply reply;
    char url[100];

    peer_start(&peer);
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        snprintf(url, sizeof(url), "%s:%d/", forms[i], peer.port);
        err e = get(client, arena, url, false, &reply);
        if (!e)
            ASSERT_STR("refused", str_of(url));
        err_free(e);
    }
    ASSERT_EQ_INT(0, peer.connections);
    ASSERT_ERR(ERR_FORBIDDEN, "private network", get(client, arena, "http://169.254.169.254/latest", false, &reply));
    ASSERT_ERR(ERR_INVALID, "URL", get(client, arena, "file:///etc/passwd", false, &reply));
    ASSERT_ERR(ERR_INVALID, "http://", get(client, arena, "gopher://127.0.0.1/", true, &reply));
    ASSERT_ERR(ERR_INVALID, "URL", get(client, arena, "http://", true, &reply));
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", peer.port);
    ASSERT_OK(get(client, arena, url, true, &reply)); /* it stands in the configuration */
    ASSERT_STR("ok", reply.body);
    pthread_join(peer.thread, NULL);
    http_client_free(client);
}

TEST(http_client_lets_a_trusted_connection_serve_no_untrusted_call)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(100000);
    struct http_client *client = client_with(NULL, 0);
    struct peer peer = { .times = 1, .answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" };
    struct http_reply reply;
    char url[100];

    peer_start(&peer);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", peer.port);
    ASSERT_OK(get(client, arena, url, true, &reply));
    ASSERT_ERR(ERR_FORBIDDEN, "private network", get(client, arena, url, false, &reply));
    pthread_join(peer.thread, NULL);
    http_client_free(client);
}

TEST(http_client_goes_where_the_administrator_allows)
{
    static const struct str lists[][1] = { { S("127.0.0.0/8") }, { S("127.0.0.1") }, { S("localhost") } };
    struct arena *arena CLEANUP(arena_freep) = arena_new(100000);
    struct http_reply reply;
    char url[100];

    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        struct http_client *client = client_with(lists[i], 1);
        struct peer peer = { .times = 1,
                             .answer =
                                 "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n" };
        peer_start(&peer);
        snprintf(url, sizeof(url), "http://%s:%d/", i == 2 ? "localhost" : "127.0.0.1", peer.port);
        ASSERT_OK(get(client, arena, url, false, &reply));
        ASSERT_EQ_INT(302, reply.status); /* and it goes no further */
        ASSERT_ERR(ERR_REFUSED, "redirect", http_reply_err(&reply));
        pthread_join(peer.thread, NULL);
        http_client_free(client);
    }
    struct http_client *client;
    const struct str wrong = S("10.0.0.0/99");
    ASSERT_ERR(ERR_INVALID, "10.0.0.0/99", http_client_new(&(struct http_client_options){ &wrong, 1 }, &client));
}

TEST(http_client_bounds_time_and_size)
{
    static char large[3000] = "HTTP/1.1 200 OK\r\n\r\n";
    struct arena *arena CLEANUP(arena_freep) = arena_new(100000);
    struct http_client *client = client_with(NULL, 0);
    struct peer endless = { .times = 1, .answer = large }, silent = { .times = 1, .answer = NULL };
    struct http_reply reply;

    memset(large + strlen(large), 'x', 2000);
    peer_start(&endless);
    peer_start(&silent);
    struct str url = str_printf(arena, "http://127.0.0.1:%d/", endless.port);
    ASSERT_ERR(ERR_TOO_LARGE, "more than 1000 bytes", get(client, arena, str_c(arena, url), true, &reply));
    struct http_request_out request = { .url = str_printf(arena, "http://127.0.0.1:%d/", silent.port),
                                        .deadline_ms = time_mono_ms() + 200,
                                        .trusted = true };
    int64_t began_ms = time_mono_ms();
    ASSERT_ERR(ERR_TIMEOUT, "in time", http_call(client, arena, &request, &reply));
    ASSERT_TRUE(time_mono_ms() - began_ms < 3000);
    struct pair header = { S("X"), S("a\r\nInjected: b") };
    request.headers = &header;
    request.header_count = 1;
    request.deadline_ms = time_mono_ms() + 200;
    ASSERT_ERR(ERR_INVALID, "control character", http_call(client, arena, &request, &reply));
    pthread_join(endless.thread, NULL);
    pthread_join(silent.thread, NULL);
    http_client_free(client);
}

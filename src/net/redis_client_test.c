/* redis_client_test.c - a peer that says what the test wants: good, bad, slow. */
#include "net/redis_client.h"

#include "base/lang.h"
#include "base/test.h"
#include "base/time.h"
#include "net/resp.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A peer for one connection: to the n-th command it answers answers[n]; "" hangs, NULL closes. */
struct peer {
    int listener, port;
    const char *answers[6];
    bool drip; /* a byte each 20 ms */
    char heard[6][256];
    pthread_t thread;
};

static void *peer_run(void *arg)
{
    struct peer *peer = arg;
    int fd = accept(peer->listener, NULL, NULL);

    for (size_t i = 0; fd >= 0 && peer->answers[i]; i++) {
        ssize_t got = read(fd, peer->heard[i], sizeof(peer->heard[i]) - 1);
        if (got <= 0)
            break;
        const char *text = peer->answers[i];
        if (!peer->drip) {
            send(fd, text, strlen(text), MSG_NOSIGNAL);
            continue;
        }
        for (; *text; text++) {
            if (send(fd, text, 1, MSG_NOSIGNAL) < 0)
                break;
            poll(NULL, 0, 20);
        }
    }
    shutdown(fd, SHUT_WR);
    while (read(fd, peer->heard[5], 1) > 0)
        ;
    close(fd);
    return NULL;
}

static void peer_start(struct peer *peer)
{
    peer->listener = test_listen(&peer->port);
    pthread_create(&peer->thread, NULL, peer_run, peer);
}

/* peer_stop - after the client has gone: CLEANUP runs backwards, so declare the peer first. */
static void peer_stop(struct peer *peer)
{
    if (!peer->port)
        return;
    shutdown(peer->listener, SHUT_RDWR); /* wakes an accept that nobody came to */
    pthread_join(peer->thread, NULL);
    close(peer->listener);
}

static struct redis_client *client_of(struct peer *peer)
{
    peer_start(peer);
    return redis_client_new(&(struct redis_options){ .host = S("127.0.0.1"), .port = peer->port });
}

static const struct str ping[] = { S("PING") };

static err ask(struct redis_client *redis, struct arena *arena, int64_t ms, const struct resp **ret_reply)
{
    int64_t deadline_ms = time_mono_ms() + ms;

    TRY(redis_connect(redis, deadline_ms));
    return redis_command(redis, arena, deadline_ms, ping, ARRAY_LEN(ping), ret_reply);
}

TEST(redis_client_reads_a_reply_as_a_tree)
{
    struct peer peer CLEANUP(
        peer_stop) = { .answers = { "*4\r\n$3\r\nabc\r\n:-7\r\n$-1\r\n*1\r\n-ERR inner\r\n", NULL } };
    struct arena *arena CLEANUP(arena_freep) = arena_new(100000);
    const struct resp *reply;

    struct redis_client *redis CLEANUP(redis_client_freep) = client_of(&peer);
    ASSERT_OK(ask(redis, arena, 5000, &reply));
    ASSERT_EQ_INT(RESP_ARRAY, reply->type);
    ASSERT_EQ_INT(4, (int64_t)reply->count);
    ASSERT_STR("abc", reply->items[0]->text);
    ASSERT_EQ_INT(-7, reply->items[1]->integer);
    ASSERT_EQ_INT(RESP_NIL, reply->items[2]->type);
    ASSERT_STR("ERR inner", reply->items[3]->items[0]->text);
    ASSERT_EQ_INT(REDIS_DONE, redis_outcome(redis));
    ASSERT_STR("*1\r\n$4\r\nPING\r\n", str_of(peer.heard[0]));
}

TEST(redis_client_says_who_it_is)
{
    struct peer peer CLEANUP(peer_stop) = { .answers = { "+OK\r\n", "-NOPERM no\r\n", "+OK\r\n", "+PONG\r\n", NULL } };
    struct arena *arena CLEANUP(arena_freep) = arena_new(100000);
    const struct resp *reply;

    peer_start(&peer);
    struct redis_client *redis CLEANUP(redis_client_freep) =
        redis_client_new(&(struct redis_options){ .host = S("127.0.0.1"),
                                                  .port = peer.port,
                                                  .user = S("kim"),
                                                  .password = S("p w"),
                                                  .db = 3,
                                                  .client_name = S("auspex") });
    ASSERT_OK(ask(redis, arena, 5000, &reply));
    ASSERT_STR("*3\r\n$4\r\nAUTH\r\n$3\r\nkim\r\n$3\r\np w\r\n", str_of(peer.heard[0]));
    ASSERT_STR("*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n", str_of(peer.heard[2]));
}

TEST(redis_client_tells_error_replies_apart)
{
    static const struct {
        const char *says;
        enum redis_outcome outcome;
        enum err_kind kind;
    } rows[] = {
        { "-LOADING Redis is loading the dataset in memory\r\n", REDIS_LOADING, ERR_UNAVAILABLE },
        { "-BUSY Redis is busy running a script.\r\n", REDIS_BUSY, ERR_UNAVAILABLE },
        { "-NOAUTH Authentication required.\r\n", REDIS_NOAUTH, ERR_FORBIDDEN },
        { "-WRONGPASS invalid username-password pair\r\n", REDIS_WRONGPASS, ERR_FORBIDDEN },
        { "-NOPERM this user has no permissions\r\n", REDIS_NOPERM, ERR_FORBIDDEN },
        { "-MISCONF Errors writing to the AOF file\r\n", REDIS_MISCONF, ERR_UNAVAILABLE },
        { "-MASTERDOWN Link with MASTER is down\r\n", REDIS_MASTERDOWN, ERR_UNAVAILABLE },
        { "-READONLY You can't write against a read only replica.\r\n", REDIS_READONLY, ERR_REFUSED },
        { "-OOM command not allowed when used memory > 'maxmemory'.\r\n", REDIS_OOM, ERR_UNAVAILABLE },
        { "-ERR max number of clients reached\r\n", REDIS_MAXCLIENTS, ERR_UNAVAILABLE },
        { "-ERR unknown command 'PING'\r\n", REDIS_UNKNOWN_COMMAND, ERR_REFUSED },
        { "-WRONGTYPE Operation against a key\r\n", REDIS_ERROR, ERR_REFUSED },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct peer peer CLEANUP(peer_stop) = { .answers = { rows[i].says, NULL } };
        struct arena *arena CLEANUP(arena_freep) = arena_new(100000);
        struct redis_client *redis CLEANUP(redis_client_freep) = client_of(&peer);
        const struct resp *reply;

        ASSERT_ERR(rows[i].kind, "says: ", ask(redis, arena, 5000, &reply));
        ASSERT_EQ_INT(rows[i].outcome, redis_outcome(redis));
        ASSERT_TRUE(redis_is_connected(redis)); /* an error reply is no broken connection */
    }
}

TEST(redis_client_is_not_held_by_a_server_that_hangs_or_drips)
{
    for (int drip = 0; drip < 2; drip++) {
        struct peer peer CLEANUP(peer_stop) = {
            .answers = { drip ? "$100\r\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" : "$5\r\nhel", "" },
            .drip = drip
        };
        struct arena *arena CLEANUP(arena_freep) = arena_new(100000);
        struct redis_client *redis CLEANUP(redis_client_freep) = client_of(&peer);
        const struct resp *reply;
        int64_t began = time_mono_ms();

        ASSERT_ERR(ERR_TIMEOUT, "in time", ask(redis, arena, 200, &reply));
        ASSERT_TRUE(time_mono_ms() - began < 3000);
        ASSERT_EQ_INT(REDIS_TIMED_OUT, redis_outcome(redis));
        ASSERT_FALSE(redis_is_connected(redis));
    }
}

TEST(redis_client_refuses_what_is_not_resp)
{
    static const char *const bad[] = {
        "HTTP/1.1 400 Bad Request\r\n\r\n", /* a web server */
        "*2147483647\r\n",                  /* claims memory that it never fills */
        "*99999999999999999999\r\n",
        "$-5\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", /* nested without end */
        "+OK\r\n+OK\r\n",                                                     /* a reply nobody asked for */
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct peer peer CLEANUP(peer_stop) = { .answers = { bad[i], NULL } };
        struct arena *arena CLEANUP(arena_freep) = arena_new(100000);
        struct redis_client *redis CLEANUP(redis_client_freep) = client_of(&peer);
        const struct resp *reply;

        err e = ask(redis, arena, 5000, &reply);
        ASSERT_TRUE(e != NULL);
        err_free(e);
        ASSERT_EQ_INT(REDIS_PROTOCOL, redis_outcome(redis));
        ASSERT_FALSE(redis_is_connected(redis));
    }
}

TEST(redis_client_bounds_a_reply)
{
    struct peer peer CLEANUP(peer_stop) = { .answers = { "$5000\r\n", NULL } };
    char text[6000] = "$5000\r\n";
    struct arena *arena CLEANUP(arena_freep) = arena_new(100000);
    const struct resp *reply;

    memset(text + 7, 'x', 5000);
    peer.answers[0] = text;
    peer_start(&peer);
    struct redis_client *redis CLEANUP(redis_client_freep) =
        redis_client_new(&(struct redis_options){ .host = S("127.0.0.1"), .port = peer.port, .reply_max = 1000 });
    ASSERT_ERR(ERR_TOO_LARGE, "more than 1000 bytes", ask(redis, arena, 5000, &reply));
}

TEST(redis_client_names_who_refused)
{
    struct peer peer CLEANUP(peer_stop) = { .answers = { NULL } };
    struct arena *arena CLEANUP(arena_freep) = arena_new(100000);
    const struct resp *reply;
    struct redis_client *closed CLEANUP(redis_client_freep) = client_of(&peer);

    ASSERT_ERR(ERR_UNAVAILABLE, "closed the connection", ask(closed, arena, 5000, &reply));
    ASSERT_EQ_INT(REDIS_CLOSED, redis_outcome(closed));
    pthread_join(peer.thread, NULL);
    close(peer.listener);
    ASSERT_ERR(ERR_UNAVAILABLE, "onnect", ask(closed, arena, 5000, &reply)); /* nobody listens there any more */
    ASSERT_EQ_INT(REDIS_REFUSED, redis_outcome(closed));
    ASSERT_ERR(ERR_UNAVAILABLE, "not connected", redis_command(closed, arena, 0, ping, 1, &reply));
}

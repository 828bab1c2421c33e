/* http_server.c - starts and stops the loop, and what the loop does all day. */
#include "net/http_server.h"

#include "base/lang.h"
#include "base/log.h"
#include "base/time.h"
#include "base/vec.h"
#include "net/http_loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { EVENTS_A_TURN = 128, STOP_MS = 1000 };

const struct http_server_settings *server_settings(const struct http_server *server)
{
    return server->options.settings;
}

const struct router *server_router(const struct http_server *server)
{
    return server->router;
}

bool server_is_ready(const struct http_server *server)
{
    return server->ready;
}

bool server_auth_none(const struct http_server *server)
{
    return server->options.auth_none;
}

struct str server_listen_host(const struct http_server *server)
{
    return server->listen_host;
}

struct socket_hub *server_hub(const struct http_server *server)
{
    return server->hub;
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}

struct str http_server_url(struct arena *arena, const struct http_server *server)
{
    struct str host = server->listen_host;
    const char *scheme = server->tls ? "https" : "http";

    if (!host.length || str_eq(host, S("0.0.0.0")) || str_eq(host, S("::")))
        host = S("127.0.0.1");
    if (str_contains(host, S(":")))
        return str_printf(arena, "%s://[%.*s]:%d", scheme, STR_ARG(host), server->port);
    return str_printf(arena, "%s://%.*s:%d", scheme, STR_ARG(host), server->port);
}

void http_server_ready(struct http_server *server)
{
    server->ready = true;
}

static void wake(struct http_server *server)
{
    uint64_t one = 1;

    if (write(server->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
        log_error("waking the HTTP loop: %s", strerror(errno));
}

static void server_free(struct http_server *server)
{
    router_free(server->router);
    socket_hub_free(server->hub);
    arena_free(server->arena);
    wire_server_tls_free(server->tls);
    for (int *fd = (int[]){ server->epoll_fd, server->wake_fd, server->listen_fd, server->spare_fd, -2 }; *fd != -2;
         fd++)
        if (*fd >= 0)
            close(*fd);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

void server_release(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    bool last = --server->holders == 0;
    pthread_mutex_unlock(&server->lock);
    if (last)
        server_free(server);
}

void server_conn_done(struct http_conn *conn)
{
    struct http_server *server = conn->server;

    pthread_mutex_lock(&server->lock);
    bool ended = server->ended, first = STAILQ_EMPTY(&server->done);
    if (!ended)
        STAILQ_INSERT_TAIL(&server->done, conn, done);
    if (!ended && first)
        wake(server);
    pthread_mutex_unlock(&server->lock);
    if (ended) { /* the loop closed it long ago */
        if (conn->request.socket)
            socket_abandon(TAKE(conn->request.socket));
        conn_free(conn);
    }
    server_release(server);
}

static void take_done(struct http_server *server)
{
    struct conn_queue done = STAILQ_HEAD_INITIALIZER(done);
    struct http_conn *conn;
    uint64_t count;

    if (read(server->wake_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
        log_error("HTTP loop: %s", strerror(errno));
    pthread_mutex_lock(&server->lock);
    STAILQ_CONCAT(&done, &server->done);
    pthread_mutex_unlock(&server->lock);
    while ((conn = STAILQ_FIRST(&done))) {
        STAILQ_REMOVE_HEAD(&done, done);
        conn_done(conn);
    }
}

static void run_timers(struct http_server *server)
{
    struct http_conn *conn;

    for (int kind = 0; kind < TIMER_KINDS; kind++)
        while ((conn = TAILQ_FIRST(&server->timers[kind])) && conn->due_ms <= server->now_ms)
            conn_due(conn);
}

static int wait_ms(struct http_server *server)
{
    int64_t due_ms = server->stop_by_ms ? server->stop_by_ms : INT64_MAX;

    if (!TAILQ_EMPTY(&server->again))
        return 0;
    for (int kind = 0; kind < TIMER_KINDS; kind++) {
        struct http_conn *first = TAILQ_FIRST(&server->timers[kind]);
        if (first && first->due_ms < due_ms)
            due_ms = first->due_ms;
    }
    if (due_ms == INT64_MAX)
        return -1;
    int64_t left = due_ms - server->now_ms;
    return left <= 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

static void run_again(struct http_server *server)
{
    struct conn_list turn = TAILQ_HEAD_INITIALIZER(turn);
    struct http_conn *conn;

    TAILQ_CONCAT(&turn, &server->again, again);
    while ((conn = TAILQ_FIRST(&turn))) {
        TAILQ_REMOVE(&turn, conn, again);
        conn->queued = false;
        conn_drive(conn);
    }
}

static void bury(struct http_server *server)
{
    struct http_conn *conn;

    while ((conn = TAILQ_FIRST(&server->dead))) {
        TAILQ_REMOVE(&server->dead, conn, again);
        conn_free(conn);
    }
}

/* begin_stop - no more connections, and those that wait for a request go. */
static void begin_stop(struct http_server *server)
{
    struct http_conn *conn, *next;

    server->stop_by_ms = server->now_ms + STOP_MS;
    epoll_ctl(server->epoll_fd, EPOLL_CTL_DEL, server->listen_fd, NULL);
    for (conn = TAILQ_FIRST(&server->all); conn; conn = next) {
        next = TAILQ_NEXT(conn, all);
        if (conn->state == CONN_HEAD || conn->state == CONN_HANDSHAKE || conn->state == CONN_LINGER)
            conn_close(conn);
    }
}

static void close_all(struct http_server *server)
{
    struct http_conn *conn;

    pthread_mutex_lock(&server->lock);
    server->ended = true;
    pthread_mutex_unlock(&server->lock);
    take_done(server);
    while ((conn = TAILQ_FIRST(&server->all)))
        conn_close(conn);
    bury(server);
}

static void *serve(void *arg)
{
    struct http_server *server = arg;
    struct epoll_event events[EVENTS_A_TURN];

    while (!server->stop_by_ms || (!TAILQ_EMPTY(&server->all) && server->now_ms < server->stop_by_ms)) {
        int count = epoll_wait(server->epoll_fd, events, EVENTS_A_TURN, wait_ms(server));
        server->now_ms = time_mono_ms();
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == &server->listen_fd)
                http_accept(server);
            else if (events[i].data.ptr == &server->wake_fd)
                take_done(server);
            else
                conn_events(events[i].data.ptr, events[i].events);
        }
        run_again(server);
        run_timers(server);
        bury(server);
        if (server->quiet && server->in_flight == 0)
            server->idle = true;
        if (server->stopping && !server->stop_by_ms)
            begin_stop(server);
    }
    close_all(server);
    return NULL;
}

static err add_fd(struct http_server *server, int fd, void *mark)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = mark };

    return epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? err_errno("epoll_ctl") : NULL;
}

static err make_router(struct http_server *server)
{
    VEC(const struct route *) routes = { 0 };
    VEC(const struct socket_route *) sockets = { 0 };

    FOR_EACH_REGISTERED (route, it) {
        *vec_push(&routes, NULL) = it;
    }
    FOR_EACH_REGISTERED (socket_route, it) {
        *vec_push(&sockets, NULL) = it;
    }
    err e = router_new(routes.at, routes.count, sockets.at, sockets.count, &server->router);
    vec_clear(&routes);
    vec_clear(&sockets);
    return e;
}

static err open_all(struct http_server *server)
{
    const struct http_server_settings *settings = server->options.settings;
    sigset_t all, before;

    TRY(make_router(server));
    if (settings->tls_cert.length)
        TRY(wire_server_tls(settings->tls_cert, settings->tls_key, &server->tls));
    TRY(http_listen(server));
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    server->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (server->epoll_fd < 0 || server->wake_fd < 0)
        return err_errno("can't make an epoll descriptor");
    TRY(add_fd(server, server->listen_fd, &server->listen_fd));
    TRY(add_fd(server, server->wake_fd, &server->wake_fd));
    TRY(socket_hub_start(&server->hub));
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are main's */
    int code = pthread_create(&server->thread, NULL, serve, server);
    if (code == 0)
        pthread_setname_np(server->thread, "http");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code == 0)
        return NULL;
    socket_hub_stop(server->hub);
    return err_new(ERR_UNAVAILABLE, "can't start the HTTP loop: %s", strerror(code));
}

/* copy_settings - a reload must not pull them from under the loop. */
static void copy_settings(struct http_server *server, const struct http_server_settings *from)
{
    struct http_server_settings *to = &server->settings;

    server->arena = arena_new(SIZE_MAX);
    *to = *from;
    to->listen = str_copy(server->arena, from->listen);
    to->tls_cert = str_copy(server->arena, from->tls_cert);
    to->tls_key = str_copy(server->arena, from->tls_key);
    to->allowed_hosts.at = arena_array(server->arena, from->allowed_hosts.count + 1, sizeof(struct str));
    for (size_t i = 0; i < from->allowed_hosts.count; i++)
        to->allowed_hosts.at[i] = str_copy(server->arena, from->allowed_hosts.at[i]);
    server->options.settings = to;
}

err http_server_start(const struct http_server_options *options, struct http_server **ret_server)
{
    struct http_server *server = calloc(1, sizeof(*server));

    if (!server)
        abort();
    server->options = *options;
    copy_settings(server, options->settings);
    server->epoll_fd = server->wake_fd = server->listen_fd = server->spare_fd = -1;
    server->holders = 1;
    server->now_ms = time_mono_ms();
    for (int kind = 0; kind < TIMER_KINDS; kind++)
        TAILQ_INIT(&server->timers[kind]);
    TAILQ_INIT(&server->all);
    TAILQ_INIT(&server->again);
    TAILQ_INIT(&server->dead);
    STAILQ_INIT(&server->done);
    pthread_mutex_init(&server->lock, NULL);
    err e = open_all(server);
    if (e) {
        server_free(server);
        return e;
    }
    *ret_server = server;
    return NULL;
}

bool http_server_quiet(struct http_server *server, int64_t wait_ms)
{
    int64_t until_ms = time_mono_ms() + wait_ms;

    server->ready = false;
    server->quiet = true;
    wake(server);
    while (!server->idle && time_mono_ms() < until_ms)
        poll(NULL, 0, 5);
    return server->idle;
}

void http_server_stop(struct http_server *server)
{
    if (!server)
        return;
    server->stopping = true;
    wake(server);
    pthread_join(server->thread, NULL);
    socket_hub_stop(server->hub);
    server_release(server);
}

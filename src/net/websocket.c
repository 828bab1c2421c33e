/* websocket.c - WebSockets: one thread for all of them, each with a bounded queue; hides wslay.
 *
 * DESIGN. The HTTP loop answers the handshake and hands the connection over. Senders, on any thread, put texts into a
 * socket's own queue, which is bounded; the hub moves one text at a time from there into wslay, whose queue is not,
 * and only once the socket has taken the one before. So a peer that does not read costs at most queue_max bytes: then
 * its queue is dropped, it is told {"kind":"gap"} and closed. Lock order: a socket's,
 * then the hub's. */
#include "base/lang.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/time.h"
#include "net/http_conn.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>
#include <wslay/wslay.h>

METRIC(GAUGE, websocket_connections, "Open WebSockets.", NULL);
METRIC(COUNTER, websocket_messages_total, "Texts sent to WebSockets.", NULL);
METRIC(COUNTER, websocket_closed_total, "WebSockets closed by us, by reason.", "reason");

enum {
    SOCKETS_MAX = 1000,
    QUEUE_MAX_DEFAULT = 1024 * 1024,
    MESSAGE_MAX = 64 * 1024,
    READ_A_TURN = 256 * 1024,
    WSLAY_QUEUE_MAX = 64, /* pongs and the like that the peer makes us owe */
    PING_MS = 20000,
    SILENT_MS = 60000,
    CLOSING_MS = 3000,
    TICK_MS = 1000,
    EVENTS_A_TURN = 64,
    CODE_TRY_AGAIN_LATER = 1013,
};

struct text {
    STAILQ_ENTRY(text) next;
    size_t length;
    char bytes[];
};

struct socket {
    atomic_int holders;
    const struct socket_route *route;
    void *state;
    struct socket_hub *hub;

    pthread_mutex_t lock; /* of the next five */
    STAILQ_HEAD(, text) queue;
    size_t queued_bytes;
    bool closed;     /* nothing more is taken */
    bool overflowed; /* nothing more is taken, and the peer is to be told */
    bool adopted;    /* the hub knows it */

    bool dirty; /* under the hub's lock: in its list already */
    STAILQ_ENTRY(socket) dirties;

    /* The hub's thread alone. */
    struct wire wire;
    struct wslay_event_context *frames;
    struct str early; /* what came behind the handshake */
    size_t read_budget;
    bool told_gap, saying_goodbye, watching_room, more;
    int64_t heard_ms, pinged_ms, close_by_ms;
    TAILQ_ENTRY(socket) all;
};

STAILQ_HEAD(socket_list, socket);

struct socket_hub {
    int epoll_fd, wake_fd;
    pthread_t thread;
    atomic_size_t count;
    int64_t now_ms, ticked_ms;
    TAILQ_HEAD(, socket) all;

    pthread_mutex_t lock; /* of the next two */
    struct socket_list dirties;
    bool stopping;
};

struct socket *socket_ref(struct socket *socket)
{
    atomic_fetch_add(&socket->holders, 1);
    return socket;
}

static void drop_queue(struct socket *socket)
{
    struct text *text;

    while ((text = STAILQ_FIRST(&socket->queue))) {
        STAILQ_REMOVE_HEAD(&socket->queue, next);
        free(text);
    }
    socket->queued_bytes = 0;
}

void socket_unref(struct socket *socket)
{
    if (!socket || atomic_fetch_sub(&socket->holders, 1) != 1)
        return;
    drop_queue(socket);
    pthread_mutex_destroy(&socket->lock);
    free((char *)(uintptr_t)socket->early.at);
    free(socket);
}

/* mark - the hub has something to do for it; false where the hub takes no more. */
static bool mark(struct socket *socket)
{
    struct socket_hub *hub = socket->hub;
    uint64_t one = 1;

    pthread_mutex_lock(&hub->lock);
    bool taken = !hub->stopping;
    if (taken && !socket->dirty) {
        socket->dirty = true;
        socket_ref(socket);
        STAILQ_INSERT_TAIL(&hub->dirties, socket, dirties);
        if (write(hub->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
            log_error("waking the WebSocket hub: %s", strerror(errno));
    }
    pthread_mutex_unlock(&hub->lock);
    return taken;
}

bool socket_send(struct socket *socket, struct str text)
{
    size_t queue_max = socket->route->queue_max ? socket->route->queue_max : QUEUE_MAX_DEFAULT;

    pthread_mutex_lock(&socket->lock);
    bool open = !socket->closed && !socket->overflowed, adopted = socket->adopted;
    if (open && text.length > queue_max - socket->queued_bytes) {
        socket->overflowed = true;
        drop_queue(socket);
    } else if (open) {
        struct text *copy = malloc(sizeof(*copy) + text.length);
        if (!copy)
            abort();
        copy->length = text.length;
        memcpy(copy->bytes, text.at, text.length);
        STAILQ_INSERT_TAIL(&socket->queue, copy, next);
        socket->queued_bytes += text.length;
    }
    bool taken = open && !socket->overflowed;
    /* Still under the lock: the hub, which closes it under this lock, must outlive the mark. */
    if (open && adopted)
        mark(socket);
    pthread_mutex_unlock(&socket->lock);
    return taken;
}

void socket_expel(struct socket *socket)
{
    pthread_mutex_lock(&socket->lock);
    bool tell = !socket->closed && !socket->overflowed && socket->adopted;
    socket->overflowed = true;
    drop_queue(socket);
    if (tell)
        mark(socket);
    pthread_mutex_unlock(&socket->lock);
}

/* The hub's thread. */

static ssize_t on_read(struct wslay_event_context *frames, uint8_t *bytes, size_t room, int flags, void *arg)
{
    struct socket *socket = arg;
    (void)flags;

    if (socket->early.length) {
        size_t take = socket->early.length < room ? socket->early.length : room;
        memcpy(bytes, socket->early.at, take);
        memmove((char *)(uintptr_t)socket->early.at, socket->early.at + take, socket->early.length - take);
        socket->early.length -= take;
        return (ssize_t)take;
    }
    ssize_t got = socket->read_budget ? wire_read(&socket->wire, bytes, room) : WIRE_AGAIN;
    if (got > 0) {
        socket->read_budget -= (size_t)got < socket->read_budget ? (size_t)got : socket->read_budget;
        socket->heard_ms = socket->hub->now_ms;
        return got;
    }
    socket->more = socket->read_budget == 0;
    wslay_event_set_error(frames, got == WIRE_AGAIN ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static ssize_t on_write(struct wslay_event_context *frames, const uint8_t *bytes, size_t length, int flags, void *arg)
{
    struct socket *socket = arg;
    struct iovec part = { (uint8_t *)(uintptr_t)bytes, length };
    (void)flags;

    ssize_t put = wire_write(&socket->wire, &part, 1);
    if (put > 0)
        return put;
    wslay_event_set_error(frames, put == WIRE_AGAIN ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static void on_message(struct wslay_event_context *frames, const struct wslay_event_on_msg_recv_arg *arg, void *user)
{
    struct socket *socket = user;
    (void)frames;

    if (arg->opcode == WSLAY_TEXT_FRAME && socket->route->message)
        socket->route->message(socket, socket->state, (struct str){ (const char *)arg->msg, arg->msg_length });
}

static void socket_end(struct socket *socket)
{
    struct socket_hub *hub = socket->hub;

    pthread_mutex_lock(&socket->lock);
    socket->closed = true;
    drop_queue(socket);
    pthread_mutex_unlock(&socket->lock);
    epoll_ctl(hub->epoll_fd, EPOLL_CTL_DEL, socket->wire.fd, NULL);
    wire_close(&socket->wire);
    wslay_event_context_free(socket->frames);
    TAILQ_REMOVE(&hub->all, socket, all);
    metric_set(&websocket_connections, (double)(atomic_fetch_sub(&hub->count, 1) - 1));
    if (socket->route->closed)
        socket->route->closed(socket, socket->state);
    socket_unref(socket);
}

/* goodbye - a close frame goes out; whoever does not take it in time is cut. */
static void goodbye(struct socket *socket, int code, const char *reason)
{
    if (socket->saying_goodbye)
        return;
    socket->saying_goodbye = true;
    socket->close_by_ms = socket->hub->now_ms + CLOSING_MS;
    metric_add_for(&websocket_closed_total, str_of(reason), 1);
    wslay_event_queue_close(socket->frames, (uint16_t)code, (const uint8_t *)reason, strlen(reason));
}

static bool queue_text(struct socket *socket, const char *bytes, size_t length)
{
    const struct wslay_event_msg message = { WSLAY_TEXT_FRAME, (const uint8_t *)bytes, length };

    metric_add(&websocket_messages_total, 1);
    return wslay_event_queue_msg(socket->frames, &message) == 0;
}

/* next_text - into wslay, which is empty; false where there is none. */
static bool next_text(struct socket *socket)
{
    pthread_mutex_lock(&socket->lock);
    bool overflowed = socket->overflowed;
    struct text *text = STAILQ_FIRST(&socket->queue);
    if (text) {
        STAILQ_REMOVE_HEAD(&socket->queue, next);
        socket->queued_bytes -= text->length;
    }
    pthread_mutex_unlock(&socket->lock);
    if (overflowed && !socket->told_gap) {
        static const char gap[] = "{\"kind\":\"gap\"}";
        socket->told_gap = true;
        socket->close_by_ms = socket->hub->now_ms + CLOSING_MS;
        return queue_text(socket, gap, sizeof(gap) - 1);
    }
    if (overflowed && !socket->saying_goodbye) { /* not sooner: control frames overtake texts */
        goodbye(socket, CODE_TRY_AGAIN_LATER, "overflow");
        return true;
    }
    if (!text)
        return false;
    bool queued = queue_text(socket, text->bytes, text->length);
    free(text);
    return queued;
}

/* pump - all that the peer takes now; false: it broke. */
static bool pump(struct socket *socket)
{
    for (;;) {
        if (wslay_event_want_write(socket->frames) == 0 && !next_text(socket))
            break;
        if (wslay_event_send(socket->frames) != 0)
            return false;
        if (wslay_event_want_write(socket->frames)) /* it would block */
            break;
    }
    bool waits = wslay_event_want_write(socket->frames);
    if (waits != socket->watching_room) {
        struct epoll_event event = { .events = EPOLLIN | (waits ? EPOLLOUT : 0), .data.ptr = socket };
        epoll_ctl(socket->hub->epoll_fd, EPOLL_CTL_MOD, socket->wire.fd, &event);
        socket->watching_room = waits;
    }
    return waits || wslay_event_get_write_enabled(socket->frames) || wslay_event_get_read_enabled(socket->frames);
}

static bool listen_to(struct socket *socket)
{
    socket->read_budget = READ_A_TURN;
    socket->more = false;
    if (wslay_event_want_read(socket->frames) && wslay_event_recv(socket->frames) != 0)
        return false;
    if (wslay_event_get_queued_msg_count(socket->frames) > WSLAY_QUEUE_MAX) {
        metric_add_for(&websocket_closed_total, S("ping_flood"), 1);
        return false;
    }
    if (socket->more)
        mark(socket);
    return wslay_event_want_read(socket->frames) || wslay_event_want_write(socket->frames);
}

static void serve_socket(struct socket *socket)
{
    if (!listen_to(socket) || !pump(socket))
        socket_end(socket);
}

/* welcome - a connection from the HTTP loop. */
static void welcome(struct socket *socket)
{
    static const struct wslay_event_callbacks callbacks = { .recv_callback = on_read,
                                                            .send_callback = on_write,
                                                            .on_msg_recv_callback = on_message };
    struct socket_hub *hub = socket->hub;
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = socket };

    if (wslay_event_context_server_init(&socket->frames, &callbacks, socket) != 0)
        abort();
    wslay_event_config_set_max_recv_msg_length(socket->frames, MESSAGE_MAX);
    socket->heard_ms = socket->pinged_ms = hub->now_ms;
    TAILQ_INSERT_TAIL(&hub->all, socket, all);
    metric_set(&websocket_connections, (double)hub->count);
    epoll_ctl(hub->epoll_fd, EPOLL_CTL_ADD, socket->wire.fd, &event);
}

static struct socket *take_dirty(struct socket_hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    struct socket *socket = STAILQ_FIRST(&hub->dirties);
    if (socket) {
        STAILQ_REMOVE_HEAD(&hub->dirties, dirties);
        socket->dirty = false;
    }
    pthread_mutex_unlock(&hub->lock);
    return socket;
}

static void take_dirties(struct socket_hub *hub)
{
    struct socket *socket;
    size_t left = hub->count + 1; /* those that are marked anew meanwhile come in the next turn */
    uint64_t count;

    if (read(hub->wake_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
        log_error("WebSocket hub: %s", strerror(errno));
    while (left-- && (socket = take_dirty(hub))) {
        if (!socket->frames && !socket->closed)
            welcome(socket);
        if (!socket->closed)
            serve_socket(socket);
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the queue of dirty ones holds a reference of its own
        socket_unref(socket);
    }
}

/* tick - pings, and farewells to the silent. */
static void tick(struct socket_hub *hub)
{
    struct socket *socket, *next;

    for (socket = TAILQ_FIRST(&hub->all); socket; socket = next) {
        const struct wslay_event_msg ping = { WSLAY_PING, NULL, 0 };
        next = TAILQ_NEXT(socket, all);
        if (hub->now_ms - socket->heard_ms >= SILENT_MS) {
            metric_add_for(&websocket_closed_total, S("silent"), 1);
            socket_end(socket);
            continue;
        }
        if (socket->close_by_ms && hub->now_ms >= socket->close_by_ms) {
            socket_end(socket);
            continue;
        }
        if (hub->now_ms - socket->pinged_ms < PING_MS)
            continue;
        socket->pinged_ms = hub->now_ms;
        if (wslay_event_queue_msg(socket->frames, &ping) == 0 && !pump(socket))
            socket_end(socket);
    }
    hub->ticked_ms = hub->now_ms;
}

static void end_all(struct socket_hub *hub)
{
    struct socket *socket;

    take_dirties(hub);
    while ((socket = TAILQ_FIRST(&hub->all))) {
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the hub's list holds a reference until socket_end
        goodbye(socket, WSLAY_CODE_GOING_AWAY, "stop");
        pump(socket);
        socket_end(socket);
    }
    take_dirties(hub);
}

static void *serve(void *arg)
{
    struct socket_hub *hub = arg;
    struct epoll_event events[EVENTS_A_TURN];
    bool stopping = false;

    while (!stopping) {
        int count = epoll_wait(hub->epoll_fd, events, EVENTS_A_TURN, TAILQ_EMPTY(&hub->all) ? -1 : TICK_MS);
        hub->now_ms = time_mono_ms();
        bool woken = false;
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == hub)
                woken = true;
            else
                serve_socket(events[i].data.ptr); /* a socket is in this list once: it ends itself only */
        }
        if (woken)
            take_dirties(hub);
        if (hub->now_ms - hub->ticked_ms >= TICK_MS)
            tick(hub);
        pthread_mutex_lock(&hub->lock);
        stopping = hub->stopping;
        pthread_mutex_unlock(&hub->lock);
    }
    end_all(hub);
    return NULL;
}

err socket_hub_start(struct socket_hub **ret_hub)
{
    struct socket_hub *hub = calloc(1, sizeof(*hub));
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = hub };
    sigset_t all, before;

    if (!hub)
        abort();
    TAILQ_INIT(&hub->all);
    STAILQ_INIT(&hub->dirties);
    pthread_mutex_init(&hub->lock, NULL);
    hub->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    hub->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    hub->now_ms = time_mono_ms();
    err e = NULL;
    if (hub->epoll_fd < 0 || hub->wake_fd < 0 || epoll_ctl(hub->epoll_fd, EPOLL_CTL_ADD, hub->wake_fd, &event) < 0)
        e = err_errno("can't make an epoll descriptor");
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = e ? 0 : pthread_create(&hub->thread, NULL, serve, hub);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code)
        e = err_new(ERR_UNAVAILABLE, "can't start the WebSocket hub: %s", strerror(code));
    if (e) {
        socket_hub_free(hub);
        return e;
    }
    pthread_setname_np(hub->thread, "websocket");
    *ret_hub = hub;
    return NULL;
}

void socket_hub_stop(struct socket_hub *hub)
{
    uint64_t one = 1;

    if (!hub)
        return;
    pthread_mutex_lock(&hub->lock);
    hub->stopping = true;
    pthread_mutex_unlock(&hub->lock);
    if (write(hub->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
        log_error("waking the WebSocket hub: %s", strerror(errno));
    pthread_join(hub->thread, NULL);
}

void socket_hub_free(struct socket_hub *hub)
{
    if (!hub)
        return;
    if (hub->epoll_fd >= 0)
        close(hub->epoll_fd);
    if (hub->wake_fd >= 0)
        close(hub->wake_fd);
    pthread_mutex_destroy(&hub->lock);
    free(hub);
}

err socket_open(struct request *req, const struct socket_route *route, const void *query, struct socket **ret_socket)
{
    struct socket_hub *hub = server_hub(req->server);

    if (atomic_fetch_add(&hub->count, 1) >= SOCKETS_MAX) {
        atomic_fetch_sub(&hub->count, 1);
        return err_retry_after(err_new(ERR_UNAVAILABLE, "there are %d WebSockets already", SOCKETS_MAX), 5000);
    }
    struct socket *socket = calloc(1, sizeof(*socket));
    if (!socket)
        abort();
    *socket = (struct socket){ .holders = 1, .route = route, .hub = hub, .wire.fd = -1 };
    STAILQ_INIT(&socket->queue);
    pthread_mutex_init(&socket->lock, NULL);
    err e = route->open ? route->open(socket, req, query, &socket->state) : NULL;
    if (e) {
        pthread_mutex_lock(&socket->lock);
        socket->closed = true;
        pthread_mutex_unlock(&socket->lock);
        atomic_fetch_sub(&hub->count, 1);
        socket_unref(socket);
        return e;
    }
    *ret_socket = socket;
    return NULL;
}

void socket_adopt(struct socket *socket, struct wire *wire, struct str early)
{
    socket->wire = *wire;
    if (early.length) {
        char *copy = malloc(early.length);
        if (!copy)
            abort();
        memcpy(copy, early.at, early.length);
        socket->early = (struct str){ copy, early.length };
    }
    pthread_mutex_lock(&socket->lock);
    socket->adopted = true;
    bool taken = mark(socket);
    pthread_mutex_unlock(&socket->lock);
    if (!taken) {
        wire_close(&socket->wire);
        socket_abandon(socket);
    }
}

void socket_abandon(struct socket *socket)
{
    pthread_mutex_lock(&socket->lock);
    socket->closed = true;
    drop_queue(socket);
    pthread_mutex_unlock(&socket->lock);
    atomic_fetch_sub(&socket->hub->count, 1);
    if (socket->route->closed)
        socket->route->closed(socket, socket->state);
    socket_unref(socket);
}

/* http_conn.c - one connection: head, body, work, reply, and again.
 *
 * DESIGN. A state machine that only the loop runs: conn_drive takes steps until one has to wait for the socket, a
 * worker or a timer. Sockets are edge-triggered and stay registered, so a request on a kept connection costs one
 * epoll_wait, one recv and one sendmsg. What a request needs lives in conn->arena and is gone with its reply. */
#include "base/asset.h"
#include "base/lang.h"
#include "base/metric.h"
#include "base/time.h"
#include "net/http_loop.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

METRIC(COUNTER, http_requests_total, "Requests answered, by status.", "code");
METRIC(GAUGE, http_requests_in_flight, "Requests that workers are working on.", NULL);
METRIC(GAUGE, http_connections, "Open connections, WebSockets apart.", NULL);
METRIC(COUNTER, http_cut_total, "Connections and requests cut short, by reason.", "reason");

enum {
    READ_BYTES = 8192,
    PROGRESS_BYTES = 256 * 1024, /* a body or a reply gets its time anew after each of these */
    KEEP_ROOM_BYTES = 64 * 1024, /* larger buffers go back after a request */
    TURNS_MAX = 64,
    LINGER_MS = 2000,
};

enum conn_read { READ_SOME, READ_AGAIN, READ_END };

static int64_t timer_ms(const struct http_server *server, enum timer_kind kind)
{
    const struct http_server_settings *settings = server->options.settings;

    switch (kind) {
    case TIMER_HEAD:
        return settings->header_timeout.ms;
    case TIMER_IDLE:
        return settings->idle_timeout.ms;
    case TIMER_BODY:
    case TIMER_WRITE:
        return settings->body_timeout.ms;
    case TIMER_HANDLE:
        return settings->handle_timeout.ms;
    default:
        return LINGER_MS;
    }
}

void conn_timer(struct http_conn *conn, enum timer_kind kind)
{
    if (conn->timer != TIMER_NONE)
        TAILQ_REMOVE(&conn->server->timers[conn->timer], conn, timers);
    conn->timer = kind;
    if (kind == TIMER_NONE)
        return;
    conn->due_ms = conn->server->now_ms + timer_ms(conn->server, kind);
    TAILQ_INSERT_TAIL(&conn->server->timers[kind], conn, timers);
}

/* wait_for - starts the timer where it doesn't run yet: waiting once more gives no more time. */
static void wait_for(struct http_conn *conn, enum timer_kind kind)
{
    if (conn->timer != kind)
        conn_timer(conn, kind);
}

struct http_conn *conn_new(struct http_server *server, int fd, const struct sockaddr_in6 *peer)
{
    struct http_conn *conn = calloc(1, sizeof(*conn));
    socklen_t length = sizeof(conn->local);

    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = conn };

    if (!conn)
        abort();
    conn->server = server;
    conn->wire.fd = fd;
    conn->at_end = epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0; /* then it is closed at once */
    conn->timer = TIMER_NONE;
    conn->state = server->tls ? CONN_HANDSHAKE : CONN_HEAD;
    conn->readable = true;
    conn->peer = *peer;
    getsockname(fd, (struct sockaddr *)&conn->local, &length);
    buf_init(&conn->in, (size_t)server->options.settings->max_header_bytes + 4 * READ_BYTES);
    buf_init(&conn->out_head, 256 * 1024);
    buf_init(&conn->request.reply.body, REPLY_MAX_BYTES);
    conn->arena = arena_new(REQUEST_ARENA_BYTES);
    TAILQ_INSERT_TAIL(&server->all, conn, all);
    metric_set(&http_connections, (double)++server->connections);
    conn_timer(conn, TIMER_HEAD);
    return conn;
}

void conn_free(struct http_conn *conn)
{
    buf_clear(&conn->in);
    buf_clear(&conn->body);
    buf_clear(&conn->out_head);
    buf_clear(&conn->request.reply.body);
    arena_free(conn->arena);
    free(conn);
}

/* conn_close - the memory goes at the end of the loop's turn, or when its worker is through. */
void conn_close(struct http_conn *conn)
{
    struct http_server *server = conn->server;

    if (conn->state == CONN_DEAD)
        return;
    conn_timer(conn, TIMER_NONE);
    if (conn->queued)
        TAILQ_REMOVE(&server->again, conn, again);
    conn->queued = false;
    if (!conn->on_worker && conn->request.socket)
        socket_abandon(TAKE(conn->request.socket));
    wire_close(&conn->wire);
    TAILQ_REMOVE(&server->all, conn, all);
    metric_set(&http_connections, (double)--server->connections);
    conn->state = CONN_DEAD;
    if (!conn->on_worker)
        TAILQ_INSERT_TAIL(&server->dead, conn, again);
}

static enum conn_read broken(struct http_conn *conn)
{
    conn->at_end = true;
    return READ_END;
}

/* read_into - up to `most` bytes behind what the buffer holds. */
static enum conn_read read_into(struct http_conn *conn, struct buf *buf, size_t most)
{
    if (conn->at_end)
        return READ_END;
    if (!conn->readable)
        return READ_AGAIN;
    char *room = buf_reserve(buf, most);
    if (!room)
        return broken(conn);
    ssize_t got = wire_read(&conn->wire, room, most);
    if (got == WIRE_AGAIN) {
        conn->readable = false;
        return READ_AGAIN;
    }
    if (got <= 0)
        return broken(conn);
    buf->length += (size_t)got;
    conn->progress += (size_t)got;
    /* Less than asked for: the socket is empty, and an edge will tell of more (not so under TLS, or at the end). */
    if ((size_t)got < most && !conn->wire.ssl && !conn->hung_up)
        conn->readable = false;
    return READ_SOME;
}

static struct str unread(const struct http_conn *conn)
{
    return (struct str){ conn->in.at + conn->in_at, conn->in.length - conn->in_at };
}

static enum conn_read read_more(struct http_conn *conn)
{
    struct buf *in = &conn->in;

    if (conn->in_at) {
        memmove(in->at, in->at + conn->in_at, in->length - conn->in_at);
        buf_truncate(in, in->length - conn->in_at);
        conn->in_at = 0;
    }
    size_t left = in->max - in->length;
    return read_into(conn, in, left < READ_BYTES ? left : READ_BYTES);
}

static void clear_request(struct http_conn *conn)
{
    struct request *req = &conn->request;
    struct buf body = req->reply.body;

    arena_reset(conn->arena);
    memset(req, 0, offsetof(struct request, head.headers));
    buf_reset(&body);
    req->reply.body = body;
    req->server = conn->server;
    req->arena = conn->arena;
    req->head.minor = 1;
    req->head.path = req->head.method = req->head.query = req->head.host = S("");
    req->lang = req->body = S("");
    req->peer_address = &conn->peer;
    req->local_address = &conn->local;
}

/* respond - the reply is complete: send it. */
static void respond(struct http_conn *conn)
{
    struct request *req = &conn->request;
    struct reply *reply = &req->reply;
    struct str body = buf_str(&reply->body);
    char code[4] = { (char)('0' + reply->status / 100 % 10), (char)('0' + reply->status / 10 % 10),
                     (char)('0' + reply->status % 10) };

    if (reply->asset)
        body = (struct str){ (const char *)reply->asset->bytes, reply->asset->length };
    if (conn->server->stopping)
        conn->close_after = true;
    metric_add_for(&http_requests_total, str_of(code), 1);
    buf_reset(&conn->out_head);
    reply_head_write(&conn->out_head, req, body.length, !conn->close_after);
    bool bodyless = reply->status == 101 || reply->status == 204 || reply->status == 304;
    conn->out_body = bodyless || str_eq(req->head.method, S("HEAD")) ? S("") : body;
    conn->out_at = 0;
    conn->progress = 0;
    conn->state = CONN_WRITING;
}

/* refuse - the reply to something that is not read to its end: afterwards the connection is closed, gently. */
static bool refuse(struct http_conn *conn, int status, const char *why, const char *reason)
{
    struct http_fault fault = { status, why };

    metric_add_for(&http_cut_total, str_of(reason), 1);
    request_fault(&conn->request, &fault);
    conn->close_after = conn->linger = true;
    respond(conn);
    return true;
}

static void run_on_worker(void *arg)
{
    struct http_conn *conn = arg;

    request_run(&conn->request);
    server_conn_done(conn);
}

static void overloaded(struct http_conn *conn)
{
    metric_add_for(&http_cut_total, S("in_flight"), 1);
    request_fail(&conn->request,
                 err_retry_after(err_new(ERR_UNAVAILABLE, "too many requests are being worked on"), 1000));
    respond(conn);
}

/* start - all of the request is there. */
static bool start(struct http_conn *conn)
{
    struct http_server *server = conn->server;
    struct request *req = &conn->request;

    conn->state = CONN_HANDLING;
    req->deadline_ms = server->now_ms + timer_ms(server, TIMER_HANDLE);
    if (request_is_quick(req)) {
        request_run(req);
        respond(conn);
        return true;
    }
    if (server->in_flight >= (size_t)server->options.settings->max_in_flight) {
        overloaded(conn);
        return true;
    }
    pthread_mutex_lock(&server->lock);
    server->holders++;
    pthread_mutex_unlock(&server->lock);
    conn->on_worker = true;
    conn_timer(conn, TIMER_HANDLE);
    bool slow = req->match.route && req->match.route->slow && server->options.slow;
    if (pool_submit(slow ? server->options.slow : server->options.workers, LANE_FRONT, run_on_worker, conn)) {
        metric_set(&http_requests_in_flight, (double)++server->in_flight);
        return false;
    }
    conn->on_worker = false;
    server_release(server);
    overloaded(conn);
    return true;
}

static void peer_of(struct http_conn *conn)
{
    struct request *req = &conn->request;
    const struct in6_addr *address = &conn->peer.sin6_addr;
    bool trusted = conn->server->options.settings->trust_proxy;

    if (!conn->peer_text[0]) {
        if (IN6_IS_ADDR_V4MAPPED(address))
            inet_ntop(AF_INET, &address->s6_addr[12], conn->peer_text, sizeof(conn->peer_text));
        else
            inet_ntop(AF_INET6, address, conn->peer_text, sizeof(conn->peer_text));
    }
    req->peer = str_of(conn->peer_text);
    req->secure = conn->wire.ssl != NULL;
    if (!trusted)
        return;
    struct str forwarded = http_header(&req->head, S("X-Forwarded-For")), last = S("");
    for (struct str rest = forwarded; rest.at && rest.length;)
        last = str_trim(str_cut(rest, ',', &rest));
    if (last.length) /* what the nearest proxy saw; the entries before it are the client's own words */
        req->peer = last;
    if (str_eq_nocase(http_header(&req->head, S("X-Forwarded-Proto")), S("https")))
        req->secure = true;
}

/* begin - the head is whole: decide what the body may be. */
static bool begin(struct http_conn *conn, size_t head_length)
{
    static const struct iovec go_on = { (char *)(uintptr_t) "HTTP/1.1 100 Continue\r\n\r\n", 25 };
    struct request *req = &conn->request;
    struct http_fault fault;

    clear_request(conn);
    conn->linger = false;
    struct str text = str_copy(conn->arena, str_slice(unread(conn), 0, head_length));
    conn->in_at += head_length;
    conn->looked_at = 0;
    if (!http_head_parse(text, &req->head, &fault)) {
        req->head.method = S("");
        return refuse(conn, fault.status, fault.why, "malformed");
    }
    conn->close_after = !req->head.keep_alive;
    peer_of(conn);
    bool has_body = req->head.content_length || req->head.chunked;
    err e = request_begin(req);
    if (e) {
        request_fail(req, e);
        conn->linger = has_body;
        conn->close_after |= has_body;
        respond(conn);
        return true;
    }
    if (!has_body)
        return start(conn);
    buf_clear(&conn->body);
    buf_init(&conn->body, request_body_max(req));
    conn->chunked = (struct chunked){ 0 };
    conn->body_left = (size_t)req->head.content_length;
    conn->progress = 0;
    conn->state = CONN_BODY;
    conn_timer(conn, TIMER_BODY);
    if (req->head.expect_continue && unread(conn).length == 0 && wire_write(&conn->wire, &go_on, 1) == WIRE_BROKEN)
        conn->at_end = true;
    return true;
}

/* step_head - false: wait. */
static bool step_head(struct http_conn *conn)
{
    size_t most = (size_t)conn->server->options.settings->max_header_bytes;

    while (conn->in.length - conn->in_at >= 2 && memcmp(unread(conn).at, "\r\n", 2) == 0)
        conn->in_at += 2; /* RFC 9112, section 2.2: empty lines before a request */
    struct str text = unread(conn);
    size_t end = text.length ? http_head_end(text, conn->looked_at) : 0;
    if (end == SIZE_MAX || end > most || (end == 0 && text.length >= most)) {
        clear_request(conn);
        return end == SIZE_MAX ? refuse(conn, 400, "lines must end in CR LF", "malformed")
                               : refuse(conn, 431, "the request line and headers are too long", "header_bytes");
    }
    if (end)
        return begin(conn, end);
    conn->looked_at = text.length;
    switch (read_more(conn)) {
    case READ_SOME:
        /* From its first byte on a request has header_timeout, however it drips in. */
        wait_for(conn, TIMER_HEAD);
        return true;
    case READ_AGAIN:
        return false;
    case READ_END:
        break;
    }
    conn_close(conn);
    return false;
}

static bool read_length(struct http_conn *conn, enum conn_read *ret_read)
{
    struct str there = unread(conn);
    size_t take = there.length < conn->body_left ? there.length : conn->body_left;

    buf_add(&conn->body, str_slice(there, 0, take));
    conn->in_at += take;
    conn->body_left -= take;
    if (conn->body_left == 0)
        return true;
    size_t before = conn->body.length;
    *ret_read = read_into(conn, &conn->body, conn->body_left);
    conn->body_left -= conn->body.length - before;
    return conn->body_left == 0;
}

static bool step_body(struct http_conn *conn)
{
    enum conn_read read = READ_SOME;
    bool whole = false;
    size_t used = 0;

    if (!conn->request.head.chunked) {
        whole = read_length(conn, &read);
    } else {
        enum chunked_result result = chunked_feed(&conn->chunked, unread(conn), &conn->body, &used);
        if (result == CHUNKED_WRONG)
            return refuse(conn, 400, "the chunked body is malformed", "malformed");
        if (result == CHUNKED_FULL)
            return refuse(conn, 413, "the body is larger than is taken here", "body_bytes");
        conn->in_at += used;
        whole = result == CHUNKED_DONE;
        if (!whole)
            read = read_more(conn);
    }
    if (whole) {
        conn_timer(conn, TIMER_NONE);
        conn->request.body = buf_str(&conn->body);
        return start(conn);
    }
    if (read == READ_END) {
        conn_close(conn);
        return false;
    }
    if (conn->progress >= PROGRESS_BYTES) {
        conn->progress = 0;
        conn_timer(conn, TIMER_BODY);
    }
    return read == READ_SOME;
}

static void shrink(struct buf *buf)
{
    if (buf->room > KEEP_ROOM_BYTES)
        buf_clear(buf);
}

/* finish - the reply is out. */
static bool finish(struct http_conn *conn)
{
    struct request *req = &conn->request;

    if (req->socket && req->reply.status == 101) {
        struct wire wire = conn->wire;
        epoll_ctl(conn->server->epoll_fd, EPOLL_CTL_DEL, wire.fd, NULL);
        conn->wire = (struct wire){ .fd = -1 };
        socket_adopt(TAKE(req->socket), &wire, unread(conn));
        conn_close(conn);
        return false;
    }
    if (conn->close_after && conn->linger) {
        /* Closing with unread input would reset the connection before the peer has read why. */
        shutdown(conn->wire.fd, SHUT_WR);
        conn->state = CONN_LINGER;
        conn_timer(conn, TIMER_LINGER);
        return true;
    }
    if (conn->close_after) {
        conn_close(conn);
        return false;
    }
    clear_request(conn);
    shrink(&req->reply.body);
    shrink(&conn->body);
    conn->looked_at = 0;
    conn->state = CONN_HEAD;
    conn_timer(conn, unread(conn).length ? TIMER_HEAD : TIMER_IDLE);
    return true;
}

static bool step_write(struct http_conn *conn)
{
    size_t head = conn->out_head.length, sum = head + conn->out_body.length;
    struct iovec parts[2];
    int count = 0;

    if (conn->out_at < head)
        parts[count++] = (struct iovec){ conn->out_head.at + conn->out_at, head - conn->out_at };
    size_t from = conn->out_at > head ? conn->out_at - head : 0;
    if (conn->out_body.length > from)
        parts[count++] = (struct iovec){ (char *)(uintptr_t)conn->out_body.at + from, conn->out_body.length - from };
    ssize_t put = wire_write(&conn->wire, parts, count);
    if (put == WIRE_BROKEN) {
        conn_close(conn);
        return false;
    }
    if (put == WIRE_AGAIN) {
        wait_for(conn, TIMER_WRITE);
        return false;
    }
    conn->out_at += (size_t)put;
    conn->progress += (size_t)put;
    if (conn->out_at == sum)
        return finish(conn);
    if (conn->progress >= PROGRESS_BYTES) {
        conn->progress = 0;
        conn_timer(conn, TIMER_WRITE);
    }
    return true;
}

static bool step_linger(struct http_conn *conn)
{
    conn->in_at = 0;
    buf_reset(&conn->in);
    enum conn_read read = read_into(conn, &conn->in, 4 * READ_BYTES);
    if (read == READ_END)
        conn_close(conn);
    return read == READ_SOME;
}

static bool step_handshake(struct http_conn *conn)
{
    int outcome = wire_accept(&conn->wire, conn->server->tls);

    if (outcome == WIRE_BROKEN) {
        metric_add_for(&http_cut_total, S("tls"), 1);
        conn_close(conn);
        return false;
    }
    if (outcome == WIRE_AGAIN)
        return false;
    conn->state = CONN_HEAD;
    return true;
}

static bool step(struct http_conn *conn)
{
    switch (conn->state) {
    case CONN_HANDSHAKE:
        return step_handshake(conn);
    case CONN_HEAD:
        return step_head(conn);
    case CONN_BODY:
        return step_body(conn);
    case CONN_WRITING:
        return step_write(conn);
    case CONN_LINGER:
        return step_linger(conn);
    case CONN_HANDLING:
    case CONN_DEAD:
        break;
    }
    return false;
}

void conn_drive(struct http_conn *conn)
{
    for (int turns = 0; turns < TURNS_MAX; turns++)
        if (!step(conn))
            return;
    if (!conn->queued) { /* others first */
        conn->queued = true;
        TAILQ_INSERT_TAIL(&conn->server->again, conn, again);
    }
}

void conn_events(struct http_conn *conn, uint32_t events)
{
    if (conn->state == CONN_DEAD)
        return;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        conn->hung_up = true;
    if (conn->hung_up && conn->on_worker)
        __atomic_store_n(&conn->request.gone, true, __ATOMIC_RELAXED);
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        conn->readable = true;
    conn_drive(conn);
}

void conn_done(struct http_conn *conn)
{
    conn->on_worker = false;
    metric_set(&http_requests_in_flight, (double)--conn->server->in_flight);
    if (conn->state == CONN_DEAD) { /* gave up waiting before */
        if (conn->request.socket)
            socket_abandon(TAKE(conn->request.socket));
        TAILQ_INSERT_TAIL(&conn->server->dead, conn, again);
        return;
    }
    conn_timer(conn, TIMER_NONE);
    respond(conn);
    conn_drive(conn);
}

/* give_up - the worker still has the request, and keeps its memory; the peer hears from us now. */
static void give_up(struct http_conn *conn)
{
    static const char body[] = "{\"type\":\"about:blank\",\"title\":\"Timed out\",\"status\":504,"
                               "\"detail\":\"this took longer than is allowed here\"}";
    char text[512];
    int length = snprintf(text, sizeof(text),
                          "HTTP/1.1 504 Gateway Timeout\r\nContent-Type: application/problem+json\r\n"
                          "Connection: close\r\nCache-Control: no-store\r\nContent-Length: %zu\r\n\r\n%s",
                          sizeof(body) - 1, body);
    struct iovec part = { text, (size_t)length };

    metric_add_for(&http_requests_total, S("504"), 1);
    metric_add_for(&http_cut_total, S("handle_timeout"), 1);
    __atomic_store_n(&conn->request.gone, true, __ATOMIC_RELAXED);
    wire_write(&conn->wire, &part, 1);
    conn_close(conn);
}

void conn_due(struct http_conn *conn)
{
    enum timer_kind kind = conn->timer;

    if (kind == TIMER_HANDLE) {
        give_up(conn);
        return;
    }
    if (kind == TIMER_HEAD && conn->state == CONN_HEAD && unread(conn).length) {
        clear_request(conn);
        refuse(conn, 408, "the headers did not come in time", "header_timeout");
    } else if (kind == TIMER_BODY) {
        refuse(conn, 408, "the body did not come in time", "body_timeout");
    } else {
        if (kind == TIMER_WRITE)
            metric_add_for(&http_cut_total, S("write_timeout"), 1);
        conn_close(conn);
        return;
    }
    conn_timer(conn, TIMER_NONE);
    conn_drive(conn);
}

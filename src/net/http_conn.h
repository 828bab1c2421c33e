/* http_conn.h - what the server knows of a connection and of the request on it; inside net/ only.
 *
 * Owner: the loop; while .state is CONN_HANDLING on a worker, that worker owns the request and its memory, and the
 * loop touches the other members only. Threads: see each member. */
#pragma once
#include "net/http_parse.h"
#include "net/http_server.h"
#include "net/router.h"
#include "net/wire.h"

#include <netinet/in.h>
#include <sys/queue.h>

struct request {
    struct http_server *server;
    struct arena *arena;
    struct route_match match;
    VEC(struct pair) query; /* decoded, without `lang` */
    struct str body;        /* gzip undone */
    struct str lang;        /* ?lang= */
    struct principal principal;
    bool identified, write, secure, upgrade;
    bool gone; /* set by the loop, read by the handler: atomically */
    int64_t deadline_ms;
    const struct sockaddr_in6 *peer_address, *local_address; /* IPv4 as ::ffff:a.b.c.d */
    struct str peer;
    struct reply reply;
    void *socket_state; /* of a WebSocket row's open() */
    struct socket *socket;
    struct http_head head; /* last: its headers need no clearing */
};

enum conn_state { CONN_HANDSHAKE, CONN_HEAD, CONN_BODY, CONN_HANDLING, CONN_WRITING, CONN_LINGER, CONN_DEAD };
enum timer_kind {
    TIMER_HEAD,
    TIMER_IDLE,
    TIMER_BODY,
    TIMER_HANDLE,
    TIMER_WRITE,
    TIMER_LINGER,
    TIMER_KINDS,
    TIMER_NONE
};

struct http_conn {
    struct wire wire;
    struct http_server *server;
    enum conn_state state;
    bool readable, hung_up, at_end, close_after, linger, queued, on_worker;
    enum timer_kind timer;
    int64_t due_ms;
    TAILQ_ENTRY(http_conn) all, timers, again;
    STAILQ_ENTRY(http_conn) done;
    struct sockaddr_in6 peer, local; /* IPv4 as ::ffff:a.b.c.d */
    char peer_text[INET6_ADDRSTRLEN];

    struct buf in; /* as it came; in_at bytes of it are used up */
    size_t in_at, looked_at;
    struct buf body;
    size_t body_left; /* of a Content-Length */
    struct chunked chunked;
    size_t progress; /* bytes since the timer was set */

    struct arena *arena;
    struct request request;

    struct buf out_head;
    struct str out_body;
    size_t out_at;
};

/* Limits the settings don't have. */
enum {
    REQUEST_ARENA_BYTES = 64 * 1024 * 1024,
    BODY_MAX_DEFAULT = 1024 * 1024,
    REPLY_MAX_BYTES = 256 * 1024 * 1024,
    QUERY_PAIRS_MAX = 1000,
    GZIP_FROM_BYTES = 1024,
};

/* http_dispatch.c: what happens to a request, without any socket. */

/* request_begin - once the head is there, on the loop: route, ready, Host, Origin; its err becomes the reply. */
err request_begin(struct request *req) MUST_USE;
size_t request_body_max(const struct request *req);
bool request_is_quick(const struct request *req);
/* request_run - once the body is there: credentials, parameters, handler. req->reply is complete afterwards. */
void request_run(struct request *req);
/* request_fail - make `e` the reply, in the row's own shape or as a problem document. Takes `e`. */
void request_fail(struct request *req, err e);
void request_fault(struct request *req, const struct http_fault *fault);
/* request_parse_query - of a WebSocket row. */
err request_parse_query(struct request *req, const struct schema *schema, const void **ret_query) MUST_USE;

/* http_guard.c: is this caller allowed to ask that? */
err guard_host(struct request *req) MUST_USE;   /* DNS rebinding */
err guard_origin(struct request *req) MUST_USE; /* another site's page */
err guard_principal(struct request *req, enum role needs, bool open_on_loopback) MUST_USE;

/* http_reply.c: the reply's bytes. */
const char *http_reason(int status);
/* reply_head_write - status line and headers for a body of `length` bytes. */
void reply_head_write(struct buf *out, struct request *req, size_t length, bool keep_alive);
/* reply_finish - choose the asset's or the body's bytes, gzip them where accepted; on the thread that handled it. */
void reply_finish(struct request *req);
/* gzip_inflate - false: broken, or out's maximum is reached (then it is full). */
bool gzip_inflate(struct str in, struct buf *out) MUST_USE;

/* http_server.c */
const struct http_server_settings *server_settings(const struct http_server *server);
const struct router *server_router(const struct http_server *server);
bool server_is_ready(const struct http_server *server);
bool server_auth_none(const struct http_server *server);
struct str server_listen_host(const struct http_server *server);
/* server_conn_done - from a worker: its request's reply is complete. */
void server_conn_done(struct http_conn *conn);

/* websocket.c */
struct socket_hub;
err socket_hub_start(struct socket_hub **ret_hub) MUST_USE;
void socket_hub_stop(struct socket_hub *hub); /* closes all sockets, joins its thread */
void socket_hub_free(struct socket_hub *hub);
struct socket_hub *server_hub(const struct http_server *server);
/* socket_open - one more socket of the hub, which the row's open() agreed to. On a worker. ERR_UNAVAILABLE where there
 * are too many. */
err socket_open(struct request *req, const struct socket_route *route, const void *query,
                struct socket **ret_socket) MUST_USE;
/* socket_upgrade - checks the handshake, opens a socket; the reply is 101. */
err socket_upgrade(struct request *req) MUST_USE;
/* socket_adopt - the 101 is sent: the hub takes the connection and what the client already sent behind it. */
void socket_adopt(struct socket *socket, struct wire *wire, struct str early);
/* socket_abandon - the connection broke before that. */
void socket_abandon(struct socket *socket);

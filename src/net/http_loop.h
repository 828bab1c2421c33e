/* http_loop.h - the loop that owns connections; inside net/ only, for http_server.c, http_accept.c and http_conn.c.
 *
 * Owner: http_server.c. Threads: the loop's, but for what says otherwise. */
#pragma once
#include "net/http_conn.h"

#include <pthread.h>
#include <stdatomic.h>

TAILQ_HEAD(conn_list, http_conn);
STAILQ_HEAD(conn_queue, http_conn);

struct http_server {
    struct http_server_options options;
    struct http_server_settings settings; /* a copy, in the arena */
    struct arena *arena;
    struct router *router;
    struct socket_hub *hub;
    struct ssl_ctx_st *tls;
    struct str listen_host;
    int port;
    _Atomic bool ready, stopping, quiet;
    _Atomic bool idle; /* while quiet: no handler runs, and none will */

    pthread_t thread;
    int epoll_fd, wake_fd, listen_fd, spare_fd;
    struct conn_list timers[TIMER_KINDS]; /* oldest first: one length a kind, so it is sorted */
    struct conn_list all, again, dead;    /* again: had more to do than one turn */
    size_t connections, in_flight;
    int64_t now_ms, listen_again_ms, stop_by_ms;

    pthread_mutex_t lock; /* of the three below */
    struct conn_queue done;
    int holders; /* the loop's owner and each job on a worker */
    bool ended;  /* the loop's thread is gone */
};

void server_release(struct http_server *server);

/* http_conn.c */
struct http_conn *conn_new(struct http_server *server, int fd, const struct sockaddr_in6 *peer);
/* conn_drive - go on until it has to wait. */
void conn_drive(struct http_conn *conn);
void conn_events(struct http_conn *conn, uint32_t events);
void conn_due(struct http_conn *conn);  /* its timer ran out */
void conn_done(struct http_conn *conn); /* its worker is through */
void conn_close(struct http_conn *conn);
void conn_free(struct http_conn *conn);
void conn_timer(struct http_conn *conn, enum timer_kind kind);

/* http_accept.c */
err http_listen(struct http_server *server) MUST_USE;
void http_accept(struct http_server *server);

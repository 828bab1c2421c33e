/* http_accept.c - the listening socket: where it may stand, whom it lets in. */
#include "base/lang.h"
#include "base/log.h"
#include "base/metric.h"
#include "net/http_loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

METRIC(COUNTER, http_accepted_total, "Connections accepted.", NULL);
METRIC(COUNTER, http_refused_total, "Connections closed for want of room, by reason.", "reason");

enum { ACCEPTS_A_TURN = 64, BACKLOG = 1024, PAUSE_MS = 100 };

static bool is_loopback(const struct address *address)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address->at;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->at;

    if (address->at.ss_family == AF_INET)
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

/* split - "127.0.0.1:7171", "[::1]:7171", "localhost:0", ":7171" (all addresses). */
static err split(struct str listen, struct str *ret_host, int *ret_port)
{
    size_t colon = SIZE_MAX;
    int64_t port;

    for (size_t i = 0; i < listen.length; i++)
        if (listen.at[i] == ':')
            colon = i;
    if (colon == SIZE_MAX || !str_to_i64(str_slice(listen, colon + 1, listen.length), &port) || port < 0 ||
        port > 65535)
        return err_new(ERR_INVALID, "'%.*s' is not ADDRESS:PORT, such as 127.0.0.1:7171", STR_ARG(listen));
    struct str host = str_slice(listen, 0, colon);
    if (host.length > 2 && host.at[0] == '[' && host.at[host.length - 1] == ']')
        host = str_slice(host, 1, host.length - 1);
    *ret_host = host.length ? host : S("0.0.0.0");
    *ret_port = (int)port;
    return NULL;
}

/* check_exposure - what other machines can reach must be encrypted, and ask who they are. */
static err check_exposure(const struct http_server *server, const struct address *address)
{
    const struct http_server_settings *settings = server->options.settings;

    if (is_loopback(address))
        return NULL;
    if (server->options.auth_none)
        return err_hint(err_new(ERR_FORBIDDEN, "--web.auth=none is for loopback addresses only, not for %.*s",
                                STR_ARG(settings->listen)),
                        "listen on 127.0.0.1, or leave --web.auth at required");
    if (!server->tls && !settings->trust_proxy)
        return err_hint(
            err_new(ERR_FORBIDDEN, "%.*s can be reached from other machines, and nothing encrypts it",
                    STR_ARG(settings->listen)),
            "set server.tls_cert and server.tls_key, or server.trust_proxy behind a proxy that ends TLS, or "
            "listen on 127.0.0.1");
    return NULL;
}

static err bind_error(struct str listen, int code)
{
    if (code == EADDRINUSE)
        return err_hint(err_new(ERR_UNAVAILABLE, "%.*s is in use by another process", STR_ARG(listen)),
                        "see who holds it (ss -ltnp), stop that, or choose another --web.listen-address");
    if (code == EACCES)
        return err_hint(err_new(ERR_FORBIDDEN, "may not listen on %.*s", STR_ARG(listen)),
                        "ports below 1024 need a privilege: choose another --web.listen-address");
    return err_new(ERR_UNAVAILABLE, "can't listen on %.*s: %s", STR_ARG(listen), strerror(code));
}

/* mapped - every address as IPv6. */
static struct sockaddr_in6 mapped(const struct sockaddr_storage *from)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;
    struct sockaddr_in6 to = { .sin6_family = AF_INET6 };

    if (from->ss_family != AF_INET)
        return *(const struct sockaddr_in6 *)from;
    to.sin6_port = v4->sin_port;
    to.sin6_addr.s6_addr[10] = to.sin6_addr.s6_addr[11] = 0xff;
    memcpy(&to.sin6_addr.s6_addr[12], &v4->sin_addr, 4);
    return to;
}

err http_listen(struct http_server *server)
{
    struct str listen_at = server->options.settings->listen, host;
    struct address addresses[ADDRESSES_MAX];
    struct sockaddr_storage bound = { 0 };
    socklen_t length = sizeof(bound);
    size_t count = 0;
    int one = 1, port = 0;

    TRY(split(listen_at, &host, &port));
    TRY(resolve_host(host, port, INT64_MAX / 2, addresses, &count));
    if (count == 0)
        return err_new(ERR_INVALID, "%.*s has no address", STR_ARG(host));
    TRY(check_exposure(server, &addresses[0]));
    server->listen_host = host;
    server->listen_fd = socket(addresses[0].at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server->listen_fd < 0)
        return err_errno("socket");
    setsockopt(server->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(server->listen_fd, (struct sockaddr *)&addresses[0].at, addresses[0].length) < 0 ||
        listen(server->listen_fd, BACKLOG) < 0)
        return bind_error(listen_at, errno);
    if (getsockname(server->listen_fd, (struct sockaddr *)&bound, &length) < 0)
        return err_errno("getsockname");
    server->port = ntohs(mapped(&bound).sin6_port);
    server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return NULL;
}

/* make_room - close who has been idle longest, else who has been sending headers longest. */
static bool make_room(struct http_server *server)
{
    struct http_conn *oldest = TAILQ_FIRST(&server->timers[TIMER_IDLE]);

    if (!oldest)
        oldest = TAILQ_FIRST(&server->timers[TIMER_HEAD]);
    if (!oldest || (oldest->state != CONN_HEAD && oldest->state != CONN_HANDSHAKE))
        return false;
    metric_add_for(&http_refused_total, S("evicted"), 1);
    conn_close(oldest);
    return true;
}

/* out_of_descriptors - take the waiting peer with the spare one and hang up: left in the queue it would wake us for
 * ever. */
static void out_of_descriptors(struct http_server *server)
{
    metric_add_for(&http_refused_total, S("descriptors"), 1);
    close(server->spare_fd);
    int fd = accept(server->listen_fd, NULL, NULL);
    if (fd >= 0)
        close(fd);
    server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    make_room(server);
}

void http_accept(struct http_server *server)
{
    static const char full[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
                               "Connection: close\r\n\r\n";
    int one = 1;

    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage from = { 0 };
        socklen_t length = sizeof(from);
        int fd = accept4(server->listen_fd, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
            out_of_descriptors(server);
            return;
        }
        if (fd < 0)
            return;
        metric_add(&http_accepted_total, 1);
        if (server->connections >= (size_t)server->options.settings->max_connections && !make_room(server)) {
            metric_add_for(&http_refused_total, S("max_connections"), 1);
            send(fd, full, sizeof(full) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        struct sockaddr_in6 peer = mapped(&from);
        conn_drive(conn_new(server, fd, &peer));
    }
}

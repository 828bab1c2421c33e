/* wire.c - non-blocking reads and writes over plain TCP or OpenSSL. */
#include "net/wire.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/lang.h"
#include "base/time.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static ssize_t ssl_outcome(struct wire *wire, int code)
{
    int why = SSL_get_error(wire->ssl, code);

    wire->wants_write = why == SSL_ERROR_WANT_WRITE;
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return WIRE_AGAIN;
    if (why == SSL_ERROR_ZERO_RETURN)
        return 0;
    if (why != SSL_ERROR_SYSCALL)
        errno = 0;
    return WIRE_BROKEN;
}

ssize_t wire_read(struct wire *wire, void *bytes, size_t room)
{
    if (wire->ssl) {
        ERR_clear_error();
        int got = SSL_read(wire->ssl, bytes, room > INT32_MAX ? INT32_MAX : (int)room);
        return got > 0 ? got : ssl_outcome(wire, got);
    }
    ssize_t got;
    do
        got = recv(wire->fd, bytes, room, 0);
    while (got < 0 && errno == EINTR);
    wire->wants_write = false;
    if (got >= 0)
        return got;
    return errno == EAGAIN || errno == EWOULDBLOCK ? WIRE_AGAIN : WIRE_BROKEN;
}

static ssize_t ssl_write_parts(struct wire *wire, const struct iovec *parts, int count)
{
    ssize_t sum = 0;

    for (int i = 0; i < count; i++) {
        size_t at = 0;
        while (at < parts[i].iov_len) {
            size_t left = parts[i].iov_len - at;
            ERR_clear_error();
            int put = SSL_write(wire->ssl, (const char *)parts[i].iov_base + at, left > 16384 ? 16384 : (int)left);
            if (put <= 0) {
                ssize_t why = ssl_outcome(wire, put);
                return sum ? sum : why ? why : WIRE_BROKEN;
            }
            at += (size_t)put;
            sum += put;
        }
    }
    return sum;
}

ssize_t wire_write(struct wire *wire, const struct iovec *parts, int count)
{
    if (wire->ssl)
        return ssl_write_parts(wire, parts, count);
    struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = (size_t)count };
    ssize_t put;
    do
        put = sendmsg(wire->fd, &message, MSG_NOSIGNAL);
    while (put < 0 && errno == EINTR);
    wire->wants_write = put < 0;
    if (put >= 0)
        return put;
    return errno == EAGAIN || errno == EWOULDBLOCK ? WIRE_AGAIN : WIRE_BROKEN;
}

void wire_close(struct wire *wire)
{
    if (wire->ssl) {
        SSL_free(wire->ssl);
        wire->ssl = NULL;
    }
    fd_close(&wire->fd);
    wire->fd = -1;
}

err wire_wait(const struct wire *wire, int64_t deadline_ms)
{
    struct pollfd poll_fd = { .fd = wire->fd, .events = wire->wants_write ? POLLOUT : POLLIN };

    for (;;) {
        int64_t left = deadline_ms - time_mono_ms();
        if (left <= 0)
            return err_new(ERR_TIMEOUT, "no answer in time");
        int ready = poll(&poll_fd, 1, left > INT32_MAX ? INT32_MAX : (int)left);
        if (ready > 0)
            return NULL;
        if (ready < 0 && errno != EINTR)
            return err_errno("poll");
    }
}

/* connect_one - errno of the attempt; 0 is success, ETIMEDOUT also where our deadline passed. */
static int connect_one(const struct address *address, int64_t deadline_ms, struct wire *ret_wire)
{
    int one = 1, code = 0;
    socklen_t length = sizeof(code);
    struct wire wire = { .fd = socket(address->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
                         .wants_write = true };

    if (wire.fd < 0)
        return errno;
    setsockopt(wire.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(wire.fd, (const struct sockaddr *)&address->at, address->length) < 0) {
        code = errno;
        if (code == EINPROGRESS) {
            err e = wire_wait(&wire, deadline_ms);
            code = e ? ETIMEDOUT : 0;
            err_free(e);
            if (!code && getsockopt(wire.fd, SOL_SOCKET, SO_ERROR, &code, &length) < 0)
                code = errno;
        }
    }
    if (code)
        wire_close(&wire);
    else
        *ret_wire = wire;
    return code;
}

err wire_connect(struct str host, int port, int64_t deadline_ms, struct wire *ret_wire)
{
    struct address addresses[ADDRESSES_MAX];
    size_t count = 0;
    int code = EHOSTUNREACH;

    *ret_wire = (struct wire){ .fd = -1 };
    if (port < 1 || port > 65535)
        return err_new(ERR_INVALID, "%d is not a port", port);
    TRY(resolve_host(host, port, deadline_ms, addresses, &count));
    for (size_t i = 0; i < count; i++) {
        code = connect_one(&addresses[i], deadline_ms, ret_wire);
        if (code == 0)
            return NULL;
    }
    if (code == ETIMEDOUT)
        return err_new(ERR_TIMEOUT, "no answer from %.*s:%d in time", STR_ARG(host), port);
    return err_new(ERR_UNAVAILABLE, "can't connect to %.*s:%d: %s", STR_ARG(host), port, strerror(code));
}

static err tls_error(const char *what, struct str host, SSL *ssl)
{
    long verdict = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
    unsigned long code = ERR_get_error();
    const char *why = verdict != X509_V_OK ? X509_verify_cert_error_string(verdict)
                      : code               ? ERR_reason_error_string(code)
                                           : "the connection was closed";

    return err_new(ERR_UNAVAILABLE, "%s with %.*s failed: %s", what, STR_ARG(host), why ? why : "unknown");
}

/* tls_client - a context for one connection: these are few and long-lived. */
static err tls_client(struct str ca_file, SSL_CTX **ret_context)
{
    char path[1024];
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    int ok = context != NULL && SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);

    if (ok && ca_file.length) {
        snprintf(path, sizeof(path), "%.*s", STR_ARG(ca_file));
        ok = SSL_CTX_load_verify_file(context, path);
    } else if (ok) {
        ok = SSL_CTX_set_default_verify_paths(context);
    }
    if (!ok) {
        SSL_CTX_free(context);
        return err_new(ERR_INVALID, "can't read certificates from '%.*s'", STR_ARG(ca_file));
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    *ret_context = context;
    return NULL;
}

static bool expect_host(SSL *ssl, const char *host)
{
    X509_VERIFY_PARAM *expected = SSL_get0_param(ssl);

    if (X509_VERIFY_PARAM_set1_ip_asc(expected, host))
        return true;
    return SSL_set1_host(ssl, host) && SSL_set_tlsext_host_name(ssl, host);
}

err wire_secure(struct wire *wire, struct str host, struct str ca_file, int64_t deadline_ms)
{
    SSL_CTX *context = NULL;
    char name[256];

    TRY(tls_client(ca_file, &context));
    wire->ssl = SSL_new(context);
    SSL_CTX_free(context); /* the connection holds it on */
    snprintf(name, sizeof(name), "%.*s", STR_ARG(host));
    if (!wire->ssl || !SSL_set_fd(wire->ssl, wire->fd) || !expect_host(wire->ssl, name))
        return tls_error("TLS", host, NULL);
    for (;;) {
        ERR_clear_error();
        int code = SSL_connect(wire->ssl);
        if (code == 1)
            return NULL;
        if (ssl_outcome(wire, code) != WIRE_AGAIN)
            return tls_error("the TLS handshake", host, wire->ssl);
        TRY(wire_wait(wire, deadline_ms));
    }
}

err wire_server_tls(struct str cert_file, struct str key_file, struct ssl_ctx_st **ret_context)
{
    char cert[1024], key[1024];
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    snprintf(cert, sizeof(cert), "%.*s", STR_ARG(cert_file));
    snprintf(key, sizeof(key), "%.*s", STR_ARG(key_file));
    if (context && SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) &&
        SSL_CTX_use_certificate_chain_file(context, cert) == 1 &&
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 && SSL_CTX_check_private_key(context) == 1) {
        SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
        *ret_context = context;
        return NULL;
    }
    err e = err_new(ERR_INVALID, "server.tls_cert %s, server.tls_key %s: %s", cert, key,
                    ERR_reason_error_string(ERR_peek_last_error()));
    SSL_CTX_free(context);
    return err_hint(e, "both must be PEM files that belong together and that the daemon's user may read");
}

void wire_server_tls_free(struct ssl_ctx_st *context)
{
    SSL_CTX_free(context);
}

int wire_accept(struct wire *wire, struct ssl_ctx_st *context)
{
    if (!wire->ssl) {
        wire->ssl = SSL_new(context);
        if (!wire->ssl || !SSL_set_fd(wire->ssl, wire->fd))
            return WIRE_BROKEN;
    }
    ERR_clear_error();
    int code = SSL_accept(wire->ssl);
    if (code == 1)
        return 0;
    return ssl_outcome(wire, code) == WIRE_AGAIN ? WIRE_AGAIN : WIRE_BROKEN;
}

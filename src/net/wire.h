/* wire.h - one TCP connection, plain or TLS, that never blocks by itself.
 *
 * Owner: who holds the struct; end with wire_close. Threads: one at a time. Callers that may block use the
 * functions with a deadline. Deadlines are monotonic milliseconds (time_mono_ms). */
#pragma once
#include "base/str.h"

#include <sys/socket.h>
#include <sys/types.h>

struct ssl_st;
struct ssl_ctx_st;
struct iovec;

struct wire {
    int fd;
    struct ssl_st *ssl; /* NULL: plain */
    bool wants_write;   /* the last call waits for room to write, else for something to read (TLS may ask either) */
};

enum { WIRE_AGAIN = -1, WIRE_BROKEN = -2 };

/* wire_read - bytes read, 0 at the end, WIRE_AGAIN, or WIRE_BROKEN (errno says why, 0: TLS). */
ssize_t wire_read(struct wire *wire, void *bytes, size_t room);
/* wire_write - bytes written, WIRE_AGAIN or WIRE_BROKEN. */
ssize_t wire_write(struct wire *wire, const struct iovec *parts, int count);
void wire_close(struct wire *wire);

/* wire_connect - to host:port within the deadline. ERR_UNAVAILABLE (refused, no such host), ERR_TIMEOUT. */
err wire_connect(struct str host, int port, int64_t deadline_ms, struct wire *ret_wire) MUST_USE;
/* wire_secure - TLS as a client, verifying the peer's certificate for `host` against ca_file (empty: the system's). */
err wire_secure(struct wire *wire, struct str host, struct str ca_file, int64_t deadline_ms)
    MUST_USE; /* wire_server_tls - certificate chain and key (PEM files) for wire_accept; TLS 1.3 only. */
err wire_server_tls(struct str cert_file, struct str key_file, struct ssl_ctx_st **ret_context) MUST_USE;
void wire_server_tls_free(struct ssl_ctx_st *context);
/* wire_accept - the server's side of the handshake: 0 done, WIRE_AGAIN, WIRE_BROKEN. */
int wire_accept(struct wire *wire, struct ssl_ctx_st *context);

/* wire_wait - until the last WIRE_AGAIN may be tried again; ERR_TIMEOUT. */
err wire_wait(const struct wire *wire, int64_t deadline_ms) MUST_USE;

struct address {
    struct sockaddr_storage at;
    socklen_t length;
};
enum { ADDRESSES_MAX = 8 };

/* resolve_host - addresses of a name, by a thread of its own that may outlive the deadline. */
err resolve_host(struct str host, int port, int64_t deadline_ms, struct address ret_addresses[ADDRESSES_MAX],
                 size_t *ret_count) MUST_USE;

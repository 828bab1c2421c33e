/* http_server.h - the one port: HTTP/1.1 and WebSocket over the registered routes.
 *
 * Owner: app/. Threads: loops that never block; handlers on the worker pool (or on the loop, where .quick).
 *
 * Limits, each with a clear answer: connections (503 or close), header bytes (431), body bytes (413), time for headers
 * and for the body (408: a slow client is cut, others don't notice), requests in flight (503 with Retry-After). Gzip
 * for replies over 1 KiB where accepted. Errors are problem documents (RFC 9457). Host and Origin are checked on every
 * request that changes something. */
#pragma once
#include "base/pool.h"
#include "schema/config.h"

struct http_server;

struct http_server_settings {
    struct str listen; /* "127.0.0.1:7171"; port 0: a free one */
    int64_t max_connections;
    int64_t max_in_flight;
    struct duration header_timeout, body_timeout, idle_timeout, handle_timeout;
    int64_t max_header_bytes;
    bool trust_proxy;
    VEC(struct str) allowed_hosts;  /* Host values beside the listen address and localhost */
    VEC(struct str) outbound_allow; /* for http_client_options.allow */
    struct str tls_cert, tls_key;   /* PEM files; both or none */
    struct str user;                /* whom the daemon becomes where it is started as root */
};
extern const struct config_section server_section; /* key `server` */

struct http_server_options {
    const struct http_server_settings *settings;
    struct pool *workers;
    struct pool *slow; /* for rows that are; NULL: the workers take them */
    bool auth_none;    /* --web.auth=none: everybody is admin; loopback only */
};

err http_server_start(const struct http_server_options *options, struct http_server **ret_server) MUST_USE;
int http_server_port(const struct http_server *server);
/* http_server_url - as a browser on this host reaches it, without a slash at its end. */
struct str http_server_url(struct arena *arena, const struct http_server *server);
/* http_server_ready - until then, all but what is `before_ready` answers 503 with Retry-After. */
void http_server_ready(struct http_server *server);
/* http_server_quiet - the end begins: it is as before http_server_ready again, and the rooms may stop once the handlers
 * that run have returned. Waits for them; false: some did not within wait_ms. */
bool http_server_quiet(struct http_server *server, int64_t wait_ms) MUST_USE;
/* http_server_stop - take no more, finish requests in flight (at most 1 s), close the sockets. */
void http_server_stop(struct http_server *server);

/* openapi_write - OpenAPI 3.1 of all registered routes. */
void openapi_write(struct json_writer *w);

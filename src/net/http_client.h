/* http_client.h - outgoing HTTP: deadlines, size limits, and the address guard.
 *
 * Owner: app/ starts one client; a reply lives in the caller's arena. Threads: any; calls block until done or the
 * deadline.
 *
 * The guard: a host name is resolved once; loopback, private, link-local, multicast and metadata addresses are refused
 * unless the administrator allowed them (`server.outbound_allow`, or the address stands in the configuration file:
 * .trusted); the connection goes to the checked address; redirects are not followed. */
#pragma once
#include "base/arena.h"
#include "schema/schema.h"

struct http_client;

struct http_client_options {
    const struct str *allow; /* host names, addresses or CIDR blocks */
    size_t allow_count;
};
err http_client_new(const struct http_client_options *options, struct http_client **ret_client) MUST_USE;
/* http_client_cancel - calls under way and later ones end within a second or so, as ERR_UNAVAILABLE: before a stop. */
void http_client_cancel(struct http_client *client);
/* No call may be under way. */
void http_client_free(struct http_client *client);

/* Files are PEM, by path. */
struct http_tls {
    struct str ca_file;             /* empty: the system's */
    struct str cert_file, key_file; /* of ours, where the peer asks for one */
    bool insecure;                  /* take any certificate */
};

struct http_request_out {
    const char *method; /* NULL: GET, or POST where there is a body */
    struct str url;
    const struct pair *headers;
    size_t header_count;
    struct str body;
    const char *content_type; /* of the body; NULL: application/json */
    int64_t deadline_ms;      /* monotonic (time_mono_ms); required */
    size_t reply_max;         /* bytes; 0: 1 MiB */
    bool trusted;             /* the URL stands in the configuration file */
    struct http_tls tls;
};

struct http_reply {
    int status;
    struct str body;
    struct str content_type;
    int64_t retry_after_ms; /* from Retry-After; 0 where absent */
};

/* http_call - any status is success here; ERR_UNAVAILABLE, ERR_TIMEOUT, ERR_FORBIDDEN (the guard), ERR_TOO_LARGE
 * otherwise. */
err http_call(struct http_client *client, struct arena *arena, const struct http_request_out *request,
              struct http_reply *ret_reply) MUST_USE;
/* http_reply_err - NULL for 2xx; 408, 425, 429, 5xx: ERR_UNAVAILABLE or ERR_BUSY with Retry-After; other: ERR_REFUSED
 * with the body's head. */
err http_reply_err(const struct http_reply *reply) MUST_USE;

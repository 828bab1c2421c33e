/* route.h - one row is router entry, role, request validation and OpenAPI operation.
 *
 * Owner: rows are static const, registered by any folder above. Threads: handlers run on the workers, or, where .quick
 * is set (it neither blocks nor touches the disk), on the loop that read the request; a request and its arena belong to
 * that thread.
 *
 *   static const struct route alerts_list_route = {
 *       .method = "GET", .path = "/api/v1/alerts", .summary = "List alerts", .role = ROLE_VIEWER,
 *       .query = &alert_query_schema, .reply = &alert_list_schema, .handle = alerts_list,
 *   };
 *   REGISTER(route, alerts_list_route); */
#pragma once
#include "base/registry.h"
#include "schema/schema.h"

struct http_server;
struct request;

/* Who may call. Each role includes those before it, but INGEST, which stands alone (telemetry in, nothing else).
 * ROLE_NOBODY: no credential needed. */
enum role { ROLE_NOBODY, ROLE_INGEST, ROLE_VIEWER, ROLE_OPERATOR, ROLE_APPROVER, ROLE_ADMIN };
const char *role_name(enum role role);
bool role_parse(struct str name, enum role *ret_role) MUST_USE;
bool role_allows(enum role has, enum role needs); /* ROLE_INGEST routes: ingest tokens and operator upwards */

struct principal {
    struct str name; /* "user:kim", "token:ci"; empty: nobody */
    enum role role;
    bool by_cookie; /* writes then need the CSRF token */
    struct str csrf_token;
};

struct reply {
    int status;      /* 200 unless set */
    struct buf body; /* application/json unless said otherwise */
    const char *content_type;
    VEC(struct pair) headers;      /* in the request's arena */
    const struct asset *asset;     /* instead of a body: an embedded file, sent with ETag and gzip */
    const struct schema *expected; /* the row's reply schema, set by the server */
    bool secret; /* holds what is shown once (a new token): never stored, so Idempotency-Key does not repeat it */
};

struct route {
    const char *method;
    const char
        *path; /* "/api/v1/incidents/{id}": a segment in braces is a parameter; "{rest...}" takes the whole rest */
    const char *summary; /* one line, for OpenAPI */
    const char *doc;     /* more, may be NULL */
    const char *tag;     /* group in the document */
    enum role role;
    const struct schema *query; /* NULL: takes no parameters */
    const struct schema *body;  /* NULL: takes no body, or .raw_body */
    const struct schema *reply; /* of 200; NULL: none or not JSON */
    bool reply_is_list;         /* a bare array of them: reply_encode_list */
    int status;                 /* of success in the document; 0: 200 */
    size_t body_max;            /* bytes; 0: 1 MiB */
    bool raw_body;              /* the handler reads request_body itself: other people's formats */
    bool form_ok;    /* the body may also be application/x-www-form-urlencoded, or stand in the query (Prometheus,
                        ?comment=) */
    bool unknown_ok; /* unknown parameters and members are ignored: for other people's protocols */
    bool quick;
    bool slow;             /* may wait, or work for long: runs on threads of its own, not on the workers */
    bool before_ready;     /* also answered while starting and stopping */
    bool open_on_loopback; /* nobody may ask, too, from this machine */
    /* handle - `query` and `body` are parsed, defaulted, in range: the row saw to that. */
    err (*handle)(struct request *req, const void *query, const void *body, struct reply *reply);
    /* write_error - other people's protocols have their own shape of errors: fill the body (err_status(e) is already
     * set). NULL: a problem document. `e` stays the caller's. */
    void (*write_error)(struct request *req, err e, struct reply *reply);
};

struct arena *request_arena(struct request *req);
struct str request_path(struct request *req);
struct str request_param(struct request *req, struct str name); /* of the path, percent-decoded */
bool request_param_i64(struct request *req, struct str name, int64_t *ret_value) MUST_USE;
struct str request_header(struct request *req, struct str name); /* "" where absent */
struct str request_body(struct request *req);                    /* as it came, gzip undone (at most body_max) */
struct str request_peer(struct request *req); /* address of the client, behind server.trust_proxy the forwarded one */
bool request_is_loopback(struct request *req);
bool request_is_secure(struct request *req); /* came by TLS, behind server.trust_proxy as the proxy says */
const struct principal *request_principal(struct request *req);
int64_t request_deadline_ms(struct request *req); /* monotonic */
/* request_gone - becomes true, from another thread, when nobody waits for the reply any more. */
const bool *request_gone(struct request *req);

enum lang { LANG_EN, LANG_KO, LANG_ZH, LANG_COUNT };
/* request_lang - ?lang=, then Accept-Language, then `fallback`. */
enum lang request_lang(struct request *req, enum lang fallback);

/* reply_encode - the object by its schema; it must be the row's reply schema (checked in debug builds). */
err reply_encode(struct reply *reply, const struct schema *schema, const void *object) MUST_USE;
/* reply_encode_list - a bare array of `count` of them, schema->size bytes apart; the row has .reply_is_list. */
err reply_encode_list(struct reply *reply, const struct schema *schema, const void *objects, size_t count) MUST_USE;
void reply_header(struct reply *reply, struct request *req, struct str name, struct str value);
/* reply_text - a body of another type. */
void reply_text(struct reply *reply, int status, const char *content_type, struct str text);

/* The authenticator, which auth/ fills: who is this request? *ret_principal stays nobody where there is no credential;
 * ERR_UNAUTHORIZED where there is a wrong one. Set once before the server starts. */
struct authenticator {
    err (*identify)(struct request *req, struct principal *ret_principal);
};
extern const struct authenticator *route_authenticator;

/* WebSocket rows: same path, role and origin rules. open() may refuse. Texts are queued, at most queue_max bytes a
 * connection; on overflow the connection gets {"kind":"gap"} and is closed. */
struct socket; /* one connection, reference counted by the server */
struct socket_route {
    const char *path;
    const char *summary;
    enum role role;
    const struct schema *query;
    size_t queue_max; /* 0: 1 MiB */
    err (*open)(struct socket *socket, struct request *req, const void *query, void **ret_state);
    void (*message)(struct socket *socket, void *state, struct str text); /* may be NULL */
    void (*closed)(struct socket *socket, void *state);
};
/* socket_send - from any thread that holds a reference; false once it is closed. */
bool socket_send(struct socket *socket, struct str text);
/* socket_expel - {"kind":"gap"}, then close: who may still listen comes back, and is asked who it is. From any thread.
 */
void socket_expel(struct socket *socket);
struct socket *socket_ref(struct socket *socket);
void socket_unref(struct socket *socket);

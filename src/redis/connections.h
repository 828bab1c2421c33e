/* connections.h - the Redis instances that are connected: by people over the API, kept over restarts, and those of the
 * section `sources` of the configuration.
 *
 * Owner: the table redis_connection; passwords are sealed (auth/seal.h). Threads: any; connections_add and
 * connections_look talk to the server, and block until their deadline.
 *
 * Whom one may connect to: an operator's word is enough for loopback and private addresses, where Redis lives;
 * link-local ones (cloud metadata) and multicast are refused whoever asks. */
#pragma once
#include "db/db.h"
#include "ingest/collecting.h"
#include "net/redis_client.h"

/* connections_open - before anybody asks how to reach one. */
err connections_open(struct db *db, const char *storage_path) MUST_USE;
/* connections_start - watch again what was watched before. */
err connections_start(struct collecting *collecting) MUST_USE;
void connections_stop(void); /* before collecting stops */

struct connection_in {
    struct str host, username, password, name; /* empty: none; the name: the address */
    int64_t port, db;
    bool tls, test, watch; /* watch: begin at once */
    struct str actor;
};

struct connection {
    int64_t id;        /* 0: of the configuration */
    struct str key;    /* what the API calls it: the id, or the source's name */
    struct str source; /* the name of its source while it is watched */
    struct str name, host, username, address, resource;
    struct str server_version, mode, role; /* when it was connected; "unknown" where it could not say */
    int64_t port, db, interval_s;
    int64_t since_ms; /* connected, or watched, or not watched any more, since; 0: not known */
    bool tls, test, watched;
};
struct connection_list {
    VEC(struct connection) connections;
};

/* connections_add - connect within 5 s, ask who it is, and keep it. Connecting to the same host and port again keeps
 * the id and takes the new credentials. ERR_CONFLICT where the configuration has that address, ERR_FORBIDDEN (an
 * address that may not be), ERR_REFUSED (password, no Redis), ERR_UNAVAILABLE, ERR_TIMEOUT. */
err connections_add(struct arena *arena, const struct connection_in *in, struct connection *ret_connection) MUST_USE;
err connections_list(struct arena *arena, struct connection_list *ret_list) MUST_USE;
/* connections_find - `which` is an id, a name or an address; empty: the only one. ERR_NOT_FOUND, or ERR_RANGE where
 * there are several. */
err connections_find(struct arena *arena, struct str which, struct connection *ret_connection) MUST_USE;
/* connections_watch - start, or start with another interval; interval_s 0: stop. ERR_CONFLICT for those of the
 * configuration. */
err connections_watch(struct arena *arena, struct connection *connection, int64_t interval_s,
                      struct str actor) MUST_USE;
/* connections_reach - how to reach "redis:HOST:PORT", or a connection by its id or name: of those that people
 * connected, and of those that are watched for the configuration. ERR_NOT_FOUND. */
err connections_reach(struct arena *arena, struct str which, struct redis_options *ret_options) MUST_USE;
/* connections_note - something was done to it on purpose: an event of kind change. */
err connections_note(const struct connection *connection, struct str actor, const char *what,
                     struct str detail) MUST_USE;

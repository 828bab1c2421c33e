/* redis_client.h - one connection to a Redis: commands by argv, replies as a tree, hostile servers included.
 *
 * Owner: who called redis_client_new; a reply lives in the arena given. Threads: one at a time; calls block until done
 * or their deadline (monotonic, time_mono_ms), which counts for the whole call however slowly the server drips.
 *
 *   struct redis_client *redis CLEANUP(redis_client_freep) = redis_client_new(&options);
 *   TRY(redis_connect(redis, deadline_ms));
 *   const struct str info[] = { S("INFO"), S("all") };
 *   TRY(redis_command(redis, arena, deadline_ms, info, ARRAY_LEN(info), &reply));
 *
 * After every call redis_outcome tells what happened, for those who must tell a loading server from a dead one. After
 * a timeout, a broken connection or a broken reply the connection is closed: redis_connect again. */
#pragma once
#include "base/arena.h"
#include "base/str.h"

enum redis_outcome {
    REDIS_DONE,
    REDIS_ERROR,     /* an error reply that is none of the following */
    REDIS_LOADING,   /* LOADING: reads its data set after a start */
    REDIS_BUSY,      /* BUSY: runs a script or function that is too slow */
    REDIS_NOAUTH,    /* NOAUTH: wants a password */
    REDIS_WRONGPASS, /* WRONGPASS, or the older texts for it */
    REDIS_NOPERM,    /* NOPERM: the user may not do that */
    REDIS_MISCONF,   /* MISCONF: can't persist, refuses writes */
    REDIS_MASTERDOWN,
    REDIS_READONLY,
    REDIS_OOM,        /* OOM: used memory > maxmemory */
    REDIS_MAXCLIENTS, /* closed at once with "max number of clients reached" */
    REDIS_UNKNOWN_COMMAND,
    REDIS_REFUSED,   /* nobody listens, no such host, no route */
    REDIS_TIMED_OUT, /* the deadline passed */
    REDIS_CLOSED,    /* the connection broke, or there is none */
    REDIS_PROTOCOL,  /* what came is not RESP, or beyond a limit below */
};
const char *redis_outcome_name(enum redis_outcome outcome); /* "loading", ... */

struct redis_options {
    struct str host;
    int port;
    struct str user, password; /* empty: none; AUTH follows the connect */
    int db;
    bool tls;
    struct str ca_file;     /* of tls; empty: the system's */
    size_t reply_max;       /* bytes of one reply; 0: 16 MiB */
    size_t elements_max;    /* of one reply, all levels; 0: 100,000 */
    struct str client_name; /* CLIENT SETNAME; empty: none */
};

enum resp_type { RESP_NIL, RESP_STATUS, RESP_ERROR, RESP_INTEGER, RESP_STRING, RESP_ARRAY };

/* One reply. `text` (of status, error and string) is NUL-terminated as well and may hold any byte. */
struct resp {
    enum resp_type type;
    int64_t integer;
    struct str text;
    const struct resp **items; /* of an array; at most 8 levels deep */
    size_t count;
};

struct redis_client;

/* redis_client_new - copies the options; connects nowhere yet. */
struct redis_client *redis_client_new(const struct redis_options *options);
void redis_client_free(struct redis_client *client); /* NULL is fine */
void redis_client_freep(struct redis_client **client);

/* redis_connect - connect, TLS, AUTH, SELECT; nothing where it is connected. ERR_UNAVAILABLE, ERR_TIMEOUT,
 * ERR_FORBIDDEN (password), ERR_BUSY (loading). LOADING is no failure of the connection: it stays open. */
err redis_connect(struct redis_client *client, int64_t deadline_ms) MUST_USE;
bool redis_is_connected(const struct redis_client *client);
void redis_disconnect(struct redis_client *client);

/* redis_command - one command and its whole reply. An error reply is an err too: LOADING, BUSY, MASTERDOWN
 * ERR_UNAVAILABLE (try again later), NOAUTH, WRONGPASS, NOPERM ERR_FORBIDDEN, the rest ERR_REFUSED with the
 * server's words. Errors inside arrays are elements. */
err redis_command(struct redis_client *client, struct arena *arena, int64_t deadline_ms, const struct str *argv,
                  size_t count, const struct resp **ret_reply) MUST_USE;

/* redis_outcome - of the last redis_connect or redis_command. */
enum redis_outcome redis_outcome(const struct redis_client *client);

/* idempotency.h - the store behind Idempotency-Key: one key and body, one reply, for 24 hours.
 *
 * Owner: app/ sets http_idempotency before the server starts; NULL: the header is ignored. Threads: called on workers,
 * any number at once. The server calls begin before the handler of a write that carries the header; where that says
 * IDEMPOTENCY_NEW it calls exactly one of keep and forget afterwards. */
#pragma once
#include "net/route.h"

enum { IDEMPOTENCY_KEY_MAX = 255, IDEMPOTENCY_HASH_BYTES = 32, IDEMPOTENCY_HOURS = 24 };

enum idempotency_state {
    IDEMPOTENCY_NEW,     /* reserved for this call: run it */
    IDEMPOTENCY_KNOWN,   /* done before: *ret_reply is what was answered */
    IDEMPOTENCY_OTHER,   /* the key belongs to another request: 409 */
    IDEMPOTENCY_RUNNING, /* the same request is being worked on now: 409, come back */
};

struct idempotency_request {
    struct str principal; /* keys of two principals are two keys */
    struct str key;
    unsigned char hash[IDEMPOTENCY_HASH_BYTES]; /* SHA-256 of method, target and body */
};

struct idempotency_reply {
    int status;
    struct str content_type, location, body; /* location: "" where there was none */
};

struct idempotency_store {
    /* begin - durable before it returns NEW, so that a crash in between can be told from a new request. */
    err (*begin)(struct arena *arena, const struct idempotency_request *request, enum idempotency_state *ret_state,
                 struct idempotency_reply *ret_reply);
    err (*keep)(const struct idempotency_request *request, const struct idempotency_reply *reply);
    void (*forget)(const struct idempotency_request *request); /* it failed (5xx, 429): the key is free again */
};
extern const struct idempotency_store *http_idempotency;

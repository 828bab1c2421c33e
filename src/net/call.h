/* call.h - what an integration gets for one piece of work: memory, time, and the way out.
 *
 * Owner: the core that makes it, for the length of one call. Threads: the one it was given to; it may block until the
 * deadline. */
#pragma once
#include "net/http_client.h"

struct call {
    struct arena *arena;
    int64_t deadline_ms; /* monotonic */
    struct http_client *http;
    struct str idempotency_key; /* empty where there is none; sent as Idempotency-Key */
    bool trusted;               /* addresses come from the configuration file */
};

/* http_post_json - POST, with the call's deadline, key and trust. */
err http_post_json(struct call *call, struct str url, struct str json, struct http_reply *ret_reply) MUST_USE;

/* inject.h - faults on purpose, on instances that are marked as tests; and their undoing.
 *
 * Owner: open connections are kept here until inject_undo; keys carry a prefix of ours, so that they are found after a
 * restart too. Threads: any; calls block until their deadline (monotonic). */
#pragma once
#include "redis/connections.h"

enum inject_kind { INJECT_FILL_MEMORY, INJECT_CONNECTIONS, INJECT_SLOW_COMMAND };
extern const char *const inject_kind_words[];

struct injection {
    enum inject_kind kind;
    int64_t mb, count, duration_ms; /* of the kinds, in their order */
    struct str actor;
    int64_t deadline_ms;
};

/* inject - *ret_id tells it from others; *ret_detail says what was done. ERR_FORBIDDEN where the connection is no test.
 * That the server refuses more is success: it is what was wanted. */
err inject(struct arena *arena, const struct connection *connection, const struct injection *injection, int64_t *ret_id,
           struct str *ret_detail) MUST_USE;
/* inject_undo - everything on this connection; *ret_count: how many keys and connections. */
err inject_undo(struct arena *arena, const struct connection *connection, struct str actor, int64_t deadline_ms,
                int64_t *ret_count) MUST_USE;

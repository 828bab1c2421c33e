/* store.h - executions as rows: one run of an action from its proposal to its verified end.
 *
 * Owner: rows of table action_execution; structs live in the arena given. Threads: those of the tx. */
#pragma once
#include "action/plan.h"
#include "db/journal.h"

enum execution_state {
    EXECUTION_PENDING_APPROVAL,
    EXECUTION_APPROVED,
    EXECUTION_RUNNING,
    EXECUTION_VERIFYING,
    EXECUTION_ROLLING_BACK,
    EXECUTION_FIXED, /* from here on it is over */
    EXECUTION_NOT_FIXED,
    EXECUTION_CANNOT_TELL,
    EXECUTION_ROLLED_BACK,
    EXECUTION_FAILED,
    EXECUTION_REFUSED,
    EXECUTION_EXPIRED,
    EXECUTION_INTERRUPTED,
};
const char *execution_state_name(enum execution_state state);
bool execution_state_parse(struct str text, enum execution_state *ret_state) MUST_USE;
bool execution_is_over(enum execution_state state);

struct execution_row {
    int64_t id, class, incident;
    struct str action, target, plan, hash, requested_by, approved_by, reason, origin;
    enum execution_state state;
    int64_t created_ms, started_ms, ran_ms, ended_ms, expires_ms; /* 0: not yet */
    int64_t token;                                                /* fencing token of its locks */
    int64_t dispatches;                                           /* how often it was handed to the outbox */
    struct str verification, output;                              /* JSON; empty */
};

struct execution_filter {
    int state;        /* -1: any */
    int64_t before;   /* ids less than this; 0: the newest */
    int64_t incident; /* 0: any */
    struct str origin_prefix;
    int64_t since_ms;
    int limit;
};
struct execution_rows {
    struct execution_row *at;
    size_t count;
    int64_t total; /* that match, `before` and limit apart */
};

err execution_get(struct tx *tx, struct arena *arena, int64_t id, struct execution_row *ret_row) MUST_USE;
err execution_list(struct tx *tx, struct arena *arena, const struct execution_filter *filter,
                   struct execution_rows *ret_rows) MUST_USE;
err execution_insert(struct tx *tx, struct execution_row *row) MUST_USE; /* sets row->id */
/* execution_save - everything but id, action, created; ERR_CONFLICT where the row is no longer in state `was`. */
err execution_save(struct tx *tx, const struct execution_row *row, enum execution_state was) MUST_USE;
/* execution_append - an event about it; `more` are further members of data ("\"outcome\":\"fixed\""), may be empty. */
err execution_append(struct tx *tx, const struct execution_row *row, enum event_kind kind, struct str actor,
                     struct str reason, struct str more) MUST_USE;

/* lock_take - all targets or none: *ret_holder is the execution that has one, 0 where they are ours now, with a token
 * greater than any before. */
err lock_take(struct tx *tx, int64_t execution, const struct plan *plan, int64_t *ret_token,
              int64_t *ret_holder) MUST_USE;
err lock_release(struct tx *tx, int64_t execution) MUST_USE;
/* lock_held - is the token still the one that holds the locks of the execution? */
err lock_held(struct tx *tx, int64_t execution, int64_t token, bool *ret_held) MUST_USE;

struct stop_state {
    bool engaged;
    struct str reason, actor;
    int64_t since_ms;
};
err stop_get(struct tx *tx, struct arena *arena, struct stop_state *ret_state) MUST_USE;

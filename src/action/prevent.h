/* prevent.h - the action against a predicted failure, through the same plan, approval and verification as any other.
 *
 * Owner: results live in the arena given. Threads: any but the writer's; it blocks until the deadline. */
#pragma once
#include "action/store.h"

struct prevent_request {
    struct str server, signal_type;
    int64_t signal_id, incident; /* incident 0: none */
    struct str requested_by;
    int64_t deadline_ms; /* monotonic: how long to wait for the outcome */
};

struct prevent_outcome {
    int64_t execution_id;
    struct str action_cmd; /* the plan's steps as one line */
    enum execution_state state;
    bool success;        /* verified: state is EXECUTION_FIXED */
    int64_t executed_ms; /* when it was over; 0: it is not */
};

/* action_prevent - ERR_CONFLICT where no action, service or executor is known for it, with the reason. An execution of
 * the same signal that is open or fixed is returned instead of a second one. */
err action_prevent(struct arena *arena, const struct prevent_request *request,
                   struct prevent_outcome *ret_outcome) MUST_USE;

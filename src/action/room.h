/* room.h - what the files of room action share and nobody else sees.
 *
 * Owner: action.c. Threads: as action.h says. */
#pragma once
#include "action/action.h"
#include "db/outbox.h"

#include <pthread.h>
#include <stdatomic.h>

struct action_room {
    struct action_options options;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    int running; /* executions whose steps run now */
    atomic_bool stopping;
};
extern struct action_room *action_room; /* NULL: not started */

enum { PLAN_DEADLINE_MS = 15000 };

/* A call into executors: everything but arguments and permit. */
struct step_call room_call(struct arena *arena, const struct action_settings *settings, int64_t deadline_ms);
/* room_settings - of the current configuration; *ret_config keeps them alive: CLEANUP(config_unrefp). */
const struct action_settings *room_settings(struct config **ret_config);

/* Each a step of the life of an execution, in a write. */
err room_propose(struct tx *tx, const struct action_request *request, const struct plan *plan,
                 int64_t *ret_id) MUST_USE;
/* room_expire - nobody decides about it any more. */
err room_expire(struct tx *tx, struct execution_row *row, struct str reason) MUST_USE;
#define ROOM_INCIDENT_OVER "its incident is over" /* a reason to expire that is no word against proposing it again */
err room_dispatch(struct tx *tx, struct execution_row *row, enum execution_state was) MUST_USE; /* to the outbox */
err room_finish(struct tx *tx, struct execution_row *row, enum execution_state was, enum execution_state outcome,
                struct str detail, bool rolled_back) MUST_USE;
err room_interrupt(struct tx *tx, struct execution_row *row, struct str why) MUST_USE;
err room_refuse(struct tx *tx, struct execution_row *row, enum execution_state was, struct str why) MUST_USE;

/* The payload of our outbox rows: {"execution_id": 12}. */
struct str room_payload(struct arena *arena, int64_t execution);
int64_t room_payload_id(struct arena *arena, struct str payload);
err room_queue(struct tx *tx, const struct execution_row *row, const char *kind, const char *suffix) MUST_USE;
void room_ask_check(struct arena *arena, const struct action_settings *settings, const struct plan *plan,
                    const struct plan_check *check, const char *stage, int64_t index, int64_t not_before_ms,
                    struct criterion_result *ret_result);

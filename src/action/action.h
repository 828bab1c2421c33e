/* action.h - the room that acts: plans, asks for approval, runs, verifies, rolls back, and keeps the record.
 *
 * Owner: app/ starts one, before the journal's readers, and stops it after the outbox. Threads: any; what plans may
 * block for some seconds, never call it on the writer's thread.
 *
 * The life of an execution: pending_approval -> approved -> running -> verifying -> fixed | not_fixed | cannot_tell,
 * and from not_fixed or failed, where there is a rollback, rolling_back -> rolled_back. Each arrow is one transaction
 * with its event; what runs between them is an outbox job (dispatch.c, verify.c). docs/actions.md tells the rules. */
#pragma once
#include "action/catalogue.h"
#include "action/plan.h"
#include "action/settings.h"
#include "action/store.h"
#include "action/trust.h"
#include "net/route.h"

struct action_options {
    struct db *db;
    struct runner *runner; /* NULL: nothing runs commands */
    const struct catalogue *catalogue;
    struct http_client *http;
    struct series_source *series;
    struct action_inventory inventory;
    struct config *(*config)(void); /* the current one, referenced */
};

err action_start(const struct action_options *options) MUST_USE;
/* action_close - nothing starts any more, and action_wait returns. */
void action_close(void);
/* action_drain - SIGTERM: start nothing more, wait for what runs at most `actions.drain`, then end it; call it before
 * outbox_stop. Verifications are left for the next start. */
void action_drain(void);
void action_stop(void);
const struct catalogue *action_catalogue(void);
/* action_can_run - false: what runs commands is gone; only a restart brings it back. */
bool action_can_run(void);

struct action_request {
    struct str action;
    const struct json *parameters; /* object; NULL: none */
    int64_t incident;              /* 0: none */
    struct str requested_by, reason;
    struct str origin; /* "signal:12"; empty */
    bool automatic;    /* recommended, not asked for by a person */
};
/* action_plan - the dry run: looks, changes nothing. */
err action_plan(struct arena *arena, const struct action_request *request, struct plan *ret_plan) MUST_USE;
/* action_request - plan and propose; where policy allows, it starts at once. An open execution of the same plan is
 * returned instead of a second one; another plan for the same action and target is ERR_CONFLICT. */
err action_request(struct arena *arena, const struct action_request *request, int64_t *ret_execution) MUST_USE;

struct action_decision {
    int64_t execution;
    bool approve;
    struct str hash, reason, by;
    enum role role;
};
/* action_decide - ERR_CONFLICT: another hash, or nothing to decide; ERR_FORBIDDEN: the requester, or not enough rights.
 */
err action_decide(const struct action_decision *decision) MUST_USE;

err action_get(struct arena *arena, int64_t id, struct execution_row *ret_row) MUST_USE;
err action_list(struct arena *arena, const struct execution_filter *filter, struct execution_rows *ret_rows) MUST_USE;
/* action_wait - until it is over, or waits for a person, or the deadline (monotonic). */
err action_wait(struct arena *arena, int64_t id, int64_t deadline_ms, struct execution_row *ret_row) MUST_USE;
err action_trust(struct arena *arena, struct str action, struct trust *ret_trust) MUST_USE;

err action_stop_get(struct arena *arena, struct stop_state *ret_state) MUST_USE;
err action_stop_set(struct arena *arena, bool engaged, struct str reason, struct str by,
                    struct stop_state *ret_state) MUST_USE;
/* action_stop_write - the same in a transaction of one's own: `auspex stop` without a server. */
err action_stop_write(struct tx *tx, bool engaged, struct str reason, struct str by) MUST_USE;

/* policy.h - may it start now? Everything that is checked at dispatch, in the transaction that then starts it.
 *
 * Owner: nobody; it reads tables. Threads: that of the tx. */
#pragma once
#include "action/settings.h"
#include "action/store.h"

enum policy_answer { POLICY_START, POLICY_WAIT, POLICY_REFUSE };

struct policy_question {
    const struct action_settings *settings;
    const struct action_def *def;
    const struct plan *plan;
    const struct execution_row *row;
    int64_t group_members, group_sick; /* of the targets' group; 0: unknown */
};

/* policy_ask - STOP (wait), freezes, expiry, attempts on the incident, cooldown, budgets, blast radius, breaker.
 * *ret_why says which one. */
err policy_ask(struct tx *tx, const struct policy_question *question, enum policy_answer *ret_answer,
               struct str *ret_why) MUST_USE;
/* policy_cooling - how long until the action may start on this target again; 0: now. */
err policy_cooling(struct tx *tx, const struct action_def *def, struct str target, int64_t *ret_left_ms) MUST_USE;
/* policy_noted - remember the start: cooldowns and budgets count from it. */
err policy_noted(struct tx *tx, const struct plan *plan, const struct execution_row *row) MUST_USE;

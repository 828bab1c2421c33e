/* trust.h - how far an action is trusted, earned by verified outcomes and lost by others; and its breaker.
 *
 * Owner: tables action_trust and action_breaker. Threads: those of the tx.
 *
 * observe: what an analysis recommends is noted, not proposed. suggest: proposed, an approver decides. approve: an
 * operator may decide, for class 0 and 1. auto: class 0 and 1 start by themselves.
 * Promotion: 3 verified successes since the level was reached, none failed: suggest -> approve; 10: approve -> auto,
 * only where `actions.trust` names auto. Demotion: not fixed, failed or rolled back: to suggest; cannot tell: auto ->
 * approve. What `actions.trust` says is where an action starts again when that line changes. */
#pragma once
#include "action/settings.h"
#include "db/db.h"

enum trust_level { TRUST_OBSERVE, TRUST_SUGGEST, TRUST_APPROVE, TRUST_AUTO };
enum { TRUST_TO_APPROVE = 3, TRUST_TO_AUTO = 10 };

const char *trust_name(enum trust_level level);
bool trust_parse(struct str text, enum trust_level *ret_level) MUST_USE;

struct trust {
    enum trust_level level;
    int64_t successes, failures; /* since the level was reached */
    struct str why;
};
err trust_get(struct tx *tx, const struct action_settings *settings, struct str action,
              struct trust *ret_trust) MUST_USE;
/* trust_learn - from one ended execution: `fixed`, `cannot_tell`, or anything else, which is a failure. */
err trust_learn(struct tx *tx, const struct action_settings *settings, struct str action, struct str outcome) MUST_USE;

/* breaker_blocks - *ret_why is empty where the action may start; after its time one attempt may (half open). */
err breaker_blocks(struct tx *tx, const struct action_settings *settings, struct str action,
                   struct str *ret_why) MUST_USE;
err breaker_learn(struct tx *tx, const struct action_settings *settings, struct str action, bool helped) MUST_USE;

/* settings.h - section `actions` of the configuration.
 *
 * Owner: the configuration. Threads: any. */
#pragma once
#include "schema/config.h"

struct freeze {
    int64_t from, to;
    struct str reason;
};

struct action_settings {
    VEC(struct str) files;
    VEC(struct pair) trust;
    VEC(struct str) allow_new_privileges;
    VEC(struct pair) health_urls;
    VEC(struct freeze) freezes;
    struct str single_approver;
    bool propose, promote;
    struct duration drain, approval_expiry, budget_period, breaker_open;
    int64_t budget_total, budget_per_action, budget_per_target, breaker_failures, attempts_per_incident;
    int64_t hosts_per_action;
};

extern const struct config_section actions_section;

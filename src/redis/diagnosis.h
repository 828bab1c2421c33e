/* diagnosis.h - all that is wrong with an instance, explained, from its facts: the doctor's words for people who ask.
 *
 * Owner: the arena. Threads: any. Nothing is changed and nothing recorded. */
#pragma once
#include "redis/scenario.h"

/* What belongs to a scenario for good: how to look into it, and how to keep it from coming back. */
struct redis_advice {
    const char *scenario; /* by name */
    const char *category; /* memory, connection, replication, cluster, persistence, latency, security, availability */
    const char *steps[5], *prevention[4];
};
/* redis_advice_for - NULL for a scenario that has none. */
const struct redis_advice *redis_advice_for(const char *scenario);

struct redis_finding {
    const struct redis_scenario *scenario;
    const struct redis_advice *advice;
    struct rca_result result;
};
struct redis_findings {
    VEC(struct redis_finding) findings; /* the worst first */
};

/* diagnosis_make - every scenario that holds by these facts, or whose alert is among those that fire. */
err diagnosis_make(struct arena *arena, struct series_source *series, const struct redis_facts *facts,
                   const struct str *alertnames, size_t alert_count, struct redis_findings *ret_findings) MUST_USE;
/* diagnosis_of - one scenario, by the name of its alert; false where there is none. */
bool diagnosis_of(struct arena *arena, struct series_source *series, const struct redis_facts *facts,
                  struct str alertname, struct redis_finding *ret_finding);

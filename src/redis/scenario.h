/* scenario.h - one thing that can be wrong with a Redis: how it shows, what it means, what helps.
 *
 * Owner: rows are static const and register themselves (scenario_*.c). Threads: functions are pure over the facts.
 * Sources of the rules and thresholds: docs/redis.md. */
#pragma once
#include "rca/rca.h"
#include "redis/instance.h"

enum { FACTS_SLOW_MAX = 32, FACTS_CLIENTS_MAX = 256 };

/* What is known of an instance at its newest poll. */
struct redis_facts {
    struct str resource, address, source;
    int64_t time_ms;
    enum redis_outcome outcome;
    struct str error;
    double round_trip_ms;
    bool ever_up;
    int64_t failures;              /* polls in a row without an answer */
    const struct redis_info *info; /* the newest that could be had; NULL: never */
    int64_t info_ms;
    const struct redis_info *previous; /* the one before, of the same run; NULL: none */
    int64_t previous_ms;
    bool fresh;                                   /* info is of this poll */
    struct redis_slow_entry slow[FACTS_SLOW_MAX]; /* the newest ones, of the last minutes */
    size_t slow_count;
    size_t slow_new;                                    /* of them, how many are of this poll */
    struct redis_client_row clients[FACTS_CLIENTS_MAX]; /* the longest idle first */
    size_t client_count;
    int64_t clients_all, clients_idle, clients_ms; /* when they were listed; 0: never */
};

/* facts_rise - how much a counter rose since the poll before; 0 where that can't be said. */
int64_t facts_rise(int64_t now, int64_t before);
/* facts_error_rise - the same of an error statistic such as "OOM". */
int64_t facts_error_rise(const struct redis_facts *facts, struct str name);

enum verdict { VERDICT_NO, VERDICT_YES, VERDICT_UNSEEN };

struct redis_scenario {
    const char *id;   /* "SC-001"; "" where the API has no number for it */
    const char *name; /* "oom" */
    const char *alertname;
    const char *severity;
    const char *summary;
    int64_t hold_ms;   /* it shows for a moment only: kept at least so long */
    bool without_info; /* explains itself where INFO was never had as well */
    /* holds - does it? value and threshold are shown with the alert. */
    enum verdict (*holds)(const struct redis_facts *facts, double *ret_value, double *ret_threshold);
    /* explain - causes with evidence, failure, impact, and what is safe to do. */
    err (*explain)(const struct rca_case *what, const struct redis_facts *facts, struct rca_result *result);
};

/* scenario_explain - its explanation, where the facts suffice for it. */
err scenario_explain(const struct redis_scenario *scenario, const struct rca_case *what,
                     const struct redis_facts *facts, struct rca_result *result) MUST_USE;
/* recommend_on - rca_recommend with the one parameter `instance`. */
err recommend_on(const struct rca_case *what, const struct redis_facts *facts, struct rca_result *result,
                 const char *action, struct str reason) MUST_USE;
/* newest_value - of a metric of this instance, or of the host where `instance` is empty; NaN where there is none. */
double newest_value(const struct rca_case *what, struct str metric, struct str instance);
struct str in_bytes(struct arena *arena, double bytes); /* "3.2 GiB" */

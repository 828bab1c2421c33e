/* scenario_latency.c - commands that take too long, and scripts that never end. */
#include "redis/scenario.h"

#include <math.h>

enum { SLOW_US = 100 * 1000, SHOWN_MAX = 3 };

static enum verdict slow_holds(const struct redis_facts *facts, double *ret_value, double *ret_threshold)
{
    int64_t worst = 0;

    if (!facts->fresh)
        return VERDICT_UNSEEN;
    for (size_t i = 0; i < facts->slow_new; i++)
        if (facts->slow[i].duration_us > worst)
            worst = facts->slow[i].duration_us;
    *ret_value = (double)worst / 1e6;
    *ret_threshold = SLOW_US / 1e6;
    return worst >= SLOW_US ? VERDICT_YES : VERDICT_NO;
}

static err slow_explain(const struct rca_case *what, const struct redis_facts *facts, struct rca_result *result)
{
    size_t shown = 0;

    struct rca_cause *cause = rca_add_cause(what, result, facts->resource,
                                            S("Single commands block Redis, which does one thing at a time"), 0.85);
    for (size_t i = 0; i < facts->slow_count && shown < SHOWN_MAX; i++) {
        const struct redis_slow_entry *entry = &facts->slow[i];
        if (entry->duration_us < SLOW_US)
            continue;
        rca_add_evidence(what, cause,
                         str_printf(what->arena, "%.*s took %.0f ms (client %.*s)",
                                    STR_ARG(str_utf8_head(entry->command, 120)), (double)entry->duration_us / 1000,
                                    STR_ARG(entry->client)),
                         S("redis_slowlog_length"), (double)entry->duration_us / 1e6);
        shown++;
    }
    result->critical_failure = S("While one command runs, every other client waits");
    result->impact = S("Latency of all applications that use this Redis rises by the length of the slow command");
    return NULL; /* the query is the application's: SCAN for KEYS, UNLINK for DEL, smaller ranges */
}

static const struct redis_scenario slow_query = {
    .id = "SC-005",
    .name = "slow_query",
    .alertname = "RedisSlowQuery",
    .severity = "medium",
    .summary = "Slow commands block Redis",
    .hold_ms = 15 * 1000,
    .holds = slow_holds,
    .explain = slow_explain,
};
REGISTER(redis_scenario, slow_query);

static enum verdict busy_holds(const struct redis_facts *facts, double *ret_value, double *ret_threshold)
{
    (void)ret_value, (void)ret_threshold;
    if (facts->outcome == REDIS_BUSY)
        return VERDICT_YES;
    return facts->fresh ? VERDICT_NO : VERDICT_UNSEEN;
}

static err busy_explain(const struct rca_case *what, const struct redis_facts *facts, struct rca_result *result)
{
    struct rca_cause *cause = rca_add_cause(what, result, facts->resource, S("A script runs and does not end"), 0.95);

    rca_add_evidence(what, cause,
                     str_printf(what->arena, "Redis answers: %.*s", STR_ARG(str_utf8_head(facts->error, 200))), S(""),
                     NAN);
    if (facts->info_ms)
        rca_add_evidence(
            what, cause,
            str_printf(what->arena, "no INFO for %lld s", (long long)(facts->time_ms - facts->info_ms) / 1000),
            S("redis_up"), 0);
    result->critical_failure = S("Redis answers BUSY to everybody");
    result->impact = S("All applications that use this Redis stand still");
    return recommend_on(
        what, facts, result, "redis_script_kill",
        S("ends the script; Redis itself refuses this where the script has written already, so no data is lost"));
}

static const struct redis_scenario busy_script = {
    .id = "SC-005",
    .name = "busy_script",
    .without_info = true,
    .alertname = "RedisBusyScript",
    .severity = "high",
    .summary = "A script blocks Redis",
    .holds = busy_holds,
    .explain = busy_explain,
};
REGISTER(redis_scenario, busy_script);

/* scenario_down.c - nobody answers. */
#include "redis/doctor.h"
#include "redis/scenario.h"
#include "redis/service.h"

#include <math.h>

enum { SILENT_POLLS = 2 };

/* A refused connection is proof at once; a timeout or a broken one is asked twice. Never "down" for an error reply:
 * PING has eight outcomes, and most of them come from a process that lives. */
static enum verdict down_holds(const struct redis_facts *facts, double *ret_value, double *ret_threshold)
{
    *ret_value = facts->failures ? 0 : 1;
    *ret_threshold = 1;
    if (!facts->failures)
        return VERDICT_NO;
    if (!facts->ever_up)
        return VERDICT_UNSEEN; /* never seen alive: an address that may be wrong, shown as a source with an error */
    return facts->outcome == REDIS_REFUSED || facts->failures >= SILENT_POLLS ? VERDICT_YES : VERDICT_UNSEEN;
}

static err down_explain(const struct rca_case *what, const struct redis_facts *facts, struct rca_result *result)
{
    struct arena *arena = what->arena;
    bool refused = facts->outcome == REDIS_REFUSED;

    struct rca_cause *cause = rca_add_cause(
        what, result, facts->resource,
        refused ? S("The Redis process is gone") : S("Redis hangs, or the way to it is cut"), refused ? 0.9 : 0.6);
    rca_add_evidence(what, cause,
                     str_printf(arena, "%s at %.*s: %.*s", refused ? "nobody listens" : "no answer",
                                STR_ARG(facts->address), STR_ARG(str_utf8_head(facts->error, 200))),
                     S("redis_up"), 0);
    if (facts->info_ms)
        rca_add_evidence(
            what, cause,
            str_printf(arena, "it answered last %lld s ago", (long long)(facts->time_ms - facts->info_ms) / 1000),
            S("redis_up"), NAN);
    if (facts->info && facts->info->uptime_in_seconds != REDIS_UNSET)
        rca_add_evidence(what, cause,
                         str_printf(arena, "it had run for %lld s (process %lld)",
                                    (long long)facts->info->uptime_in_seconds, (long long)facts->info->process_id),
                         S("redis_uptime_in_seconds"), (double)facts->info->uptime_in_seconds);
    result->critical_failure = S("Redis is down");
    result->impact = S("Everything that needs this Redis fails");
    struct str unit = redis_service(arena, facts->resource);
    if (!refused || !unit.length)
        return NULL; /* a process that hangs is looked at by a person first; without a service nothing is known to start
                        it */
    struct buf parameters CLEANUP(buf_clear);
    buf_init(&parameters, 4096);
    struct json_writer w = json_writer(&parameters);
    json_begin_object(&w);
    json_put_str(&w, S("unit"), unit);
    json_end_object(&w);
    return rca_recommend(
        what, result, S("restart_service"), buf_str(&parameters),
        str_printf(arena, "starts the service %.*s again, which the inventory names for it", STR_ARG(unit)));
}

static const struct redis_scenario down = {
    .id = "",
    .name = "down",
    .without_info = true,
    .alertname = "RedisDown",
    .severity = "critical",
    .summary = "Redis does not answer",
    .holds = down_holds,
    .explain = down_explain,
};
REGISTER(redis_scenario, down);

static enum verdict loading_holds(const struct redis_facts *facts, double *ret_value, double *ret_threshold)
{
    (void)ret_value, (void)ret_threshold;
    if (facts->outcome == REDIS_LOADING || (facts->fresh && facts->info->loading == 1))
        return VERDICT_YES;
    return facts->fresh ? VERDICT_NO : VERDICT_UNSEEN;
}

static err loading_explain(const struct rca_case *what, const struct redis_facts *facts, struct rca_result *result)
{
    const struct redis_info *info = facts->info;

    struct rca_cause *cause =
        rca_add_cause(what, result, facts->resource, S("Redis reads its data set after a start"), 0.95);
    if (info && info->loading == 1 && !isnan(info->loading_loaded_perc))
        rca_add_evidence(what, cause,
                         str_printf(what->arena, "%.0f %% are read, %lld s to go", info->loading_loaded_perc,
                                    (long long)info->loading_eta_seconds),
                         S("redis_loading_dump_file"), 1);
    else
        rca_add_evidence(what, cause, S("Redis answers LOADING"), S("redis_loading_dump_file"), 1);
    result->critical_failure = S("Redis answers nothing until its data is read");
    result->impact = S("Applications wait or fail for this time");
    return NULL; /* it ends by itself */
}

static const struct redis_scenario loading = {
    .id = "",
    .name = "loading",
    .without_info = true,
    .alertname = "RedisLoading",
    .severity = "info",
    .summary = "Redis reads its data set",
    .holds = loading_holds,
    .explain = loading_explain,
};
REGISTER(redis_scenario, loading);

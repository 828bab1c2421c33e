/* scenario_memory.c - out of memory, evictions, and a limit that was set below what is used. */
#include "redis/scenario.h"

#include <math.h>

static const double over_below = 0.9;
enum { EVICTIONS_PER_SECOND = 100, ROOM_FACTOR = 2 };

static bool never_evicts(const struct redis_info *info)
{
    return str_eq(info->maxmemory_policy, S("noeviction"));
}

/* Full alone is no failure: a cache may sit at 100 %. Without eviction, full means that writes are refused. */
static enum verdict oom_holds(const struct redis_facts *facts, double *ret_value, double *ret_threshold)
{
    const struct redis_info *info = facts->info;

    if (!facts->fresh || info->maxmemory == REDIS_UNSET || info->used_memory == REDIS_UNSET)
        return VERDICT_UNSEEN;
    *ret_value = info->maxmemory > 0 ? (double)info->used_memory / (double)info->maxmemory : NAN;
    *ret_threshold = 1;
    if (info->maxmemory <= 0 || !never_evicts(info))
        return VERDICT_NO;
    if (info->used_memory >= info->maxmemory || facts_error_rise(facts, S("OOM")) > 0)
        return VERDICT_YES;
    return *ret_value > over_below ? VERDICT_UNSEEN : VERDICT_NO; /* a buffer that was freed is no relief */
}

static void add_growth(const struct rca_case *what, const struct redis_facts *facts, struct rca_cause *cause)
{
    const struct redis_info *now = facts->info, *before = facts->previous;

    if (!before || facts->info_ms <= facts->previous_ms)
        return;
    double seconds = (double)(facts->info_ms - facts->previous_ms) / 1000;
    double rate = (double)facts_rise(now->used_memory, before->used_memory) / seconds;
    if (rate > 0)
        rca_add_evidence(what, cause,
                         str_printf(what->arena, "memory grows by %.*s a second", STR_ARG(in_bytes(what->arena, rate))),
                         S("redis_memory_used_bytes"), rate);
}

/* add_ttl - keys that never expire are what fills a store that never evicts. */
static void add_ttl(const struct rca_case *what, const struct redis_facts *facts, struct rca_cause *cause)
{
    int64_t keys = 0, expires = 0;

    for (size_t i = 0; i < facts->info->keyspace_count; i++) {
        keys += facts->info->keyspaces[i].keys;
        expires += facts->info->keyspaces[i].expires;
    }
    if (keys > 0)
        rca_add_evidence(
            what, cause,
            str_printf(what->arena, "%lld of %lld keys have a time to live", (long long)expires, (long long)keys),
            S("redis_db_keys_expiring"), (double)expires);
}

static err recommend_room(const struct rca_case *what, const struct redis_facts *facts, struct rca_cause *cause,
                          struct rca_result *result)
{
    double available = newest_value(what, S("node_memory_MemAvailable_bytes"), S(""));
    double wanted = (double)facts->info->maxmemory * 0.2;

    if (isnan(available)) {
        rca_add_evidence(what, cause, S("how much memory the host has left is not known: more room is not proposed"),
                         S(""), NAN);
        return NULL;
    }
    rca_add_evidence(
        what, cause,
        str_printf(what->arena, "the host has %.*s of memory available", STR_ARG(in_bytes(what->arena, available))),
        S("node_memory_MemAvailable_bytes"), available);
    if (available < ROOM_FACTOR * wanted)
        return NULL; /* more for Redis would be less for everybody */
    return recommend_on(
        what, facts, result, "redis_raise_maxmemory",
        str_printf(what->arena,
                   "raises maxmemory by a fifth (%.*s), which the host has; the old value is kept and can be restored",
                   STR_ARG(in_bytes(what->arena, wanted))));
}

static err oom_explain(const struct rca_case *what, const struct redis_facts *facts, struct rca_result *result)
{
    const struct redis_info *info = facts->info;
    struct arena *arena = what->arena;

    if (!info || info->maxmemory <= 0)
        return NULL;
    double ratio = (double)info->used_memory / (double)info->maxmemory;
    struct rca_cause *cause =
        rca_add_cause(what, result, facts->resource, S("Redis is out of memory and may not evict"), 0.95);
    rca_add_evidence(what, cause,
                     str_printf(arena, "used_memory %.*s of maxmemory %.*s (%.0f %%)",
                                STR_ARG(in_bytes(arena, (double)info->used_memory)),
                                STR_ARG(in_bytes(arena, (double)info->maxmemory)), ratio * 100),
                     S("redis_memory_used_bytes"), (double)info->used_memory);
    rca_add_evidence(what, cause, S("maxmemory-policy is noeviction: writes are refused instead"), S(""), NAN);
    int64_t refused = redis_info_error(info, S("OOM"));
    if (refused > 0)
        rca_add_evidence(what, cause,
                         str_printf(arena, "%lld commands were answered with OOM since the start", (long long)refused),
                         S("redis_errors_total"), (double)refused);
    add_growth(what, facts, cause);
    add_ttl(what, facts, cause);
    result->critical_failure = S("Redis refuses every write that needs memory");
    result->impact = S("Applications that write to this Redis get errors; reads and deletes still work");
    return recommend_room(what, facts, cause, result);
}

static const struct redis_scenario oom = {
    .id = "SC-001",
    .name = "oom",
    .alertname = "RedisOutOfMemory",
    .severity = "critical",
    .summary = "Redis is out of memory and refuses writes",
    .holds = oom_holds,
    .explain = oom_explain,
};
REGISTER(redis_scenario, oom);

static double evictions_per_second(const struct redis_facts *facts)
{
    if (!facts->previous || facts->info_ms <= facts->previous_ms)
        return 0;
    return (double)facts_rise(facts->info->evicted_keys, facts->previous->evicted_keys) * 1000 /
           (double)(facts->info_ms - facts->previous_ms);
}

static bool was_lowered(const struct redis_facts *facts)
{
    const struct redis_info *now = facts->info, *before = facts->previous;

    return before && now->maxmemory > 0 && !never_evicts(now) && before->used_memory != REDIS_UNSET &&
           before->maxmemory != REDIS_UNSET && now->maxmemory < before->used_memory &&
           (before->maxmemory == 0 || now->maxmemory < before->maxmemory);
}

static enum verdict lowered_holds(const struct redis_facts *facts, double *ret_value, double *ret_threshold)
{
    if (!facts->fresh || !facts->previous)
        return VERDICT_UNSEEN;
    *ret_value = (double)facts->info->maxmemory;
    *ret_threshold = (double)facts->previous->used_memory;
    return was_lowered(facts) ? VERDICT_YES : VERDICT_NO;
}

static err lowered_explain(const struct rca_case *what, const struct redis_facts *facts, struct rca_result *result)
{
    struct arena *arena = what->arena;
    const struct redis_info *info = facts->info;

    struct rca_cause *cause =
        rca_add_cause(what, result, facts->resource, S("maxmemory was set below what was in use"), 0.9);
    rca_add_evidence(what, cause,
                     str_printf(arena, "maxmemory is %.*s now; evicted_keys stands at %lld",
                                STR_ARG(in_bytes(arena, (double)info->maxmemory)), (long long)info->evicted_keys),
                     S("redis_memory_max_bytes"), (double)info->maxmemory);
    result->critical_failure = S("Keys were deleted to fit into the new limit");
    result->impact = S("Data is gone; what applications expect to find there is missing");
    return NULL; /* what was evicted does not come back by a command */
}

static const struct redis_scenario lowered = {
    .id = "",
    .name = "maxmemory_lowered",
    .alertname = "RedisMaxmemoryLowered",
    .severity = "critical",
    .summary = "maxmemory was set below the memory in use",
    .hold_ms = 60 * 1000,
    .holds = lowered_holds,
    .explain = lowered_explain,
};
REGISTER(redis_scenario, lowered);

static enum verdict evictions_hold(const struct redis_facts *facts, double *ret_value, double *ret_threshold)
{
    if (!facts->fresh || !facts->previous)
        return VERDICT_UNSEEN;
    *ret_value = evictions_per_second(facts);
    *ret_threshold = EVICTIONS_PER_SECOND;
    return *ret_value >= EVICTIONS_PER_SECOND && !was_lowered(facts) ? VERDICT_YES : VERDICT_NO;
}

static err evictions_explain(const struct rca_case *what, const struct redis_facts *facts, struct rca_result *result)
{
    struct arena *arena = what->arena;
    const struct redis_info *info = facts->info;
    int64_t asked = info->keyspace_hits + info->keyspace_misses;

    struct rca_cause *cause =
        rca_add_cause(what, result, facts->resource, S("The working set is larger than maxmemory"), 0.85);
    rca_add_evidence(what, cause,
                     str_printf(arena, "%.0f keys a second are evicted (policy %.*s)", evictions_per_second(facts),
                                STR_ARG(info->maxmemory_policy)),
                     S("redis_evicted_keys_total"), evictions_per_second(facts));
    if (info->keyspace_hits >= 0 && asked > 0)
        rca_add_evidence(what, cause,
                         str_printf(arena, "%.0f %% of reads hit", 100.0 * (double)info->keyspace_hits / (double)asked),
                         S("redis_keyspace_hits_total"), (double)info->keyspace_hits);
    result->critical_failure = S("Redis evicts keys as fast as they are written");
    result->impact = S("Reads miss, and what stands behind the cache gets their load");
    return recommend_room(what, facts, cause, result);
}

static const struct redis_scenario evictions = {
    .id = "",
    .name = "eviction_storm",
    .alertname = "RedisEvictionStorm",
    .severity = "high",
    .summary = "Redis evicts keys in masses",
    .holds = evictions_hold,
    .explain = evictions_explain,
};
REGISTER(redis_scenario, evictions);

/* scenario_replication.c - replicas that fall behind. Health is state, link and gap in bytes: the lag says 0 while it
 * is broken. */
#include "redis/scenario.h"

#include <math.h>

enum { GAP_BYTES = 1 << 20 };

/* worst_gap - bytes that the replica which is furthest behind has not got; -1 without replicas. */
static int64_t worst_gap(const struct redis_info *info)
{
    int64_t worst = -1;

    for (size_t i = 0; i < info->replica_count; i++) {
        int64_t gap = info->master_repl_offset - info->replicas[i].offset;
        if (info->replicas[i].offset >= 0 && gap > worst)
            worst = gap;
    }
    return worst;
}

static enum verdict lag_holds(const struct redis_facts *facts, double *ret_value, double *ret_threshold)
{
    const struct redis_info *info = facts->info;

    if (!facts->fresh || !info->role.length)
        return VERDICT_UNSEEN;
    *ret_threshold = GAP_BYTES;
    if (str_eq(info->role, S("slave")))
        return str_eq(info->master_link_status, S("down")) ? VERDICT_YES : VERDICT_NO;
    *ret_value = (double)worst_gap(info);
    /* Growing as well as large: a burst that is being caught up with is no incident. */
    bool grows = facts->previous && worst_gap(info) > worst_gap(facts->previous);
    return *ret_value >= GAP_BYTES && grows ? VERDICT_YES : *ret_value >= GAP_BYTES ? VERDICT_UNSEEN : VERDICT_NO;
}

static err lag_explain(const struct rca_case *what, const struct redis_facts *facts, struct rca_result *result)
{
    struct arena *arena = what->arena;
    const struct redis_info *info = facts->info;

    if (str_eq(info->role, S("slave"))) {
        struct rca_cause *cause =
            rca_add_cause(what, result, facts->resource, S("The replica has lost its master"), 0.8);
        rca_add_evidence(what, cause,
                         str_printf(arena, "master_link_status is down for %lld s; its master is %.*s:%lld",
                                    (long long)info->master_link_down_since_seconds, STR_ARG(info->master_host),
                                    (long long)info->master_port),
                         S("redis_master_link_up"), 0);
        if (info->master_sync_in_progress == 1)
            rca_add_evidence(what, cause, S("a full resynchronisation is running"), S("redis_master_sync_in_progress"),
                             1);
    } else {
        struct rca_cause *cause =
            rca_add_cause(what, result, facts->resource, S("A replica takes less than is written"), 0.8);
        for (size_t i = 0; i < info->replica_count && i < 3; i++)
            rca_add_evidence(
                what, cause,
                str_printf(arena, "replica %.*s:%.*s is %.*s, %.*s behind, lag %lld s", STR_ARG(info->replicas[i].ip),
                           STR_ARG(info->replicas[i].port), STR_ARG(info->replicas[i].state),
                           STR_ARG(in_bytes(arena, (double)(info->master_repl_offset - info->replicas[i].offset))),
                           (long long)info->replicas[i].lag),
                S("redis_connected_slave_offset_bytes"), (double)info->replicas[i].offset);
    }
    result->critical_failure = S("Replicas don't have the newest data");
    result->impact = S("Reads from replicas are stale, and a failover now would lose writes");
    return NULL; /* wait, or let Sentinel and Cluster act: racing them does harm */
}

static const struct redis_scenario replication_lag = {
    .id = "SC-003",
    .name = "replication_lag",
    .alertname = "RedisReplicationLag",
    .severity = "high",
    .summary = "Replication is behind or broken",
    .holds = lag_holds,
    .explain = lag_explain,
};
REGISTER(redis_scenario, replication_lag);

/* scenario_persistence.c - what can't be written to disk. Status fields are read, not counters: rdb_saves counts
 * failures too. */
#include "redis/scenario.h"

#include <math.h>

static bool is_err(struct str status)
{
    return str_eq(status, S("err"));
}

static enum verdict rdb_holds(const struct redis_facts *facts, double *ret_value, double *ret_threshold)
{
    (void)ret_value, (void)ret_threshold;
    if (!facts->fresh || !facts->info->rdb_last_bgsave_status.length)
        return VERDICT_UNSEEN;
    return is_err(facts->info->rdb_last_bgsave_status) ? VERDICT_YES : VERDICT_NO;
}

static err rdb_explain(const struct rca_case *what, const struct redis_facts *facts, struct rca_result *result)
{
    const struct redis_info *info = facts->info;

    struct rca_cause *cause =
        rca_add_cause(what, result, facts->resource, S("The last snapshot could not be written"), 0.8);
    rca_add_evidence(what, cause, S("rdb_last_bgsave_status is err"), S("redis_rdb_last_bgsave_status"), 0);
    if (info->rdb_changes_since_last_save > 0)
        rca_add_evidence(
            what, cause,
            str_printf(what->arena, "%lld changes are in no snapshot", (long long)info->rdb_changes_since_last_save),
            S("redis_rdb_changes_since_last_save"), (double)info->rdb_changes_since_last_save);
    if (facts->outcome == REDIS_MISCONF)
        rca_add_evidence(what, cause, S("Redis answers MISCONF: writes are refused until a snapshot succeeds"), S(""),
                         NAN);
    result->critical_failure = S("Snapshots fail");
    result->impact =
        facts->outcome == REDIS_MISCONF ? S("Writes are refused") : S("A restart would lose what is not saved");
    return recommend_on(what, facts, result, "redis_bgsave",
                        S("writes a snapshot again: where the disk has room by now, writes are taken again; where it "
                          "has not, nothing is lost"));
}

static const struct redis_scenario rdb_failure = {
    .id = "SC-007",
    .name = "rdb_failure",
    .alertname = "RedisRdbSaveFailed",
    .severity = "high",
    .summary = "Redis can't write its snapshot",
    .holds = rdb_holds,
    .explain = rdb_explain,
};
REGISTER(redis_scenario, rdb_failure);

static enum verdict aof_holds(const struct redis_facts *facts, double *ret_value, double *ret_threshold)
{
    (void)ret_value, (void)ret_threshold;
    if (!facts->fresh || facts->info->aof_enabled == REDIS_UNSET)
        return VERDICT_UNSEEN;
    if (facts->info->aof_enabled != 1)
        return VERDICT_NO;
    return is_err(facts->info->aof_last_write_status) || is_err(facts->info->aof_last_bgrewrite_status) ? VERDICT_YES
                                                                                                        : VERDICT_NO;
}

static err aof_explain(const struct rca_case *what, const struct redis_facts *facts, struct rca_result *result)
{
    const struct redis_info *info = facts->info;
    bool write_fails = is_err(info->aof_last_write_status);

    struct rca_cause *cause = rca_add_cause(what, result, facts->resource,
                                            write_fails ? S("The append-only file can't be written")
                                                        : S("The append-only file could not be rewritten"),
                                            0.85);
    rca_add_evidence(what, cause,
                     str_printf(what->arena, "aof_last_write_status is %.*s, aof_last_bgrewrite_status is %.*s",
                                STR_ARG(info->aof_last_write_status), STR_ARG(info->aof_last_bgrewrite_status)),
                     S("redis_aof_last_write_status"), write_fails ? 0 : 1);
    result->critical_failure = write_fails ? S("Redis refuses writes: MISCONF") : S("The append-only file only grows");
    result->impact = write_fails
                         ? S("Applications that write get errors; it heals by itself within 2 s once the disk has room")
                         : S("The disk fills, and a restart takes longer and longer");
    if (write_fails)
        return NULL; /* room on the disk is what helps, and which files may go is a person's to say */
    return recommend_on(what, facts, result, "redis_bgrewriteaof", S("rewrites the file again, which changes no data"));
}

static const struct redis_scenario aof_failure = {
    .id = "SC-006",
    .name = "aof_failure",
    .alertname = "RedisAofFailed",
    .severity = "high",
    .summary = "Redis can't write its append-only file",
    .holds = aof_holds,
    .explain = aof_explain,
};
REGISTER(redis_scenario, aof_failure);

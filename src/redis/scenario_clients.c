/* scenario_clients.c - too many clients, and clients that may not come in. */
#include "redis/scenario.h"

#include <math.h>
#include <stdlib.h>

enum { AUTH_ERRORS_MIN = 3, TOP_ADDRESSES = 3 };
static const double full_ratio = 0.95;

static enum verdict clients_hold(const struct redis_facts *facts, double *ret_value, double *ret_threshold)
{
    if (facts->outcome == REDIS_MAXCLIENTS)
        return VERDICT_YES;
    if (!facts->fresh || facts->info->connected_clients == REDIS_UNSET || facts->info->maxclients <= 0)
        return VERDICT_UNSEEN;
    *ret_value = (double)facts->info->connected_clients;
    *ret_threshold = floor((double)facts->info->maxclients * full_ratio);
    bool rejected =
        facts->previous && facts_rise(facts->info->rejected_connections, facts->previous->rejected_connections) > 0;
    return rejected || *ret_value >= *ret_threshold ? VERDICT_YES : VERDICT_NO;
}

/* Connections by the host they come from. */
struct crowd {
    struct str host;
    int64_t count, idle_max;
};

static int by_count(const void *a, const void *b)
{
    int64_t left = ((const struct crowd *)a)->count, right = ((const struct crowd *)b)->count;

    return (left < right) - (left > right);
}

static void add_crowds(const struct rca_case *what, const struct redis_facts *facts, struct rca_cause *cause)
{
    struct crowd crowds[FACTS_CLIENTS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < facts->client_count; i++) {
        struct str port, host = str_cut(facts->clients[i].address, ':', &port);
        size_t at = 0;
        while (at < count && !str_eq(crowds[at].host, host))
            at++;
        if (at == count)
            crowds[count++] = (struct crowd){ .host = host };
        crowds[at].count++;
        if (facts->clients[i].idle_seconds > crowds[at].idle_max)
            crowds[at].idle_max = facts->clients[i].idle_seconds;
    }
    qsort(crowds, count, sizeof(*crowds), by_count);
    for (size_t i = 0; i < count && i < TOP_ADDRESSES; i++)
        rca_add_evidence(what, cause,
                         str_printf(what->arena, "%lld connections from %.*s, the longest idle for %lld s",
                                    (long long)crowds[i].count, STR_ARG(crowds[i].host), (long long)crowds[i].idle_max),
                         S(""), (double)crowds[i].count);
}

static err clients_explain(const struct rca_case *what, const struct redis_facts *facts, struct rca_result *result)
{
    struct arena *arena = what->arena;
    const struct redis_info *info = facts->info;

    if (!info)
        return NULL;
    struct rca_cause *cause =
        rca_add_cause(what, result, facts->resource, S("Clients open connections and don't close them"), 0.9);
    rca_add_evidence(what, cause,
                     str_printf(arena, "%lld of at most %lld clients are connected", (long long)info->connected_clients,
                                (long long)info->maxclients),
                     S("redis_connected_clients"), (double)info->connected_clients);
    if (info->rejected_connections > 0)
        rca_add_evidence(
            what, cause,
            str_printf(arena, "%lld connections were rejected since the start", (long long)info->rejected_connections),
            S("redis_rejected_connections_total"), (double)info->rejected_connections);
    if (facts->clients_idle > 0)
        rca_add_evidence(what, cause,
                         str_printf(arena, "%lld of %lld listed connections have done nothing for a minute",
                                    (long long)facts->clients_idle, (long long)facts->clients_all),
                         S(""), (double)facts->clients_idle);
    add_crowds(what, facts, cause);
    result->critical_failure = S("New clients are turned away: max number of clients reached");
    result->impact = S("Applications that need a new connection fail; those that are connected go on");
    return recommend_on(what, facts, result, "redis_kill_idle_clients",
                        S("closes connections that have done nothing for a while, each by its id; busy ones, replicas "
                          "and subscribers stay"));
}

static const struct redis_scenario max_clients = {
    .id = "SC-002",
    .name = "max_clients",
    .alertname = "RedisMaxClients",
    .severity = "high",
    .summary = "Redis has no room for more clients",
    .holds = clients_hold,
    .explain = clients_explain,
};
REGISTER(redis_scenario, max_clients);

static int64_t auth_errors(const struct redis_facts *facts)
{
    return facts_error_rise(facts, S("NOAUTH")) + facts_error_rise(facts, S("WRONGPASS"));
}

static enum verdict auth_holds(const struct redis_facts *facts, double *ret_value, double *ret_threshold)
{
    if (!facts->fresh || !facts->previous)
        return VERDICT_UNSEEN;
    *ret_value = (double)auth_errors(facts);
    *ret_threshold = AUTH_ERRORS_MIN;
    return auth_errors(facts) >= AUTH_ERRORS_MIN ? VERDICT_YES : VERDICT_NO;
}

static err auth_explain(const struct rca_case *what, const struct redis_facts *facts, struct rca_result *result)
{
    int64_t noauth = redis_info_error(facts->info, S("NOAUTH")), wrong = redis_info_error(facts->info, S("WRONGPASS"));

    struct rca_cause *cause =
        rca_add_cause(what, result, facts->resource, S("Clients use no password, or an old one"), 0.8);
    rca_add_evidence(what, cause,
                     str_printf(what->arena, "%lld answers NOAUTH and %lld WRONGPASS since the start",
                                (long long)noauth, (long long)wrong),
                     S("redis_errors_total"), (double)(noauth + wrong));
    result->critical_failure = S("Clients are refused for their credentials");
    result->impact = S("Those clients can't use Redis; others are not affected");
    return NULL; /* rotating the clients' configuration is their owner's work */
}

static const struct redis_scenario auth = {
    .id = "",
    .name = "auth_errors",
    .alertname = "RedisAuthErrors",
    .severity = "medium",
    .summary = "Redis refuses clients for their credentials",
    .hold_ms = 30 * 1000,
    .holds = auth_holds,
    .explain = auth_explain,
};
REGISTER(redis_scenario, auth);

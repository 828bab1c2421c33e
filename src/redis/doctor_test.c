/* doctor_test.c - scenarios over facts: what holds, what does not, and what can't be seen. */
#include "base/test.h"
#include "base/time.h"
#include "redis/doctor.h"
#include "redis/scenario.h"

#include <math.h>
#include <string.h>

static const struct redis_scenario *scenario(const char *name)
{
    FOR_EACH_REGISTERED (redis_scenario, it)
        if (strcmp(it->name, name) == 0)
            return it;
    ASSERT_TRUE(!"a scenario of that name");
    return NULL;
}

static enum verdict judge(const char *name, const struct redis_facts *facts)
{
    double value = NAN, threshold = NAN;

    return scenario(name)->holds(facts, &value, &threshold);
}

/* facts_of - a poll that got this INFO, after one that got the other. */
static struct redis_facts *facts_of(struct arena *arena, const char *now, const char *before)
{
    struct redis_facts *facts = arena_alloc(arena, sizeof(*facts));
    struct redis_info *info = arena_alloc(arena, sizeof(*info)), *previous = arena_alloc(arena, sizeof(*previous));

    ASSERT_OK(redis_info_parse(arena, str_of(now), info));
    *facts = (struct redis_facts){ .resource = S("redis:h:1"),
                                   .address = S("h:1"),
                                   .outcome = REDIS_DONE,
                                   .ever_up = true,
                                   .fresh = true,
                                   .info = info,
                                   .info_ms = 10000,
                                   .time_ms = 10000 };
    if (before) {
        ASSERT_OK(redis_info_parse(arena, str_of(before), previous));
        facts->previous = previous;
        facts->previous_ms = 5000;
    }
    return facts;
}

TEST(doctor_full_is_a_failure_only_where_nothing_may_be_evicted)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(8 << 20);

    ASSERT_EQ_INT(
        VERDICT_YES,
        judge("oom", facts_of(arena, "used_memory:101\r\nmaxmemory:100\r\nmaxmemory_policy:noeviction\r\n", NULL)));
    ASSERT_EQ_INT(
        VERDICT_NO,
        judge("oom", facts_of(arena, "used_memory:101\r\nmaxmemory:100\r\nmaxmemory_policy:allkeys-lru\r\n", NULL)));
    ASSERT_EQ_INT(
        VERDICT_NO,
        judge("oom", facts_of(arena, "used_memory:101\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n", NULL)));
    ASSERT_EQ_INT(VERDICT_UNSEEN, judge("oom", facts_of(arena, "maxmemory_policy:noeviction\r\n", NULL)));
    ASSERT_EQ_INT(
        VERDICT_UNSEEN,
        judge("oom", facts_of(arena, "used_memory:95\r\nmaxmemory:100\r\nmaxmemory_policy:noeviction\r\n", NULL)));
    ASSERT_EQ_INT(
        VERDICT_YES,
        judge("oom",
              facts_of(arena,
                       "used_memory:95\r\nmaxmemory:100\r\nmaxmemory_policy:noeviction\r\nerrorstat_OOM:count=9\r\n",
                       "used_memory:95\r\nmaxmemory:100\r\nerrorstat_OOM:count=2\r\n")));
}

TEST(doctor_counters_of_another_run_say_nothing)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(8 << 20);
    const char *low = "connected_clients:1\r\nmaxclients:100\r\nrejected_connections:7\r\n";

    ASSERT_EQ_INT(VERDICT_NO, judge("max_clients", facts_of(arena, low, NULL)));
    ASSERT_EQ_INT(VERDICT_NO,
                  judge("max_clients", facts_of(arena, low, "rejected_connections:900\r\n"))); /* went down: a reset */
    ASSERT_EQ_INT(VERDICT_YES, judge("max_clients", facts_of(arena, low, "rejected_connections:6\r\n")));
    ASSERT_EQ_INT(VERDICT_YES,
                  judge("max_clients", facts_of(arena, "connected_clients:95\r\nmaxclients:100\r\n", NULL)));
}

TEST(doctor_error_replies_are_not_down)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(8 << 20);
    struct redis_facts *facts = facts_of(arena, "role:master\r\n", NULL);

    facts->outcome = REDIS_MISCONF;
    ASSERT_EQ_INT(VERDICT_NO, judge("down", facts));
    facts->outcome = REDIS_REFUSED;
    facts->failures = 1;
    facts->fresh = false;
    ASSERT_EQ_INT(VERDICT_YES, judge("down", facts));
    facts->outcome = REDIS_TIMED_OUT;
    ASSERT_EQ_INT(VERDICT_UNSEEN, judge("down", facts)); /* asked twice */
    facts->failures = 2;
    ASSERT_EQ_INT(VERDICT_YES, judge("down", facts));
    facts->ever_up = false;
    ASSERT_EQ_INT(VERDICT_UNSEEN, judge("down", facts)); /* an address that may be wrong */
    ASSERT_EQ_INT(VERDICT_UNSEEN, judge("oom", facts));  /* what can't be seen is neither well nor ill */
}

TEST(doctor_lag_needs_a_gap_that_grows)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(8 << 20);
    const char *behind =
        "role:master\r\nmaster_repl_offset:9000000\r\nslave0:ip=h,port=2,state=online,offset=1000000,lag=0\r\n";
    const char *less =
        "role:master\r\nmaster_repl_offset:8000000\r\nslave0:ip=h,port=2,state=online,offset=1000000,lag=0\r\n";

    ASSERT_EQ_INT(VERDICT_YES, judge("replication_lag", facts_of(arena, behind, less)));
    ASSERT_EQ_INT(VERDICT_UNSEEN, judge("replication_lag", facts_of(arena, less, behind)));
    ASSERT_EQ_INT(VERDICT_YES,
                  judge("replication_lag", facts_of(arena, "role:slave\r\nmaster_link_status:down\r\n", NULL)));
}

TEST(doctor_lowered_maxmemory_is_seen_once_between_two_polls)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(8 << 20);

    ASSERT_EQ_INT(VERDICT_YES, judge("maxmemory_lowered", facts_of(arena, "maxmemory:100\r\nused_memory:99\r\n",
                                                                   "maxmemory:0\r\nused_memory:500\r\n")));
    ASSERT_EQ_INT(VERDICT_NO, judge("maxmemory_lowered", facts_of(arena, "maxmemory:600\r\nused_memory:500\r\n",
                                                                  "maxmemory:900\r\nused_memory:500\r\n")));
}

TEST(doctor_scenarios_have_names_of_their_own)
{
    FOR_EACH_REGISTERED (redis_scenario, one) {
        FOR_EACH_REGISTERED (redis_scenario, other)
            ASSERT_TRUE(one == other || (strcmp(one->name, other->name) && strcmp(one->alertname, other->alertname)));
    }
}

TEST(doctor_does_not_alarm_over_slow_commands_of_long_ago)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct db *db = NULL;
    int64_t now = time_now_ms();
    const struct redis_slow_entry slow[] = {
        { .id = 8, .time_ms = now - MINUTE_MS, .duration_us = 5000, .command = S("get a") },
        { .id = 7, .time_ms = now - HOUR_MS, .duration_us = 900000, .command = S("keys *") },
    };
    struct redis_instance_state state = { .resource = S("redis:h:1"),
                                          .address = S("h:1"),
                                          .outcome = REDIS_DONE,
                                          .time_ms = now,
                                          .slow = slow,
                                          .slow_count = 2 };
    struct redis_facts first, second;

    ASSERT_OK(db_open(&(struct db_options){ .folder = test_folder() }, &db));
    ASSERT_OK(doctor_start(&(struct doctor_options){ .db = db }));
    doctor_observe(&state); /* its whole slow log: nobody has looked before */
    bool seen = doctor_facts(arena, state.resource, &first);
    const struct redis_slow_entry late = {
        .id = 9, .time_ms = now - HOUR_MS, .duration_us = 900000, .command = S("x")
    };
    state.slow = &late, state.slow_count = 1; /* it came since, whatever the clock over there says */
    doctor_observe(&state);
    seen = seen && doctor_facts(arena, state.resource, &second);
    doctor_stop();
    db_close(db);
    ASSERT_TRUE(seen);
    ASSERT_EQ_INT(1, (int64_t)first.slow_new);
    ASSERT_EQ_INT(1, (int64_t)second.slow_new);
}

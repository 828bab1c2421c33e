/* scenario_test.c - the scenarios over recorded incidents and over instances that only look odd. */
#include "redis/diagnosis.h"
#include "redis/scenario.h"

#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/test.h"
#include "base/time.h"

enum { POLL_MS = 10 * 1000 };

/* The recordings; AUSPEX_SHARED is the folder that holds data/redis, ../shared without it. */
static size_t case_files(struct arena *arena, const char *kind, glob_t *ret_files)
{
    const char *shared = getenv("AUSPEX_SHARED"), *folder = getenv("AUSPEX_REDIS_CASES");
    const char *base =
        folder ? folder : str_printf(arena, "%s/data/redis", shared && *shared ? shared : "../shared").at;

    if (glob(str_printf(arena, "%s/%s/*.json", base, kind).at, 0, NULL, ret_files))
        TEST_SKIP("no recorded cases: set AUSPEX_SHARED to the folder that has data/redis");
    return ret_files->gl_pathc;
}

static const struct redis_info *info_in(struct arena *arena, const struct json *snapshot)
{
    const struct json *fields = json_get(snapshot, S("info"));
    struct redis_info *info = arena_alloc(arena, sizeof(*info));
    size_t count = fields ? fields->object.count : 0;
    struct redis_info_pair *pairs = arena_array(arena, count + 1, sizeof(*pairs));

    if (!count)
        return NULL;
    for (size_t i = 0; i < count; i++)
        pairs[i] = (struct redis_info_pair){ fields->object.members[i].key,
                                             json_str_or(fields->object.members[i].value, S("")) };
    ASSERT_OK(redis_info_make(arena, pairs, count, info));
    return info;
}

static enum redis_outcome outcome_in(const struct json *snapshot)
{
    static const struct {
        const char *start;
        enum redis_outcome outcome;
    } words[] = {
        { "-LOADING", REDIS_LOADING },       { "-BUSY", REDIS_BUSY },
        { "-NOAUTH", REDIS_NOAUTH },         { "-MISCONF", REDIS_MISCONF },
        { "-MASTERDOWN", REDIS_MASTERDOWN },
    };
    struct str ping = json_str_or(json_get(snapshot, S("ping")), S("PONG"));

    if (json_get(snapshot, S("unreachable")))
        return REDIS_REFUSED;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_starts(ping, str_of(words[i].start)))
            return words[i].outcome;
    ASSERT_STR("PONG", ping);
    return REDIS_DONE;
}

static void add_slow(const struct json *snapshot, struct redis_facts *facts)
{
    const struct json *entries = json_get(snapshot, S("slowlog"));

    for (size_t i = 0; entries && i < entries->array.count && facts->slow_count < FACTS_SLOW_MAX; i++) {
        const struct json *entry = entries->array.items[i];
        facts->slow[facts->slow_count++] = (struct redis_slow_entry){
            .id = json_i64_or(entry->array.items[0], 0),
            .time_ms = json_i64_or(entry->array.items[1], 0) * SECOND_MS,
            .duration_us = json_i64_or(entry->array.items[2], 0),
            .command = json_str_or(entry->array.items[3]->array.items[0], S("")),
            .client = json_str_or(entry->array.items[4], S("")),
        };
    }
    facts->slow_new = facts->slow_count;
}

/* facts_in - as the doctor has them after a poll before and one after; false where nobody looked. */
static bool facts_in(struct arena *arena, const struct json *instance, struct redis_facts *ret_facts)
{
    const struct json *before = json_get(instance, S("before")), *after = json_get(instance, S("after"));
    const struct redis_info *was = info_in(arena, before), *now = info_in(arena, after);

    if (!after || after->type != JSON_OBJECT)
        return false;
    *ret_facts = (struct redis_facts){
        .resource = S("redis:127.0.0.1:6379"),
        .address = S("127.0.0.1:6379"),
        .error = json_str_or(json_get(after, S("ping")), S("")),
        .time_ms = 2 * POLL_MS,
        .outcome = outcome_in(after),
        .ever_up = true,
        .info = now ? now : was,
        .info_ms = now ? 2 * POLL_MS : POLL_MS,
        .fresh = now != NULL,
    };
    ret_facts->failures = ret_facts->outcome == REDIS_REFUSED;
    if (now && was && str_eq(now->run_id, was->run_id)) {
        ret_facts->previous = was;
        ret_facts->previous_ms = POLL_MS;
    }
    add_slow(after, ret_facts);
    return now || ret_facts->outcome != REDIS_DONE;
}

/* No series: nobody recorded the host. */
static err select_nothing(struct series_source *source, struct arena *arena, const struct series_query *query,
                          struct series_set **ret_set)
{
    (void)source, (void)query;
    *ret_set = series_set_of_list(arena, (struct series_list){ 0 });
    return NULL;
}
static const struct series_source_ops no_series_ops = { .open = select_nothing };
static struct series_source no_series = { &no_series_ops };

/* diagnose - the worst finding over all instances of a case; NULL where there is none. */
static const struct redis_finding *diagnose(struct arena *arena, const char *path, const char *wanted)
{
    struct str text = S("");
    const struct json *json = NULL;
    const struct redis_finding *worst = NULL;

    ASSERT_OK(file_read(arena, path, 32 << 20, &text));
    ASSERT_OK(json_parse(arena, text, &json));
    const struct json *instances = json_get(json, S("instances"));
    for (size_t i = 0; i < instances->array.count; i++) {
        struct redis_facts *facts = arena_alloc(arena, sizeof(*facts));
        struct redis_findings *findings = arena_alloc(arena, sizeof(*findings));
        if (!str_eq(json_str_or(json_get(instances->array.items[i], S("kind")), S("")), S("redis")) ||
            !facts_in(arena, instances->array.items[i], facts))
            continue;
        ASSERT_OK(diagnosis_make(arena, &no_series, facts, NULL, 0, findings));
        for (size_t f = 0; f < findings->findings.count; f++) {
            const struct redis_finding *finding = &findings->findings.at[f];
            if (wanted && strcmp(finding->scenario->name, wanted) == 0)
                return finding;
            worst = worst ? worst : finding;
        }
    }
    return worst;
}

TEST(scenarios_are_silent_on_healthy_instances_that_look_odd)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(256 << 20);
    glob_t files = { 0 };
    size_t count = case_files(arena, "healthy", &files);

    ASSERT_TRUE(count >= 13);
    for (size_t i = 0; i < count; i++) {
        const struct redis_finding *found = diagnose(arena, files.gl_pathv[i], NULL);
        if (found)
            printf("%s: %s\n", files.gl_pathv[i], found->scenario->name);
        ASSERT_TRUE(!found);
    }
    globfree(&files);
}

/* What the first scenarios must find; the other recordings are of incidents that they don't know, or of logs alone. */
static const struct {
    const char *file, *scenario;
} known[] = {
    { "incident-03", "replication_lag" },
    { "incident-11", "slow_query" },
    { "incident-14", "replication_lag" },
    { "recorded-12", "auth_errors" },
    { "recorded-20", "replication_lag" },
    { "recorded-29", "down" },
    { "incident-01", "down" },
    { "incident-02", "rdb_failure" },
    { "incident-04", "maxmemory_lowered" },
    { "incident-06", "max_clients" },
    { "incident-23", "eviction_storm" },
    { "incident-24", "oom" },
    { "incident-25", "rdb_failure" },
    { "incident-28", "aof_failure" },
    { "recorded-01", "rdb_failure" },
    { "recorded-02", "rdb_failure" },
    { "recorded-04", "down" },
    { "recorded-09", "max_clients" },
    { "recorded-11", "aof_failure" },
    { "recorded-17", "loading" },
    { "recorded-18", "busy_script" },
    { "recorded-19", "maxmemory_lowered" },
    { "recorded-22", "slow_query" },
    { "recorded-23", "down" },
    { "recorded-27", "eviction_storm" },
    { "recorded-28", "oom" },
    { "recorded-30", "aof_failure" },
    { "recorded-07", "replication_lag" },
};

static const char *expected(const char *path)
{
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strstr(path, known[i].file))
            return known[i].scenario;
    return NULL;
}

TEST(scenarios_find_recorded_incidents_and_say_why)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(512 << 20);
    static const char *const kinds[] = { "incidents", "recorded" };
    size_t found_count = 0;

    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        glob_t files = { 0 };
        size_t count = case_files(arena, kinds[k], &files);
        for (size_t i = 0; i < count; i++) {
            const char *wanted = expected(files.gl_pathv[i]);
            const struct redis_finding *found = wanted ? diagnose(arena, files.gl_pathv[i], wanted) : NULL;
            if (!wanted)
                continue;
            if (!found || strcmp(found->scenario->name, wanted) != 0)
                printf("%s: %s, not %s\n", files.gl_pathv[i], found ? found->scenario->name : "nothing", wanted);
            ASSERT_TRUE(found && strcmp(found->scenario->name, wanted) == 0);
            ASSERT_TRUE(found->result.root_causes.count > 0);
            ASSERT_TRUE(found->result.root_causes.at[0].evidence.count > 0);
            ASSERT_TRUE(found->advice && found->advice->steps[0] && found->advice->prevention[0]);
            found_count++;
        }
        globfree(&files);
    }
    ASSERT_EQ_INT(ARRAY_LEN(known), found_count);
}

TEST(scenarios_all_have_advice)
{
    FOR_EACH_REGISTERED (redis_scenario, it) {
        const struct redis_advice *advice = redis_advice_for(it->name);
        ASSERT_TRUE(advice && advice->category && advice->steps[0] && advice->prevention[0]);
    }
}

/* A server that never gave an INFO: whatever fired before, nothing is made up. */
TEST(scenarios_without_info_make_nothing_up)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(16 << 20);
    struct redis_facts *facts = arena_alloc(arena, sizeof(*facts));
    struct str alerts[64];
    size_t count = 0;

    *facts = (struct redis_facts){
        .resource = S("redis:h:1"), .address = S("h:1"), .error = S("refused"), .outcome = REDIS_REFUSED, .failures = 1
    };
    FOR_EACH_REGISTERED (redis_scenario, it)
        alerts[count++] = str_of(it->alertname);
    struct redis_findings findings;
    ASSERT_OK(diagnosis_make(arena, &no_series, facts, alerts, count, &findings));
    ASSERT_EQ_INT(count, findings.findings.count);
    for (size_t i = 0; i < findings.findings.count; i++)
        if (!findings.findings.at[i].scenario->without_info)
            ASSERT_EQ_INT(0, findings.findings.at[i].result.root_causes.count);
}

/* info_test.c - INFO as it comes, and as nobody should send it. */
#include "redis/info.h"

#include <glob.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/test.h"

static struct redis_info parsed(struct arena *arena, const char *text)
{
    struct redis_info info = { 0 };

    ASSERT_OK(redis_info_parse(arena, str_of(text), &info));
    return info;
}

TEST(info_gives_numbers_texts_and_tables)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct redis_info info = parsed(arena, "# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\n\r\n# Memory\r\n"
                                           "used_memory:1138824\r\nmem_fragmentation_ratio:12.84\r\n"
                                           "# Commandstats\r\n"
                                           "cmdstat_config|get:calls=3,usec=199,usec_per_call=66.33,rejected_calls=1,"
                                           "failed_calls=2\r\n"
                                           "errorstat_OOM:count=71\r\ndb0:keys=2,expires=1,avg_ttl=1500\r\n"
                                           "slave0:ip=127.0.0.1,port=6380,state=online,offset=140,lag=1\r\n"
                                           "executable:/usr/bin/redis-server\r\nconfig_file:\r\n");

    ASSERT_STR("7.0.15", info.redis_version);
    ASSERT_EQ_INT(1138824, info.used_memory);
    ASSERT_NEAR(12.84, info.mem_fragmentation_ratio, 0);
    ASSERT_EQ_INT(1, info.command_count);
    ASSERT_STR("config|get", info.commands[0].name);
    ASSERT_EQ_INT(199, info.commands[0].usec);
    ASSERT_EQ_INT(2, info.commands[0].failed_calls);
    ASSERT_EQ_INT(71, redis_info_error(&info, S("OOM")));
    ASSERT_EQ_INT(0, redis_info_error(&info, S("BUSY")));
    ASSERT_NEAR(1.5, info.keyspaces[0].avg_ttl_seconds, 0);
    ASSERT_STR("online", info.replicas[0].state);
    ASSERT_EQ_INT(140, info.replicas[0].offset);
    ASSERT_EQ_INT(REDIS_UNSET, info.maxmemory);
    ASSERT_TRUE(isnan(info.allocator_frag_ratio));
    ASSERT_STR("", redis_info_get(&info, S("config_file")));
    ASSERT_EQ_INT(0, info.strange);
}

TEST(info_that_lies_is_unset_and_counted)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct redis_info info =
        parsed(arena, "used_memory:99999999999999999999\nmaxmemory:12abc\nno colon here\n"
                      "maxclients:10\nmaxclients:20\nmem_fragmentation_ratio:inf\n"
                      "used_memory_rss:-9223372036854775808\n:empty\nbad key:1\n"
                      "cmdstat_get:calls=x,usec\ndb0:\nslave0:nonsense\nallocator_frag_ratio:nan\n");

    ASSERT_EQ_INT(REDIS_UNSET, info.used_memory);
    ASSERT_EQ_INT(REDIS_UNSET, info.maxmemory);
    ASSERT_EQ_INT(REDIS_UNSET, info.used_memory_rss);
    ASSERT_EQ_INT(10, info.maxclients);
    ASSERT_TRUE(isnan(info.mem_fragmentation_ratio));
    ASSERT_EQ_INT(REDIS_UNSET, info.commands[0].calls);
    ASSERT_EQ_INT(REDIS_UNSET, info.keyspaces[0].keys);
    ASSERT_TRUE(info.strange >= 9);
}

TEST(info_without_a_field_or_beyond_its_limits_is_refused)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(64 << 20);
    struct redis_info info;
    struct buf many CLEANUP(buf_clear) = { .max = 8 << 20 };

    ASSERT_ERR(ERR_INVALID, "no line", redis_info_parse(arena, S(""), &info));
    ASSERT_ERR(ERR_INVALID, "no line", redis_info_parse(arena, S("-ERR\r\n\0\0\0"), &info));
    for (int i = 0; i < REDIS_INFO_PAIRS_MAX + 1; i++)
        buf_addf(&many, "k%d:1\n", i);
    ASSERT_ERR(ERR_TOO_LARGE, "20000", redis_info_parse(arena, buf_str(&many), &info));
    while (many.length <= REDIS_INFO_BYTES_MAX)
        buf_add(&many, S("#########################################################\n"));
    ASSERT_ERR(ERR_TOO_LARGE, "bytes", redis_info_parse(arena, buf_str(&many), &info));
}

TEST(info_copy_outlives_its_text)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    char text[] = "used_memory:5\nrun_id:abc\nerrorstat_OOM:count=2\nwhat\n";
    struct redis_info info = parsed(arena, text);
    const struct redis_info *copy = redis_info_copy(arena, &info);

    memset(text, 'x', sizeof(text) - 1);
    ASSERT_EQ_INT(5, copy->used_memory);
    ASSERT_STR("abc", copy->run_id);
    ASSERT_EQ_INT(2, redis_info_error(copy, S("OOM")));
    ASSERT_EQ_INT(1, copy->strange);
}

static size_t check_snapshot(struct arena *arena, const struct json *snapshot)
{
    const struct json *fields = json_get(snapshot, S("info"));
    struct redis_info_pair pairs[2000];
    struct redis_info info;
    size_t count = 0;

    if (!fields)
        return 0;
    for (; count < fields->object.count && count < ARRAY_LEN(pairs); count++)
        pairs[count] = (struct redis_info_pair){ fields->object.members[count].key,
                                                 json_str_or(fields->object.members[count].value, S("")) };
    ASSERT_OK(redis_info_make(arena, pairs, count, &info));
    ASSERT_EQ_INT(0, info.strange);
    ASSERT_EQ_INT(count, info.pair_count);
    return 1;
}

/* Every field that a real Redis gave is taken without a complaint. */
TEST(info_of_recorded_cases_holds_nothing_strange)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(256 << 20);
    const char *folder = getenv("AUSPEX_REDIS_CASES");
    glob_t files = { 0 };
    size_t infos = 0;

    if (glob(str_printf(arena, "%s/*/*.json", folder ? folder : "../shared/data/redis").at, 0, NULL, &files))
        TEST_SKIP("no recorded cases: set AUSPEX_REDIS_CASES to their folder");
    for (size_t f = 0; f < files.gl_pathc; f++) {
        struct str text = S("");
        const struct json *json = NULL;
        ASSERT_OK(file_read(arena, files.gl_pathv[f], 32 << 20, &text));
        ASSERT_OK(json_parse(arena, text, &json));
        const struct json *instances = json_get(json, S("instances"));
        for (size_t i = 0; instances && i < instances->array.count; i++) {
            infos += check_snapshot(arena, json_get(instances->array.items[i], S("before")));
            infos += check_snapshot(arena, json_get(instances->array.items[i], S("after")));
        }
    }
    globfree(&files);
    ASSERT_TRUE(infos > 100);
}

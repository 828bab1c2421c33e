/* phrases_test.c - no sentence of ours is forgotten, and none is changed that is not ours. */
#include "action/catalogue.h"
#include "api/phrases.h"
#include "base/arena.h"
#include "base/test.h"
#include "ingest/collector.h"
#include "redis/scenario.h"

#include <stdio.h>
#include <string.h>

TEST(phrases_know_every_scenario)
{
    bool forgotten = false;

    FOR_EACH_REGISTERED (redis_scenario, it)
        if (!phrase_known(str_of(it->summary))) {
            printf("phrases.c lacks '%s'\n", it->summary);
            forgotten = true;
        }
    ASSERT_FALSE(forgotten);
}

TEST(phrases_know_what_collectors_and_actions_say_of_themselves)
{
    static const struct str first[] = { S("container"), S("node"), S("process"), S("redis"), S("systemd") };
    struct catalogue *catalogue CLEANUP(catalogue_freep) = NULL;
    bool forgotten = false;

    FOR_EACH_REGISTERED (collector, it) {
        bool ours = false; /* a new one may speak English first */
        for (size_t i = 0; i < ARRAY_LEN(first); i++)
            ours = ours || str_eq(str_of(it->name), first[i]);
        if (ours && !phrase_known(str_of(it->doc))) {
            printf("phrases.c lacks '%s'\n", it->doc);
            forgotten = true;
        }
    }
    ASSERT_OK(catalogue_load(NULL, 0, &catalogue));
    for (size_t i = 0; i < catalogue_count(catalogue); i++) {
        struct str doc = catalogue_at(catalogue, i)->doc;
        if (!phrase_known(doc)) {
            printf("phrases.c lacks '%.*s'\n", STR_ARG(doc));
            forgotten = true;
        }
    }
    ASSERT_FALSE(forgotten);
}

TEST(phrases_keep_places_and_other_peoples_words)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);

    ASSERT_STR("Redis가 응답하지 않음 (127.0.0.1:6379)",
               phrase(arena, S("Redis does not answer (127.0.0.1:6379)"), LANG_KO));
    ASSERT_STR("Redis 没有响应", phrase(arena, S("Redis does not answer"), LANG_ZH));
    ASSERT_STR("Redis does not answer", phrase(arena, S("Redis does not answer"), LANG_EN));
    ASSERT_STR("OOM(Out-of-Memory) 크래시 (vm:worker, 95.0 %)",
               phrase(arena, S("OOM (out of memory) crash (vm:worker, 95.0 %)"), LANG_KO));
    ASSERT_STR("p99 of api-gateway is above 5 s (prod)",
               phrase(arena, S("p99 of api-gateway is above 5 s (prod)"), LANG_KO));
}

TEST(phrases_translate_an_analysis_and_leave_its_numbers)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const struct json *rca;

    ASSERT_OK(json_parse(
        arena,
        S("{\"critical_failure\":\"Redis is down\",\"root_causes\":[{\"issue\":\"The Redis process is gone\","
          "\"confidence\":0.9,\"evidence\":[{\"text\":\"used 5\"}]}]}"),
        &rca));
    const struct json *ko = phrases_in(arena, rca, LANG_KO);
    ASSERT_STR("Redis가 중단됨", json_get(ko, S("critical_failure"))->string);
    const struct json *cause = json_get(ko, S("root_causes"))->array.items[0];
    ASSERT_STR("Redis 프로세스가 사라짐", json_get(cause, S("issue"))->string);
    ASSERT_NEAR(0.9, json_get(cause, S("confidence"))->number.value, 0);
    ASSERT_STR("used 5", json_get(json_get(cause, S("evidence"))->array.items[0], S("text"))->string);
    ASSERT_STR("Redis is down", json_get(rca, S("critical_failure"))->string); /* the stored one is as it was */
}

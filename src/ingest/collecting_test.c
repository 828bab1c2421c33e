/* collecting_test.c - sources run on their intervals, fail alone, and are started, changed and stopped by name. */
#include "ingest/collecting.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/test.h"
#include "base/time.h"
#include "tsdb/tsdb.h"

struct fake {
    struct str mode;
};

static const struct field fake_fields[] = {
    STRING(struct fake, mode, .def = "good", .max = 10, .doc = "How it behaves."),
    { 0 },
};

static atomic_int opened, closed, running, overlapped;

static err fake_open(struct call *call, const void *settings, void **ret_state)
{
    const struct fake *fake = settings;

    (void)call;
    if (str_eq(fake->mode, S("closed")))
        return err_new(ERR_UNAVAILABLE, "nobody opens");
    opened++;
    *ret_state = &opened;
    return NULL;
}

static err fake_collect(struct call *call, const void *settings, void *state, struct batch *out)
{
    const struct fake *fake = settings;

    ASSERT_TRUE(state == &opened);
    ASSERT_TRUE(call->deadline_ms > time_mono_ms());
    if (running++)
        overlapped++;
    batch_counter(out, "fake_total", "A count.", 42, "kind", "a", NULL);
    batch_gauge(out, "fake_level", "A level.", 7, NULL);
    running--;
    if (str_eq(fake->mode, S("absent"))) {
        out->samples.count = 0;
        batch_absent(out, "no such thing here");
    }
    return str_eq(fake->mode, S("bad")) ? err_new(ERR_UNAVAILABLE, "it is broken") : NULL;
}

static void fake_close(void *state)
{
    (void)state;
    closed++;
}

static const struct collector fake_collector = {
    .name = "fake",
    .doc = "For tests.",
    .settings = SCHEMA(struct fake, fake_fields),
    .interval_ms = 20,
    .open = fake_open,
    .collect = fake_collect,
    .close = fake_close,
};
REGISTER(collector, fake_collector);

struct stage {
    struct arena *arena;
    struct ticker *ticker;
    struct pool *pool;
    struct tsdb *tsdb;
    struct collecting *collecting;
};

static struct config *config_of(struct arena *arena, const char *yaml)
{
    const char *path = str_printf(arena, "%s/auspex.yml", test_folder()).at;
    struct config *config = NULL;

    ASSERT_OK(file_write(path, str_of(yaml), 0600));
    ASSERT_OK(config_load(&path, 1, &config));
    return config;
}

static struct stage stage_up(const char *yaml)
{
    struct stage stage = { .arena = arena_new(16 << 20) };
    struct config *config = config_of(stage.arena, yaml);
    const struct tsdb_options options = {
        .folder = str_printf(stage.arena, "%s/tsdb", test_folder()).at,
        .settings = config_get(config, &storage_section),
    };

    ASSERT_OK(ticker_start(&stage.ticker));
    ASSERT_OK(pool_start(&(struct pool_options){ .name = "test", .threads = 2, .queue_max = 100 }, &stage.pool));
    ASSERT_OK(tsdb_open(&options, &stage.tsdb));
    ASSERT_OK(collecting_start(&(struct collecting_options){ .config = config,
                                                             .sink = tsdb_sink(stage.tsdb),
                                                             .ticker = stage.ticker,
                                                             .workers = stage.pool,
                                                             .outside = stage.pool },
                               &stage.collecting));
    config_unref(config);
    return stage;
}

static void stage_down(struct stage *stage)
{
    collecting_stop(stage->collecting);
    ticker_stop(stage->ticker);
    pool_stop(stage->pool);
    tsdb_close(stage->tsdb);
    arena_free(stage->arena);
}

static struct source_state state_of(struct stage *stage, const char *name)
{
    struct source_list list;

    collecting_list(stage->collecting, stage->arena, &list);
    for (size_t i = 0; i < list.count; i++)
        if (str_eq(list.at[i].name, str_of(name)))
            return list.at[i];
    return (struct source_state){ .name = S("") };
}

static struct source_state wait_for(struct stage *stage, const char *name, enum source_condition condition)
{
    int64_t until_ms = time_mono_ms() + 10 * SECOND_MS;
    struct source_state state;

    while ((state = state_of(stage, name)).condition != condition && time_mono_ms() < until_ms)
        usleep(1000);
    ASSERT_EQ_INT(condition, state.condition);
    return state;
}

static double newest(struct stage *stage, const char *name, const char *job)
{
    const struct matcher matchers[] = { { MATCH_EQ, S("__name__"), str_of(name), NULL },
                                        { MATCH_EQ, S("job"), str_of(job), NULL } };
    struct series_source *source = tsdb_source(stage->tsdb);
    struct series_list list = { 0 };

    ASSERT_OK(series_select(source, stage->arena, matchers, 2, 0, INT64_MAX, &list));
    return list.count == 1 ? list.at[0].samples[list.at[0].count - 1].value : -1;
}

TEST(collecting_stores_samples_and_how_it_went)
{
    struct stage stage = stage_up("sources:\n  - { type: fake, interval: 10ms }\n");
    struct metric_meta meta;
    struct series_source *source = tsdb_source(stage.tsdb);

    while (state_of(&stage, "fake").samples < 6)
        usleep(1000);
    ASSERT_TRUE(state_of(&stage, "fake").received_ms > 0);
    ASSERT_NEAR(42, newest(&stage, "fake_total", "fake"), 0);
    ASSERT_NEAR(1, newest(&stage, "up", "fake"), 0);
    ASSERT_NEAR(2, newest(&stage, "scrape_samples_scraped", "fake"), 0);
    ASSERT_OK(source->ops->meta(source, stage.arena, S("fake_total"), &meta));
    ASSERT_EQ_INT(KIND_COUNTER, meta.kind);
    ASSERT_STR("A count.", meta.help);
    stage_down(&stage);
    ASSERT_EQ_INT(0, overlapped);
    ASSERT_EQ_INT(opened, closed);
}

TEST(collecting_shows_who_fails_and_keeps_what_came)
{
    struct stage stage = stage_up("sources:\n"
                                  "  - { type: fake, name: bad, settings: { mode: bad } }\n"
                                  "  - { type: fake, name: closed, settings: { mode: closed } }\n"
                                  "  - { type: fake, name: absent, settings: { mode: absent } }\n"
                                  "  - { type: fake, name: good }\n");

    ASSERT_CONTAINS("broken", wait_for(&stage, "bad", SOURCE_ERROR).error);
    ASSERT_CONTAINS("nobody opens", wait_for(&stage, "closed", SOURCE_ERROR).error);
    ASSERT_CONTAINS("no such thing", wait_for(&stage, "absent", SOURCE_ABSENT).note);
    ASSERT_STR("", wait_for(&stage, "good", SOURCE_OK).error);
    ASSERT_TRUE(newest(&stage, "fake_level", "fake") > 0);
    stage_down(&stage);
}

TEST(collecting_adds_and_removes_by_name)
{
    struct stage stage = stage_up("sources:\n  - { type: fake }\n");
    struct source_spec spec = { .collector = S("fake"), .name = S("mine"), .settings = S("{\"mode\":\"good\"}") };

    ASSERT_OK(collecting_add(stage.collecting, &spec));
    wait_for(&stage, "mine", SOURCE_OK);
    ASSERT_ERR(ERR_CONFLICT, "mine", collecting_add(stage.collecting, &spec));
    spec.name = S("other");
    spec.settings = S("{\"mode\":12}");
    ASSERT_ERR(ERR_RANGE, "mode", collecting_add(stage.collecting, &spec));
    spec.collector = S("nothing");
    ASSERT_ERR(ERR_NOT_FOUND, "nothing", collecting_add(stage.collecting, &spec));
    ASSERT_TRUE(collecting_poke(stage.collecting, S("mine")));
    ASSERT_TRUE(collecting_remove(stage.collecting, S("mine")));
    ASSERT_FALSE(collecting_remove(stage.collecting, S("mine")));
    ASSERT_FALSE(collecting_poke(stage.collecting, S("mine")));
    stage_down(&stage);
}

TEST(collecting_reload_restarts_only_what_changed)
{
    struct stage stage = stage_up("sources:\n  - { type: fake, name: a }\n  - { type: fake, name: b }\n");
    struct source_spec spec = { .collector = S("fake"), .name = S("added") };

    ASSERT_OK(collecting_add(stage.collecting, &spec));
    wait_for(&stage, "a", SOURCE_OK);
    wait_for(&stage, "b", SOURCE_OK);
    wait_for(&stage, "added", SOURCE_OK);
    int before = opened;
    struct config *config = config_of(stage.arena, "sources:\n  - { type: fake, name: a }\n"
                                                   "  - { type: fake, name: b, interval: 30ms }\n"
                                                   "  - { type: fake, name: c }\n");
    ASSERT_OK(collecting_reload(stage.collecting, config));
    config_unref(config);
    wait_for(&stage, "b", SOURCE_OK);
    wait_for(&stage, "c", SOURCE_OK);
    ASSERT_EQ_INT(before + 2, opened);
    ASSERT_EQ_INT(30, state_of(&stage, "b").interval_ms);
    ASSERT_STR("added", state_of(&stage, "added").name);
    stage_down(&stage);
}

TEST(sources_with_faults_are_named_with_their_place)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const char *path = str_printf(arena, "%s/auspex.yml", test_folder()).at;
    struct config *config = NULL;

    ASSERT_OK(file_write(path, S("sources:\n  - { type: fkae }\n"), 0600));
    ASSERT_ERR(ERR_INVALID, "fkae", config_load(&path, 1, &config));
    ASSERT_OK(file_write(path, S("sources:\n  - { type: fake, settings: { mood: x } }\n"), 0600));
    ASSERT_ERR(ERR_INVALID, "mood", config_load(&path, 1, &config));
}

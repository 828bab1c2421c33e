/* watch_test.c - series in, signals and events out. */
#include "base/file.h"
#include "base/test.h"
#include "base/time.h"
#include "db/journal.h"
#include "detect/failure_model.h"
#include "detect/track.h"
#include "detect/watch.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { GIB = 1 << 30, STEP_S = 15 };

/* A store of nothing but what the test put in; shares are kept like everything else. */
struct world {
    struct series_source source;
    struct sample_sink sink;
    struct arena *arena;
    struct watch *watch;
    struct db *db;
    int64_t now_ms;
    VEC(struct series) series;
    VEC(size_t) room;
};

static struct world *the_world;
static int64_t world_clock(void)
{
    return the_world->now_ms;
}

static struct config *the_config;
static struct config *current(void)
{
    return config_ref(the_config);
}

static err world_append(struct sample_sink *sink, const struct sample_in *samples, size_t count)
{
    struct world *world = (struct world *)((char *)sink - offsetof(struct world, sink));

    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < world->series.count && !labels_eq(world->series.at[at].labels, samples[i].labels))
            at++;
        if (at == world->series.count) {
            *vec_push(&world->series, world->arena) =
                (struct series){ .labels = labels_copy(world->arena, samples[i].labels),
                                 .samples = arena_array(world->arena, 60000, sizeof(struct sample)) };
        }
        struct series *series = &world->series.at[at];
        ASSERT_TRUE(series->count < 60000);
        ((struct sample *)series->samples)[series->count++] = (struct sample){ samples[i].time_ms, samples[i].value };
    }
    return NULL;
}

static void world_describe(struct sample_sink *sink, const struct metric_meta *meta)
{
    (void)sink;
    ASSERT_STR("percent", meta->unit);
}

static err world_select(struct series_source *source, struct arena *arena, const struct series_query *query,
                        struct series_set **ret_set)
{
    struct world *world = (struct world *)source;
    VEC(struct series) found = { 0 };

    for (size_t i = 0; i < world->series.count; i++) {
        struct series series = world->series.at[i];
        if (!matchers_match(query->matchers, query->matcher_count, series.labels))
            continue;
        while (series.count && series.samples[0].time_ms < query->start_ms)
            series.samples++, series.count--;
        while (series.count && series.samples[series.count - 1].time_ms > query->end_ms)
            series.count--;
        if (series.count)
            *vec_push(&found, arena) = series;
    }
    *ret_set = series_set_of_list(arena, (struct series_list){ found.at, found.count });
    return NULL;
}

static const struct series_source_ops source_ops = { .open = world_select };
static const struct sample_sink_ops sink_ops = { .append = world_append, .describe = world_describe };

static void world_open(struct world *world, const char *settings)
{
    char path[200];
    const char *files[] = { path };

    *world = (struct world){ .source = { &source_ops }, .sink = { &sink_ops }, .now_ms = 1700000000000 };
    the_world = world;
    time_set_wall(world_clock);
    world->arena = arena_new((size_t)1 << 30);
    snprintf(path, sizeof path, "%s/auspex.yml", test_folder());
    ASSERT_OK(file_write(path, str_of(settings), 0600));
    ASSERT_OK(config_load(files, 1, &the_config));
    ASSERT_OK(db_open(&(struct db_options){ .folder = test_folder() }, &world->db));
    ASSERT_OK(watch_start(&(struct watch_options){ world->db, &world->source, &world->sink, current, NULL, NULL },
                          &world->watch));
}

static void world_restart(struct world *world)
{
    watch_stop(world->watch);
    ASSERT_OK(watch_start(&(struct watch_options){ world->db, &world->source, &world->sink, current, NULL, NULL },
                          &world->watch));
}

static void world_close(struct world *world)
{
    watch_stop(world->watch);
    db_close(world->db);
    config_unref(the_config);
    arena_free(world->arena);
}

static void put(struct world *world, const char *name, double value, const char *key, const char *text)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 16);
    struct label labels[] = { { S("__name__"), str_of(name) },
                              { S("instance"), S("db1") },
                              { S("job"), S("host") },
                              { str_of(key), str_of(text) } };
    struct sample_in sample = { labels_make(arena, labels, key ? 4 : 3), world->now_ms, value };

    ASSERT_OK(world_append(&world->sink, &sample, 1));
}

static void put_disk(struct world *world, const char *mount, double percent)
{
    put(world, "node_filesystem_size_bytes", 100.0 * GIB, "mountpoint", mount);
    put(world, "node_filesystem_free_bytes", (100 - percent) * GIB, "mountpoint", mount);
    put(world, "node_filesystem_avail_bytes", (100 - percent) * GIB, "mountpoint", mount);
}

static void tick(struct world *world)
{
    ASSERT_OK(watch_look(world->watch, world->now_ms));
    world->now_ms += STEP_S * 1000;
}

struct found {
    struct arena *arena;
    struct signal_list signals;
    struct event_list events;
    struct track_record record;
    const char *type;
};

static err read_found(struct tx *tx, void *arg)
{
    struct found *found = arg;

    TRY(signal_select(tx, found->arena, &(struct signal_filter){ .limit = 100 }, &found->signals));
    TRY(track_read(tx, str_of(found->type ? found->type : "disk_full"), &found->record));
    return journal_read(tx, found->arena, &(struct journal_filter){ .kind_prefix = S("signal."), .limit = 100 },
                        &found->events);
}

static struct found find(struct world *world)
{
    struct found found = { .arena = world->arena };

    ASSERT_OK(db_read(world->db, read_found, &found));
    return found;
}

static double wave(int i)
{
    return 0.02 * sin(i * 1.7) + 0.01 * sin(i * 0.31);
}

/* The whole story of one disk: it fills, that is told once and in time, it is cleaned, the signal goes. */
TEST(a_disk_that_fills_raises_one_signal_and_clears_it)
{
    struct world world;
    int i = 0;

    world_open(&world, "detect: {}");
    for (; i < 400; i++, tick(&world)) {
        put_disk(&world, "/", 40 + wave(i));
        put_disk(&world, "/var", 50 + wave(i));
    }
    struct found found = find(&world);
    ASSERT_EQ_INT(0, (int64_t)found.signals.count);
    ASSERT_EQ_INT(2, (int64_t)watch_state(world.watch).series);
    ASSERT_EQ_INT(0, (int64_t)watch_state(world.watch).learning);
    for (int j = 0; j < 160; j++, i++, tick(&world)) { /* 40 minutes at 1 % a minute: full at 50 */
        put_disk(&world, "/", 40 + wave(i));
        put_disk(&world, "/var", 50 + 0.25 * j + wave(i));
    }
    found = find(&world);
    ASSERT_EQ_INT(1, (int64_t)found.signals.count);
    struct signal_row row = found.signals.at[0];
    ASSERT_STR("disk_full", row.signal_type);
    ASSERT_STR("filesystem:db1:/var", row.resource);
    ASSERT_STR("db1", row.server_name);
    ASSERT_STR("filesystem_used_percent", row.metric);
    ASSERT_STR("/var", labels_get(row.labels, S("mountpoint")));
    ASSERT_TRUE(row.risk_score >= RISK_HIGH && row.risk_score == row.model_risk);
    ASSERT_NEAR(600, row.eta_seconds, 90);
    ASSERT_TRUE(row.eta_low <= row.eta_seconds && row.eta_seconds <= row.eta_high);
    ASSERT_NEAR(60, row.evidence.slope_per_hour, 3);
    ASSERT_NEAR(90, row.value, 1);
    ASSERT_TRUE(row.cleared_ms == 0 && !row.posted && row.limit == 100);
    ASSERT_TRUE(found.events.count >= 1 && found.events.count <= 2); /* raised, and once more at 0.7 */
    ASSERT_EQ_INT(EVENT_SIGNAL_RAISED, found.events.at[0].kind);
    ASSERT_STR("filesystem:db1:/var", found.events.at[0].subject);
    ASSERT_CONTAINS("Disk full: the service can't write (db1:/var, ",
                    found.events.at[0].reason); /* names an incident */
    ASSERT_CONTAINS("\"signal_type\":\"disk_full\"", found.events.at[0].data);
    ASSERT_CONTAINS("\"evidence\":{\"slope_per_hour\":", found.events.at[0].data);
    ASSERT_EQ_INT(1, found.record.pending);
    size_t raised = found.events.count;

    for (int j = 0; j < 40; j++, i++, tick(&world)) {
        put_disk(&world, "/", 40 + wave(i));
        put_disk(&world, "/var", 30 + wave(i));
    }
    found = find(&world);
    ASSERT_EQ_INT((int64_t)raised + 1, (int64_t)found.events.count);
    ASSERT_EQ_INT(EVENT_SIGNAL_CLEARED, found.events.at[raised].kind);
    ASSERT_EQ_INT(1, (int64_t)found.signals.count);
    ASSERT_TRUE(found.signals.at[0].cleared_ms > 0);
    ASSERT_EQ_INT(1, found.record.wrong); /* nobody did anything about it, and it did not happen */
    world_close(&world);
}

TEST(a_prediction_that_comes_true_is_a_hit_and_a_surprise_is_missed)
{
    struct world world;
    int i = 0;

    world_open(&world, "detect: {}");
    for (; i < 200; i++, tick(&world))
        put_disk(&world, "/var", 50 + wave(i)), put_disk(&world, "/srv", 20 + wave(i));
    for (int j = 0; j < 210; j++, i++, tick(&world)) {
        put_disk(&world, "/var", fmin(100, 50 + 0.25 * j + wave(i)));
        put_disk(&world, "/srv", j < 205 ? 20 + wave(i) : 100);
    }
    struct found found = find(&world);
    ASSERT_EQ_INT(1, found.record.hit);
    ASSERT_EQ_INT(1, found.record.missed);
    ASSERT_EQ_INT(0, found.record.wrong + found.record.pending);
    ASSERT_NEAR(1, found.signals.at[0].risk_score, 0);
    world_close(&world);
}

TEST(what_is_full_before_anything_was_learned_is_no_miss)
{
    struct world world;

    world_open(&world, "detect: {}");
    for (int i = 0; i < 4; i++, tick(&world))
        put_disk(&world, "/srv", i < 2 ? 20 : 100);
    ASSERT_EQ_INT(0, find(&world).record.missed);
    world_close(&world);
}

TEST(what_is_steady_raises_nothing_or_little)
{
    struct world world;

    world_open(&world, "detect: {}");
    for (int i = 0; i < 500; i++, tick(&world)) {
        put_disk(&world, "/", 40);
        put_disk(&world, "/full", 97 + wave(i));
        put(&world, "node_memory_MemTotal_bytes", 16.0 * GIB, NULL, NULL);
        put(&world, "node_memory_MemAvailable_bytes", (1.4 + wave(i)) * GIB, NULL, NULL);
    }
    struct found found = find(&world);
    ASSERT_EQ_INT(1, (int64_t)found.signals.count); /* the full one, modestly */
    ASSERT_STR("filesystem:db1:/full", found.signals.at[0].resource);
    ASSERT_TRUE(found.signals.at[0].risk_score >= 0.4 && found.signals.at[0].risk_score < 0.7);
    ASSERT_EQ_INT(1, (int64_t)found.events.count);
    world_close(&world);
}

TEST(a_restart_keeps_signals_and_what_was_learned)
{
    struct world world;
    int i = 0;

    world_open(&world, "detect: {}");
    for (; i < 200; i++, tick(&world))
        put_disk(&world, "/var", 50 + wave(i));
    for (int j = 0; j < 140; j++, i++, tick(&world))
        put_disk(&world, "/var", 50 + 0.25 * j + wave(i));
    struct found before = find(&world);
    ASSERT_EQ_INT(1, (int64_t)before.signals.count);
    world_restart(&world);
    for (int j = 140; j < 150; j++, i++, tick(&world))
        put_disk(&world, "/var", 50 + 0.25 * j + wave(i));
    struct found after = find(&world);
    ASSERT_EQ_INT(1, (int64_t)after.signals.count);
    ASSERT_EQ_INT(before.signals.at[0].id, after.signals.at[0].id);
    ASSERT_EQ_INT((int64_t)before.events.count, (int64_t)after.events.count);
    ASSERT_TRUE(after.signals.at[0].evidence.samples > 50);
    ASSERT_EQ_INT(0, (int64_t)watch_state(world.watch).learning);

    world_restart(&world); /* and this time the disk is gone */
    for (int j = 0; j < 45; j++)
        tick(&world);
    ASSERT_TRUE(find(&world).signals.at[0].cleared_ms > 0);
    world_close(&world);
}

TEST(load_and_errors_are_read_from_counters)
{
    struct world world;
    double idle = 1000, busy = 0, commands = 0, failed = 0;

    world_open(&world, "detect: { confirm: 2 }");
    for (int i = 0; i < 1500; i++, tick(&world)) {
        bool storm = i >= 1400;
        idle += storm ? 0.15 : 12;
        busy += storm ? 14.85 : 3;
        commands += 1500;
        failed += storm ? 600 : 1;
        if (i == 700)
            idle = busy = commands = failed = 1; /* everything restarted */
        put(&world, "node_cpu_seconds_total", idle, "mode", "idle");
        put(&world, "node_cpu_seconds_total", busy, "mode", "user");
        put(&world, "redis_commands_processed_total", commands, NULL, NULL);
        put(&world, "redis_errors_total", failed, "err", "OOM");
    }
    struct found found = find(&world);
    ASSERT_EQ_INT(2, (int64_t)found.signals.count);
    bool cpu = str_eq(found.signals.at[0].signal_type, S("cpu_spike"));
    struct signal_row load = found.signals.at[cpu ? 0 : 1], errors = found.signals.at[cpu ? 1 : 0];
    ASSERT_STR("host:db1", load.resource);
    ASSERT_NEAR(99, load.value, 0.1);
    ASSERT_TRUE(load.risk_score >= RISK_HIGH);
    ASSERT_STR("redis:db1", errors.resource);
    ASSERT_STR("error_rate", errors.signal_type);
    ASSERT_NEAR(40, errors.value, 0.1);
    ASSERT_TRUE(errors.risk_score >= RISK_HIGH);
    ASSERT_NEAR(0.067, errors.evidence.baseline, 0.01);
    world_close(&world);
}

TEST(settings_switch_it_off)
{
    struct world world;

    world_open(&world, "detect: { enabled: false }");
    for (int i = 0; i < 10; i++, tick(&world))
        put_disk(&world, "/", 100);
    ASSERT_EQ_INT(0, (int64_t)find(&world).signals.count);
    ASSERT_EQ_INT(0, (int64_t)watch_state(world.watch).series);
    world_close(&world);
}

/* memory_store_test.c - what goes in comes out, coarser with age, bounded, and again after a restart. */
#include "tsdb/store.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/test.h"
#include "base/time.h"

enum { START_S = 1700000000 };

static int64_t wall_ms = START_S * (int64_t)1000;

static int64_t test_wall(void)
{
    return wall_ms;
}

static struct memory_store *new_store(const char *path, size_t series_max)
{
    struct memory_store *store = NULL;

    time_set_wall(test_wall);
    ASSERT_OK(
        memory_store_new(&(struct memory_store_options){ .snapshot_path = path, .series_max = series_max }, &store));
    return store;
}

static void put(struct memory_store *store, const char *name, const char *instance, int64_t time_ms, double value)
{
    const struct label labels[] = { { S("__name__"), str_of(name) }, { S("instance"), str_of(instance) } };
    const struct sample_in sample = { { labels, ARRAY_LEN(labels) }, time_ms, value };
    struct sample_sink *sink = memory_store_sink(store);

    ASSERT_OK(sink->ops->append(sink, &sample, 1));
}

static struct series_list get(struct memory_store *store, struct arena *arena, const char *name, int64_t start_ms)
{
    const struct matcher matcher = { MATCH_EQ, S("__name__"), str_of(name), NULL };
    struct series_source *source = memory_store_source(store);
    struct series_list list = { 0 };

    ASSERT_OK(series_select(source, arena, &matcher, 1, start_ms, INT64_MAX, &list));
    return list;
}

TEST(store_gives_back_what_was_appended_sorted_by_labels)
{
    struct memory_store *store = new_store(NULL, 0);
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);

    put(store, "up", "b", wall_ms, 1);
    put(store, "up", "a", wall_ms, 0);
    put(store, "up", "a", wall_ms + 5000, NAN);
    put(store, "down", "a", wall_ms, 7);
    struct series_list list = get(store, arena, "up", 0);
    ASSERT_EQ_INT(2, list.count);
    ASSERT_STR("a", labels_get(list.at[0].labels, S("instance")));
    ASSERT_EQ_INT(2, list.at[0].count);
    ASSERT_EQ_INT(wall_ms + 5000, list.at[0].samples[1].time_ms);
    ASSERT_TRUE(isnan(list.at[0].samples[1].value));
    ASSERT_NEAR(1, list.at[1].samples[0].value, 0);
    ASSERT_EQ_INT(0, get(store, arena, "nothing", 0).count);
    memory_store_free(store);
}

TEST(store_drops_repeats_and_what_comes_late_or_from_the_future)
{
    struct memory_store *store = new_store(NULL, 0);
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);

    put(store, "x", "a", wall_ms, 1);
    put(store, "x", "a", wall_ms, 2);
    put(store, "x", "a", wall_ms - 1, 3);
    put(store, "x", "a", wall_ms + 11 * MINUTE_MS, 4);
    struct series_list list = get(store, arena, "x", 0);
    ASSERT_EQ_INT(1, list.at[0].count);
    ASSERT_NEAR(1, list.at[0].samples[0].value, 0);
    memory_store_free(store);
}

/* The slow, obvious model: an array. */
TEST(stream_reads_back_any_values_and_steps)
{
    struct stream stream = { 0 };
    struct sample model[4000], read[4000];
    uint64_t seed = 42;
    int64_t time_ms = wall_ms;
    double value = 0;

    for (size_t i = 0; i < ARRAY_LEN(model); i++) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        unsigned dice = (unsigned)(seed >> 60);
        time_ms += dice < 12 ? 5000 : 1 + (int64_t)(seed >> 33 & 0xfffff);
        if (dice == 15)
            memcpy(&value, &seed, sizeof(value)); /* any bits, NaNs too */
        else if (dice > 8)
            value += dice;
        model[i] = (struct sample){ time_ms, value };
        stream_append(&stream, time_ms, value, HOUR_MS);
    }
    ASSERT_EQ_INT(4000, stream_read(&stream, INT64_MIN, INT64_MAX, read));
    ASSERT_TRUE(memcmp(model, read, sizeof(model)) == 0);
    ASSERT_EQ_INT(11, stream_read(&stream, model[100].time_ms, model[110].time_ms, read));
    ASSERT_TRUE(memcmp(model + 100, read, 11 * sizeof(*model)) == 0);
    for (const struct chunk *it = stream.first; it; it = it->next)
        ASSERT_TRUE(chunk_is_sound(it));
    size_t dropped = stream_expire(&stream, model[2000].time_ms);
    ASSERT_TRUE(dropped > 1000 && dropped <= 2000);
    ASSERT_EQ_INT(4000 - dropped, stream_read(&stream, INT64_MIN, INT64_MAX, read));
    stream_clear(&stream);
}

TEST(stream_of_a_constant_takes_a_byte_for_128_samples)
{
    struct stream stream = { 0 };

    for (int i = 0; i < 1280; i++)
        stream_append(&stream, wall_ms + i * 5000, 17, DAY_MS);
    ASSERT_EQ_INT(1280, stream.first->count);
    ASSERT_TRUE(stream.first->used < 16);
    stream_clear(&stream);
}

/* Two days at 5 s: the last hour whole, a day by minutes, the rest by hours; always rising. */
static void fill_two_days(struct memory_store *store, const char *name, bool counter)
{
    struct metric_meta meta = { str_of(name), S("A test."), S(""), counter ? KIND_COUNTER : KIND_GAUGE };

    memory_store_sink(store)->ops->describe(memory_store_sink(store), &meta);
    for (int i = 0; i < 2 * 17280; i++, wall_ms += 5000)
        put(store, name, "a", wall_ms, counter ? i : i % 12);
}

TEST(store_keeps_samples_coarser_as_they_age)
{
    struct memory_store *store = new_store(NULL, 0);
    struct arena *arena CLEANUP(arena_freep) = arena_new(16 << 20);

    fill_two_days(store, "c_total", true);
    struct series_list list = get(store, arena, "c_total", 0);
    const struct series *c = &list.at[0];
    for (size_t i = 1; i < c->count; i++) {
        ASSERT_TRUE(c->samples[i].time_ms > c->samples[i - 1].time_ms);
        ASSERT_NEAR((double)(c->samples[i].time_ms - c->samples[i - 1].time_ms) / 5000,
                    c->samples[i].value - c->samples[i - 1].value, 0);
    }
    ASSERT_TRUE(c->count > 720 + 1380 + 20 && c->count < 900 + 1700 + 30);
    ASSERT_TRUE(c->samples[0].time_ms < wall_ms - 46 * (int64_t)HOUR_MS);
    memory_store_free(store);
}

TEST(store_keeps_means_of_gauges)
{
    struct memory_store *store = new_store(NULL, 0);
    struct arena *arena CLEANUP(arena_freep) = arena_new(16 << 20);

    wall_ms = START_S / 60 * (int64_t)MINUTE_MS;
    fill_two_days(store, "g", false);
    struct series_list list = get(store, arena, "g", wall_ms - 20 * (int64_t)HOUR_MS);
    ASSERT_NEAR(5.5, list.at[0].samples[0].value, 1e-9);
    memory_store_free(store);
}

TEST(store_is_bounded_and_pushes_out_only_the_idle)
{
    struct memory_store *store = new_store(NULL, 10);
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    char name[16];

    for (int i = 0; i < 12; i++) {
        snprintf(name, sizeof(name), "i%d", i);
        put(store, "x", name, wall_ms, i);
    }
    ASSERT_EQ_INT(10, get(store, arena, "x", 0).count);
    wall_ms += 2 * HOUR_MS;
    put(store, "x", "i3", wall_ms, 1);
    put(store, "y", "new", wall_ms, 1);
    ASSERT_EQ_INT(1, get(store, arena, "y", 0).count);
    ASSERT_EQ_INT(1, get(store, arena, "x", 0).count);
    memory_store_free(store);
}

TEST(store_survives_a_clock_that_was_ahead)
{
    struct memory_store *store = new_store(NULL, 0);
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);

    put(store, "x", "a", wall_ms, 1);
    wall_ms += 3 * (int64_t)DAY_MS;
    put(store, "x", "a", wall_ms, 2);
    wall_ms -= 3 * (int64_t)DAY_MS - 5000;
    put(store, "x", "a", wall_ms, 3);
    struct series_list list = get(store, arena, "x", 0);
    ASSERT_EQ_INT(2, list.at[0].count);
    ASSERT_NEAR(3, list.at[0].samples[1].value, 0);
    memory_store_free(store);
}

static const char *snapshot_path(void)
{
    static char path[4096];

    snprintf(path, sizeof(path), "%s/series.snapshot", test_folder());
    return path;
}

TEST(store_is_the_same_after_a_restart)
{
    const char *path = snapshot_path();
    struct memory_store *store = new_store(path, 0);
    struct arena *arena CLEANUP(arena_freep) = arena_new(32 << 20);
    struct metric_meta meta = { 0 };

    fill_two_days(store, "c_total", true);
    struct series_list before = get(store, arena, "c_total", 0);
    ASSERT_OK(memory_store_flush(store));
    memory_store_free(store);
    store = new_store(path, 0);
    struct series_list after = get(store, arena, "c_total", 0);
    ASSERT_EQ_INT(before.at[0].count, after.at[0].count);
    ASSERT_TRUE(memcmp(before.at[0].samples, after.at[0].samples, before.at[0].count * sizeof(struct sample)) == 0);
    ASSERT_OK(store->source.ops->meta(&store->source, arena, S("c_total"), &meta));
    ASSERT_STR("A test.", meta.help);
    ASSERT_EQ_INT(KIND_COUNTER, meta.kind);
    put(store, "c_total", "a", wall_ms, 4e9); /* and goes on */
    ASSERT_EQ_INT(after.at[0].count + 1, get(store, arena, "c_total", 0).at[0].count);
    memory_store_free(store);
}

static struct str written_snapshot(struct arena *arena, const char *path)
{
    struct memory_store *store = new_store(path, 0);
    struct str whole = S("");

    for (int i = 0; i < 50; i++)
        put(store, "x", i % 3 ? "a" : "b", wall_ms + i * 5000, i);
    ASSERT_OK(memory_store_flush(store));
    memory_store_free(store);
    ASSERT_OK(file_read(arena, path, 1 << 20, &whole));
    return whole;
}

TEST(store_sets_a_damaged_snapshot_aside)
{
    const char *path = snapshot_path();
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct str whole = written_snapshot(arena, path), bad;

    ((char *)whole.at)[whole.length / 2] ^= 1;
    ASSERT_OK(file_write(path, whole, 0600));
    struct memory_store *store = new_store(path, 0);
    ASSERT_EQ_INT(0, get(store, arena, "x", 0).count);
    memory_store_free(store);
    ASSERT_FALSE(file_exists(path));
    ASSERT_OK(file_read(arena, str_c(arena, str_printf(arena, "%s.bad", path)), 1 << 20, &bad));
    ASSERT_TRUE(str_eq(whole, bad));
}

/* Any byte changed with a checksum that fits, any tail cut: an error or other numbers, never a crash or a bad read. */
TEST(snapshot_that_lies_is_read_safely)
{
    const char *path = snapshot_path();
    struct arena *arena CLEANUP(arena_freep) = arena_new(16 << 20);
    struct str whole = written_snapshot(arena, path);
    size_t refused = 0;

    for (size_t i = 0; i < whole.length; i++) {
        struct str damaged = str_copy(arena, str_slice(whole, 0, i % 5 ? whole.length : i));
        if (damaged.length > 16) {
            ((char *)damaged.at)[i % (damaged.length - 8)] ^= (char)(1 << i % 8);
            uint64_t sum = XXH3_64bits(damaged.at, damaged.length - 8);
            memcpy((char *)damaged.at + damaged.length - 8, &sum, 8);
        }
        ASSERT_OK(file_write(path, damaged, 0600));
        struct memory_store *store = new_store(NULL, 0);
        err e CLEANUP(err_freep) = snapshot_load(store, path);
        refused += e && err_kind(e) == ERR_CORRUPT;
        get(store, arena, "x", 0);
        put(store, "x", "a", wall_ms + HOUR_MS / 7, 1);
        get(store, arena, "x", 0);
        memory_store_free(store);
    }
    ASSERT_TRUE(refused > whole.length / 4);
}

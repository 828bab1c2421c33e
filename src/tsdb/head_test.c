/* head_test.c - what a snapshot, a flush, a deletion and a collection do to the head. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "base/time.h"
#include "tsdb/room.h"

static int64_t wall_ms = 1700000000000;

static int64_t test_wall(void)
{
    return wall_ms;
}

static struct tsdb *new_tsdb(const char *name)
{
    static const struct tsdb_settings settings = { .future_max = { HOUR_MS }, .fsync_interval = { 200 } };
    char path[200];
    struct tsdb *tsdb = NULL;

    time_set_wall(test_wall);
    snprintf(path, sizeof(path), "%s/%s", test_folder(), name);
    ASSERT_OK(tsdb_open(&(struct tsdb_options){ .folder = path, .settings = &settings }, &tsdb));
    return tsdb;
}

static void put(struct tsdb *tsdb, const char *zone, int64_t time_ms, double value)
{
    const struct label labels[] = { { S("__name__"), S("x") }, { S("zone"), str_of(zone) } };
    struct append *append = NULL;

    ASSERT_OK(append_begin(tsdb, S("test"), time_mono_ms() + 10000, &append));
    ASSERT_TRUE(append_labels(append, (struct labels){ labels, 2 }));
    append_float(append, time_ms, 0, value);
    ASSERT_OK(append_end(append, NULL));
}

static struct series_list all_of(struct tsdb *tsdb, struct arena *arena)
{
    struct series_list list = { 0 };

    ASSERT_OK(series_select(tsdb_source(tsdb), arena, NULL, 0, INT64_MIN, INT64_MAX, &list));
    return list;
}

static size_t samples_of(struct tsdb *tsdb)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 26);
    struct series_list list = all_of(tsdb, arena);
    size_t count = 0;

    for (size_t i = 0; i < list.count; i++)
        count += list.at[i].count;
    return count;
}

/* ---- snapshot: from one head into another ---- */

struct copying {
    struct head *to;
    uint32_t series;
    size_t sealed, open;
    struct str last_zone;
    bool ordered;
    struct arena *arena;
};

static err copy_series(void *arg, uint32_t series, struct labels labels)
{
    struct copying *copying = arg;
    struct str zone = str_copy(copying->arena, labels_get(labels, S("zone")));

    copying->ordered = copying->ordered && str_cmp(copying->last_zone, zone) < 0;
    copying->last_zone = zone;
    copying->series = series;
    return copying->to ? head_restore_series(copying->to, series, labels) : NULL;
}

static err copy_chunk(void *arg, struct str chunk, bool sealed)
{
    struct copying *copying = arg;

    copying->sealed += sealed;
    copying->open += !sealed;
    return copying->to ? head_restore_chunk(copying->to, copying->series, chunk) : NULL;
}

TEST(head_is_the_same_after_it_was_visited_and_restored)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 26);
    struct tsdb *from = new_tsdb("from"), *to = new_tsdb("to");
    struct copying copying = { .to = to->head, .arena = arena, .ordered = true, .last_zone = S("") };
    const char *zones[] = { "c", "a", "b" };

    for (size_t i = 0; i < ARRAY_LEN(zones); i++)
        for (int64_t at = 0; at < 300; at++)
            put(from, zones[i], (at % 7 == 3 ? at - 2 : at) * 1000 + at % 2, sqrt((double)at));
    ASSERT_OK(head_visit(from->head, true,
                         &(struct head_visitor){ .arg = &copying, .series = copy_series, .chunk = copy_chunk }));
    head_restored(to->head);
    ASSERT_TRUE(copying.ordered);
    ASSERT_TRUE(copying.sealed >= 3 && copying.open >= 3);
    struct series_list one = all_of(from, arena), other = all_of(to, arena);
    ASSERT_EQ_INT(3, other.count);
    for (size_t i = 0; i < 3; i++) {
        ASSERT_TRUE(labels_eq(one.at[i].labels, other.at[i].labels));
        ASSERT_EQ_INT(one.at[i].count, other.at[i].count);
        ASSERT_TRUE(memcmp(one.at[i].samples, other.at[i].samples, one.at[i].count * sizeof(struct sample)) == 0);
    }
    /* What the log repeats changes nothing. */
    size_t before = samples_of(to);
    ASSERT_OK(head_restore_float(to->head, 1, one.at[2].samples[100].time_ms, 0, one.at[2].samples[100].value));
    ASSERT_EQ_INT(before, samples_of(to));
    ASSERT_ERR(ERR_NOT_FOUND, "series 9 was never defined", head_restore_float(to->head, 9, 0, 0, 0));
    ASSERT_ERR(ERR_CORRUPT, "have the same labels", head_restore_series(to->head, 2, one.at[2].labels));
    tsdb_close(from);
    tsdb_close(to);
}

/* ---- flushing ---- */

TEST(head_forgets_what_was_flushed_and_keeps_what_came_meanwhile)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 26);
    struct tsdb *tsdb = new_tsdb("tsdb");
    struct copying copying = { .arena = arena };
    const struct head_visitor visitor = { .arg = &copying, .series = copy_series, .chunk = copy_chunk };

    for (int64_t at = 0; at < 500; at++)
        put(tsdb, "a", at * 1000, (double)at);
    uint64_t sealed = head_sealed_bytes(tsdb->head);
    ASSERT_TRUE(sealed > 0);
    head_flush_begin(tsdb->head, false);
    for (int64_t at = 500; at < 1000; at++)
        put(tsdb, "a", at * 1000, (double)at);
    ASSERT_OK(head_visit_flushing(tsdb->head, &visitor));
    size_t flushed = copying.sealed;
    ASSERT_TRUE(flushed >= 3 && copying.open == 0);
    head_flush_end(tsdb->head, false);
    ASSERT_EQ_INT(1000, samples_of(tsdb));
    head_flush_begin(tsdb->head, true);
    ASSERT_EQ_INT(1000, samples_of(tsdb));
    put(tsdb, "a", 1000 * 1000, 1000);
    put(tsdb, "a", 10, 1000);
    head_flush_end(tsdb->head, true);
    ASSERT_EQ_INT(2, samples_of(tsdb)); /* the others are in a block that this test does not have */
    ASSERT_EQ_INT(0, head_sealed_bytes(tsdb->head));
    tsdb_close(tsdb);
}

/* ---- deleting ---- */

TEST(head_deletes_a_span_from_sealed_open_and_late_samples)
{
    struct tsdb *tsdb = new_tsdb("tsdb");

    for (int64_t at = 0; at < 500; at++)
        put(tsdb, "a", at * 1000, (double)at);
    put(tsdb, "a", 498500, 1);
    put(tsdb, "a", -5, 1);
    head_delete(tsdb->head, 1, 100 * 1000, 199 * 1000);
    ASSERT_EQ_INT(402, samples_of(tsdb));
    head_delete(tsdb->head, 1, 490 * 1000, 600 * 1000);
    ASSERT_EQ_INT(391, samples_of(tsdb));
    put(tsdb, "a", 499 * 1000, 499); /* again: it is no duplicate of what is gone */
    put(tsdb, "a", 150 * 1000, 150);
    ASSERT_EQ_INT(393, samples_of(tsdb));
    head_delete(tsdb->head, 1, INT64_MIN, INT64_MAX);
    ASSERT_EQ_INT(0, samples_of(tsdb));
    tsdb_close(tsdb);
}

/* ---- collecting ---- */

static bool first_is_in_a_block(void *arg, uint32_t series)
{
    (void)arg;
    return series == 1;
}

TEST(head_collects_series_that_ended_and_makes_them_anew)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 26);
    struct tsdb *tsdb = new_tsdb("tsdb");

    put(tsdb, "in-block", wall_ms, 1);
    put(tsdb, "ended", wall_ms, 1);
    put(tsdb, "open", wall_ms, 1);
    for (uint32_t id = 1; id <= 2; id++)
        head_delete(tsdb->head, id, INT64_MIN, INT64_MAX);
    head_collect(tsdb->head, first_is_in_a_block, NULL);
    ASSERT_EQ_INT(3, tsdb->head->table.live);
    wall_ms += 2 * HOUR_MS;
    head_collect(tsdb->head, first_is_in_a_block, NULL);
    ASSERT_EQ_INT(2, tsdb->head->table.live);
    ASSERT_EQ_INT(1, samples_of(tsdb));
    put(tsdb, "ended", wall_ms, 2);
    ASSERT_EQ_INT(3, tsdb->head->table.live);
    struct series_list list = all_of(tsdb, arena);
    ASSERT_EQ_INT(2, list.count);
    ASSERT_STR("ended", labels_get(list.at[0].labels, S("zone")));
    tsdb_close(tsdb);
}

static bool none_is_in_a_block(void *arg, uint32_t series)
{
    (void)arg, (void)series;
    return false;
}

TEST(head_append_revives_a_series_that_was_collected_under_it)
{
    struct tsdb *tsdb = new_tsdb("tsdb");
    const struct label label = { S("__name__"), S("y") };
    struct append *append = NULL;

    ASSERT_OK(append_begin(tsdb, S("test"), time_mono_ms() + 10000, &append));
    ASSERT_TRUE(append_labels(append, (struct labels){ &label, 1 }));
    wall_ms += 2 * HOUR_MS;
    head_collect(tsdb->head, none_is_in_a_block, NULL);
    ASSERT_EQ_INT(0, tsdb->head->table.live);
    ASSERT_EQ_INT(APPEND_OK, append_float(append, 1000, 0, 1));
    ASSERT_OK(append_end(append, NULL));
    ASSERT_EQ_INT(1, samples_of(tsdb));
    tsdb_close(tsdb);
}

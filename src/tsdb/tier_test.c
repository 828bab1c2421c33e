/* tier_test.c - what is said of minutes and hours is the same before and after their samples are gone. */
#include "tsdb/tier.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "base/time.h"
#include "tsdb/room.h"

enum { STEP_MS = 15000, SAMPLES = 2000 }; /* 8 h 20 min */

TEST(tier_rows_sum_up_their_samples)
{
    const int64_t times[] = { -1, 0, 15000, 30000, 45000, 59999, 60000, 200000 };
    const double values[] = { 7, 3, 5, 2, NAN, 4, 1, -1 };
    struct samples samples = { .times = times, .values = values, .count = 8 };
    struct tier_fold fold = { .width_ms = tier_width_ms(TIER_MINUTE) };

    tier_fold_add(&fold, &samples);
    ASSERT_EQ_INT(4, (int64_t)fold.rows.count);
    ASSERT_EQ_INT(-60000, fold.rows.at[0].start_ms);
    const struct tier_row *row = &fold.rows.at[1];
    ASSERT_EQ_INT(0, row->start_ms);
    ASSERT_EQ_INT(4, row->count);
    ASSERT_EQ_INT(1, row->resets); /* 5 to 2 */
    ASSERT_TRUE(row->min == 2 && row->max == 5 && row->sum == 14 && row->first == 3 && row->last == 4);
    ASSERT_EQ_INT(180000, fold.rows.at[3].start_ms);
    vec_clear(&fold.rows);
}

TEST(tier_rows_come_back_from_their_chunk)
{
    uint64_t seed = 12;

    for (int round = 0; round < 300; round++) {
        struct tier_fold rows = { .width_ms = 3600000 }, back = rows;
        struct buf bytes CLEANUP(buf_clear) = { 0 };
        size_t count = 1 + (size_t)(test_uniform(&seed) * 300);
        buf_init(&bytes, 1 << 20);
        for (size_t i = 0; i < count; i++) {
            double first = floor(test_uniform(&seed) * 1000), more = round % 3 ? floor(test_uniform(&seed) * 10) : 0;
            *vec_push(&rows.rows, NULL) = (struct tier_row){ .start_ms = (int64_t)i * 3600000,
                                                             .first = first,
                                                             .last = first + more,
                                                             .min = round % 2 ? first : first - 1,
                                                             .max = first + more,
                                                             .sum = 2 * first + more,
                                                             .count = 240,
                                                             .resets = (uint32_t)(i % 50 == 3) };
        }
        tier_encode(&bytes, rows.rows.at, count);
        ASSERT_OK(tier_decode(buf_str(&bytes), &back));
        ASSERT_EQ_INT((int64_t)count, (int64_t)back.rows.count);
        ASSERT_TRUE(!memcmp(rows.rows.at, back.rows.at, count * sizeof(*rows.rows.at)));
        for (size_t length = 0; length < bytes.length; length += 7) {
            back.rows.count = 0;
            ASSERT_ERR(ERR_CORRUPT, "tier", tier_decode(str_slice(buf_str(&bytes), 0, length), &back));
        }
        vec_clear(&rows.rows);
        vec_clear(&back.rows);
    }
}

static void closep(struct tsdb **tsdb)
{
    tsdb_close(*tsdb);
}

static struct labels series_of(const char *name)
{
    static struct label label;

    label = (struct label){ S("__name__"), str_of(name) };
    return (struct labels){ &label, 1 };
}

/* Two series of a day that begins at start_ms. */
static void append_samples(struct tsdb *tsdb, int64_t start_ms)
{
    struct append *append;

    ASSERT_OK(append_begin(tsdb, S("test"), time_mono_ms() + 10000, &append));
    for (int series = 0; series < 2; series++) {
        ASSERT_TRUE(append_labels(append, series_of(series ? "gauge" : "counter_total")));
        for (int64_t i = 0; i < SAMPLES; i++)
            ASSERT_EQ_INT(APPEND_OK, append_float(append, start_ms + i * STEP_MS, 0,
                                                  series ? sin((double)i) : (double)(i % 777) * 3));
    }
    ASSERT_OK(append_end(append, NULL));
}

static struct tier_rows rows_of(struct tsdb *tsdb, struct arena *arena, const char *name, enum tier tier,
                                int64_t start_ms, int64_t end_ms)
{
    struct tier_rows rows;

    ASSERT_OK(tsdb_tier(tsdb, arena, series_of(name), tier, start_ms, end_ms, &rows));
    return rows;
}

static void check_same(struct tier_rows before, struct tier_rows after)
{
    ASSERT_EQ_INT((int64_t)before.count, (int64_t)after.count);
    for (size_t i = 0; i < before.count; i++)
        ASSERT_TRUE(!memcmp(&before.at[i], &after.at[i], sizeof(*before.at)));
}

TEST(tsdb_tier_outlives_the_samples)
{
    static const struct tsdb_settings settings = { .future_max = { 600000 }, .fsync_interval = { 200 } };
    struct arena *arena CLEANUP(arena_freep) = arena_new(64 << 20);
    struct tsdb *tsdb CLEANUP(closep) = NULL;
    int64_t start_ms = 1700000000000 / 3600000 * 3600000 + 600000, end_ms = start_ms + SAMPLES * STEP_MS;
    struct blocks_policy policy = { .now_ms = end_ms, .retention_ms = 5 * 3600000, .minutes_ms = 1LL << 40 };

    policy.hours_ms = policy.minutes_ms;
    ASSERT_OK(tsdb_open(&(struct tsdb_options){ .folder = test_folder(), .settings = &settings }, &tsdb));
    append_samples(tsdb, start_ms);
    struct tier_rows minutes = rows_of(tsdb, arena, "counter_total", TIER_MINUTE, start_ms, end_ms);
    struct tier_rows hours = rows_of(tsdb, arena, "gauge", TIER_HOUR, start_ms, end_ms);
    ASSERT_EQ_INT(SAMPLES / 4, (int64_t)minutes.count);
    ASSERT_EQ_INT(9, (int64_t)hours.count);
    ASSERT_EQ_INT(200, hours.at[0].count); /* begins 10 minutes into the hour */
    ASSERT_EQ_INT(240, hours.at[1].count);
    ASSERT_OK(disk_flush(tsdb->disk, true));
    ASSERT_OK(blocks_maintain(tsdb->blocks, &policy)); /* cut in pieces */
    ASSERT_OK(blocks_maintain(tsdb->blocks, &policy)); /* the older ones are dropped */
    struct series_list raw;
    ASSERT_OK(series_select(tsdb_source(tsdb), arena, NULL, 0, INT64_MIN, INT64_MAX, &raw));
    ASSERT_EQ_INT(2, (int64_t)raw.count);
    ASSERT_TRUE(raw.at[0].count < SAMPLES && raw.at[0].count >= 1200);
    check_same(minutes, rows_of(tsdb, arena, "counter_total", TIER_MINUTE, start_ms, end_ms));
    check_same(hours, rows_of(tsdb, arena, "gauge", TIER_HOUR, start_ms, end_ms));
    policy.now_ms += 20 * 3600000;
    ASSERT_OK(blocks_maintain(tsdb->blocks, &policy)); /* now all of them */
    check_same(minutes, rows_of(tsdb, arena, "counter_total", TIER_MINUTE, start_ms, end_ms));
    check_same(hours, rows_of(tsdb, arena, "gauge", TIER_HOUR, start_ms, end_ms));
    ASSERT_OK(series_select(tsdb_source(tsdb), arena, NULL, 0, INT64_MIN, INT64_MAX, &raw));
    ASSERT_EQ_INT(0, (int64_t)raw.count);
    policy.minutes_ms = 3600000;
    ASSERT_OK(blocks_maintain(tsdb->blocks, &policy));
    ASSERT_EQ_INT(0, (int64_t)rows_of(tsdb, arena, "counter_total", TIER_MINUTE, start_ms, end_ms).count);
    check_same(hours, rows_of(tsdb, arena, "gauge", TIER_HOUR, start_ms, end_ms));
}

TEST(tsdb_tier_forgets_what_was_deleted)
{
    static const struct tsdb_settings settings = { .future_max = { 600000 }, .fsync_interval = { 200 } };
    struct arena *arena CLEANUP(arena_freep) = arena_new(64 << 20);
    struct tsdb *tsdb CLEANUP(closep) = NULL;
    int64_t start_ms = 1700000000000 / 3600000 * 3600000, end_ms = start_ms + SAMPLES * STEP_MS;
    struct blocks_policy policy = { .now_ms = end_ms + 20 * 3600000, .retention_ms = 5 * 3600000 };
    struct matcher gauge;

    policy.hours_ms = 1LL << 40;
    ASSERT_OK(matcher_make(arena, MATCH_EQ, S("__name__"), S("gauge"), &gauge));
    ASSERT_OK(tsdb_open(&(struct tsdb_options){ .folder = test_folder(), .settings = &settings }, &tsdb));
    append_samples(tsdb, start_ms);
    ASSERT_OK(disk_flush(tsdb->disk, true));
    ASSERT_OK(blocks_maintain(tsdb->blocks, &policy));
    ASSERT_EQ_INT(9, (int64_t)rows_of(tsdb, arena, "gauge", TIER_HOUR, start_ms, end_ms).count);
    ASSERT_OK(tsdb_delete(tsdb, &gauge, 1, start_ms + 2 * 3600000, start_ms + 4 * 3600000));
    for (int cleaned = 0; cleaned < 2; cleaned++) {
        ASSERT_EQ_INT(6, (int64_t)rows_of(tsdb, arena, "gauge", TIER_HOUR, start_ms, end_ms).count);
        ASSERT_EQ_INT(9, (int64_t)rows_of(tsdb, arena, "counter_total", TIER_HOUR, start_ms, end_ms).count);
        ASSERT_OK(blocks_clean(tsdb->blocks));
    }
}

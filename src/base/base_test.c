/* base_test.c - arenas, buffers, times, durations, errors, pools. */
#include "base/arena.h"
#include "base/duration.h"
#include "base/metric.h"
#include "base/pool.h"
#include "base/test.h"
#include "base/ticker.h"
#include "base/time.h"
#include "base/vec.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void count_up(void *arg)
{
    atomic_fetch_add((_Atomic int *)arg, 1);
}

TEST(arena_remembers_that_it_is_over_budget)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1000);

    arena_alloc(arena, 900);
    ASSERT_OK(arena_check(arena));
    char *more = arena_alloc(arena, 1 << 20);
    ASSERT_EQ_INT(0, more[(1 << 20) - 1]);
    ASSERT_ERR(ERR_TOO_LARGE, "1000 bytes", arena_check(arena));
    arena_reset(arena);
    ASSERT_OK(arena_check(arena));
}

TEST(arena_runs_what_was_deferred_once)
{
    _Atomic int runs = 0;
    struct arena *arena = arena_new(1000);

    arena_defer(arena, count_up, &runs);
    arena_free(arena);
    ASSERT_EQ_INT(1, runs);
}

TEST(buf_fails_whole_and_stays_failed)
{
    struct buf buf CLEANUP(buf_clear);

    buf_init(&buf, 5);
    buf_add(&buf, S("abcd"));
    buf_add(&buf, S("ef"));
    buf_add(&buf, S("g"));
    ASSERT_STR("abcd", buf_str(&buf));
    ASSERT_ERR(ERR_TOO_LARGE, "5 bytes", buf_check(&buf));
}

TEST(buf_doubles_read_back_the_same)
{
    struct buf buf CLEANUP(buf_clear);
    static const struct {
        double value;
        const char *text;
    } cases[] = { { 0.1, "0.1" }, { 1e300, "1e+300" },  { -0.0, "-0" }, { 1.0 / 3, "0.3333333333333333" },
                  { 85, "85" },   { INFINITY, "+Inf" }, { NAN, "NaN" }, { 5e-324, "5e-324" } };

    buf_init(&buf, 100);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        buf_reset(&buf);
        buf_add_double(&buf, cases[i].value);
        ASSERT_STR(cases[i].text, buf_str(&buf));
    }
}

TEST(vec_keeps_what_was_pushed)
{
    VEC(int) numbers = { 0 };

    for (int i = 0; i < 1000; i++)
        *vec_push(&numbers, NULL) = i;
    ASSERT_EQ_INT(999, numbers.at[999]);
    vec_clear(&numbers);
}

TEST(times_read_and_write)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    int64_t ms;

    ASSERT_TRUE(time_parse(S("2024-02-29T12:00:00.5+09:00"), &ms));
    ASSERT_STR("2024-02-29T03:00:00.500Z", time_rfc3339(arena, ms));
    ASSERT_TRUE(time_parse(S("0001-01-01T00:00:00Z"), &ms));
    ASSERT_STR("0001-01-01T00:00:00Z", time_rfc3339(arena, ms));
    ASSERT_TRUE(time_parse(S("1700000000.25"), &ms));
    ASSERT_EQ_INT(1700000000250, ms);
    ASSERT_FALSE(time_parse(S("2023-02-29T00:00:00Z"), &ms));
    ASSERT_FALSE(time_parse(S("2023-01-01T00:00:00"), &ms));
    ASSERT_FALSE(time_parse(S("nan"), &ms));
    ASSERT_FALSE(time_parse(S("1e999"), &ms));
}

TEST(durations_read_and_write)
{
    struct buf buf CLEANUP(buf_clear);
    struct duration d;

    buf_init(&buf, 100);
    ASSERT_TRUE(duration_parse(S("1h30m"), &d));
    ASSERT_EQ_INT(90 * MINUTE_MS, d.ms);
    duration_add(&buf, d);
    ASSERT_STR("1h30m", buf_str(&buf));
    static const struct str bad[] = { S("5parsecs"), S("1m1h"), S("1h1h"), S("h"),           S("1"),
                                      S(""),         S("-5s"),  S("1.5h"), S("99999999999y") };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ASSERT_FALSE(duration_parse(bad[i], &d));
}

TEST(sizes_read_as_their_users_write_them)
{
    int64_t bytes;

    ASSERT_TRUE(size_parse(S("32mb"), &bytes));
    ASSERT_EQ_INT(32 << 20, bytes);
    ASSERT_TRUE(size_parse(S("1.5GiB"), &bytes));
    ASSERT_EQ_INT(3ll << 29, bytes);
    ASSERT_FALSE(size_parse(S("5 lightyears"), &bytes));
    ASSERT_FALSE(size_parse(S("999999999999TiB"), &bytes));
}

TEST(err_carries_fields_and_hints)
{
    err e = NULL;

    err_add_field(&e, ERR_RANGE, "steps[2].name", "is empty");
    err_add_field(&e, ERR_RANGE, "limit", "is %d, not in 1..200", 500);
    e = err_hint(err_wrap(e, "POST /x"), "see /docs");
    ASSERT_EQ_INT(2, err_field_count(e));
    ASSERT_STR("limit", str_of(err_field_path(e, 1)));
    ASSERT_EQ_INT(422, err_status(e));
    ASSERT_STR("see /docs", str_of(err_hint_text(e)));
    ASSERT_ERR(ERR_RANGE, "POST /x: steps[2].name: is empty", e);
}

static void hold(void *arg)
{
    while (!atomic_load((_Atomic bool *)arg))
        usleep(200);
}

TEST(pool_runs_all_and_refuses_when_full)
{
    struct pool *pool;
    _Atomic int runs = 0;
    _Atomic bool go = false;

    ASSERT_OK(pool_start(&(struct pool_options){ .name = "test", .threads = 2, .queue_max = 4 }, &pool));
    ASSERT_TRUE(pool_submit(pool, LANE_BACKGROUND, hold, &go));
    while (pool_state(pool).busy != 1)
        usleep(100);
    for (int i = 0; i < 4; i++)
        ASSERT_TRUE(pool_submit(pool, LANE_BACKGROUND, count_up, &runs));
    ASSERT_FALSE(pool_submit(pool, LANE_BACKGROUND, count_up, &runs)); /* only one thread is background's */
    ASSERT_TRUE(pool_submit(pool, LANE_FRONT, count_up, &runs));
    while (runs != 1)
        usleep(100);
    go = true;
    pool_stop(pool);
    ASSERT_EQ_INT(5, runs);
}

TEST(pool_on_demand_starts_threads_as_needed)
{
    struct pool *pool;
    _Atomic bool go = false;
    _Atomic int runs = 0;

    ASSERT_OK(
        pool_start(&(struct pool_options){ .name = "out", .threads = 8, .on_demand = true, .queue_max = 4 }, &pool));
    ASSERT_EQ_INT(0, pool_state(pool).threads);
    ASSERT_TRUE(pool_submit(pool, LANE_FRONT, hold, &go));
    ASSERT_TRUE(pool_submit(pool, LANE_FRONT, count_up, &runs));
    while (runs != 1)
        usleep(100);
    go = true;
    pool_stop(pool);
}

TEST(ticker_repeats_and_stops)
{
    struct pool *pool;
    struct ticker *ticker;
    _Atomic int runs = 0;

    ASSERT_OK(pool_start(&(struct pool_options){ .name = "test", .threads = 1, .queue_max = 4 }, &pool));
    ASSERT_OK(ticker_start(&ticker));
    struct timer *timer = timer_start(
        ticker, &(struct timer_options){ .pool = pool, .first_ms = 1, .every_ms = 2, .run = count_up, .arg = &runs });
    while (runs < 5)
        usleep(200);
    timer_stop(timer);
    int after = runs;
    ticker_stop(ticker);
    pool_stop(pool);
    ASSERT_EQ_INT(after, runs);
}

METRIC(COUNTER, test_things_total, "Things.", "kind");

TEST(metrics_are_written_as_prometheus_reads_them)
{
    struct buf out CLEANUP(buf_clear);

    buf_init(&out, 1 << 20);
    metric_add_for(&test_things_total, S("a\"b"), 2);
    for (int i = 0; i < 200; i++) {
        char name[16];
        snprintf(name, sizeof(name), "k%d", i);
        metric_add_for(&test_things_total, str_of(name), 1);
    }
    metrics_write(&out);
    ASSERT_CONTAINS("# TYPE auspex_test_things_total counter\n", buf_str(&out));
    ASSERT_CONTAINS("auspex_test_things_total{kind=\"a\\\"b\"} 2\n", buf_str(&out));
    ASSERT_CONTAINS("auspex_test_things_total{kind=\"other\"} 137\n", buf_str(&out));
}

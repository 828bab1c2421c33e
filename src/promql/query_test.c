/* query_test.c - a query from its text to its answer, and what stops one. */
#include "promql/query.h"

#include "base/test.h"
#include "base/time.h"
#include "promql/script_source_test.h"

/* A source with a script's load, and a query over 0 to 10 m, a step a minute, that tests change. */
struct setup {
    struct arena *arena, *series;
    struct script_source source;
    struct promql_features features;
    struct promql_limits limits;
    struct query query;
};

static void setup_init(struct setup *setup, const char *load)
{
    *setup =
        (struct setup){ .arena = arena_new(SIZE_MAX), .series = arena_new(SIZE_MAX), .features = promql_all_features };
    script_source_init(&setup->source, setup->series);
    ASSERT_OK(script_source_load(&setup->source, str_of(load)));
    setup->query = (struct query){
        .source = &setup->source.source,
        .arena = setup->arena,
        .end_ms = 10 * MINUTE_MS,
        .step_ms = MINUTE_MS,
        .features = &setup->features,
        .limits = &setup->limits,
    };
}

static void setup_clear(struct setup *setup)
{
    arena_free(setup->arena);
    arena_free(setup->series);
}

static err ask(struct setup *setup, const char *text, struct query_result *ret_result)
{
    struct expr *expr;

    setup->query.text = str_of(text);
    TRY(promql_parse(setup->arena, setup->query.text, &setup->features, &expr));
    setup->query.expr = expr;
    return promql_query(&setup->query, ret_result);
}

TEST(query_answers_a_matrix_sorted_by_labels)
{
    struct setup setup CLEANUP(setup_clear) = { 0 };
    struct query_result result;

    setup_init(&setup, "load 1m\n  hits_total{host=\"b\"} 0+60x10\n  hits_total{host=\"a\"} 0+120x10");
    ASSERT_OK(ask(&setup, "rate(hits_total[2m])", &result));
    ASSERT_EQ_INT(TYPE_MATRIX, result.type);
    ASSERT_EQ_INT(2, (int64_t)result.count);
    ASSERT_STR("a", labels_get(result.at[0].labels, S("host")));
    ASSERT_EQ_INT(10, (int64_t)result.at[0].count); /* from 1 m on there are two samples in the window */
    ASSERT_EQ_INT(MINUTE_MS, result.at[0].points[0].time_ms);
    ASSERT_NEAR(2, result.at[0].points[9].value, 1e-12);
    ASSERT_EQ_INT(2, (int64_t)result.stats.series);
    ASSERT_EQ_INT(22, (int64_t)result.stats.samples);
    ASSERT_TRUE(result.stats.peak_bytes > 0);
}

TEST(query_at_one_time_keeps_the_order_of_its_expression)
{
    struct setup setup CLEANUP(setup_clear) = { 0 };
    struct query_result result;

    setup_init(&setup, "load 1m\n  m{n=\"a\"} 1x10\n  m{n=\"b\"} 3x10\n  m{n=\"c\"} 2x10");
    setup.query.step_ms = 0;
    setup.query.end_ms = setup.query.start_ms = MINUTE_MS;
    ASSERT_OK(ask(&setup, "sort_desc(m)", &result));
    ASSERT_EQ_INT(TYPE_VECTOR, result.type);
    ASSERT_STR("b", labels_get(result.at[0].labels, S("n")));
    ASSERT_STR("c", labels_get(result.at[1].labels, S("n")));
    ASSERT_EQ_INT(MINUTE_MS, result.at[1].points[0].time_ms);
}

TEST(query_stops_at_each_of_its_limits)
{
    struct setup setup CLEANUP(setup_clear) = { 0 };
    struct query_result result;

    setup_init(&setup, "load 1m\n  m{n=\"a\"} 1x10\n  m{n=\"b\"} 3x10");
    setup.limits = (struct promql_limits){ .points_max = 10 };
    ASSERT_ERR(ERR_INVALID, "exceeded maximum resolution of 10 points", ask(&setup, "m", &result));
    setup.limits = (struct promql_limits){ .points_max = 11, .series_max = 2, .samples_max = 22, .bytes_max = 100000 };
    ASSERT_OK(ask(&setup, "m", &result));
    setup.limits = (struct promql_limits){ .series_max = 1 };
    ASSERT_ERR(ERR_RANGE, "more than 1 series", ask(&setup, "m", &result));
    setup.limits = (struct promql_limits){ .samples_max = 21 };
    ASSERT_ERR(ERR_RANGE, "too many samples: more than 21", ask(&setup, "sum(m)", &result));
    setup.limits = (struct promql_limits){ .bytes_max = 1000 };
    ASSERT_ERR(ERR_RANGE, "more than 1000 bytes", ask(&setup, "m + on(n) m", &result));
    setup.limits = (struct promql_limits){ 0 };
    ASSERT_ERR(ERR_RANGE, "a subquery would be evaluated at", ask(&setup, "max_over_time(m[10y:1ms])", &result));
}

TEST(query_stops_where_others_leave_too_little_memory_but_the_first_goes_on)
{
    struct setup setup CLEANUP(setup_clear) = { 0 };
    struct query_result result;
    struct query_budget budget = { .taken = 10 << 20 };
    struct query_share share = { .budget = &budget, .max = (10 << 20) + 100000 }, other = { .budget = &budget };
    const char *large = "sum_over_time(vector(1)[1d:1s])";

    setup_init(&setup, "load 1m\n  m 1x10");
    setup.limits = (struct promql_limits){ .share = &share };
    budget.first = &other;
    ASSERT_OK(ask(&setup, "m", &result));
    ASSERT_ERR(ERR_UNAVAILABLE, "queries that run now", ask(&setup, large, &result));
    ASSERT_TRUE(share.held >= 1 << 20 && budget.taken == (10 << 20) + share.held);
    query_share_give(&share);
    ASSERT_EQ_INT(10 << 20, budget.taken);
    query_share_give(&other);
    ASSERT_OK(ask(&setup, large, &result));
    ASSERT_TRUE(budget.first == &share);
    query_share_give(&share);
    ASSERT_TRUE(!budget.first);
}

TEST(query_stops_at_its_deadline_and_when_nobody_waits)
{
    struct setup setup CLEANUP(setup_clear) = { 0 };
    struct query_result result;
    bool cancelled = true;

    setup_init(&setup, "load 1m\n  m{n=\"a\"} 1x10");
    setup.query.deadline_ms = time_mono_ms() - 1;
    ASSERT_ERR(ERR_TIMEOUT, "query timed out", ask(&setup, "m", &result));
    setup.query.deadline_ms = time_mono_ms() + HOUR_MS;
    ASSERT_OK(ask(&setup, "m", &result));
    setup.query.cancelled = &cancelled;
    ASSERT_ERR(ERR_UNAVAILABLE, "canceled", ask(&setup, "m", &result));
}

TEST(query_looks_at_its_deadline_within_one_long_series)
{
    struct setup setup CLEANUP(setup_clear) = { 0 };
    struct query_result result;

    setup_init(&setup, "load 1s\n  m 1+1x20000");
    setup.query.end_ms = 20000 * SECOND_MS;
    setup.query.step_ms = 2 * SECOND_MS;
    setup.query.deadline_ms = time_mono_ms() + 20;
    ASSERT_ERR(ERR_TIMEOUT, "query timed out", ask(&setup, "stddev_over_time(m[20000s])", &result));
}

TEST(query_without_delayed_names_drops_them_at_once)
{
    struct setup setup CLEANUP(setup_clear) = { 0 };
    struct query_result result;

    setup_init(&setup, "load 1m\n  a_total{n=\"1\"} 0+1x10\n  b_total{n=\"1\"} 0+2x10");
    ASSERT_OK(ask(&setup, "sum by (__name__) (-a_total)", &result));
    setup.features.delayed_name_removal = false;
    ASSERT_ERR(ERR_RANGE, "vector cannot contain metrics with the same labelset",
               ask(&setup, "sum(rate({n=\"1\"}[2m]))", &result));
    ASSERT_OK(ask(&setup, "sum(rate(a_total[2m]))", &result));
    ASSERT_OK(ask(&setup, "label_replace(-a_total, \"n\", \"2\", \"__name__\", \"a.*\")", &result));
    ASSERT_STR("1", labels_get(result.at[0].labels, S("n"))); /* there was no name any more that could match */
    setup.features.delayed_name_removal = true;
    ASSERT_OK(ask(&setup, "sum(rate({n=\"1\"}[2m]))", &result));
}

TEST(query_memory_of_an_aggregation_does_not_grow_with_its_series)
{
    struct setup few CLEANUP(setup_clear) = { 0 }, many CLEANUP(setup_clear) = { 0 };
    struct buf load CLEANUP(buf_clear) = { 0 };
    struct query_result result;
    uint64_t peak;

    buf_init(&load, 1 << 20);
    buf_add(&load, S("load 1m"));
    setup_init(&few, "load 1m\n  m{n=\"0\", g=\"a\"} 0+1x10\n  m{n=\"1\", g=\"b\"} 0+1x10");
    for (int i = 0; i < 1000; i++)
        buf_addf(&load, "\n  m{n=\"%d\", g=\"%c\"} 0+1x10", i, i % 2 ? 'a' : 'b');
    setup_init(&many, buf_c(&load));
    ASSERT_OK(ask(&few, "sum by (g) (increase(m[5m]))", &result));
    peak = result.stats.peak_bytes;
    ASSERT_OK(ask(&many, "sum by (g) (increase(m[5m]))", &result));
    ASSERT_EQ_INT(1000, (int64_t)result.stats.series);
    ASSERT_TRUE(result.stats.peak_bytes < peak + 1000 * 2 * sizeof(void *)); /* the source's own list, no more */
}

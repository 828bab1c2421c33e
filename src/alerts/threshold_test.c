/* threshold_test.c - rules over stored series: what they may say, and when they hold. */
#include "alerts/threshold.h"
#include "alerts/threshold_expr.h"
#include "base/asset.h"
#include "base/test.h"
#include "base/time.h"
#include "tsdb/memory_store.h"

static const int64_t now_ms = 1700000000000;

static int64_t fixed_now(void)
{
    return now_ms;
}

static struct memory_store *store_with(struct arena *arena, const char *metric, const char *mount, const double *values,
                                       size_t count)
{
    static struct memory_store *store;
    const struct label labels[] = { { S("__name__"), str_of(metric) }, { S("mountpoint"), str_of(mount) } };

    time_set_wall(fixed_now);
    if (!store)
        ASSERT_OK(memory_store_new(&(struct memory_store_options){ 0 }, &store));
    struct sample_sink *sink = memory_store_sink(store);
    for (size_t i = 0; i < count; i++) {
        struct sample_in sample = { labels_make(arena, labels, 2), now_ms - (int64_t)(count - 1 - i) * 5000,
                                    values[i] };
        ASSERT_OK(sink->ops->append(sink, &sample, 1));
    }
    return store;
}

static struct threshold_values eval(struct arena *arena, struct memory_store *store, const char *text)
{
    struct threshold_expr expr;
    struct threshold_values values;

    ASSERT_OK(threshold_parse(arena, str_of(text), &expr));
    ASSERT_OK(threshold_eval(arena, memory_store_source(store), &expr, now_ms, &values));
    return values;
}

TEST(threshold_compares_each_series_with_its_own_partner)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(8 << 20);
    const double size[] = { 100 }, little[] = { 3 }, much[] = { 50 };

    store_with(arena, "size_bytes", "/", size, 1);
    store_with(arena, "size_bytes", "/var", size, 1);
    store_with(arena, "avail_bytes", "/", much, 1);
    struct memory_store *store = store_with(arena, "avail_bytes", "/var", little, 1);
    struct threshold_values values = eval(arena, store, "avail_bytes / size_bytes < 0.05");
    ASSERT_EQ_INT(1, values.values.count);
    ASSERT_STR("/var", labels_get(values.values.at[0].labels, S("mountpoint")));
    ASSERT_NEAR(0.03, values.values.at[0].value, 1e-9);
    ASSERT_EQ_INT(2, eval(arena, store, "avail_bytes{mountpoint=~\"/.*\"} >= 3").values.count);
    ASSERT_EQ_INT(0, eval(arena, store, "avail_bytes{mountpoint!=\"/var\"} < 5").values.count);
    ASSERT_EQ_INT(0, eval(arena, store, "nothing_of_that_name > 0").values.count); /* no data is no alert */
    memory_store_free(store);
}

TEST(threshold_rate_counts_resets_as_starts)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(8 << 20);
    const double counter[] = { 0, 50, 100, 10, 60 }; /* over 20 s: 100, a restart, 60 */

    struct memory_store *store = store_with(arena, "errors_total", "", counter, 5);
    struct threshold_values values = eval(arena, store, "rate(errors_total[1m]) > 1");
    ASSERT_EQ_INT(1, values.values.count);
    ASSERT_NEAR(160.0 / 20, values.values.at[0].value, 1e-9);
    memory_store_free(store);
}

TEST(threshold_says_where_it_does_not_understand)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(8 << 20);
    struct threshold_expr expr;

    ASSERT_ERR(ERR_INVALID, "column 1 of", threshold_parse(arena, S("> 5"), &expr));
    ASSERT_ERR(ERR_INVALID, "expected a comparison", threshold_parse(arena, S("up"), &expr));
    ASSERT_ERR(ERR_INVALID, "expected a number", threshold_parse(arena, S("up == up"), &expr));
    ASSERT_ERR(ERR_INVALID, "expected a number", threshold_parse(arena, S("up > 1e999"), &expr));
    ASSERT_ERR(ERR_INVALID, "closing quote", threshold_parse(arena, S("up{job=\"x} > 1"), &expr));
    ASSERT_ERR(ERR_INVALID, "a range", threshold_parse(arena, S("rate(up[5parsecs]) > 1"), &expr));
    ASSERT_ERR(ERR_INVALID, "column", threshold_parse(arena, S("sum(up) > 1"), &expr));
    ASSERT_ERR(ERR_INVALID, "groups[0].rules[0].expr",
               thresholds_check(S("groups: [{name: g, rules: [{alert: A, expr: 'sum(x) > 1'}]}]"), "f.yml"));
    ASSERT_ERR(ERR_INVALID, "did you mean 'expr'",
               thresholds_check(S("groups: [{name: g, rules: [{alert: A, exp: 'x > 1'}]}]"), "f.yml"));
}

TEST(threshold_rules_that_travel_inside_are_understood)
{
    size_t files = 0;

    for (const struct asset *it = NULL; (it = asset_next(S("content/rules/"), it)); files++)
        ASSERT_OK(thresholds_check((struct str){ (const char *)it->bytes, it->length }, it->path));
    ASSERT_TRUE(files > 0);
}

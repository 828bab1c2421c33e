/* tsdb_test.c - what is appended is read back, by whatever order, spelling and matcher. */
#include "tsdb/room.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "base/time.h"
#include "model/histogram.h"

static const struct tsdb_settings plain_settings = { .future_max = { 10 * MINUTE_MS }, .fsync_interval = { 200 } };

static struct tsdb *open_tsdb(const struct tsdb_settings *settings)
{
    struct tsdb *tsdb = NULL;

    ASSERT_OK(tsdb_open(&(struct tsdb_options){ .folder = test_folder(), .settings = settings }, &tsdb));
    return tsdb;
}

static struct append *begin(struct tsdb *tsdb)
{
    struct append *append = NULL;

    ASSERT_OK(append_begin(tsdb, S("test"), time_mono_ms() + 10000, &append));
    return append;
}

/* parse_pairs - "b=2,a=1" as labels: the wire format of these tests. */
static err parse_pairs(void *arg, struct str raw, struct arena *arena, struct labels *ret_labels)
{
    VEC(struct label) items = { 0 };

    ++*(int *)arg;
    for (struct str rest = raw, word; rest.at;) {
        word = str_cut(rest, ',', &rest);
        struct label label = { 0 };
        label.name = str_cut(word, '=', &label.value);
        *vec_push(&items, arena) = label;
    }
    *ret_labels = (struct labels){ items.at, items.count };
    return NULL;
}

static int parsed;

static bool at_series(struct append *append, const char *raw)
{
    return append_raw(append, str_of(raw), parse_pairs, &parsed);
}

static struct series_list select_all(struct tsdb *tsdb, struct arena *arena, const struct matcher *matchers,
                                     size_t count)
{
    struct series_list list = { 0 };

    ASSERT_OK(series_select(tsdb_source(tsdb), arena, matchers, count, INT64_MIN, INT64_MAX, &list));
    return list;
}

static size_t count_of(struct tsdb *tsdb, enum match_type type, const char *name, const char *value)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 24);
    struct matcher matcher;

    ASSERT_OK(matcher_make(arena, type, str_of(name), str_of(value), &matcher));
    return select_all(tsdb, arena, &matcher, 1).count;
}

TEST(tsdb_gives_back_what_was_appended_and_parses_a_spelling_once)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct tsdb *tsdb = open_tsdb(&plain_settings);
    struct append_summary summary;

    parsed = 0;
    for (int i = 0; i < 3; i++) {
        struct append *append = begin(tsdb);
        ASSERT_TRUE(at_series(append, "__name__=up,job=node"));
        ASSERT_EQ_INT(APPEND_OK, append_float(append, 1000 * i, 0, i));
        ASSERT_TRUE(at_series(append, "job=node,__name__=up"));
        ASSERT_EQ_INT(APPEND_DUPLICATE, append_float(append, 1000 * i, 0, i));
        ASSERT_TRUE(at_series(append, "__name__=down,job=node"));
        ASSERT_EQ_INT(APPEND_OK, append_float(append, 1000 * i, 0, -i));
        ASSERT_OK(append_end(append, &summary));
        ASSERT_EQ_INT(3, summary.floats);
        ASSERT_EQ_INT(1, summary.outcomes[APPEND_DUPLICATE]);
    }
    ASSERT_EQ_INT(3, parsed);
    struct series_list list = select_all(tsdb, arena, NULL, 0);
    ASSERT_EQ_INT(2, list.count);
    ASSERT_STR("down", labels_get(list.at[0].labels, S("__name__")));
    ASSERT_EQ_INT(3, list.at[1].count);
    ASSERT_EQ_INT(2000, list.at[1].samples[2].time_ms);
    ASSERT_NEAR(2, list.at[1].samples[2].value, 0);
    tsdb_close(tsdb);
}

TEST(tsdb_takes_samples_in_any_order_and_the_last_write_wins)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct tsdb *tsdb = open_tsdb(&plain_settings);
    struct append *append = begin(tsdb);

    at_series(append, "__name__=x");
    ASSERT_EQ_INT(APPEND_OK, append_float(append, 5000, 0, 5));
    ASSERT_EQ_INT(APPEND_OK, append_float(append, -62135596800000, 0, 1));
    ASSERT_EQ_INT(APPEND_OK, append_float(append, 3000, 0, 3));
    ASSERT_EQ_INT(APPEND_DUPLICATE, append_float(append, 3000, 0, 3));
    ASSERT_EQ_INT(APPEND_OK, append_float(append, 5000, 0, 6));
    ASSERT_EQ_INT(APPEND_DUPLICATE, append_float(append, 5000, 0, 6));
    ASSERT_EQ_INT(APPEND_TOO_NEW, append_float(append, time_now_ms() + 11 * MINUTE_MS, 0, 7));
    ASSERT_EQ_INT(APPEND_TOO_OLD, append_float(append, INT64_MIN, 0, 7));
    ASSERT_CONTAINS("series x: a sample at", append_so_far(append)->why);
    ASSERT_CONTAINS("further ahead of the clock", append_so_far(append)->why);
    ASSERT_OK(append_end(append, NULL));
    struct series_list list = select_all(tsdb, arena, NULL, 0);
    ASSERT_EQ_INT(3, list.at[0].count);
    ASSERT_EQ_INT(-62135596800000, list.at[0].samples[0].time_ms);
    ASSERT_NEAR(3, list.at[0].samples[1].value, 0);
    ASSERT_NEAR(6, list.at[0].samples[2].value, 0);
    tsdb_close(tsdb);
}

TEST(tsdb_says_of_a_histogram_whether_its_counter_went_on)
{
    static const struct {
        int64_t time_ms;
        const char *text;
        enum counter_reset hint;
    } appended[] = {
        { 1000, "{{count:1 buckets:[1] counter_reset_hint:not_reset}}",
          RESET_UNKNOWN }, /* what the sender says of it */
        { 2000, "{{count:3 buckets:[1 2]}}", RESET_NO },
        { 3000, "{{count:2 buckets:[2]}}", RESET_YES },
        { 4000, "{{count:9 buckets:[9] counter_reset_hint:gauge}}", RESET_GAUGE },
        { 3500, "{{count:9 buckets:[9]}}", RESET_UNKNOWN }, /* late: it was not there when its neighbours came */
    };
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct tsdb *tsdb = open_tsdb(&plain_settings);
    struct append *append = begin(tsdb);
    struct series_query query = { .start_ms = 0, .end_ms = 5000 };
    struct series_set *set CLEANUP(series_set_closep) = NULL;
    struct samples samples;

    at_series(append, "__name__=h");
    for (size_t i = 0; i < ARRAY_LEN(appended); i++) {
        const struct histogram *histogram;
        ASSERT_OK(histogram_parse(arena, str_of(appended[i].text), &histogram));
        ASSERT_EQ_INT(APPEND_OK, append_histogram(append, appended[i].time_ms, 0, histogram));
        ASSERT_EQ_INT(APPEND_DUPLICATE, append_histogram(append, appended[i].time_ms, 0, histogram));
    }
    ASSERT_OK(append_end(append, NULL));
    ASSERT_OK(tsdb_source(tsdb)->ops->open(tsdb_source(tsdb), arena, &query, &set));
    ASSERT_OK(set->ops->read(set, 0, &samples));
    ASSERT_EQ_INT(ARRAY_LEN(appended), samples.count);
    for (size_t i = 0; i < ARRAY_LEN(appended); i++)
        for (size_t k = 0; k < samples.count; k++)
            if (samples.times[k] == appended[i].time_ms)
                ASSERT_EQ_INT(appended[i].hint, samples.histograms[k]->hint);
    series_set_close(TAKE(set));
    tsdb_close(tsdb);
}

TEST(tsdb_matchers_select_as_in_prometheus)
{
    struct tsdb *tsdb = open_tsdb(&plain_settings);
    struct append *append = begin(tsdb);
    const char *series[] = { "__name__=a,env=prod,zone=eu-1", "__name__=a,env=prod", "__name__=b,env=test,zone=eu-2",
                             "__name__=b,zone=us-1", "__name__=c" };

    for (size_t i = 0; i < ARRAY_LEN(series); i++) {
        at_series(append, series[i]);
        append_float(append, 1000, 0, 1);
    }
    ASSERT_OK(append_end(append, NULL));
    for (int again = 0; again < 2; again++) { /* the second time from what was remembered */
        ASSERT_EQ_INT(2, count_of(tsdb, MATCH_EQ, "env", "prod"));
        ASSERT_EQ_INT(3, count_of(tsdb, MATCH_NE, "env", "prod"));
        ASSERT_EQ_INT(2, count_of(tsdb, MATCH_EQ, "env", ""));
        ASSERT_EQ_INT(3, count_of(tsdb, MATCH_NE, "env", ""));
        ASSERT_EQ_INT(3, count_of(tsdb, MATCH_RE, "env", "prod|test"));
        ASSERT_EQ_INT(4, count_of(tsdb, MATCH_RE, "env", "prod|"));
        ASSERT_EQ_INT(2, count_of(tsdb, MATCH_NRE, "env", "prod|test"));
        ASSERT_EQ_INT(2, count_of(tsdb, MATCH_RE, "zone", "eu-.*"));
        ASSERT_EQ_INT(3, count_of(tsdb, MATCH_NRE, "zone", "eu-[0-9]"));
        ASSERT_EQ_INT(3, count_of(tsdb, MATCH_RE, "zone", ".+"));
        ASSERT_EQ_INT(5, count_of(tsdb, MATCH_RE, "zone", ".*"));
        ASSERT_EQ_INT(0, count_of(tsdb, MATCH_EQ, "nothing", "x"));
        ASSERT_EQ_INT(5, count_of(tsdb, MATCH_NE, "nothing", "x"));
        ASSERT_EQ_INT(5, count_of(tsdb, MATCH_EQ, "nothing", ""));
    }
    append = begin(tsdb);
    at_series(append, "__name__=d,zone=eu-3");
    append_float(append, 1000, 0, 1);
    ASSERT_OK(append_end(append, NULL));
    ASSERT_EQ_INT(3, count_of(tsdb, MATCH_RE, "zone", "eu-.*"));
    ASSERT_EQ_INT(3, count_of(tsdb, MATCH_NRE, "zone", "eu-[0-9]"));
    tsdb_close(tsdb);
}

TEST(tsdb_refuses_series_beyond_its_limits_and_names_them)
{
    const struct tsdb_settings settings = { .series_max = 3, .series_max_per_source = 2 };
    struct tsdb *tsdb = open_tsdb(&settings);
    struct append_summary summary;
    struct append *append = begin(tsdb);

    ASSERT_TRUE(at_series(append, "__name__=a"));
    ASSERT_TRUE(at_series(append, "__name__=b"));
    ASSERT_FALSE(at_series(append, "__name__=c"));
    ASSERT_EQ_INT(APPEND_NO_SERIES, append_float(append, 0, 0, 1));
    ASSERT_CONTAINS("series c is refused", append_so_far(append)->why);
    ASSERT_CONTAINS("storage.series_max_per_source; from test", append_so_far(append)->why);
    ASSERT_TRUE(at_series(append, "__name__=a"));
    ASSERT_EQ_INT(APPEND_OK, append_float(append, 0, 0, 1));
    ASSERT_OK(append_end(append, &summary));
    ASSERT_EQ_INT(1, summary.outcomes[APPEND_NO_SERIES]);
    ASSERT_OK(append_begin(tsdb, S("other"), time_mono_ms() + 10000, &append));
    ASSERT_TRUE(at_series(append, "__name__=c"));
    ASSERT_FALSE(at_series(append, "__name__=d"));
    ASSERT_CONTAINS("there are 3 already, which is storage.series_max; from other", append_so_far(append)->why);
    ASSERT_TRUE(at_series(append, "__name__=a"));
    ASSERT_OK(append_end(append, NULL));
    tsdb_close(tsdb);
}

TEST(tsdb_refuses_labels_that_are_none)
{
    struct tsdb *tsdb = open_tsdb(&plain_settings);
    const char *bad[] = { "=x", "a=", "a=1,a=2", "a=\xff" };
    const char *why[] = { "empty name", "no labels", "appears twice", "not UTF-8" };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct append *append = begin(tsdb);
        ASSERT_FALSE(at_series(append, bad[i]));
        ASSERT_CONTAINS(why[i], append_so_far(append)->why);
        ASSERT_OK(append_end(append, NULL));
    }
    tsdb_close(tsdb);
}

TEST(tsdb_says_what_is_wrong_with_a_long_series_too)
{
    struct tsdb *tsdb = open_tsdb(&plain_settings);
    struct append *append = begin(tsdb);
    char value[5000];

    memset(value, 'x', sizeof(value));
    const struct label labels[] = { { S("__name__"), S("m\0n") },
                                    { S("a"), { value, sizeof(value) } },
                                    { S("a"), S("y") } };
    ASSERT_FALSE(append_labels(append, (struct labels){ labels, ARRAY_LEN(labels) }));
    ASSERT_CONTAINS("series m?n{", append_so_far(append)->why);
    ASSERT_CONTAINS("... is refused: ", append_so_far(append)->why);
    ASSERT_CONTAINS("; from test", append_so_far(append)->why);
    ASSERT_OK(append_end(append, NULL));
    tsdb_close(tsdb);
}

TEST(tsdb_names_and_values_are_those_of_the_series_that_match)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct tsdb *tsdb = open_tsdb(&plain_settings);
    struct series_source *source = tsdb_source(tsdb);
    struct append *append = begin(tsdb);
    struct series_query all = { .start_ms = INT64_MIN, .end_ms = INT64_MAX };
    struct str_list list;
    struct matcher matcher;

    at_series(append, "__name__=b,zone=z2,only=b");
    append_float(append, 0, 0, 1);
    at_series(append, "__name__=a,zone=z1");
    append_float(append, 0, 0, 1);
    ASSERT_OK(append_end(append, NULL));
    ASSERT_OK(source->ops->label_names(source, arena, &all, 0, &list));
    ASSERT_EQ_INT(3, list.count);
    ASSERT_STR("zone", list.at[2]);
    ASSERT_OK(source->ops->label_values(source, arena, S("zone"), &all, 0, &list));
    ASSERT_EQ_INT(2, list.count);
    ASSERT_STR("z1", list.at[0]);
    ASSERT_OK(source->ops->label_values(source, arena, S("zone"), &all, 1, &list));
    ASSERT_EQ_INT(1, list.count);
    ASSERT_OK(matcher_make(arena, MATCH_EQ, S("__name__"), S("a"), &matcher));
    all.matchers = &matcher;
    all.matcher_count = 1;
    ASSERT_OK(source->ops->label_names(source, arena, &all, 0, &list));
    ASSERT_EQ_INT(2, list.count);
    ASSERT_OK(source->ops->label_values(source, arena, S("only"), &all, 0, &list));
    ASSERT_EQ_INT(0, list.count);
    tsdb_close(tsdb);
}

TEST(tsdb_knows_what_there_was_at_a_time_without_reading_samples)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct tsdb *tsdb = open_tsdb(&plain_settings);
    struct series_source *source = tsdb_source(tsdb);
    struct append *append = begin(tsdb);
    struct series_query early = { .start_ms = 0, .end_ms = 2000, .labels_only = true };
    struct series_query late = { .start_ms = 9000, .end_ms = 20000, .labels_only = true };
    struct series_set *set;
    struct str_list list;

    at_series(append, "__name__=a,zone=z1");
    append_float(append, 1000, 0, 1);
    at_series(append, "__name__=b,zone=z2,only=b");
    append_float(append, 10000, 0, 1);
    append_float(append, 9500, 0, 1); /* late */
    ASSERT_OK(append_end(append, NULL));
    for (int round = 0; round < 2; round++) { /* the second time up to the very samples */
        ASSERT_OK(source->ops->open(source, arena, &early, &set));
        ASSERT_EQ_INT(1, set->count);
        ASSERT_STR("z1", labels_get(set->ops->labels(set, 0), S("zone")));
        series_set_close(set);
        ASSERT_OK(source->ops->label_names(source, arena, &early, 0, &list));
        ASSERT_EQ_INT(2, list.count);
        ASSERT_OK(source->ops->label_values(source, arena, S("zone"), &early, 0, &list));
        ASSERT_EQ_INT(1, list.count);
        ASSERT_OK(source->ops->label_values(source, arena, S("zone"), &late, 0, &list));
        ASSERT_EQ_INT(1, list.count);
        ASSERT_STR("z2", list.at[0]);
        early.end_ms = 1000;
        late.end_ms = 9700;
    }
    tsdb_close(tsdb);
}

TEST(tsdb_keeps_metadata_and_exemplars)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct tsdb *tsdb = open_tsdb(&plain_settings);
    struct series_source *source = tsdb_source(tsdb);
    struct append *append = begin(tsdb);
    const struct label trace = { S("trace_id"), S("abc") };
    struct series_query all = { .start_ms = 0, .end_ms = 10 };
    struct exemplar_list exemplars;
    struct metric_meta meta;

    at_series(append, "__name__=x");
    append_exemplar(append, &(struct exemplar){ { &trace, 1 }, 7, 1.5 });
    append_exemplar(append, &(struct exemplar){ { &trace, 1 }, 7, 1.5 });
    append_exemplar(append, &(struct exemplar){ { &trace, 1 }, 3, 2.5 });
    append_exemplar(append, &(struct exemplar){ { &trace, 1 }, 11, 2.5 });
    append_meta(append, &(struct metric_meta){ S("x"), S("some"), S("bytes"), KIND_COUNTER });
    append_meta(append, &(struct metric_meta){ S("x"), S("help"), S("bytes"), KIND_GAUGE });
    ASSERT_OK(append_end(append, NULL));
    ASSERT_OK(source->ops->meta(source, arena, S("x"), &meta));
    ASSERT_STR("help", meta.help);
    ASSERT_EQ_INT(KIND_GAUGE, meta.kind);
    ASSERT_ERR(ERR_NOT_FOUND, "'y'", source->ops->meta(source, arena, S("y"), &meta));
    ASSERT_OK(source->ops->exemplars(source, arena, &all, &exemplars));
    ASSERT_EQ_INT(1, exemplars.count);
    ASSERT_EQ_INT(2, exemplars.at[0].count);
    ASSERT_NEAR(2.5, exemplars.at[0].at[0].value, 0);
    ASSERT_STR("abc", labels_get(exemplars.at[0].at[1].labels, S("trace_id")));
    tsdb_close(tsdb);
}

TEST(tsdb_state_counts_what_there_is)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct tsdb *tsdb = open_tsdb(&plain_settings);
    struct append *append = begin(tsdb);
    const char *series[] = { "__name__=a,zone=1", "__name__=a,zone=2", "__name__=b,zone=1" };
    struct tsdb_state state;

    for (size_t i = 0; i < ARRAY_LEN(series); i++) {
        at_series(append, series[i]);
        append_float(append, 2000, 0, 1);
        append_float(append, 1000, 0, 1);
    }
    ASSERT_OK(append_end(append, NULL));
    tsdb_state(tsdb, arena, true, &state);
    ASSERT_EQ_INT(3, state.series);
    ASSERT_EQ_INT(4, state.label_pairs);
    ASSERT_EQ_INT(6, state.samples_appended);
    ASSERT_EQ_INT(3, state.out_of_order);
    ASSERT_EQ_INT(1000, state.first_ms);
    ASSERT_EQ_INT(2000, state.last_ms);
    ASSERT_STR("a", state.by_metric[0].name);
    ASSERT_EQ_INT(2, state.by_metric[0].count);
    ASSERT_STR("__name__", state.by_label[0].name);
    ASSERT_STR("__name__=a", state.by_pair[0].name);
    ASSERT_STR("zone=1", state.by_pair[1].name);
    ASSERT_EQ_INT(3 * (8 + 1 + 2), state.bytes_by_label[0].count);
    ASSERT_EQ_INT(0, state.by_metric[2].count);
    tsdb_close(tsdb);
}

static size_t samples_of(struct tsdb *tsdb)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 24);
    struct series_list list = select_all(tsdb, arena, NULL, 0);
    size_t count = 0;

    for (size_t i = 0; i < list.count; i++)
        count += list.at[i].count;
    return count;
}

TEST(tsdb_deletes_from_memory_blocks_and_log_what_matches)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct tsdb *tsdb = open_tsdb(&plain_settings);
    const char *series[] = { "__name__=a", "__name__=b" };
    struct matcher matcher, all;

    for (int64_t at = 0; at < 600; at++) {
        struct append *append = begin(tsdb);
        for (size_t i = 0; i < ARRAY_LEN(series); i++) {
            at_series(append, series[i]);
            append_float(append, at * 1000, 0, (double)at);
        }
        ASSERT_OK(append_end(append, NULL));
        if (at == 299)
            ASSERT_OK(disk_flush(tsdb->disk, true));
    }
    ASSERT_OK(matcher_make(arena, MATCH_EQ, S("__name__"), S("a"), &matcher));
    ASSERT_OK(matcher_make(arena, MATCH_RE, S("__name__"), S(".*"), &all));
    ASSERT_ERR(ERR_INVALID, "every series", tsdb_delete(tsdb, &all, 1, 0, 1));
    ASSERT_OK(tsdb_delete(tsdb, &matcher, 1, 100000, 399000));
    ASSERT_EQ_INT(900, samples_of(tsdb));
    struct append *append = begin(tsdb);
    at_series(append, "__name__=a");
    ASSERT_EQ_INT(APPEND_OK, append_float(append, 200000, 0, 1)); /* after the deletion: it stays */
    ASSERT_OK(append_end(append, NULL));
    ASSERT_EQ_INT(901, samples_of(tsdb));
    tsdb_close(tsdb);
    tsdb = open_tsdb(&plain_settings);
    ASSERT_EQ_INT(901, samples_of(tsdb));
    tsdb_close(tsdb);
}

TEST(tsdb_keeps_everything_over_a_restart)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct tsdb *tsdb = open_tsdb(&plain_settings);
    struct series_query query = { .start_ms = 0, .end_ms = 100 };
    struct append *append = begin(tsdb);
    const struct label trace = { S("trace_id"), S("abc") };
    struct exemplar_list exemplars;
    struct metric_meta meta;

    at_series(append, "__name__=a,zone=1");
    append_float(append, 5, 3, 1);
    append_exemplar(append, &(struct exemplar){ { &trace, 1 }, 7, 1.5 });
    append_meta(append, &(struct metric_meta){ S("a"), S("help"), S("bytes"), KIND_COUNTER });
    ASSERT_OK(append_end(append, NULL));
    tsdb_close(tsdb);
    tsdb = open_tsdb(&plain_settings);
    struct series_source *source = tsdb_source(tsdb);
    ASSERT_EQ_INT(1, samples_of(tsdb));
    ASSERT_OK(source->ops->meta(source, arena, S("a"), &meta));
    ASSERT_STR("help", meta.help);
    ASSERT_OK(source->ops->exemplars(source, arena, &query, &exemplars));
    ASSERT_EQ_INT(1, exemplars.count);
    tsdb_close(tsdb);
}

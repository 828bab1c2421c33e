/* exposition_test.c - what exporters write, and what is wrong with it. */
#include "scrape/exposition.h"

#include "base/test.h"

#include <math.h>

static struct exposition parse(struct arena *arena, const char *text, enum exposition_format format)
{
    struct exposition exposition;

    ASSERT_OK(exposition_parse(arena, str_of(text), format, 0, &exposition));
    return exposition;
}

static void expect_series(struct arena *arena, struct str series, const char *wanted)
{
    struct buf out CLEANUP(buf_clear) = { .max = 4096 };
    struct labels labels;

    ASSERT_OK(exposition_labels(arena, series, &labels));
    labels_write_series(&out, labels_make(arena, labels.at, labels.count));
    ASSERT_STR(wanted, buf_str(&out));
}

TEST(exposition_of_a_small_exporter)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct exposition e = parse(arena,
                                "# HELP http_requests_total Requests \\\\ \\n answered.\n"
                                "# TYPE http_requests_total counter\n"
                                "http_requests_total{code=\"200\",path=\"/a\\\"b\\\\c\\nd\"} 1027 1395066363000\n"
                                "http_requests_total{code=\"500\",} 3\n"
                                "\n"
                                "# a comment\n"
                                "  temperature   -1.5e3\n"
                                "\tnan NaN\n"
                                "inf{} +Inf\n",
                                EXPOSITION_TEXT);

    ASSERT_EQ_INT(5, e.samples.count);
    expect_series(arena, e.samples.at[0].series, "http_requests_total{code=\"200\",path=\"/a\\\"b\\\\c\\nd\"}");
    ASSERT_EQ_INT(1027, e.samples.at[0].value);
    ASSERT_EQ_INT(1395066363000, e.samples.at[0].time_ms);
    expect_series(arena, e.samples.at[1].series, "http_requests_total{code=\"500\"}");
    ASSERT_TRUE(e.samples.at[1].time_ms == EXPOSITION_NO_TIME);
    ASSERT_EQ_INT(-1500, e.samples.at[2].value);
    ASSERT_TRUE(isnan(e.samples.at[3].value));
    ASSERT_TRUE(isinf(e.samples.at[4].value));
    ASSERT_EQ_INT(1, e.metas.count);
    ASSERT_EQ_INT(KIND_COUNTER, e.metas.at[0].kind);
    ASSERT_STR("Requests \\ \n answered.", e.metas.at[0].help);
}

TEST(exposition_of_openmetrics_has_exemplars_units_and_an_end)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct exemplar exemplar;
    struct exposition e =
        parse(arena,
              "# TYPE foo_seconds histogram\n# UNIT foo_seconds seconds\n"
              "foo_seconds_bucket{le=\"0.1\"} 8 1520879607.789 # {trace_id=\"a,b\"} 0.054 1520879607.5\n"
              "foo_seconds_bucket{le=\"+Inf\"} 9 # {} 3\n# EOF\n",
              EXPOSITION_OPENMETRICS);

    ASSERT_EQ_INT(2, e.samples.count);
    ASSERT_EQ_INT(1520879607789, e.samples.at[0].time_ms);
    ASSERT_STR("seconds", e.metas.at[0].unit);
    ASSERT_OK(exposition_exemplar(arena, e.samples.at[0].exemplar, 5, &exemplar));
    ASSERT_STR("a,b", labels_get(exemplar.labels, S("trace_id")));
    ASSERT_EQ_INT(1520879607500, exemplar.time_ms);
    ASSERT_OK(exposition_exemplar(arena, e.samples.at[1].exemplar, 5, &exemplar));
    ASSERT_EQ_INT(5, exemplar.time_ms);
    ASSERT_EQ_INT(3, exemplar.value);
}

TEST(exposition_takes_names_of_any_letters_in_quotes)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct exposition e = parse(arena,
                                "# TYPE \"my.metric\" gauge\n"
                                "{\"my.metric\",\"err.msg\"=\"x}\"} 1\n"
                                "{a=\"b\",\"위험\"} 2\n",
                                EXPOSITION_TEXT);

    ASSERT_STR("my.metric", e.metas.at[0].name);
    expect_series(arena, e.samples.at[0].series, "my.metric{err.msg=\"x}\"}");
    expect_series(arena, e.samples.at[1].series, "위험{a=\"b\"}");
}

TEST(exposition_with_one_wrong_line_is_no_exposition)
{
    static const struct {
        const char *text, *wanted;
        enum exposition_format format;
    } cases[] = {
        { "a 1\nb\n", "line 2, column 2: expected a blank and a value", EXPOSITION_TEXT },
        { "a x\n", "line 1, column 3: not a number", EXPOSITION_TEXT },
        { "a 1 2 3\n", "expected the end of the line", EXPOSITION_TEXT },
        { "a 1 1.5\n", "not a timestamp", EXPOSITION_TEXT },
        { "a{b=\"c} 1\n", "without its closing quote", EXPOSITION_TEXT },
        { "a{b=c} 1\n", "stands in double quotes", EXPOSITION_TEXT },
        { "a{b=\"c\" d=\"e\"} 1\n", "expected , or }", EXPOSITION_TEXT },
        { "a{=\"c\"} 1\n", "expected a label's name", EXPOSITION_TEXT },
        { "a{\"b\"} 1\n", "second name", EXPOSITION_TEXT },
        { "{a=\"b\"} 1\n", "expected the name of a metric", EXPOSITION_TEXT },
        { "1a 1\n", "expected the name of a metric", EXPOSITION_TEXT },
        { "a{b=\"\xff\"} 1\n", "not UTF-8", EXPOSITION_TEXT },
        { "<html>\n", "expected the name of a metric", EXPOSITION_TEXT },
        { "a 1 # {b=\"c\"} 1\n", "expected the end of the line", EXPOSITION_TEXT },
        { "a 1\n", "does not end with # EOF", EXPOSITION_OPENMETRICS },
        { "# EOF\na 1\n", "behind # EOF", EXPOSITION_OPENMETRICS },
        { "\na 1\n# EOF\n", "expected the name of a metric", EXPOSITION_OPENMETRICS },
        { "a 1 # 5\n# EOF\n", "labels of an exemplar", EXPOSITION_OPENMETRICS },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
        struct exposition exposition;
        err e CLEANUP(err_freep) = exposition_parse(arena, str_of(cases[i].text), cases[i].format, 0, &exposition);
        ASSERT_TRUE(e != NULL);
        if (!str_contains(str_of(err_message(e)), str_of(cases[i].wanted)))
            ASSERT_STR(cases[i].wanted, str_of(err_message(e)));
    }
}

TEST(exposition_above_its_limit_is_refused)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct exposition exposition;

    ASSERT_OK(exposition_parse(arena, S("a 1\nb 2\n"), EXPOSITION_TEXT, 2, &exposition));
    err e CLEANUP(err_freep) = exposition_parse(arena, S("a 1\nb 2\nc 3\n"), EXPOSITION_TEXT, 2, &exposition);
    ASSERT_EQ_INT(ERR_TOO_LARGE, err_kind(e));
}

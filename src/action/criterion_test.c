/* criterion_test.c - three answers, and no way for a value to become syntax. */
#include "action/criterion.h"

#include "base/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Series that the tests give: name, instance, time, value. */
static const struct {
    const char *name, *instance;
    int64_t time_ms;
    double value;
} given[] = {
    { "used", "a:1", 1000, 90 }, { "used", "b:2", 1000, 10 }, { "limit", "a:1", 1000, 100 },
    { "limit", "b:2", 1000, 0 }, { "lonely", "x", 500, 7 },   { "broken", "x", 1000, NAN },
};

static err select_given(struct series_source *source, struct arena *arena, const struct series_query *query,
                        struct series_set **ret_set)
{
    (void)source;
    struct series_list list = { .at = arena_array(arena, ARRAY_LEN(given), sizeof(*list.at)) };

    for (size_t i = 0; i < ARRAY_LEN(given); i++) {
        struct label labels[] = { { S("__name__"), str_of(given[i].name) },
                                  { S("instance"), str_of(given[i].instance) } };
        struct sample *sample = arena_alloc(arena, sizeof(*sample));
        struct series series = { .labels = labels_make(arena, labels, 2), .samples = sample };
        *sample = (struct sample){ given[i].time_ms, given[i].value };
        series.count = given[i].time_ms >= query->start_ms && given[i].time_ms <= query->end_ms;
        if (matchers_match(query->matchers, query->matcher_count, series.labels))
            list.at[list.count++] = series;
    }
    *ret_set = series_set_of_list(arena, list);
    return NULL;
}

static const struct series_source_ops ops = { .open = select_given };
static struct series_source source = { .ops = &ops };
static struct argument arguments[] = { { S("instance"), S("a:1"), NAN }, { S("ratio"), S("1.5"), 1.5 } };

static enum criterion_answer ask(const char *text)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct criterion_scope scope = {
        .series = &source, .now_ms = 2000, .not_before_ms = 600, .arguments = arguments, .argument_count = 2
    };
    struct criterion_result result;

    ASSERT_OK(criterion_ask(arena, str_of(text), &scope, &result));
    return result.answer;
}

TEST(criterion_answers_yes_no_or_cannot_tell)
{
    ASSERT_EQ_INT(CRITERION_NO, ask("used{instance=\"{{instance}}\"} / limit{instance=\"{{instance}}\"} < 0.9"));
    ASSERT_EQ_INT(CRITERION_YES, ask("used{instance=\"{{instance}}\"} / limit{instance=\"{{instance}}\"} <= 0.9"));
    ASSERT_EQ_INT(CRITERION_YES, ask("used / limit < {{ratio}}")); /* the instance's own, of several */
    ASSERT_EQ_INT(CRITERION_YES, ask("floor(used * {{ratio}}) == 135 and max(1, 2) > 1"));
    ASSERT_EQ_INT(CRITERION_UNKNOWN, ask("nothing > 0"));
    ASSERT_EQ_INT(CRITERION_UNKNOWN, ask("lonely > 0")); /* from before the run */
    ASSERT_EQ_INT(CRITERION_UNKNOWN, ask("broken > 0"));
    ASSERT_EQ_INT(CRITERION_UNKNOWN, ask("used{instance=~\".*\"} / limit{instance=\"b:2\"} > 0")); /* by zero */
    ASSERT_EQ_INT(CRITERION_UNKNOWN, ask("used{instance!=\"zzz\",instance=~\"b.*|z\"} / 0 < 1"));
    ASSERT_EQ_INT(CRITERION_NO, ask("nothing > 0 and 1 > 2"));
    ASSERT_EQ_INT(CRITERION_YES, ask("nothing > 0 or 2 > 1"));
    ASSERT_EQ_INT(CRITERION_UNKNOWN, ask("nothing > 0 or 1 > 2"));
}

TEST(criterion_takes_a_hostile_parameter_as_a_value_only)
{
    arguments[0].text = S("a:1\"} > 0 or used{instance=\"b:2");
    ASSERT_EQ_INT(CRITERION_UNKNOWN, ask("used{instance=\"{{instance}}\"} > 0"));
    arguments[0].text = S("{{ratio}}");
    ASSERT_EQ_INT(CRITERION_UNKNOWN, ask("used{instance=\"{{instance}}\"} > 0"));
    arguments[0].text = S("a:1");
}

TEST(criterion_refuses_what_is_none)
{
    static const char *const bad[] = { "",
                                       "1",
                                       "1 <",
                                       "a{b} > 1",
                                       "a{b=\"c} > 1",
                                       "1 < 2 3",
                                       "f(1) < 2",
                                       "floor() > 1",
                                       "{{nobody}} > 1",
                                       "a > 1 and",
                                       "1 = 1",
                                       "a;b > 1",
                                       "((((((((((((((((((((((((((((((((((1)))))))))))))))))))))))))))))))))) > 1" };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        err e = criterion_check(str_of(bad[i]), arguments, 2);
        ASSERT_TRUE(e != NULL);
        ASSERT_EQ_INT(ERR_INVALID, err_kind(e));
        err_free(e);
    }
    ASSERT_OK(criterion_check(S("a{b=\"{{instance}}\"} > {{ratio}} * 2"), arguments, 2));
}

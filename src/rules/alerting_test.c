/* alerting_test.c - when an alert is pending, fires, goes on, ends. */
#include "rules/alerting.h"

#include "base/test.h"
#include "base/time.h"
#include "promql/parse.h"

static const struct alert_texts no_texts;

struct stage {
    struct arena *arena;
    struct rule_file file;
    struct alerting alerting;
};

static void stage_set(struct stage *stage, const char *rule)
{
    struct buf text CLEANUP(buf_clear) = { .max = 4096 };

    stage->arena = arena_new(1 << 22);
    buf_addf(&text, "groups:\n  - name: g\n    rules:\n      - alert: High\n        expr: load > 5\n%s", rule);
    ASSERT_OK(rule_file_parse(stage->arena, str_copy(stage->arena, buf_str(&text)), "rules.yml", &stage->file));
    stage->alerting = (struct alerting){ .rule = &stage->file.groups.at[0].rules.at[0], .restored = true };
}

static void stage_clear(struct stage *stage)
{
    alerting_clear(&stage->alerting);
    arena_free(stage->arena);
}

/* step - load is `value` on these hosts at `seconds`; a host is one letter. */
static err step(struct stage *stage, const char *hosts, double value, int seconds, int64_t limit)
{
    struct result_series series[26];
    struct point points[26];
    struct query_result answer = { .type = TYPE_VECTOR, .at = series };
    struct found_alerts found;

    for (; *hosts; hosts++) {
        struct label labels[] = { { S("__name__"), S("load") },
                                  { S("instance"), str_copy(stage->arena, (struct str){ hosts, 1 }) } };
        points[answer.count] = (struct point){ .time_ms = seconds * SECOND_MS, .value = value };
        series[answer.count] = (struct result_series){ labels_make(stage->arena, labels, 2), &points[answer.count], 1 };
        answer.count++;
    }
    TRY(alerting_read(stage->alerting.rule, stage->arena, &answer, &no_texts, &found));
    return alerting_apply(&stage->alerting, &found, limit, seconds * SECOND_MS);
}

/* state - of the alert of this host; "" where there is none. */
static struct str state(const struct stage *stage, const char *host)
{
    for (size_t i = 0; i < stage->alerting.alerts.count; i++)
        if (str_eq(labels_get(stage->alerting.alerts.at[i]->labels, S("instance")), str_of(host)))
            return str_of(alert_state_name(stage->alerting.alerts.at[i]->state));
    return S("");
}

TEST(alert_fires_once_it_held_for_as_long_as_the_rule_says)
{
    struct stage stage CLEANUP(stage_clear) = { 0 };

    stage_set(&stage, "        for: 1m\n");
    ASSERT_OK(step(&stage, "a", 7, 100, 0));
    ASSERT_STR("pending", state(&stage, "a"));
    ASSERT_OK(step(&stage, "ab", 8, 159, 0));
    ASSERT_STR("pending", state(&stage, "a"));
    ASSERT_OK(step(&stage, "ab", 8, 160, 0));
    ASSERT_STR("firing", state(&stage, "a"));
    ASSERT_STR("pending", state(&stage, "b"));
    ASSERT_OK(step(&stage, "b", 8, 175, 0));
    ASSERT_STR("inactive", state(&stage, "a"));
    ASSERT_OK(step(&stage, "", 8, 190, 0));
    ASSERT_STR("", state(&stage, "b")); /* pending ones leave no trace */
    ASSERT_OK(step(&stage, "", 8, 175 + 15 * 60, 0));
    ASSERT_STR("inactive", state(&stage, "a"));
    ASSERT_OK(step(&stage, "", 8, 176 + 15 * 60, 0));
    ASSERT_STR("", state(&stage, "a"));
}

TEST(alert_that_holds_again_begins_anew)
{
    struct stage stage CLEANUP(stage_clear) = { 0 };

    stage_set(&stage, "        for: 1m\n");
    ASSERT_OK(step(&stage, "a", 7, 0, 0));
    ASSERT_OK(step(&stage, "a", 7, 60, 0));
    ASSERT_STR("firing", state(&stage, "a"));
    ASSERT_OK(step(&stage, "", 7, 75, 0));
    ASSERT_OK(step(&stage, "a", 7, 90, 0));
    ASSERT_STR("pending", state(&stage, "a"));
    ASSERT_EQ_INT(1, stage.alerting.alerts.count);
    ASSERT_EQ_INT(90000, stage.alerting.alerts.at[0]->active_at_ms);
}

TEST(alert_goes_on_firing_for_the_time_that_the_rule_says)
{
    struct stage stage CLEANUP(stage_clear) = { 0 };

    stage_set(&stage, "        keep_firing_for: 30s\n");
    ASSERT_OK(step(&stage, "a", 7, 0, 0));
    ASSERT_STR("firing", state(&stage, "a"));
    ASSERT_OK(step(&stage, "", 7, 15, 0));
    ASSERT_STR("firing", state(&stage, "a"));
    ASSERT_OK(step(&stage, "a", 7, 30, 0)); /* it came back: the wait begins again */
    ASSERT_OK(step(&stage, "", 7, 45, 0));
    ASSERT_OK(step(&stage, "", 7, 74, 0));
    ASSERT_STR("firing", state(&stage, "a"));
    ASSERT_OK(step(&stage, "", 7, 75, 0));
    ASSERT_STR("inactive", state(&stage, "a"));
}

TEST(alert_has_the_texts_that_its_templates_say)
{
    struct stage stage CLEANUP(stage_clear) = { 0 };

    stage_set(
        &stage,
        "        labels: { severity: '{{ if gt $value 9.0 }}critical{{ else }}high{{ end }}', host: '{{ "
        "$labels.instance }}' }\n"
        "        annotations: { summary: 'load of {{ $labels.instance }} is {{ $value }}', bad: '{{ index 1 2 }}',\n"
        "                       named: '{{ define \"x\" }}<{{ . }}>{{ end }}{{ tmpl \"x\" $value }}' }\n");
    ASSERT_OK(step(&stage, "a", 7.5, 0, 0));
    const struct active_alert *alert = stage.alerting.alerts.at[0];
    ASSERT_STR("high", labels_get(alert->labels, S("severity")));
    ASSERT_STR("a", labels_get(alert->labels, S("host")));
    ASSERT_STR("High", labels_get(alert->labels, S("alertname")));
    ASSERT_STR("", labels_get(alert->labels, S("__name__")));
    ASSERT_STR("load of a is 7.5", labels_get(alert->annotations, S("summary")));
    ASSERT_TRUE(str_starts(labels_get(alert->annotations, S("bad")), S("<error expanding template:")));
    ASSERT_STR("<7.5>", labels_get(alert->annotations, S("named")));
    ASSERT_OK(step(&stage, "a", 8, 15, 0)); /* the same alert with a new text */
    ASSERT_EQ_INT(1, stage.alerting.alerts.count);
    ASSERT_STR("load of a is 8", labels_get(stage.alerting.alerts.at[0]->annotations, S("summary")));
}

TEST(alert_that_two_series_become_is_an_error_and_changes_nothing)
{
    struct stage stage CLEANUP(stage_clear) = { 0 };

    stage_set(&stage, "        labels: { instance: all }\n");
    ASSERT_OK(step(&stage, "a", 7, 0, 0));
    err e CLEANUP(err_freep) = step(&stage, "ab", 7, 15, 0);
    ASSERT_TRUE(e && str_contains(str_of(err_message(e)), S("same labelset")));
    ASSERT_STR("firing", state(&stage, "all"));
}

TEST(alerts_above_the_limit_of_the_group_are_none)
{
    struct stage stage CLEANUP(stage_clear) = { 0 };

    stage_set(&stage, "");
    ASSERT_OK(step(&stage, "ab", 7, 0, 2));
    err e CLEANUP(err_freep) = step(&stage, "abc", 7, 15, 2);
    ASSERT_STR("exceeded limit of 2 with 3 alerts", str_of(err_message(e)));
    ASSERT_EQ_INT(0, stage.alerting.alerts.count);
}

TEST(alert_of_before_the_restart_does_not_wait_again)
{
    struct stage stage CLEANUP(stage_clear) = { 0 };

    stage_set(&stage, "        for: 1h\n");
    ASSERT_OK(step(&stage, "abc", 7, 10000, 0));
    for (int i = 0; i < 3; i++) {
        static const int since[] = { 4000, 6500, 9700 }; /* until 9900: had fired, 200 s left, 3400 s left */
        alerting_restore(&stage.alerting, &stage.alerting.alerts.at[i]->labels, since[i] * SECOND_MS, 9900 * SECOND_MS,
                         10000 * SECOND_MS);
    }
    ASSERT_EQ_INT(4000000, stage.alerting.alerts.at[0]->active_at_ms);
    ASSERT_EQ_INT((10000 + 600 - 3600) * SECOND_MS, stage.alerting.alerts.at[1]->active_at_ms); /* in ten minutes */
    ASSERT_EQ_INT((9700 + 100) * SECOND_MS, stage.alerting.alerts.at[2]->active_at_ms);
}

TEST(rule_file_says_where_it_is_wrong)
{
    static const char *const cases[][2] = {
        { "groups: [{name: g, rules: [{alert: A, expr: 'sum('}]}]", "groups[0].rules[0] (A): 1:5: parse error" },
        { "groups: [{name: g, rules: [{alert: A, record: b, expr: x}]}]", "either 'record' or 'alert'" },
        { "groups: [{name: g, rules: [{expr: x}]}]", "either 'record' or 'alert'" },
        { "groups: [{name: g, rules: [{record: b, expr: x, for: 1m}]}]", "are for alerting rules" },
        { "groups: [{name: g, rules: [{alert: A, expr: x, annotations: {s: '{{ $nope }}'}}]}]", "undefined variable" },
        { "groups: [{name: g, rules: []}, {name: g, rules: []}]", "stands in this file already" },
        { "groups: [{name: g, rules: [{alert: A, expr: 'x[5m]'}]}]", "not a range vector" },
        { "groups: [{name: g, rules: [{alert: A, exp: x}]}]", "did you mean 'expr'" },
        { "groups: [{name: g, rules: [{alert: A, expr: x, for: 5parsecs}]}]", "5parsecs" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
        struct rule_file file;
        err e CLEANUP(err_freep) = rule_file_parse(arena, str_of(cases[i][0]), "r.yml", &file);
        bool said = e && str_contains(str_of(err_message(e)), str_of(cases[i][1]));
        for (size_t k = 0; e && k < err_field_count(e); k++)
            said |= str_contains(str_of(err_field_message(e, k)), str_of(cases[i][1]));
        ASSERT_TRUE(said);
    }
}

/* unit_file.c - reads unit tests of rules. */
#include "rules/unit_file.h"

#include "base/time.h"
#include "promql/parse.h"
#include "schema/yaml.h"

static const struct field series_fields[] = {
    STRING(struct unit_series, series, .flags = F_REQUIRED, .min = 1, .doc = "Name and labels."),
    STRING(struct unit_series, values, .flags = F_REQUIRED, .doc = "Its samples: '1+2x3 _ stale'."),
    { 0 },
};
static const struct schema unit_series_schema = SCHEMA(struct unit_series, series_fields, .doc = "A series.");

static const struct field alert_fields[] = {
    PAIRS(struct unit_alert, exp_labels, .doc = "Its labels, but for alertname."),
    PAIRS(struct unit_alert, exp_annotations, .doc = "Its annotations."),
    { 0 },
};
static const struct schema unit_alert_schema = SCHEMA(struct unit_alert, alert_fields, .doc = "An alert that fires.");

static const struct field alert_test_fields[] = {
    DURATION(struct unit_alert_test, eval_time, .def = "0s", .doc = "How long after the first sample."),
    STRING(struct unit_alert_test, alertname, .flags = F_REQUIRED, .min = 1, .doc = "The alert's name."),
    LIST(struct unit_alert_test, exp_alerts, .schema = &unit_alert_schema, .doc = "What fires under this name."),
    { 0 },
};
static const struct schema unit_alert_test_schema =
    SCHEMA(struct unit_alert_test, alert_test_fields, .doc = "What should fire.");

static const struct field sample_fields[] = {
    STRING(struct unit_sample, labels, .doc = "Name and labels of the series."),
    DOUBLE(struct unit_sample, value, .def = "0", .flags = F_NONFINITE, .doc = "Its value."),
    STRING(struct unit_sample, histogram, .doc = "Or its native histogram: '{{count:5}}'."),
    { 0 },
};
static const struct schema unit_sample_schema = SCHEMA(struct unit_sample, sample_fields, .doc = "A sample.");

static const struct field expr_test_fields[] = {
    DURATION(struct unit_expr_test, eval_time, .def = "0s", .doc = "How long after the first sample."),
    STRING(struct unit_expr_test, expr, .flags = F_REQUIRED, .min = 1, .max = 65536, .doc = "PromQL."),
    LIST(struct unit_expr_test, exp_samples, .schema = &unit_sample_schema, .doc = "What it should give."),
    { 0 },
};
static const struct schema unit_expr_test_schema =
    SCHEMA(struct unit_expr_test, expr_test_fields, .doc = "What an expression should give.");

static const struct field test_fields[] = {
    STRING(struct unit_test, name, .doc = "Shown where the test fails."),
    DURATION(struct unit_test, interval, .def = "0s", .doc = "Between samples; 0: evaluation_interval."),
    LIST(struct unit_test, input_series, .schema = &unit_series_schema, .doc = "What comes in."),
    LIST(struct unit_test, alert_rule_test, .schema = &unit_alert_test_schema, .doc = "What should fire, and when."),
    LIST(struct unit_test, promql_expr_test, .schema = &unit_expr_test_schema, .doc = "What expressions should give."),
    PAIRS(struct unit_test, external_labels, .doc = "For $externalLabels in templates."),
    STRING(struct unit_test, external_url, .doc = "For $externalURL in templates."),
    STRING(struct unit_test, start_timestamp, .def = "0", .doc = "Time of the first sample: RFC 3339 or Unix seconds."),
    { 0 },
};
static const struct schema unit_test_schema = SCHEMA(struct unit_test, test_fields, .doc = "A test.");

static const struct field file_fields[] = {
    STRINGS(struct unit_file, rule_files, .doc = "The rules: files or patterns, beside this file."),
    DURATION(struct unit_file, evaluation_interval, .def = "1m", .doc = "How often all groups are evaluated."),
    STRINGS(struct unit_file, group_eval_order, .doc = "Groups in this order."),
    BOOL(struct unit_file, fuzzy_compare, .def = "false", .doc = "Neighbouring floats are equal."),
    LIST(struct unit_file, tests, .schema = &unit_test_schema, .doc = "Tests."),
    { 0 },
};
static const struct schema unit_file_schema = SCHEMA(struct unit_file, file_fields, .doc = "Unit tests of rules.");

static err read_sample(struct arena *arena, struct unit_sample *sample)
{
    struct sequence sequence;

    if (sample->labels.length)
        TRY(promql_parse_metric(arena, sample->labels, &sample->series));
    if (!sample->histogram.length)
        return NULL;
    TRY(sequence_parse(arena, sample->histogram, &sequence));
    if (sequence.items.count != 1 || !sequence.items.at[0].histogram)
        return err_new(ERR_INVALID, "'%.*s' is not one histogram", STR_ARG(str_utf8_head(sample->histogram, 200)));
    sample->parsed = sequence.items.at[0].histogram;
    return NULL;
}

static err read_test(struct arena *arena, const struct unit_file *file, struct unit_test *test)
{
    if (!test->interval.ms)
        test->interval = file->evaluation_interval;
    if (!time_parse(test->start_timestamp, &test->start_ms))
        return err_new(ERR_INVALID, "start_timestamp '%.*s' is no time",
                       STR_ARG(str_utf8_head(test->start_timestamp, 100)));
    for (size_t i = 0; i < test->input_series.count; i++) {
        struct unit_series *series = &test->input_series.at[i];
        TRY(err_wrap(promql_parse_metric(arena, series->series, &series->labels), "input_series[%zu].series", i));
        TRY(err_wrap(sequence_parse(arena, series->values, &series->samples), "input_series[%zu].values", i));
    }
    for (size_t i = 0; i < test->promql_expr_test.count; i++) {
        struct unit_expr_test *expected = &test->promql_expr_test.at[i];
        for (size_t k = 0; k < expected->exp_samples.count; k++)
            TRY(err_wrap(read_sample(arena, &expected->exp_samples.at[k]), "promql_expr_test[%zu].exp_samples[%zu]", i,
                         k));
    }
    return NULL;
}

err unit_file_parse(struct arena *arena, struct str text, const char *file, struct unit_file *ret_file)
{
    const struct json *json;

    TRY(yaml_parse(arena, text, file, &json));
    TRY(schema_parse(&(struct schema_options){ .arena = arena, .file = file }, &unit_file_schema, json, ret_file));
    if (!ret_file->evaluation_interval.ms)
        ret_file->evaluation_interval.ms = MINUTE_MS;
    for (size_t i = 0; i < ret_file->group_eval_order.count; i++)
        for (size_t k = 0; k < i; k++)
            if (str_eq(ret_file->group_eval_order.at[i], ret_file->group_eval_order.at[k]))
                return err_new(ERR_INVALID, "%s: group_eval_order names '%.*s' twice", file,
                               STR_ARG(str_utf8_head(ret_file->group_eval_order.at[i], 100)));
    for (size_t i = 0; i < ret_file->tests.count; i++)
        TRY(err_wrap(read_test(arena, ret_file, &ret_file->tests.at[i]), "%s: tests[%zu]", file, i));
    return NULL;
}

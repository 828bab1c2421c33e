/* unit_file.h - unit tests of rules, in the format of Prometheus' promtool: series that are said to come in, and what
 * the rules should have made of them by then.
 *
 * Owner: the arena of the parse. Threads: immutable once parsed. */
#pragma once
#include "promql/sequence.h"
#include "rules/rule_file.h"

struct unit_series {
    struct str series, values;
    /* Made of them: */
    struct labels labels;
    struct sequence samples;
};
struct unit_alert {
    VEC(struct pair) exp_labels, exp_annotations;
};
struct unit_alert_test {
    struct duration eval_time;
    struct str alertname;
    VEC(struct unit_alert) exp_alerts;
};
struct unit_sample {
    struct str labels, histogram; /* a histogram: then the value does not count */
    double value;
    /* Made of them: */
    struct labels series;
    const struct histogram *parsed;
};
struct unit_expr_test {
    struct duration eval_time;
    struct str expr;
    VEC(struct unit_sample) exp_samples;
};
struct unit_test {
    struct str name;
    struct duration interval; /* of the input */
    VEC(struct unit_series) input_series;
    VEC(struct unit_alert_test) alert_rule_test;
    VEC(struct unit_expr_test) promql_expr_test;
    VEC(struct pair) external_labels;
    struct str external_url, start_timestamp;
    int64_t start_ms; /* made of it */
};
struct unit_file {
    VEC(struct str) rule_files, group_eval_order;
    struct duration evaluation_interval;
    bool fuzzy_compare;
    VEC(struct unit_test) tests;
};

/* unit_file_parse - ERR_INVALID names the place. */
err unit_file_parse(struct arena *arena, struct str text, const char *file, struct unit_file *ret_file) MUST_USE;

/* unit_run.c - evaluates rules over the series of a test.
 *
 * DESIGN. A test gets a store of its own in a temporary folder. Samples are appended as the test's time reaches them,
 * so no rule sees its future. At each evaluation all groups run, whatever their own interval is; an alert is looked at
 * after the last evaluation that is not later than its eval_time, expressions when all evaluations are over. */
#include "rules/unit_run.h"

#include "base/file.h"
#include "base/time.h"
#include "model/histogram.h"
#include "rules/group.h"
#include "rules/unit_file.h"
#include "tsdb/tsdb.h"

#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES_MAX = 16 << 20, STEP_BYTES = 256 << 20, SERIES_MAX = 10000000 };
#define FUTURE_MS (1000 * 365 * (int64_t)DAY_MS) /* tests may begin whenever they like */

struct unit_run {
    struct arena *arena; /* of the file */
    const struct unit_file *file;
    const struct unit_test *test;
    size_t number; /* of the test, from 1 */
    struct unit_report *report;
    VEC(const struct rule_group *) specs;
    /* Of one test: */
    struct tsdb *tsdb;
    struct group **groups;
    size_t *fed; /* samples of each input series that are stored */
    bool failed;
};

/* ---- what is compared ---- */

struct found {
    struct labels labels, annotations;
    double value;
    const struct histogram *histogram;
    bool matched;
};
struct found_list {
    VEC(struct found) items;
};

static bool same_value(const struct unit_run *run, double a, double b)
{
    if (a == b || (isnan(a) && isnan(b)))
        return true;
    return run->file->fuzzy_compare && (nextafter(a, INFINITY) == b || nextafter(a, -INFINITY) == b);
}

static bool same(const struct unit_run *run, const struct found *a, const struct found *b)
{
    if (!labels_eq(a->labels, b->labels) || !labels_eq(a->annotations, b->annotations) ||
        !a->histogram != !b->histogram)
        return false;
    if (!a->histogram)
        return same_value(run, a->value, b->value);
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    return histogram_equal(histogram_compact(arena, a->histogram), histogram_compact(arena, b->histogram));
}

static void print_found(struct buf *out, char sign, const struct found *found, bool alert)
{
    buf_addf(out, "    %c ", sign);
    labels_write_series(out, found->labels);
    buf_add_c(out, ' ');
    if (alert)
        labels_write(out, found->annotations);
    else if (found->histogram)
        histogram_text(out, found->histogram);
    else
        buf_add_double(out, found->value);
    buf_add_c(out, '\n');
}

static void fail(struct unit_run *run, const char *kind, struct str what, int64_t time_ms)
{
    struct buf *out = &run->report->text;

    run->failed = true;
    buf_addf(out, "  test %zu", run->number);
    if (run->test->name.length)
        buf_addf(out, " (%.*s)", STR_ARG(run->test->name));
    buf_addf(out, ": %s %.*s at ", kind, STR_ARG(what));
    duration_add(out, (struct duration){ time_ms });
    buf_add_c(out, '\n');
}

static void compare(struct unit_run *run, const char *kind, struct str what, int64_t time_ms,
                    struct found_list *expected, struct found_list *got)
{
    size_t matched = 0;

    for (size_t i = 0; i < expected->items.count; i++)
        for (size_t k = 0; k < got->items.count && !expected->items.at[i].matched; k++)
            if (!got->items.at[k].matched && same(run, &expected->items.at[i], &got->items.at[k])) {
                expected->items.at[i].matched = got->items.at[k].matched = true;
                matched++;
            }
    if (matched == expected->items.count && matched == got->items.count)
        return;
    fail(run, kind, what, time_ms);
    bool alert = strcmp(kind, "alert") == 0;
    for (size_t i = 0; i < expected->items.count; i++)
        if (!expected->items.at[i].matched)
            print_found(&run->report->text, '-', &expected->items.at[i], alert);
    for (size_t i = 0; i < got->items.count; i++)
        if (!got->items.at[i].matched)
            print_found(&run->report->text, '+', &got->items.at[i], alert);
}

/* ---- alerts ---- */

static struct labels labels_of(struct arena *arena, const struct pair *pairs, size_t count, struct str alertname)
{
    struct label *labels = arena_array(arena, count + 1, sizeof(*labels));

    for (size_t i = 0; i < count; i++)
        labels[i] = (struct label){ pairs[i].key, pairs[i].value };
    labels[count] = (struct label){ S("alertname"), alertname };
    return labels_make(arena, labels, count + (alertname.length > 0));
}

static void check_alerts(struct unit_run *run, struct arena *arena, const struct unit_alert_test *test,
                         const struct group_view *views)
{
    struct found_list expected = { 0 }, got = { 0 };

    for (size_t i = 0; i < test->exp_alerts.count; i++) {
        const struct unit_alert *alert = &test->exp_alerts.at[i];
        *vec_push(&expected.items, arena) = (struct found){
            .labels = labels_of(arena, alert->exp_labels.at, alert->exp_labels.count, test->alertname),
            .annotations = labels_of(arena, alert->exp_annotations.at, alert->exp_annotations.count, S("")),
        };
    }
    for (size_t i = 0; i < run->specs.count; i++)
        for (size_t j = 0; j < views[i].rule_count; j++) {
            const struct rule_view *rule = &views[i].rules[j];
            for (size_t k = 0; k < rule->alert_count && str_eq(rule->name, test->alertname); k++)
                if (rule->alerts[k].state == ALERT_STATE_FIRING)
                    *vec_push(&got.items, arena) =
                        (struct found){ .labels = rule->alerts[k].labels, .annotations = rule->alerts[k].annotations };
        }
    compare(run, "alert", test->alertname, test->eval_time.ms, &expected, &got);
}

/* ---- expressions ---- */

static err ask(struct unit_run *run, struct arena *arena, const struct unit_expr_test *test,
               struct query_result *ret_answer)
{
    const int64_t time_ms = run->test->start_ms + test->eval_time.ms;
    struct expr *expr;

    TRY(promql_parse(arena, test->expr, &promql_all_features, &expr));
    TRY(promql_query(&(struct query){ .source = tsdb_source(run->tsdb),
                                      .arena = arena,
                                      .expr = expr,
                                      .start_ms = time_ms,
                                      .end_ms = time_ms,
                                      .subquery_step_ms = run->file->evaluation_interval.ms,
                                      .features = &promql_all_features,
                                      .limits = &(struct promql_limits){ 0 } },
                     ret_answer));
    if (ret_answer->type != TYPE_VECTOR && ret_answer->type != TYPE_SCALAR)
        return err_new(ERR_INVALID, "it gives no instant vector and no scalar, but a %s",
                       value_type_name(ret_answer->type));
    return NULL;
}

static void check_expr(struct unit_run *run, const struct unit_expr_test *test)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(STEP_BYTES);
    struct found_list expected = { 0 }, got = { 0 };
    struct query_result answer = { 0 };
    err e CLEANUP(err_freep) = ask(run, arena, test, &answer);

    if (e) {
        fail(run, "expression", test->expr, test->eval_time.ms);
        buf_addf(&run->report->text, "    %s\n", err_message(e));
        return;
    }
    for (size_t i = 0; i < test->exp_samples.count; i++) {
        const struct unit_sample *sample = &test->exp_samples.at[i];
        *vec_push(&expected.items, arena) =
            (struct found){ .labels = sample->series, .value = sample->value, .histogram = sample->parsed };
    }
    for (size_t i = 0; i < answer.count; i++)
        *vec_push(&got.items, arena) = (struct found){ .labels = answer.at[i].labels,
                                                       .value = answer.at[i].points[0].value,
                                                       .histogram = answer.at[i].points[0].histogram };
    compare(run, "expression", test->expr, test->eval_time.ms, &expected, &got);
}

/* ---- time goes on ---- */

/* feed - store the input up to this time. */
static err feed(struct unit_run *run, struct arena *arena, int64_t passed_ms)
{
    struct sample_sink *sink = tsdb_sink(run->tsdb);
    VEC(struct sample_in) samples = { 0 };

    for (size_t i = 0; i < run->test->input_series.count; i++) {
        const struct unit_series *series = &run->test->input_series.at[i];
        for (size_t *at = &run->fed[i]; *at < series->samples.items.count; ++*at) {
            const struct sequence_item *item = &series->samples.items.at[*at];
            if ((int64_t)*at > passed_ms / run->test->interval.ms)
                break;
            if (item->present)
                *vec_push(&samples, arena) =
                    (struct sample_in){ .labels = series->labels,
                                        .time_ms = run->test->start_ms + (int64_t)*at * run->test->interval.ms,
                                        .value = item->value,
                                        .histogram = item->histogram };
        }
    }
    return samples.count ? sink->ops->append(sink, samples.at, samples.count) : NULL;
}

/* step - one evaluation; false in *ret_goes_on where a rule failed, which ends the test. */
static err step(struct unit_run *run, int64_t passed_ms, bool *ret_goes_on)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(STEP_BYTES);
    struct group_view *views = arena_array(arena, run->specs.count + 1, sizeof(*views));

    TRY(feed(run, arena, passed_ms));
    for (size_t i = 0; i < run->specs.count; i++) {
        group_evaluate(run->groups[i], run->test->start_ms + passed_ms);
        group_view(run->groups[i], arena, &views[i]);
        for (size_t j = 0; j < views[i].rule_count; j++)
            if (views[i].rules[j].last_error.length) {
                fail(run, "rule", views[i].rules[j].name, passed_ms);
                buf_addf(&run->report->text, "    %.*s\n", STR_ARG(views[i].rules[j].last_error));
                *ret_goes_on = false;
            }
    }
    for (size_t i = 0; i < run->test->alert_rule_test.count && *ret_goes_on; i++) {
        const struct unit_alert_test *test = &run->test->alert_rule_test.at[i];
        if (passed_ms <= test->eval_time.ms && test->eval_time.ms < passed_ms + run->file->evaluation_interval.ms)
            check_alerts(run, arena, test, views);
    }
    return NULL;
}

static int64_t last_ms(const struct unit_test *test)
{
    int64_t last = 0;

    for (size_t i = 0; i < test->alert_rule_test.count; i++)
        if (test->alert_rule_test.at[i].eval_time.ms > last)
            last = test->alert_rule_test.at[i].eval_time.ms;
    for (size_t i = 0; i < test->promql_expr_test.count; i++)
        if (test->promql_expr_test.at[i].eval_time.ms > last)
            last = test->promql_expr_test.at[i].eval_time.ms;
    return last;
}

static err go_through(struct unit_run *run)
{
    int64_t last = last_ms(run->test);
    bool goes_on = true;

    for (int64_t passed = 0; passed <= last && goes_on; passed += run->file->evaluation_interval.ms)
        TRY(step(run, passed, &goes_on));
    for (size_t i = 0; i < run->test->promql_expr_test.count && goes_on; i++)
        check_expr(run, &run->test->promql_expr_test.at[i]);
    return NULL;
}

/* ---- one test, all tests ---- */

static err unheard(void *arg, const struct rule *rule, struct active_alert *const *alerts, size_t count)
{
    (void)arg, (void)rule, (void)alerts, (void)count; /* a test looks for itself */
    return NULL;
}

static err run_in(struct unit_run *run, const char *folder)
{
    const struct tsdb_settings settings = { .fsync_interval = { HOUR_MS },
                                            .series_max = SERIES_MAX,
                                            .series_max_per_source = SERIES_MAX,
                                            .future_max = { FUTURE_MS } };
    const struct unit_test *test = run->test;

    TRY(tsdb_open(&(struct tsdb_options){ .folder = folder, .settings = &settings }, &run->tsdb));
    run->fed = arena_array(run->arena, test->input_series.count + 1, sizeof(*run->fed));
    run->groups = arena_array(run->arena, run->specs.count + 1, sizeof(struct group *));
    for (size_t i = 0; i < run->specs.count; i++)
        run->groups[i] = group_new(&(struct group_options){
            .series = tsdb_source(run->tsdb),
            .samples = tsdb_sink(run->tsdb),
            .spec = run->specs.at[i],
            .file = "",
            .interval_ms = HOUR_MS, /* no evaluation is cut short */
            .query_offset_ms = run->specs.at[i]->query_offset.ms,
            .subquery_step_ms = run->file->evaluation_interval.ms,
            .external_labels = labels_of(run->arena, test->external_labels.at, test->external_labels.count, S("")),
            .external_url = test->external_url,
            .changed = unheard });
    err e = go_through(run);
    for (size_t i = 0; i < run->specs.count; i++)
        group_free(run->groups[i], true);
    tsdb_close(run->tsdb);
    return e;
}

static err run_test(struct unit_run *run)
{
    const char *base = getenv("TMPDIR");
    char *folder = str_c(run->arena, str_printf(run->arena, "%s/auspex-rules-XXXXXX", base && *base ? base : "/tmp"));

    if (!mkdtemp(folder))
        return err_errno("can't make a folder %s", folder);
    err e = run_in(run, str_printf(run->arena, "%s/tsdb", folder).at);
    err removed = file_remove_tree(folder);
    if (e)
        err_free(removed);
    return e ? e : removed;
}

static err load_rules(struct unit_run *run, const char *name)
{
    struct rule_file *rules = arena_alloc(run->arena, sizeof(*rules));
    struct str text;

    TRY(file_read(run->arena, name, FILE_BYTES_MAX, &text));
    TRY(rule_file_parse(run->arena, text, name, rules));
    for (size_t i = 0; i < rules->groups.count; i++)
        *vec_push(&run->specs, run->arena) = &rules->groups.at[i];
    return NULL;
}

static err load_pattern(struct unit_run *run, const char *path, struct str pattern)
{
    const char *slash = strrchr(path, '/');
    struct str folder = { path, slash && !str_starts(pattern, S("/")) ? (size_t)(slash - path) + 1 : 0 };
    const char *whole = str_printf(run->arena, "%.*s%.*s", STR_ARG(folder), STR_ARG(pattern)).at;
    glob_t found CLEANUP(globfree) = { 0 };

    if (glob(whole, 0, NULL, &found) != 0)
        return err_new(ERR_NOT_FOUND, "%s: rule_files: no file is '%s'", path, whole);
    for (size_t i = 0; i < found.gl_pathc; i++)
        TRY(load_rules(run, str_c(run->arena, str_of(found.gl_pathv[i]))));
    return NULL;
}

/* rank - of a group in group_eval_order; those that it does not name go first, beside its first one. */
static size_t rank(const struct unit_file *file, const struct rule_group *group)
{
    for (size_t i = 0; i < file->group_eval_order.count; i++)
        if (str_eq(file->group_eval_order.at[i], group->name))
            return i;
    return 0;
}

static void put_in_order(struct unit_run *run)
{
    for (size_t i = 1; i < run->specs.count; i++)
        for (size_t k = i; k > 0 && rank(run->file, run->specs.at[k]) < rank(run->file, run->specs.at[k - 1]); k--) {
            const struct rule_group *later = run->specs.at[k];
            run->specs.at[k] = run->specs.at[k - 1];
            run->specs.at[k - 1] = later;
        }
}

err unit_run(struct arena *arena, const char *path, struct unit_report *report)
{
    struct unit_run run = { .arena = arena, .report = report };
    struct unit_file file;
    struct str text;

    TRY(file_read(arena, path, FILE_BYTES_MAX, &text));
    TRY(unit_file_parse(arena, text, path, &file));
    run.file = &file;
    for (size_t i = 0; i < file.rule_files.count; i++)
        TRY(load_pattern(&run, path, file.rule_files.at[i]));
    put_in_order(&run);
    for (size_t i = 0; i < file.tests.count; i++) {
        run.test = &file.tests.at[i];
        run.number = i + 1;
        run.failed = false;
        TRY(run_test(&run));
        report->tests++;
        report->failed += run.failed;
    }
    return buf_check(&report->text);
}

/* script_test.c - test scripts of PromQL: loads, and what queries then must answer. Our own stand in tests/promql;
 * those of Prometheus are run where they are (AUSPEX_SHARED, else ../shared).
 *
 * Each instant query is asked a second time as the middle step of a range. */
#include "base/file.h"
#include "base/test.h"
#include "model/histogram_bucket.h"
#include "promql/query.h"
#include "promql/script_source_test.h"

#include <glob.h>
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct expected_note {
    bool info;
    bool any, is_regex;
    struct str text;
};

struct expected_series {
    struct labels labels;
    struct sequence points;
};

/* One eval command with what it expects. */
struct script_case {
    struct arena *arena;
    struct str query;
    int64_t start_ms, end_ms, step_ms; /* step 0: instant */
    bool fails, ordered, no_warn, no_info, is_string, is_scalar, is_range_vector;
    struct expected_note failure;
    VEC(struct expected_note) notes;
    VEC(struct expected_series) series;
    int64_t range_start_ms, range_step_ms;
    struct str string;
    double scalar;
};

struct script {
    const char *path;
    struct str rest; /* of the text */
    size_t line;
    struct script_source source;
    struct arena *arena;
    size_t cases, failures;
};

/* ---- reading ---- */

static struct str word(struct str *rest)
{
    struct str text = str_trim(*rest), tail;
    struct str cut = str_cut(text, ' ', &tail);

    *rest = tail.at ? tail : (struct str){ text.at + text.length, 0 };
    return cut;
}

/* quoted - the text of a string literal, with the escapes that scripts have. */
static struct str quoted(struct arena *arena, struct str text)
{
    text = str_trim(text);
    if (text.length < 2)
        return text;
    struct buf out CLEANUP(buf_clear) = { 0 };
    buf_init(&out, 1 << 16);
    for (size_t i = 1; i + 1 < text.length; i++) {
        if (text.at[i] == '\\' && *text.at != '`') {
            i++;
            buf_add_c(&out, text.at[i] == 'n' ? '\n' : text.at[i] == 't' ? '\t' : text.at[i]);
        } else {
            buf_add_c(&out, text.at[i]);
        }
    }
    return str_copy(arena, buf_str(&out));
}

static err read_expect(struct script_case *to, struct str line)
{
    struct expected_note note = { .any = true };
    struct str kind = word(&line);

    line = str_trim(line);
    if (str_starts(line, S("msg:")) || str_starts(line, S("regex:"))) {
        note.any = false;
        note.is_regex = str_starts(line, S("regex:"));
        note.text = str_trim(str_slice(line, note.is_regex ? 6 : 4, line.length));
    }
    note.info = str_eq(kind, S("info"));
    if (str_eq(kind, S("fail"))) {
        to->fails = true;
        to->failure = note;
    } else if (str_eq(kind, S("warn")) || str_eq(kind, S("info"))) {
        *vec_push(&to->notes, to->arena) = note;
    } else if (str_eq(kind, S("ordered"))) {
        to->ordered = true;
    } else if (str_eq(kind, S("no_warn"))) {
        to->no_warn = true;
    } else if (str_eq(kind, S("no_info"))) {
        to->no_info = true;
    } else if (str_eq(kind, S("string"))) {
        to->is_string = true;
        to->string = quoted(to->arena, line);
    } else if (str_eq(kind, S("range"))) {
        to->is_range_vector = true;
        word(&line), word(&line); /* vector from */
        bool ok = sequence_duration(word(&line), &to->range_start_ms);
        word(&line), word(&line), word(&line); /* to, its time, step */
        if (!ok || !sequence_duration(word(&line), &to->range_step_ms))
            return err_new(ERR_INVALID, "bad range vector");
    } else {
        return err_new(ERR_INVALID, "unknown expectation '%.*s'", STR_ARG(kind));
    }
    return NULL;
}

static err read_expectation(struct script_case *to, struct str line)
{
    if (str_starts(line, S("expect "))) {
        return read_expect(to, str_slice(line, 7, line.length));
    } else if (str_starts(line, S("expected_fail_message "))) {
        to->failure = (struct expected_note){ .text = str_trim(str_slice(line, 22, line.length)) };
        return NULL;
    } else if (str_starts(line, S("expected_fail_regexp "))) {
        to->failure = (struct expected_note){ .text = str_trim(str_slice(line, 21, line.length)), .is_regex = true };
        return NULL;
    }
    if (sequence_number(line, &to->scalar)) {
        to->is_scalar = true;
        return NULL;
    }
    struct expected_series *series = vec_push(&to->series, to->arena);
    size_t length = script_series_length(line);
    TRY(promql_parse_metric(to->arena, str_slice(line, 0, length), &series->labels));
    return sequence_parse(to->arena, str_slice(line, length, line.length), &series->points);
}

/* read_eval - "eval instant at 5m sum(x)", "eval range from 0 to 1m step 10s x", and the older spellings. */
static err read_eval(struct script_case *to, struct str line)
{
    struct str command = word(&line);

    to->fails = str_eq(command, S("eval_fail"));
    to->failure.any = true;
    to->ordered = str_eq(command, S("eval_ordered"));
    if (str_eq(command, S("eval_warn")) || str_eq(command, S("eval_info")))
        *vec_push(&to->notes, to->arena) =
            (struct expected_note){ .any = true, .info = str_eq(command, S("eval_info")) };
    bool instant = str_eq(word(&line), S("instant"));
    word(&line); /* at, from */
    bool ok = sequence_duration(word(&line), &to->start_ms);
    to->end_ms = to->start_ms;
    if (!instant) {
        word(&line); /* to */
        ok &= sequence_duration(word(&line), &to->end_ms);
        word(&line); /* step */
        ok &= sequence_duration(word(&line), &to->step_ms);
    }
    to->query = str_trim(line);
    return ok ? NULL : err_new(ERR_INVALID, "bad time");
}

/* ---- comparing ---- */

static bool near(double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b);
    if (a == b)
        return true;
    double sum = fabs(a) + fabs(b), apart = fabs(a - b);
    if (a == 0 || b == 0 || sum < __DBL_MIN__)
        return apart < 1e-6 * __DBL_MIN__;
    return apart / fmin(sum, __DBL_MAX__) < 1e-6;
}

static bool next_filled(struct bucket_walk *walk, struct bucket *ret_bucket)
{
    while (bucket_walk_next(walk, ret_bucket))
        if (ret_bucket->count != 0)
            return true;
    return false;
}

static bool histograms_near(const struct histogram *a, const struct histogram *b)
{
    struct bucket_walk left = bucket_walk_all(a, false), right = bucket_walk_all(b, false);
    struct bucket x, y;

    if (!near(a->count, b->count) || !near(a->sum, b->sum))
        return false;
    for (;;) {
        bool more = next_filled(&left, &x);
        if (more != next_filled(&right, &y))
            return false;
        if (!more)
            return true;
        if (!near(x.lower, y.lower) || !near(x.upper, y.upper) || !near(x.count, y.count) ||
            x.lower_inclusive != y.lower_inclusive || x.upper_inclusive != y.upper_inclusive)
            return false;
    }
}

static bool point_is(const struct sequence_item *expected, const struct point *point)
{
    if (expected->histogram || point->histogram)
        return expected->histogram && point->histogram && histograms_near(expected->histogram, point->histogram);
    return near(expected->value, point->value);
}

/* series_is - every point of it, at its time. */
static bool series_is(const struct expected_series *expected, int64_t start_ms, int64_t step_ms,
                      const struct result_series *series)
{
    size_t at = 0;

    for (size_t i = 0; i < expected->points.items.count; i++) {
        if (!expected->points.items.at[i].present)
            continue;
        if (at == series->count || series->points[at].time_ms != start_ms + (int64_t)i * step_ms ||
            !point_is(&expected->points.items.at[i], &series->points[at]))
            return false;
        at++;
    }
    return at == series->count;
}

static bool note_is(struct arena *arena, const struct expected_note *expected, struct str text)
{
    regex_t regex;

    if (expected->any)
        return true;
    if (!expected->is_regex)
        return str_eq(expected->text, text);
    if (regcomp(&regex, str_c(arena, expected->text), REG_EXTENDED | REG_NOSUB))
        return false;
    bool found = regexec(&regex, str_c(arena, text), 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

/* check_notes - each expected one is there, and where texts are expected nothing else is. */
static const char *check_notes(struct script_case *it, const struct str_list *got, bool info)
{
    bool any = false, listed = false;

    if (got->count && (info ? it->no_info : it->no_warn))
        return str_printf(it->arena, "unexpected note: %.*s", STR_ARG(got->at[0])).at;
    for (size_t i = 0; i < it->notes.count; i++) {
        const struct expected_note *note = &it->notes.at[i];
        bool found = false;
        if (note->info != info)
            continue;
        any |= note->any;
        listed = true;
        for (size_t j = 0; j < got->count; j++)
            found |= note_is(it->arena, note, got->at[j]);
        if (!found)
            return str_printf(it->arena, "no note such as: %.*s; the first is: %.*s", STR_ARG(note->text),
                              STR_ARG(got->count ? got->at[0] : S("none")))
                .at;
    }
    for (size_t j = 0; listed && !any && j < got->count; j++) {
        bool found = false;
        for (size_t i = 0; i < it->notes.count; i++)
            found |= it->notes.at[i].info == info && note_is(it->arena, &it->notes.at[i], got->at[j]);
        if (!found)
            return str_printf(it->arena, "unexpected note: %.*s", STR_ARG(got->at[j])).at;
    }
    return NULL;
}

static const char *describe(struct script_case *it, const struct result_series *series)
{
    struct buf text CLEANUP(buf_clear) = { 0 };

    buf_init(&text, 1 << 20);
    labels_write_series(&text, series->labels);
    for (size_t i = 0; i < series->count && i < 20; i++) {
        buf_addf(&text, " @%lld ", (long long)series->points[i].time_ms);
        if (series->points[i].histogram)
            histogram_text(&text, series->points[i].histogram);
        else
            buf_add_double(&text, series->points[i].value);
    }
    return str_c(it->arena, buf_str(&text));
}

static const char *check_series(struct script_case *it, const struct query_result *result, bool ordered)
{
    int64_t start = it->is_range_vector ? it->range_start_ms : it->start_ms;
    int64_t step = it->is_range_vector ? it->range_step_ms : it->step_ms;

    for (size_t i = 0; i < result->count; i++) {
        bool found = false;
        for (size_t j = 0; j < it->series.count && !found; j++)
            found = (!ordered || i == j) && labels_eq(it->series.at[j].labels, result->at[i].labels) &&
                    series_is(&it->series.at[j], start, step, &result->at[i]);
        if (!found)
            return str_printf(it->arena, "unexpected: %s", describe(it, &result->at[i])).at;
    }
    if (result->count != it->series.count)
        return str_printf(it->arena, "%zu series instead of %zu", result->count, it->series.count).at;
    return NULL;
}

/* ---- running ---- */

static err ask(struct script *script, struct script_case *it, int64_t start, int64_t end, int64_t step,
               struct query_result *ret_result)
{
    struct query query = {
        .source = &script->source.source,
        .arena = it->arena,
        .text = it->query,
        .start_ms = start,
        .end_ms = end,
        .step_ms = step,
        .features = &promql_all_features,
    };
    struct expr *expr;

    TRY(promql_parse(it->arena, it->query, query.features, &expr));
    query.expr = expr;
    return promql_query(&query, ret_result);
}

static const char *check_failure(struct script_case *it, err e)
{
    const char *got = str_c(it->arena, str_of(e ? err_message(e) : ""));

    if (!e)
        return "it should fail";
    err_free(e);
    return note_is(it->arena, &it->failure, str_of(got)) ? NULL : str_printf(it->arena, "it failed with: %s", got).at;
}

static const char *check_result(struct script_case *it, const struct query_result *result)
{
    const char *wrong = check_notes(it, &result->warnings, false);

    if (!wrong)
        wrong = check_notes(it, &result->infos, true);
    if (wrong)
        return wrong;
    if (it->is_string)
        return result->type == TYPE_STRING && str_eq(result->text, it->string) ? NULL : "another string";
    if (it->is_scalar) {
        if (result->type != TYPE_SCALAR || result->count != 1)
            return "no scalar";
        return near(it->scalar, result->at[0].points[0].value) ? NULL : describe(it, &result->at[0]);
    }
    return check_series(it, result, it->ordered);
}

/* middle_step - only the points of the middle of three steps. */
static void middle_step(struct query_result *result, int64_t time_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < result->count; i++) {
        struct result_series series = result->at[i];
        while (series.count && series.points[0].time_ms < time_ms)
            series.points++, series.count--;
        series.count = series.count && series.points[0].time_ms == time_ms;
        if (series.count)
            result->at[kept++] = series;
    }
    result->count = kept;
}

static bool knows_its_range(struct str query)
{
    static const struct str words[] = { S("range()"), S("step()"), S("start()"), S("end()") };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_contains(query, words[i]))
            return true;
    return false;
}

/* check_as_range - NULL where the instant query gives the same as the middle step of a range. */
static const char *check_as_range(struct script *script, struct script_case *it)
{
    struct query_result result;
    err e = ask(script, it, it->start_ms - 60000, it->start_ms + 60000, 60000, &result);

    if (e)
        return check_failure(it, e);
    middle_step(&result, it->start_ms);
    if (!it->is_scalar)
        return check_series(it, &result, false);
    return result.count == 1 && near(it->scalar, result.at[0].points[0].value) ? NULL : "another scalar";
}

static void run_case(struct script *script, struct script_case *it)
{
    struct query_result result;
    const char *wrong, *as = "";
    err e = ask(script, it, it->start_ms, it->end_ms, it->step_ms, &result);

    script->cases++;
    if (it->fails || e)
        wrong = it->fails ? check_failure(it, e) : str_printf(it->arena, "%s", err_message(e)).at;
    else
        wrong = check_result(it, &result);
    if (e && !it->fails)
        err_free(e);
    if (!wrong && !it->step_ms && !it->fails && !it->ordered && !it->is_string && !it->is_range_vector &&
        !knows_its_range(it->query)) {
        wrong = check_as_range(script, it);
        as = " as a step of a range";
    }
    if (!wrong)
        return;
    script->failures++;
    printf("%s:%zu: %.*s%s: %s\n", script->path, script->line, STR_ARG(it->query), as, wrong);
}

/* take_command - the lines up to a blank one, comments left out; the first without its blanks. */
static struct str take_command(struct script *script, struct buf *out, size_t *ret_line)
{
    size_t line = script->line;

    buf_reset(out);
    while (script->rest.at && script->rest.length) {
        struct str text = str_trim(str_cut(script->rest, '\n', &script->rest));
        line++;
        if (!text.length || *text.at == '#') {
            if (out->length)
                break;
            continue;
        }
        if (!out->length)
            script->line = line;
        else
            buf_add_c(out, '\n');
        buf_add(out, text);
        if (str_eq(buf_str(out), S("clear")))
            break;
    }
    *ret_line = line;
    return buf_str(out);
}

static err run_eval(struct script *script, struct str command)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct script_case it = { .arena = arena };
    struct str rest = command;

    TRY(read_eval(&it, str_cut(command, '\n', &rest)));
    while (rest.at)
        TRY(read_expectation(&it, str_cut(rest, '\n', &rest)));
    run_case(script, &it);
    return NULL;
}

static err run_script(struct script *script)
{
    struct buf command CLEANUP(buf_clear) = { 0 };
    size_t line = 0;

    buf_init(&command, 1 << 24);
    script_source_init(&script->source, script->arena);
    for (;;) {
        struct str text = take_command(script, &command, &line);
        if (!text.length)
            return NULL;
        if (str_starts(text, S("clear")))
            script_source_init(&script->source, script->arena);
        else if (str_starts(text, S("load")))
            TRY(script_source_load(&script->source, str_copy(script->arena, text)));
        else
            TRY(run_eval(script, str_copy(script->arena, text)));
        script->line = line;
    }
}

/* run_file - how many of its cases fail; each is printed. */
static size_t run_file(const char *path, size_t *cases)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct script script = { .path = path, .arena = arena };

    ASSERT_OK(file_read(arena, path, 1 << 24, &script.rest));
    err e = run_script(&script);
    if (e) {
        printf("%s:%zu: %s\n", path, script.line, err_message(e));
        script.failures++;
        err_free(e);
    }
    *cases += script.cases;
    return script.failures;
}

static size_t run_files(const char *pattern, size_t *ret_cases)
{
    glob_t files;
    size_t failures = 0;

    *ret_cases = 0;
    if (glob(pattern, 0, NULL, &files))
        return 0;
    for (size_t i = 0; i < files.gl_pathc; i++)
        failures += run_file(files.gl_pathv[i], ret_cases);
    globfree(&files);
    return failures;
}

TEST(scripts_of_our_own_hold)
{
    size_t cases, failures = run_files("tests/promql/*.test", &cases);

    if (!cases)
        TEST_SKIP("no tests/promql here: run it from the top of the tree");
    ASSERT_EQ_INT(0, (int64_t)failures);
}

TEST(scripts_of_prometheus_hold)
{
    const char *shared = getenv("AUSPEX_SHARED"), *files = getenv("AUSPEX_PROMQL_CASES");
    char pattern[1000];
    size_t cases;

    if (files)
        snprintf(pattern, sizeof(pattern), "%s", files);
    else
        snprintf(pattern, sizeof(pattern), "%s/data/promql/v3/*.test", shared && *shared ? shared : "../shared");
    size_t failures = run_files(pattern, &cases);
    if (!cases)
        TEST_SKIP("no scripts: set AUSPEX_SHARED to the folder that has data/promql");
    printf("%zu cases, %zu fail\n", cases, failures);
    ASSERT_EQ_INT(0, (int64_t)failures);
}

/* promql_eval_fuzz.c - random queries over a few series: a range answers at each step what an instant query answers
 * there, whatever the query is. Where names go late the two may differ in names, as in Prometheus: a series' first
 * point decides.
 *
 * The bytes choose the productions of a grammar, so that nearly every input is a query that can be evaluated. */
#include "model/histogram.h"
#include "promql/query.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SERIES = 10, SAMPLES = 40, STEPS = 5, DEPTH = 4 };
static const int64_t spacing_ms = 15000, start_ms = 200000, step_ms = 45000;

/* ---- series ---- */

struct tiny {
    struct series_source source;
    struct labels labels[SERIES];
    int64_t times[SAMPLES];
    double values[SERIES][SAMPLES];
    const struct histogram *histograms[SAMPLES];
};

struct tiny_set {
    struct series_set set;
    const struct tiny *from;
    size_t at[SERIES];
    size_t first, end;
};

static struct labels tiny_labels(struct series_set *set, size_t index)
{
    const struct tiny_set *of = (struct tiny_set *)set;

    return of->from->labels[of->at[index]];
}

static err tiny_read(struct series_set *set, size_t index, struct samples *ret_samples)
{
    const struct tiny_set *of = (struct tiny_set *)set;
    size_t series = of->at[index];

    *ret_samples = (struct samples){ .times = of->from->times + of->first,
                                     .values = of->from->values[series] + of->first,
                                     .histograms = series >= 8 ? of->from->histograms + of->first : NULL,
                                     .count = of->end - of->first };
    return NULL;
}

static err tiny_open(struct series_source *source, struct arena *arena, const struct series_query *query,
                     struct series_set **ret_set)
{
    static const struct series_set_ops ops = { .labels = tiny_labels, .read = tiny_read };
    const struct tiny *from = (struct tiny *)source;
    struct tiny_set *set = arena_alloc(arena, sizeof(*set));

    set->set.ops = &ops;
    set->from = from;
    set->end = SAMPLES;
    while (set->first < SAMPLES && from->times[set->first] < query->start_ms)
        set->first++;
    while (set->end > set->first && from->times[set->end - 1] > query->end_ms)
        set->end--;
    for (size_t i = 0; i < SERIES; i++)
        if (matchers_match(query->matchers, query->matcher_count, from->labels[i]))
            set->at[set->set.count++] = i;
    *ret_set = &set->set;
    return NULL;
}

static double value_of(size_t series, size_t i)
{
    switch (series % 4) {
    case 0:
        return (double)(i % 17) * 3.5; /* a counter that starts again */
    case 1:
        return i % 9 == 4 ? value_stale() : 100 - (double)i;
    case 2:
        return i % 11 == 3 ? NAN : i % 13 == 5 ? INFINITY : (double)(i * i);
    default:
        return i < 20 ? -1.5 : 7;
    }
}

static struct tiny *tiny_make(struct arena *arena)
{
    static const char *const shapes[] = { "{{schema:0 count:4 sum:5 buckets:[1 2 1]}}",
                                          "{{schema:1 count:6 sum:9 buckets:[3 2 1]}}",
                                          "{{schema:-53 count:3 sum:2 custom_values:[1 2] buckets:[1 1 1]}}" };
    static const struct series_source_ops ops = { .open = tiny_open };
    struct tiny *tiny = arena_alloc(arena, sizeof(*tiny));

    tiny->source.ops = &ops;
    for (size_t i = 0; i < SAMPLES; i++) {
        tiny->times[i] = (int64_t)(i + i / 10) * spacing_ms;
        err_free(histogram_parse(arena, str_of(shapes[i / 8 % 3]), &tiny->histograms[i]));
        if (i % 12 == 11)
            tiny->histograms[i] = NULL;
    }
    for (size_t series = 0; series < SERIES; series++) {
        const struct label labels[] = {
            { S("__name__"), series >= 8  ? S("h")
                             : series % 3 ? S("a_total")
                                          : S("b") },
            { S("x"), str_printf(arena, "%zu", series % 3) },
            { S("y"), str_printf(arena, "%zu", series / 3) },
        };
        tiny->labels[series] = labels_make(arena, labels, ARRAY_LEN(labels));
        for (size_t i = 0; i < SAMPLES; i++)
            tiny->values[series][i] = value_of(series, i);
    }
    return tiny;
}

/* ---- queries ---- */

struct chooser {
    const uint8_t *at;
    size_t left;
    struct buf text;
};

static size_t choose(struct chooser *from, size_t count)
{
    if (!from->left)
        return 0;
    from->left--;
    return *from->at++ % count;
}

static void put_one(struct chooser *from, const char *const *words, size_t count)
{
    buf_add(&from->text, str_of(words[choose(from, count)]));
}
#define PUT_ONE(from, ...)                                                                                             \
    put_one((from), (const char *const[]){ __VA_ARGS__ }, ARRAY_LEN(((const char *const[]){ __VA_ARGS__ })))

static void put_vector(struct chooser *from, int depth);

static void put_selector(struct chooser *from)
{
    PUT_ONE(from, "a_total", "b", "h", "{x='1'}", "a_total{y=~'0|1'}", "{__name__=~'a.*|b',x!='2'}", "nothing");
}

static void put_modifiers(struct chooser *from)
{
    PUT_ONE(from, "", "", "", "", " offset 1m", " offset -30s", " @ 300", " @ 250 offset 20s");
}

static void put_range(struct chooser *from, int depth)
{
    if (depth > 1 && choose(from, 3) == 0) {
        buf_add_c(&from->text, '(');
        put_vector(from, depth - 1);
        buf_add_c(&from->text, ')');
        PUT_ONE(from, "[2m:30s]", "[1m:]", "[90s:7s]", "[5m:1m]");
    } else {
        put_selector(from);
        PUT_ONE(from, "[1m]", "[5m]", "[15s]", "[47s]", "[1m] anchored", "[2m] smoothed");
    }
    put_modifiers(from);
}

static void put_call(struct chooser *from, int depth)
{
    switch (choose(from, 4)) {
    case 0:
        PUT_ONE(from, "rate(", "increase(", "delta(", "irate(", "changes(", "resets(", "count_over_time(",
                "sum_over_time(", "avg_over_time(", "max_over_time(", "last_over_time(", "present_over_time(",
                "stddev_over_time(", "absent_over_time(", "deriv(");
        put_range(from, depth);
        break;
    case 1:
        PUT_ONE(from, "quantile_over_time(0.3, ", "quantile_over_time(scalar(b{x='0'}), ");
        put_range(from, depth);
        break;
    case 2:
        PUT_ONE(from, "abs(", "ceil(", "timestamp(", "absent(", "vector(scalar(", "sgn(", "minute(", "histogram_count(",
                "label_replace(");
        bool scalar = str_ends(buf_str(&from->text), S("scalar("));
        bool label = str_ends(buf_str(&from->text), S("replace("));
        put_vector(from, depth - 1);
        buf_add(&from->text, scalar ? S(")") : label ? S(", 'x', '$1', 'y', '(.*)'") : S(""));
        break;
    default:
        PUT_ONE(from, "clamp_max(", "round(");
        put_vector(from, depth - 1);
        PUT_ONE(from, ", 5", ", scalar(b{x='1'})", ", time()");
    }
    buf_add_c(&from->text, ')');
}

static void put_aggregate(struct chooser *from, int depth)
{
    PUT_ONE(from, "sum", "avg", "count", "min", "max", "group", "stddev", "topk", "bottomk", "quantile", "count_values",
            "limitk", "limit_ratio");
    struct str name = buf_str(&from->text);
    bool param = str_ends(name, S("k")) || str_ends(name, S("quantile")) || str_ends(name, S("ratio"));
    bool text = str_ends(name, S("values"));
    PUT_ONE(from, " ", " by (x) ", " without (y) ", " by (__name__, y) ", " by () ");
    buf_add_c(&from->text, '(');
    if (param)
        PUT_ONE(from, "1,", "2,", "0.5,", "scalar(b{x='0'}),", "-1,", "time(),");
    else if (text)
        buf_add(&from->text, S("'v',"));
    put_vector(from, depth - 1);
    buf_add_c(&from->text, ')');
}

static void put_binary(struct chooser *from, int depth)
{
    buf_add_c(&from->text, '(');
    put_vector(from, depth - 1);
    PUT_ONE(from, "+", "-", "*", "/", "%", "^", " atan2 ", "==", "!=", ">", "<= bool ", " and ", " or ", " unless ");
    struct str text = buf_str(&from->text);
    bool set = str_ends(text, S("and ")) || str_ends(text, S("or ")) || str_ends(text, S("unless "));
    PUT_ONE(from, " ", " on (x) ", " ignoring (y) ", " on (x, y) ", " on () ");
    if (!set && !str_ends(buf_str(&from->text), S("  ")) && str_ends(buf_str(&from->text), S(") ")))
        PUT_ONE(from, "", " group_left ", " group_right (y) ", " fill(0) ", " group_left fill_right(1) ");
    put_vector(from, depth - 1);
    buf_add_c(&from->text, ')');
}

static void put_vector(struct chooser *from, int depth)
{
    switch (depth > 0 ? choose(from, 8) : 0) {
    case 0:
        put_selector(from);
        put_modifiers(from);
        break;
    case 1:
    case 2:
        put_call(from, depth);
        break;
    case 3:
    case 4:
        put_aggregate(from, depth);
        break;
    case 5:
        buf_add(&from->text, S("-("));
        put_vector(from, depth - 1);
        buf_add_c(&from->text, ')');
        break;
    case 6:
        buf_add_c(&from->text, '(');
        put_vector(from, depth - 1);
        PUT_ONE(from, "*2)", ">bool 3)", "<50)", "/scalar(b{x='1'}))", "- time())");
        break;
    default:
        put_binary(from, depth);
    }
}

/* ---- the property ---- */

static struct str asked;                /* the query, for who looks at a crash */
static struct promql_features features; /* of this run */

static err ask(struct tiny *tiny, struct arena *arena, struct str text, int64_t start, size_t steps,
               struct query_result *ret_result)
{
    struct query query = { .source = &tiny->source,
                           .arena = arena,
                           .text = text,
                           .start_ms = start,
                           .end_ms = start + (int64_t)(steps - 1) * step_ms,
                           .step_ms = steps > 1 ? step_ms : 0,
                           .features = &features };
    struct expr *expr;

    TRY(promql_parse(arena, text, query.features, &expr));
    query.expr = expr;
    return promql_query(&query, ret_result);
}

/* same_number - up to rounding, as series may be added up in another order. */
static bool same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-9 * (fabs(a) + fabs(b));
}

/* may_differ - of series that are equally good some are taken, or, as in Prometheus, the parameter of an aggregation is
 * looked at once where all that it aggregates has @. */
static bool may_differ(struct str text)
{
    bool parameter = str_contains(text, S("(time(),")) || str_contains(text, S("(scalar(b{x='0'}),"));

    return features.delayed_name_removal || str_contains(text, S("limitk")) || str_contains(text, S("topk")) ||
           str_contains(text, S("bottomk")) || (parameter && str_contains(text, S("@")));
}

static const struct point *point_at(const struct query_result *result, struct labels labels, int64_t time_ms)
{
    for (size_t i = 0; i < result->count; i++)
        for (size_t j = 0; labels_eq(result->at[i].labels, labels) && j < result->at[i].count; j++)
            if (result->at[i].points[j].time_ms == time_ms)
                return &result->at[i].points[j];
    return NULL;
}

static void require(bool holds)
{
    if (holds)
        return;
    fprintf(stderr, "a range and its steps differ: %.*s\n", STR_ARG(asked));
    abort();
}

static void compare(const struct query_result *range, const struct query_result *instant, int64_t time_ms)
{
    size_t points = 0;

    for (size_t i = 0; i < instant->count; i++) {
        const struct point *here = &instant->at[i].points[0];
        const struct point *there = point_at(range, instant->at[i].labels, time_ms);
        require(there != NULL);
        require(!here->histogram == !there->histogram);
        require(here->histogram ? histogram_equal(here->histogram, there->histogram)
                                : same_number(here->value, there->value));
    }
    for (size_t i = 0; i < range->count; i++)
        for (size_t j = 0; j < range->at[i].count; j++)
            points += range->at[i].points[j].time_ms == time_ms;
    require(points == instant->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct chooser chooser = { .at = data, .left = size };
    struct query_result range, instant;
    struct tiny *tiny = tiny_make(arena);

    buf_init(&chooser.text, 1 << 16);
    features = promql_all_features;
    features.delayed_name_removal = choose(&chooser, 4) == 0;
    put_vector(&chooser, DEPTH);
    struct str text = str_copy(arena, buf_str(&chooser.text));
    buf_clear(&chooser.text);
    asked = text;
    err failed = ask(tiny, arena, text, start_ms, STEPS, &range);
    bool any_failed = false;
    for (size_t step = 0; step < STEPS; step++) {
        int64_t time = start_ms + (int64_t)step * step_ms;
        err e = ask(tiny, arena, text, time, 1, &instant);
        any_failed |= e != NULL;
        if (!e && !failed && !may_differ(text))
            compare(&range, &instant, time);
        err_free(e);
    }
    require(!any_failed || failed || may_differ(text));
    err_free(failed);
    return 0;
}

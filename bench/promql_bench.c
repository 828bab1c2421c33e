/* promql_bench.c - what PromQL costs over series in memory: one JSON line a query, best of several runs.
 *
 * usage: promql_bench [SERIES [RUNS [PART OF A NAME]]]. Samples are made beforehand and handed out as they lie, so what
 * is measured is the evaluation alone, as CPU time: 240 samples a series, 15 s apart, asked at 221 steps. A hundredth
 * as many series `h` are native histograms of 40 buckets. */
#include "model/histogram.h"
#include "promql/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SAMPLES = 240,
    STEP_MS = 15000,
    STEPS = 221,
    INSTANCES = 300,
    BOUNDS = 11,
    PATTERNS = 512,
    BUCKETS = 40,
    NATIVE_PATTERNS = 16
};

struct bench_source {
    struct series_source source;
    size_t count;
    struct labels *labels;
    int64_t times[SAMPLES];
    double values[PATTERNS][SAMPLES]; /* counters, some of which start again */
    size_t native_from;               /* series from here on are histograms */
    const struct histogram *histograms[NATIVE_PATTERNS][SAMPLES];
};

struct bench_set {
    struct series_set set;
    const struct bench_source *from;
    size_t *at;
};

static struct labels set_labels(struct series_set *set, size_t index)
{
    const struct bench_set *of = (struct bench_set *)set;

    return of->from->labels[of->at[index]];
}

static err set_read(struct series_set *set, size_t index, struct samples *ret_samples)
{
    const struct bench_set *of = (struct bench_set *)set;

    *ret_samples = (struct samples){ .times = of->from->times,
                                     .values = of->from->values[of->at[index] % PATTERNS],
                                     .histograms = of->at[index] < of->from->native_from
                                                       ? NULL
                                                       : of->from->histograms[of->at[index] % NATIVE_PATTERNS],
                                     .count = SAMPLES };
    return NULL;
}

static err source_open(struct series_source *source, struct arena *arena, const struct series_query *query,
                       struct series_set **ret_set)
{
    static const struct series_set_ops ops = { .labels = set_labels, .read = set_read };
    struct bench_source *from = (struct bench_source *)source;
    struct bench_set *set = arena_alloc(arena, sizeof(*set));

    set->set.ops = &ops;
    set->from = from;
    set->at = arena_array(arena, from->count, sizeof(*set->at));
    for (size_t i = 0; i < from->count; i++)
        if (matchers_match(query->matchers, query->matcher_count, from->labels[i]))
            set->at[set->set.count++] = i;
    *ret_set = &set->set;
    return NULL;
}

/* uniform - in [0, 1): the same numbers in every run (xorshift64, Marsaglia 2003). */
static double uniform(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (double)(*seed >> 11) * 0x1p-53;
}

/* A counter of observations in BUCKETS buckets, which starts again once in some patterns. */
static void bench_histograms(struct arena *arena, const struct histogram **ret_histograms, size_t pattern,
                             uint64_t *seed)
{
    struct histogram_span *span = arena_alloc(arena, sizeof(*span));
    struct histogram now = { .schema = 3, .zero_threshold = 0x1p-128, .positive = { span, 1, NULL, BUCKETS } };
    double counts[BUCKETS] = { 0 };

    *span = (struct histogram_span){ -20, BUCKETS };
    for (size_t i = 0; i < SAMPLES; i++) {
        if (pattern % 4 == 0 && i == pattern * 10)
            memset(counts, 0, sizeof(counts));
        now.count = now.sum = 0;
        for (size_t bucket = 0; bucket < BUCKETS; bucket++) {
            counts[bucket] += (double)(int)(10 * uniform(seed));
            now.count += counts[bucket];
            now.sum += counts[bucket] * 0.3;
        }
        now.positive.counts = counts;
        ret_histograms[i] = histogram_copy(arena, &now);
    }
}

static struct labels bench_labels(struct arena *arena, size_t i)
{
    static const char *const bounds[BOUNDS] = { "0.005", "0.01", "0.025", "0.05", "0.1", "0.25",
                                                "0.5",   "1",    "2.5",   "5",    "+Inf" };
    struct label items[] = {
        { S("__name__"), S("m") },
        { S("instance"), str_printf(arena, "host-%zu:9100", i / BOUNDS % INSTANCES) },
        { S("job"), S("bench") },
        { S("le"), str_of(bounds[i % BOUNDS]) },
        { S("path"), str_printf(arena, "/p%zu", i / BOUNDS / INSTANCES) },
    };

    return labels_make(arena, items, ARRAY_LEN(items));
}

static struct bench_source *bench_source_new(struct arena *arena, size_t series)
{
    static const struct series_source_ops ops = { .open = source_open };
    struct bench_source *source = arena_alloc(arena, sizeof(*source));
    uint64_t seed = 1;

    source->source.ops = &ops;
    source->native_from = series;
    source->count = series + series / 100;
    source->labels = arena_array(arena, source->count, sizeof(*source->labels));
    for (size_t i = 0; i < series; i++)
        source->labels[i] = bench_labels(arena, i);
    for (size_t i = series; i < source->count; i++) {
        struct label items[] = { { S("__name__"), S("h") },
                                 { S("instance"), str_printf(arena, "host-%zu:9100", i % INSTANCES) },
                                 { S("path"), str_printf(arena, "/p%zu", i / INSTANCES) } };
        source->labels[i] = labels_make(arena, items, ARRAY_LEN(items));
    }
    for (size_t pattern = 0; pattern < NATIVE_PATTERNS; pattern++)
        bench_histograms(arena, source->histograms[pattern], pattern, &seed);
    for (size_t i = 0; i < SAMPLES; i++)
        source->times[i] = (int64_t)(i + 1) * STEP_MS;
    for (size_t pattern = 0; pattern < PATTERNS; pattern++) {
        double value = 1000 * uniform(&seed);
        for (size_t i = 0; i < SAMPLES; i++, value += 100 * uniform(&seed)) {
            if (pattern % 50 == 0 && i == pattern % SAMPLES)
                value = 0;
            source->values[pattern][i] = value;
        }
    }
    return source;
}

/* cpu_us - of this thread: what others do on the machine doesn't count. */
static int64_t cpu_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static err run_once(struct bench_source *source, const char *text, int64_t step_ms, struct query_result *ret_result,
                    int64_t *ret_us)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct expr *expr;
    struct query query = {
        .source = &source->source,
        .arena = arena,
        .text = str_of(text),
        .start_ms = (SAMPLES - STEPS + 1) * STEP_MS,
        .end_ms = SAMPLES * STEP_MS,
        .step_ms = step_ms,
        .features = &promql_all_features,
    };

    TRY(promql_parse(arena, query.text, query.features, &expr));
    query.expr = expr;
    int64_t started = cpu_us();
    err e = promql_query(&query, ret_result);
    *ret_us = cpu_us() - started;
    return e;
}

static const char *only = ""; /* benches whose name has this part */

static void bench(struct bench_source *source, int runs, const char *name, const char *text)
{
    struct query_result result;
    int64_t best = INT64_MAX, us;

    if (!strstr(name, only))
        return;
    for (int i = 0; i < runs; i++) {
        err e = run_once(source, text, STEP_MS, &result, &us);
        if (e) {
            fprintf(stderr, "%s: %s\n", name, err_message(e));
            err_free(e);
            exit(1);
        }
        best = us < best ? us : best;
    }
    printf(
        "{\"bench\":\"%s\",\"query\":\"%s\",\"series\":%llu,\"steps\":%d,\"cpu_ms\":%.1f,\"ns_per_series_step\":%.1f,"
        "\"answer_series\":%zu,\"peak_bytes\":%llu}\n",
        name, text, (unsigned long long)result.stats.series, STEPS, (double)best / 1000,
        (double)best * 1000 / ((double)result.stats.series * STEPS), result.count,
        (unsigned long long)result.stats.peak_bytes);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct bench_source *source = bench_source_new(arena, argc > 1 ? (size_t)atol(argv[1]) : 33000);
    int runs = argc > 2 ? atoi(argv[2]) : 5;

    only = argc > 3 ? argv[3] : "";
    bench(source, runs, "select", "count(m)");
    bench(source, runs, "sum_rate", "sum by (instance)(rate(m[5m]))");
    bench(source, runs, "sum_rate_all", "sum(rate(m[5m]))");
    bench(source, runs, "avg_by", "avg by (instance)(m)");
    bench(source, runs, "count_by", "count by (path, le)(m)");
    bench(source, runs, "quantile_of_buckets", "histogram_quantile(0.9, sum by (le, path)(rate(m[5m])))");
    bench(source, runs, "native_rate", "sum(histogram_count(rate(h[5m])))");
    bench(source, runs, "native_quantile", "histogram_quantile(0.9, sum(rate(h[5m])))");
    bench(source, runs, "native_sum", "sum by (path)(h)");
    bench(source, runs, "native_average", "sum(histogram_avg(avg_over_time(h[5m])))");
    bench(source, runs, "topk", "topk(10, m)");
    bench(source, runs, "quantile", "quantile by (instance)(0.9, m)");
    bench(source, runs, "join", "sum(m / on(instance, path, le) m)");
    bench(source, runs, "join_group", "sum(m * on(instance) group_left count by (instance)(m))");
    bench(source, runs, "and", "count(m and m > 5000)");
    bench(source, runs, "max_over_time", "max(max_over_time(m[1h]))");
    bench(source, runs, "avg_over_time", "sum(avg_over_time(m[1h]))");
    bench(source, runs, "sum_over_time", "sum(sum_over_time(m[1h]))");
    bench(source, runs, "stddev_over_time", "sum(stddev_over_time(m[1h]))");
    bench(source, runs, "quantile_over_time", "sum(quantile_over_time(0.9, m[1h]))");
    bench(source, runs, "predict_linear", "count(predict_linear(m[1h], 14400) < 0)");
    bench(source, runs, "deriv", "sum(deriv(m[1h]))");
    bench(source, runs, "subquery", "max(max_over_time(sum by (instance)(rate(m[5m]))[30m:1m]))");
    bench(source, runs, "subquery_each", "sum(max_over_time(rate(m[5m])[10m:1m]))");
    return 0;
}

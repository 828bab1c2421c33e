/* head_model_test.c - random appends against a sorted array, which is slow and obvious. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "base/time.h"
#include "model/histogram.h"
#include "tsdb/room.h"

enum { STEPS = 6000 };

struct model {
    struct wide_sample {
        int64_t time_ms, start_ms;
        uint64_t bits;
        double histogram_sum; /* NaN: a float */
    } at[STEPS];
    size_t count;
};

/* model_put - true where it changed something. */
static bool model_put(struct model *model, struct wide_sample sample)
{
    size_t at = 0;

    while (at < model->count && model->at[at].time_ms < sample.time_ms)
        at++;
    if (at < model->count && model->at[at].time_ms == sample.time_ms) {
        struct wide_sample *there = &model->at[at];
        bool same = isnan(sample.histogram_sum) ? isnan(there->histogram_sum) && there->bits == sample.bits
                                                : there->histogram_sum == sample.histogram_sum;
        if (!same)
            *there = sample;
        return !same;
    }
    memmove(&model->at[at + 1], &model->at[at], (model->count - at) * sizeof(*model->at));
    model->at[at] = sample;
    model->count++;
    return true;
}

static uint64_t draw_bits(uint64_t *seed, double *walk)
{
    double dice = test_uniform(seed), value;
    uint64_t bits;

    *walk += dice < 0.3 ? 0 : floor(test_uniform(seed) * 100);
    value = dice < 0.8    ? *walk
            : dice < 0.9  ? test_normal(seed)
            : dice < 0.93 ? value_stale()
            : dice < 0.95 ? -0.0
                          : INFINITY;
    memcpy(&bits, &value, sizeof(bits));
    if (dice > 0.98) /* any bits */
        bits = (uint64_t)(test_uniform(seed) * 1e18) << 5 | 0x7ff0000000000001;
    return bits;
}

static int64_t draw_time(uint64_t *seed, int64_t *now_ms)
{
    double dice = test_uniform(seed);

    if (dice < 0.8)
        return *now_ms += 15000;
    if (dice < 0.85)
        return *now_ms += (int64_t)(test_uniform(seed) * 40000);
    if (dice < 0.86)
        return *now_ms += (int64_t)1 << (int)(test_uniform(seed) * 36);
    if (dice < 0.97)
        return *now_ms - 15000 * (int64_t)(test_uniform(seed) * 300);
    return (int64_t)((test_uniform(seed) - 0.8) * 2e12);
}

static void check_model(struct tsdb *tsdb, const struct model *model, struct str name, int64_t start_ms, int64_t end_ms)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 26);
    struct series_source *source = tsdb_source(tsdb);
    struct matcher matcher;
    struct series_set *set CLEANUP(series_set_closep) = NULL;
    struct samples samples = { 0 };
    size_t at = 0;

    ASSERT_OK(matcher_make(arena, MATCH_EQ, S("__name__"), name, &matcher));
    ASSERT_OK(source->ops->open(
        source, arena,
        &(struct series_query){ .matchers = &matcher, .matcher_count = 1, .start_ms = start_ms, .end_ms = end_ms },
        &set));
    ASSERT_EQ_INT(1, set->count);
    ASSERT_OK(set->ops->read(set, 0, &samples));
    for (size_t i = 0; i < model->count; i++) {
        const struct wide_sample *want = &model->at[i];
        if (want->time_ms < start_ms || want->time_ms > end_ms)
            continue;
        ASSERT_TRUE(at < samples.count);
        const struct histogram *histogram = samples.histograms ? samples.histograms[at] : NULL;
        uint64_t bits;
        memcpy(&bits, &samples.values[at], sizeof(bits));
        bool same = samples.times[at] == want->time_ms && (samples.starts ? samples.starts[at] : 0) == want->start_ms &&
                    (isnan(want->histogram_sum) ? !histogram && bits == want->bits
                                                : histogram && histogram->sum == want->histogram_sum);
        ASSERT_TRUE(same);
        at++;
    }
    ASSERT_EQ_INT(at, samples.count);
}

static _Thread_local struct model model;

static void run_model(struct tsdb *tsdb, struct str name, uint64_t seed, double histograms, double starts)
{
    const struct label label = { S("__name__"), name };
    int64_t now_ms = 1600000000000, start_ms = 0;
    double walk = 0;

    model.count = 0;
    for (int step = 0; step < STEPS; step++) {
        struct append *append = NULL;
        struct wide_sample sample = { .time_ms = draw_time(&seed, &now_ms), .histogram_sum = NAN };
        sample.bits = draw_bits(&seed, &walk);
        if (test_uniform(&seed) < starts)
            start_ms = test_uniform(&seed) < 0.9 ? now_ms : 0;
        sample.start_ms = start_ms;
        bool histogram = test_uniform(&seed) < histograms;
        if (histogram)
            sample.histogram_sum = floor(walk);
        bool news = model_put(&model, sample);
        ASSERT_OK(append_begin(tsdb, S("model"), time_mono_ms() + 10000, &append));
        ASSERT_TRUE(append_labels(append, (struct labels){ &label, 1 }));
        double value;
        memcpy(&value, &sample.bits, sizeof(value));
        const double count = 3;
        const struct histogram_span span = { 0, 1 };
        const struct histogram one = { .count = 3, .sum = sample.histogram_sum, .positive = { &span, 1, &count, 1 } };
        enum append_outcome outcome = histogram ? append_histogram(append, sample.time_ms, sample.start_ms, &one)
                                                : append_float(append, sample.time_ms, sample.start_ms, value);
        ASSERT_TRUE(outcome == APPEND_OK || (outcome == APPEND_DUPLICATE && !news));
        ASSERT_TRUE(step > 1499 || outcome == (news ? APPEND_OK : APPEND_DUPLICATE)); /* blocks are not searched */
        ASSERT_OK(append_end(append, NULL));
        if (step % 1500 == 1499)
            ASSERT_OK(disk_flush(tsdb->disk, test_uniform(&seed) < 0.5));
        if (step % 500 == 499)
            check_model(tsdb, &model, name, now_ms - (int64_t)(test_uniform(&seed) * 1e8), now_ms - 30000);
    }
    check_model(tsdb, &model, name, INT64_MIN, INT64_MAX);
}

static struct tsdb *model_tsdb(void)
{
    const struct tsdb_settings settings = { .future_max = { INT64_C(1) << 50 }, .fsync_interval = { 200 } };
    struct tsdb *tsdb = NULL;

    ASSERT_OK(tsdb_open(&(struct tsdb_options){ .folder = test_folder(), .settings = &settings }, &tsdb));
    return tsdb;
}

TEST(tsdb_holds_what_the_model_does_over_restarts)
{
    for (uint64_t round = 0; round < 3; round++) {
        struct tsdb *tsdb = model_tsdb();
        char name[] = { (char)('a' + round), 0 };
        run_model(tsdb, str_of(name), 77 + round, 0.05, 0.01);
        tsdb_close(tsdb);
        tsdb = model_tsdb();
        check_model(tsdb, &model, str_of(name), INT64_MIN, INT64_MAX);
        tsdb_close(tsdb);
    }
}

TEST(head_holds_floats_of_any_order_and_value_as_the_model_does)
{
    struct tsdb *tsdb = model_tsdb();

    run_model(tsdb, S("a"), 42, 0, 0);
    run_model(tsdb, S("b"), 43, 0, 0.01);
    tsdb_close(tsdb);
}

TEST(head_holds_histograms_among_floats_as_the_model_does)
{
    struct tsdb *tsdb = model_tsdb();

    run_model(tsdb, S("a"), 7, 1, 0);
    run_model(tsdb, S("b"), 8, 0.1, 0.01);
    tsdb_close(tsdb);
}

struct worker {
    pthread_t thread;
    struct tsdb *tsdb;
    char name[8];
    uint64_t seed;
};

static void *work(void *arg)
{
    struct worker *worker = arg;

    run_model(worker->tsdb, str_of(worker->name), worker->seed, 0.01, 0.01);
    return NULL;
}

TEST(head_holds_series_of_several_threads_apart)
{
    struct worker workers[4];
    struct tsdb *tsdb = model_tsdb();

    for (size_t i = 0; i < ARRAY_LEN(workers); i++) {
        workers[i] = (struct worker){ .tsdb = tsdb, .seed = 100 + i, .name = { (char)('a' + i) } };
        ASSERT_EQ_INT(0, pthread_create(&workers[i].thread, NULL, work, &workers[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(workers); i++)
        pthread_join(workers[i].thread, NULL);
    tsdb_close(tsdb);
}

/* One thread appends, others read the same series: what they see is a prefix, each sample whole. */
struct watched {
    struct tsdb *tsdb;
    _Atomic bool done;
    _Atomic unsigned flushes;
};

static void *watch(void *arg)
{
    struct watched *watched = arg;
    size_t before = 0;

    while (!watched->done) {
        struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 24);
        struct series_list list = { 0 };
        ASSERT_OK(series_select(tsdb_source(watched->tsdb), arena, NULL, 0, INT64_MIN, INT64_MAX, &list));
        size_t count = list.count ? list.at[0].count : 0;
        for (size_t i = 0; i < count; i++) {
            ASSERT_EQ_INT((int64_t)i * 1000, list.at[0].samples[i].time_ms);
            ASSERT_NEAR((double)(i * i), list.at[0].samples[i].value, 0);
        }
        ASSERT_TRUE(count >= before);
        before = count;
    }
    return NULL;
}

static void *flush_again(void *arg)
{
    struct watched *watched = arg;

    for (; !watched->done; watched->flushes++)
        ASSERT_OK(disk_flush(watched->tsdb->disk, true));
    return NULL;
}

TEST(tsdb_readers_miss_nothing_while_memory_becomes_blocks)
{
    struct watched watched = { .tsdb = model_tsdb() };
    const struct label label = { S("__name__"), S("x") };
    pthread_t threads[3];

    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        ASSERT_EQ_INT(0, pthread_create(&threads[i], NULL, i ? watch : flush_again, &watched));
    for (int64_t i = 0; i < 3000 || (watched.flushes < 20 && i < 100000); i++) {
        struct append *append = NULL;
        ASSERT_OK(append_begin(watched.tsdb, S("test"), time_mono_ms() + 10000, &append));
        append_labels(append, (struct labels){ &label, 1 });
        ASSERT_EQ_INT(APPEND_OK, append_float(append, i * 1000, 0, (double)(i * i)));
        ASSERT_OK(append_end(append, NULL));
    }
    watched.done = true;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    tsdb_close(watched.tsdb);
}

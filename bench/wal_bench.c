/* wal_bench.c - what the log of samples costs: CPU to build and write a record, bytes, replay; one JSON line.
 *
 * usage: wal_bench FOLDER [SERIES [ROUNDS]]. Values are a third each: integer counters, decimals, full mantissas. */
#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "tsdb/wal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double cpu_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double value_of(size_t series, size_t round)
{
    if (series % 3 == 0)
        return (double)(1000 * series + 17 * round);
    if (series % 3 == 1)
        return (double)((series * 31 + round * 7) % 10000) / 100;
    return sin((double)series + (double)round / 10);
}

struct sum {
    uint64_t samples;
    double values;
};

static err add_series(void *arg, uint32_t series, struct labels labels)
{
    (void)arg, (void)series, (void)labels;
    return NULL;
}

static err add_sample(void *arg, uint32_t series, int64_t time_ms, int64_t start_ms, double value)
{
    struct sum *sum = arg;

    (void)series, (void)time_ms, (void)start_ms;
    sum->samples++;
    sum->values += value;
    return NULL;
}

static err run(const char *folder, size_t series, size_t rounds)
{
    enum { REQUEST = 10000 };
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    double *values = arena_array(arena, series * rounds, sizeof(*values));
    struct wal_batch batch CLEANUP(wal_batch_clear) = { 0 };
    struct wal *wal = NULL;
    double build_s = 0, write_s = 0;
    struct sum sum = { 0 };
    struct wal_reader reader = { .arg = &sum, .series = add_series, .sample = add_sample };
    struct str_list bad;

    for (size_t i = 0; i < series * rounds; i++)
        values[i] = value_of(i % series, i / series);
    wal_batch_init(&batch);
    TRY(wal_open(folder, 200, &wal));
    int64_t began_us = time_mono_us();
    for (size_t at = 0; at < series * rounds;) {
        size_t end = at + REQUEST < series * rounds ? at + REQUEST : series * rounds;
        wal_batch_reset(&batch);
        double t = cpu_s();
        for (; at < end; at++)
            wal_batch_float(&batch, (uint32_t)(at % series), 1700000000000 + (int64_t)(at / series) * 15000, 0,
                            values[at]);
        double built = cpu_s();
        TRY(wal_write(wal, &batch));
        build_s += built - t;
        write_s += cpu_s() - built;
    }
    TRY(wal_sync(wal));
    double wall_s = (double)(time_mono_us() - began_us) / 1e6;
    uint64_t bytes = wal_bytes(wal);
    wal_close(wal);
    TRY(wal_open(folder, 200, &wal));
    double replay_s = cpu_s();
    TRY(wal_replay(wal, 0, &reader, &bad, arena));
    replay_s = cpu_s() - replay_s;
    wal_close(wal);
    if (sum.samples != series * rounds || bad.count)
        return err_new(ERR_INTERNAL, "%" PRIu64 " samples came back of %zu", sum.samples, series * rounds);
    double n = (double)sum.samples;
    printf("{\"samples\": %.0f, \"bytes_per_sample\": %.2f, \"build_ns\": %.1f, \"write_ns\": %.1f, "
           "\"wall_ns_with_sync\": %.1f, \"replay_ns\": %.1f, \"check\": %.6g}\n",
           n, (double)bytes / n, build_s * 1e9 / n, write_s * 1e9 / n, wall_s * 1e9 / n, replay_s * 1e9 / n,
           sum.values);
    return NULL;
}

int main(int argc, char **argv)
{
    int64_t series = 100000, rounds = 100;

    log_setup(LOG_WARN, LOG_LOGFMT);
    if (argc < 2 || (argc > 2 && !str_to_i64(str_of(argv[2]), &series)) ||
        (argc > 3 && !str_to_i64(str_of(argv[3]), &rounds)) || series < 1 || rounds < 1) {
        fprintf(stderr, "usage: wal_bench FOLDER [SERIES [ROUNDS]]\n");
        return 2;
    }
    err e = run(argv[1], (size_t)series, (size_t)rounds);
    if (e)
        fprintf(stderr, "wal_bench: %s\n", err_message(e));
    err_free(e);
    return e != NULL;
}

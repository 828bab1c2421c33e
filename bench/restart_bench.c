/* restart_bench.c - a store is filled as senders do, stopped and started again, cleanly and from its log; one JSON
 * line.
 *
 * usage: restart_bench FOLDER [SERIES [ROUNDS]]. Housekeeping runs after each round, as often as it finds something
 * due. */
#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "tsdb/tsdb.h"

#include <ftw.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t folder_bytes;

static int add_size(const char *path, const struct stat *stat, int flag, struct FTW *where)
{
    (void)path, (void)where;
    folder_bytes += flag == FTW_F ? (uint64_t)stat->st_size : 0;
    return 0;
}

struct clocks {
    double wall_s, cpu_s;
};

static struct clocks clocks_now(void)
{
    struct timespec cpu;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    return (struct clocks){ (double)time_mono_us() / 1e6, (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9 };
}

static struct clocks clocks_since(struct clocks began)
{
    struct clocks now = clocks_now();

    return (struct clocks){ now.wall_s - began.wall_s, now.cpu_s - began.cpu_s };
}

/* Counters that grow unevenly, gauges with two decimals, some that stand still. */
static double value_of(uint32_t series, int64_t round)
{
    uint32_t mixed = (series * 2654435761u ^ (uint32_t)round * 40503u) >> 16;

    if (series % 4 == 0)
        return (double)series * 1000 + (double)round * 120 + mixed % 64;
    if (series % 4 == 1)
        return floor(4000 + sin((double)round / 50) * 1000 + (double)(mixed % 100)) / 100;
    if (series % 4 == 2)
        return floor(5000 + 100 * sin((double)series + (double)round / 20)) / 100;
    return (double)(series % 7);
}

static err fill(struct tsdb *tsdb, uint32_t series, int64_t rounds)
{
    enum { REQUEST = 10000 };
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct labels *labels = arena_array(arena, series, sizeof(*labels));
    struct append *append = NULL;

    for (uint32_t i = 0; i < series; i++) {
        struct label *items = arena_array(arena, 4, sizeof(*items));
        items[0] = (struct label){ S("__name__"), str_printf(arena, "metric_%u", i % 500) };
        items[1] = (struct label){ S("instance"), str_printf(arena, "10.0.%u.%u:9100", i / 500 % 256, i / 128000) };
        items[2] = (struct label){ S("job"), S("node") };
        items[3] = (struct label){ S("region"), S("eu-west-1") };
        labels[i] = (struct labels){ items, 4 };
    }
    for (int64_t round = 0; round < rounds; round++) {
        for (uint32_t i = 0; i < series; i++) {
            if (i % REQUEST == 0)
                TRY(append_begin(tsdb, S("bench"), time_mono_ms() + 60000, &append));
            append_labels(append, labels[i]);
            append_float(append, 1700000000000 + round * 15000, 0, value_of(i, round));
            if (i % REQUEST == REQUEST - 1 || i == series - 1)
                TRY(append_end(append, NULL));
        }
        TRY(tsdb_maintain(tsdb));
    }
    return NULL;
}

static err open_store(const char *folder, struct tsdb **ret_tsdb)
{
    const struct tsdb_settings settings = { .fsync_interval = { 200 }, .future_max = { DAY_MS } };

    return tsdb_open(&(struct tsdb_options){ .folder = folder, .settings = &settings }, ret_tsdb);
}

/* timed_start - until the first request is taken. */
static err timed_start(const char *folder, struct tsdb **ret_tsdb, struct clocks *ret_took)
{
    struct clocks began = clocks_now();
    struct append *append;

    TRY(open_store(folder, ret_tsdb));
    TRY(append_begin(*ret_tsdb, S("bench"), time_mono_ms() + 600000, &append));
    *ret_took = clocks_since(began);
    return append_end(append, NULL);
}

/* fill_and_die - in a process of its own, which is killed where it stands. */
static err fill_and_die(const char *folder, uint32_t series, int64_t rounds)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        struct tsdb *tsdb;
        err e = open_store(folder, &tsdb);
        if (!e)
            e = fill(tsdb, series, rounds);
        if (e)
            _exit(1);
        raise(SIGKILL);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0 || !WIFSIGNALED(status))
        return err_new(ERR_INTERNAL, "the process that was to fill %s failed", folder);
    return NULL;
}

static err run(const char *folder, uint32_t series, int64_t rounds)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct tsdb *tsdb = NULL;
    struct clocks after_kill, after_stop, stop;
    struct tsdb_state state;

    TRY(fill_and_die(folder, series, rounds));
    TRY(timed_start(folder, &tsdb, &after_kill));
    tsdb_state(tsdb, arena, false, &state);
    struct clocks began = clocks_now();
    tsdb_close(tsdb);
    stop = clocks_since(began);
    if (nftw(folder, add_size, 16, FTW_PHYS) < 0)
        return err_errno("can't look at %s", folder);
    TRY(timed_start(folder, &tsdb, &after_stop));
    tsdb_close(tsdb);
    printf("{\"series\": %u, \"samples\": %lld, \"start_after_kill_s\": %.3f, \"start_after_kill_cpu_s\": %.3f, "
           "\"stop_s\": %.3f, \"stop_cpu_s\": %.3f, \"start_after_stop_s\": %.3f, \"start_after_stop_cpu_s\": %.3f, "
           "\"bytes_per_sample\": %.3f, \"memory_bytes\": %llu}\n",
           series, (long long)series * rounds, after_kill.wall_s, after_kill.cpu_s, stop.wall_s, stop.cpu_s,
           after_stop.wall_s, after_stop.cpu_s, (double)folder_bytes / ((double)series * (double)rounds),
           (unsigned long long)state.memory_bytes);
    return NULL;
}

int main(int argc, char **argv)
{
    int64_t series = 100000, rounds = 240;

    log_setup(LOG_WARN, LOG_LOGFMT);
    if (argc < 2 || (argc > 2 && !str_to_i64(str_of(argv[2]), &series)) ||
        (argc > 3 && !str_to_i64(str_of(argv[3]), &rounds)) || series < 1 || rounds < 1) {
        fprintf(stderr, "usage: restart_bench FOLDER [SERIES [ROUNDS]]\n");
        return 2;
    }
    err e = run(argv[1], (uint32_t)series, rounds);
    if (e)
        fprintf(stderr, "restart_bench: %s\n", err_message(e));
    err_free(e);
    return e != NULL;
}

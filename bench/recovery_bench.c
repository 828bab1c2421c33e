/* recovery_bench.c - snapshot of a head with open chunks, its load, and the replay of a log into a head; one JSON line.
 *
 * usage: recovery_bench FOLDER [SERIES [ROUNDS]] */
#include "base/log.h"
#include "base/time.h"
#include "tsdb/head_snapshot.h"
#include "tsdb/recover.h"
#include "tsdb/room.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

static double cpu_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct labels labels_of(struct arena *arena, uint32_t series)
{
    struct label *items = arena_array(arena, 6, sizeof(*items));

    items[0] = (struct label){ S("__name__"), str_printf(arena, "http_requests_%u_total", series % 200) };
    items[1] = (struct label){ S("cluster"), S("production-eu-west-1") };
    items[2] = (struct label){ S("code"), S("200") };
    items[3] =
        (struct label){ S("instance"), str_printf(arena, "10.0.%u.%u:9100", series / 200 % 256, series / 51200) };
    items[4] = (struct label){ S("job"), S("node-exporter") };
    items[5] = (struct label){ S("namespace"), S("monitoring") };
    return (struct labels){ items, 6 };
}

static double value_of(uint32_t series, int64_t round)
{
    return series % 3 ? (double)((series * 31 + round * 7) % 10000) / 100
                      : (double)(1000 * (int64_t)series + 17 * round);
}

/* Requests of 10,000 samples, as senders make them. */
static err fill(struct wal *wal, uint32_t series, int64_t rounds)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct wal_batch batch CLEANUP(wal_batch_clear) = { 0 };

    wal_batch_init(&batch);
    for (int64_t round = 0; round < rounds; round++)
        for (uint32_t i = 1; i <= series; i++) {
            if (round == 0)
                wal_batch_series(&batch, i, labels_of(arena, i));
            wal_batch_float(&batch, i, 1700000000000 + round * 15000, 0, value_of(i, round));
            if (i % 10000 && i != series)
                continue;
            TRY(wal_write(wal, &batch));
            wal_batch_reset(&batch);
        }
    return wal_sync(wal);
}

struct timed {
    double wall_s, cpu_s;
    uint64_t samples;
};

static err timed_recovery(const char *folder, struct head *head, struct timed *ret_timed)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct recovery recovery = { .head = head,
                                 .arena = arena,
                                 .snapshot = str_printf(arena, "%s/head.snapshot", folder).at };
    struct str_list bad;

    TRY(blocks_open(str_printf(arena, "%s/blocks", folder).at, arena, &bad, &recovery.blocks));
    err e = wal_open(str_printf(arena, "%s/wal", folder).at, 200, &recovery.wal);
    double cpu = cpu_s();
    int64_t began_us = time_mono_us();
    if (!e)
        e = recover(&recovery);
    *ret_timed = (struct timed){ (double)(time_mono_us() - began_us) / 1e6, cpu_s() - cpu, recovery.samples };
    wal_close(recovery.wal);
    blocks_close(recovery.blocks);
    return e;
}

static err run(const char *folder, uint32_t series, int64_t rounds)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const char *snapshot = str_printf(arena, "%s/head.snapshot", folder).at;
    struct head *head = head_new(), *loaded = head_new();
    struct timed replay, write, load;
    struct stat stat_of = { 0 };
    struct wal *wal = NULL;
    uint64_t segment;

    TRY(wal_open(str_printf(arena, "%s/wal", folder).at, 200, &wal));
    TRY(fill(wal, series, rounds));
    uint64_t wal_size = wal_bytes(wal);
    wal_close(wal);
    TRY(timed_recovery(folder, head, &replay));
    TRY(wal_open(str_printf(arena, "%s/wal", folder).at, 200, &wal));
    TRY(wal_rotate(wal, &segment));
    double cpu = cpu_s();
    int64_t began_us = time_mono_us();
    TRY(head_snapshot_write(head, snapshot, segment));
    write = (struct timed){ (double)(time_mono_us() - began_us) / 1e6, cpu_s() - cpu, 0 };
    TRY(wal_forget(wal, segment));
    wal_close(wal);
    stat(snapshot, &stat_of);
    TRY(timed_recovery(folder, loaded, &load));
    if (load.samples != replay.samples)
        return err_new(ERR_INTERNAL, "%llu samples came back of %llu", (unsigned long long)load.samples,
                       (unsigned long long)replay.samples);
    printf("{\"series\": %u, \"samples\": %llu, \"wal_bytes_per_sample\": %.2f, \"replay_s\": %.3f, "
           "\"replay_cpu_ns_per_sample\": %.1f, \"snapshot_write_s\": %.3f, \"snapshot_write_cpu_s\": %.3f, "
           "\"snapshot_bytes\": %lld, \"snapshot_load_s\": %.3f, \"snapshot_load_cpu_s\": %.3f}\n",
           series, (unsigned long long)replay.samples, (double)wal_size / (double)replay.samples, replay.wall_s,
           replay.cpu_s * 1e9 / (double)replay.samples, write.wall_s, write.cpu_s, (long long)stat_of.st_size,
           load.wall_s, load.cpu_s);
    head_free(head);
    head_free(loaded);
    return NULL;
}

int main(int argc, char **argv)
{
    int64_t series = 100000, rounds = 240;

    log_setup(LOG_WARN, LOG_LOGFMT);
    if (argc < 2 || (argc > 2 && !str_to_i64(str_of(argv[2]), &series)) ||
        (argc > 3 && !str_to_i64(str_of(argv[3]), &rounds)) || series < 1 || rounds < 1) {
        fprintf(stderr, "usage: recovery_bench FOLDER [SERIES [ROUNDS]]\n");
        return 2;
    }
    err e = run(argv[1], (uint32_t)series, rounds);
    if (e)
        fprintf(stderr, "recovery_bench: %s\n", err_message(e));
    err_free(e);
    return e != NULL;
}

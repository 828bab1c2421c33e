/* remote_write_bench.c - what a sample of remote_write costs: unpacked, decoded, and appended to a store.
 *
 * usage: remote_write_bench BODIES [FOLDER]. BODIES holds requests as [u32 length][body], little-endian, as they came
 * by HTTP, version 1.0. With FOLDER they are appended to a new store there; without, they are only decoded, 20 times.
 * Prints one JSON object: CPU microseconds a sample. */
#include "base/file.h"
#include "base/time.h"
#include "ingest/protobuf.h"
#include "ingest/remote_write.h"
#include "ingest/snappy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FILE_MAX = 1 << 30, PLAIN_MAX = 32 << 20, ROUNDS = 20, DEADLINE_MS = 60000 };

struct cost {
    double unpack, check, append;
    uint64_t samples, stored;
};

static double cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* count_samples - the series of a request: one sample each in this workload. */
static uint64_t count_samples(struct str message)
{
    struct protobuf in = protobuf_of(message);
    uint64_t count = 0;

    for (struct protobuf_field field; protobuf_next(&in, &field);)
        count += field.number == 1;
    return count;
}

static err one_request(struct tsdb *tsdb, struct arena *arena, struct str body, struct cost *cost)
{
    struct remote_write_refusals refusals;
    struct append_summary summary;
    struct append *append;
    struct str message;
    double start = cpu_seconds();

    TRY(snappy_unpack(body, PLAIN_MAX, &message));
    double unpacked = cpu_seconds();
    TRY(remote_write_check(REMOTE_WRITE_1, message, arena));
    double checked = cpu_seconds();
    cost->unpack += unpacked - start;
    cost->check += checked - unpacked;
    cost->samples += count_samples(message);
    if (!tsdb)
        return NULL;
    start = cpu_seconds();
    TRY(append_begin(tsdb, S("bench"), time_mono_ms() + DEADLINE_MS, &append));
    err e = remote_write_append(REMOTE_WRITE_1, message, arena, append, &refusals);
    err ended = append_end(append, &summary);
    cost->append += cpu_seconds() - start;
    cost->stored += summary.floats;
    if (!e)
        return ended;
    err_free(ended);
    return e;
}

static err all_requests(struct tsdb *tsdb, struct str file, struct cost *cost)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(64 << 20);
    uint32_t length;

    for (size_t at = 0; at + sizeof(length) <= file.length; at += length) {
        memcpy(&length, file.at + at, sizeof(length));
        at += sizeof(length);
        TRY(one_request(tsdb, arena, str_slice(file, at, at + length), cost));
        arena_reset(arena);
    }
    return NULL;
}

static err run(const char *bodies, const char *folder, struct cost *cost)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new((size_t)FILE_MAX * 2);
    const struct tsdb_settings settings = { .fsync_interval = { 200 },
                                            .series_max = 10000000,
                                            .series_max_per_source = 10000000,
                                            .future_max = { INT64_MAX / 4 } };
    struct tsdb *tsdb = NULL;
    struct str file;

    TRY(file_read(arena, bodies, FILE_MAX, &file));
    if (folder)
        TRY(tsdb_open(&(struct tsdb_options){ .folder = folder, .settings = &settings }, &tsdb));
    err e = NULL;
    for (int i = 0; i < (folder ? 1 : ROUNDS) && !e; i++)
        e = all_requests(tsdb, file, cost);
    tsdb_close(tsdb);
    return e;
}

int main(int count, char **words)
{
    struct cost cost = { 0 };

    if (count < 2) {
        fprintf(stderr, "usage: remote_write_bench BODIES [FOLDER]\n");
        return 2;
    }
    err e = run(words[1], count > 2 ? words[2] : NULL, &cost);
    if (e) {
        fprintf(stderr, "%s\n", err_message(e));
        err_free(e);
        return 1;
    }
    double each = 1e6 / (double)cost.samples;
    printf("{\"samples\": %llu, \"stored\": %llu, \"unpack_us\": %.4f, \"check_us\": %.4f, \"append_us\": %.4f}\n",
           (unsigned long long)cost.samples, (unsigned long long)cost.stored, cost.unpack * each, cost.check * each,
           cost.append * each);
    return 0;
}

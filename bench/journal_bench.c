/* journal_bench.c - what a durable event costs: three readers and two upserts an event, one JSON line a shape.
 *
 * usage: journal_bench FOLDER [SECONDS]. The folder decides which disk is measured; its fsync is timed in the same run.
 */
#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "db/journal.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { KEYS = 10000, SYNCS = 200 };

static const struct migration bench_1 = {
    .room = "bench",
    .number = 1,
    .sql = "CREATE TABLE bench_state(key INTEGER PRIMARY KEY, times INTEGER NOT NULL, last INTEGER NOT NULL) STRICT;"
           "CREATE TABLE bench_open(key INTEGER PRIMARY KEY, since INTEGER NOT NULL, text TEXT NOT NULL) STRICT",
};
REGISTER(migration, bench_1);

static int64_t key_of(const struct event *event)
{
    int64_t key = 0;

    if (!str_to_i64(str_slice(event->subject, 5, event->subject.length), &key))
        abort();
    return key;
}

static err state_step(struct reader *reader, const struct event *event)
{
    return tx_run(reader_tx(reader),
                  "INSERT INTO bench_state(key, times, last) VALUES(?1, 1, ?2) "
                  "ON CONFLICT(key) DO UPDATE SET times = times + 1, last = ?2",
                  PARAMS(key_of(event), event->time_ms));
}

static err open_step(struct reader *reader, const struct event *event)
{
    return tx_run(reader_tx(reader),
                  "INSERT INTO bench_open(key, since, text) VALUES(?1, ?2, ?3) "
                  "ON CONFLICT(key) DO UPDATE SET since = ?2, text = ?3",
                  PARAMS(key_of(event), event->time_ms, event->reason));
}

static int64_t looked_at;

static err look_step(struct reader *reader, const struct event *event)
{
    (void)reader;
    looked_at += event->id > 0;
    return NULL;
}

static const struct journal_reader state_reader = { .name = "state", .step = state_step };
static const struct journal_reader open_reader = { .name = "open", .step = open_step };
static const struct journal_reader look_reader = { .name = "look", .step = look_step };
static const struct journal_reader *const readers[] = { &state_reader, &open_reader, &look_reader, NULL };

static uint64_t next_random(void)
{
    static uint64_t state = 88172645463325252u;

    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static err append_some(struct tx *tx, void *arg)
{
    char subject[32];

    for (int64_t i = 0; i < *(int64_t *)arg; i++) {
        snprintf(subject, sizeof(subject), "host:%llu", (unsigned long long)(next_random() % KEYS));
        struct event event = {
            .kind = EVENT_ALERT_FIRING,
            .subject = str_of(subject),
            .actor = S("auspex"),
            .reason = S("used memory 93 % of maxmemory for 2 minutes"),
            .data = S("{\"v\":1,\"alert_id\":\"0123456789abcdef\",\"fingerprint\":\"0123456789abcdef\","
                      "\"alertname\":\"RedisMemoryHigh\",\"severity\":\"high\",\"value\":0.93,\"threshold\":0.9}"),
        };
        TRY(journal_append(tx, &event, NULL));
    }
    return NULL;
}

static double cpu_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void check(err e)
{
    if (!e)
        return;
    log_err(e, "bench");
    exit(1);
}

struct shape {
    const char *name;
    int64_t events_a_write, threads;
};

struct load {
    struct db *db;
    int64_t events_a_write, until_us;
    _Atomic int64_t writes;
};

static void *write_until(void *arg)
{
    struct load *load = arg;

    while (time_mono_us() < load->until_us) {
        check(db_write(load->db, append_some, &load->events_a_write));
        atomic_fetch_add(&load->writes, 1);
    }
    return NULL;
}

static void measure(struct db *db, const struct shape *shape, double seconds)
{
    struct load load = { .db = db, .events_a_write = shape->events_a_write };
    pthread_t threads[256];
    int64_t began = time_mono_us();
    double cpu = cpu_seconds();

    load.until_us = began + (int64_t)(seconds * 1e6);
    for (int64_t i = 0; i < shape->threads; i++)
        if (pthread_create(&threads[i], NULL, write_until, &load) != 0)
            exit(1);
    for (int64_t i = 0; i < shape->threads; i++)
        pthread_join(threads[i], NULL);
    check(journal_settle(db, 60000));
    double took = (double)(time_mono_us() - began) / 1e6;
    double events = (double)(load.writes * shape->events_a_write);
    printf("{\"bench\":\"journal\",\"shape\":\"%s\",\"events_a_write\":%lld,\"writers\":%lld,\"events\":%.0f,"
           "\"events_per_second\":%.0f,\"writes_per_second\":%.0f,\"cpu_us_per_event\":%.1f}\n",
           shape->name, (long long)shape->events_a_write, (long long)shape->threads, events, events / took,
           (double)load.writes / took, (cpu_seconds() - cpu) * 1e6 / events);
    fflush(stdout);
}

static int by_value(const void *a, const void *b)
{
    return (*(const int64_t *)a > *(const int64_t *)b) - (*(const int64_t *)a < *(const int64_t *)b);
}

/* measure_sync - appending 4 KiB and fdatasync, which is the least that a commit can cost here. */
static void measure_sync(const char *folder)
{
    char path[4096], page[4096] = { 0 };
    int64_t took[SYNCS];

    snprintf(path, sizeof(path), "%s/sync", folder);
    int fd CLEANUP(fd_close) = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    for (int i = 0; i < SYNCS; i++) {
        int64_t began = time_mono_us();
        if (fd < 0 || pwrite(fd, page, sizeof(page), (off_t)i * 4096) < 0 || fdatasync(fd) < 0)
            exit(1);
        took[i] = time_mono_us() - began;
    }
    qsort(took, SYNCS, sizeof(*took), by_value);
    printf("{\"bench\":\"fsync\",\"p50_us\":%lld,\"p99_us\":%lld}\n", (long long)took[SYNCS / 2],
           (long long)took[SYNCS * 99 / 100]);
}

int main(int argc, char **argv)
{
    static const struct shape shapes[] = {
        { "one by one", 1, 1 },
        { "batches of 100", 100, 1 },
        { "batches of 1000", 1000, 1 },
        { "100 writers of one", 1, 100 },
    };
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 3;
    struct db *db = NULL;

    if (argc < 2) {
        fprintf(stderr, "usage: journal_bench FOLDER [SECONDS]\n");
        return 2;
    }
    log_setup(LOG_WARN, LOG_LOGFMT);
    check(file_make_dirs(argv[1], 0700));
    measure_sync(argv[1]);
    check(db_open(&(struct db_options){ .folder = argv[1], .readers = readers }, &db));
    check(journal_start(db));
    check(db_write(db, append_some, &(int64_t){ KEYS })); /* warm: subjects and rows exist */
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
        measure(db, &shapes[i], seconds);
    measure_sync(argv[1]);
    db_close(db);
    return looked_at > 0 ? 0 : 1;
}

/* health.c - GET /api/v1/health, and the figures of our own process. */
#include "api/health.h"

#include "action/action.h"
#include "api/services.h"
#include "base/duration.h"
#include "base/file.h"
#include "base/metric.h"
#include "base/pool.h"
#include "base/time.h"
#include "db/health.h"
#include "tsdb/tsdb.h"

#include <dirent.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

METRIC(GAUGE, process_resident_memory_bytes, "Resident memory of this process.", NULL);
METRIC(COUNTER, process_cpu_seconds_total, "CPU time of this process, user and system.", NULL);
METRIC(GAUGE, process_open_fds, "Open file descriptors of this process.", NULL);
METRIC(GAUGE, process_start_time_seconds, "Start of this process, seconds since 1970.", NULL);
METRIC(GAUGE, pool_queued_jobs, "Jobs that wait for a thread.", "pool");
METRIC(GAUGE, pool_threads, "Threads of a pool.", "pool");
METRIC(COUNTER, pool_refused_jobs_total, "Jobs refused because the queue was full.", "pool");

static _Atomic bool is_ready;

bool services_ready(void)
{
    return atomic_load(&is_ready);
}

void services_set_ready(bool ready)
{
    atomic_store(&is_ready, ready);
}

static double resident_bytes(void)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 16);
    struct str text, rest;
    int64_t pages = 0;

    err e = file_read(arena, "/proc/self/statm", 4096, &text);
    if (e) {
        err_free(e); /* no /proc: the gauge stays at zero */
        return 0;
    }
    str_cut(text, ' ', &rest);
    if (!str_to_i64(str_cut(rest, ' ', &rest), &pages))
        return 0;
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static int open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = -3; /* ".", ".." and the folder's own */

    if (!folder)
        return 0;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void show_pool(const char *name, struct pool *pool)
{
    struct pool_state state = pool_state(pool);

    metric_set_for(&pool_queued_jobs, str_of(name), (double)(state.queued[0] + state.queued[1]));
    metric_set_for(&pool_threads, str_of(name), state.threads);
    metric_set_for(&pool_refused_jobs_total, str_of(name), (double)state.refused);
}

void process_metrics_update(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    metric_set(&process_cpu_seconds_total, (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                                               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    metric_set(&process_resident_memory_bytes, resident_bytes());
    metric_set(&process_open_fds, open_descriptors());
    metric_set(&process_start_time_seconds, (double)services.started_ms / 1000);
    show_pool("workers", services.workers);
    show_pool("outside", services.outside);
    show_pool("slow", services.slow);
}

/* Components: a map of name -> {status, detail}, written by hand because its keys are names. */
struct health_reply {
    struct str status, version;
    int64_t timestamp;
    const struct json *components;
};

static const struct field health_reply_fields[] = {
    STRING(struct health_reply, status, .doc = "healthy, degraded or unhealthy."),
    TIME(struct health_reply, timestamp, .doc = "Now."),
    STRING(struct health_reply, version, .doc = "Of this program."),
    ANY(struct health_reply, components, .doc = "name: {status, detail}."),
    { 0 },
};
static const struct schema health_reply_schema = SCHEMA(struct health_reply, health_reply_fields, .doc = "How we are.");

enum ill { WELL, DEGRADED, UNHEALTHY };
static const char *const ill_words[] = { "healthy", "degraded", "unhealthy" };

static void add_component(struct json_writer *w, const char *name, enum ill ill, struct str detail, enum ill *worst)
{
    json_key(w, str_of(name));
    json_begin_object(w);
    json_put_str(w, S("status"), str_of(ill_words[ill]));
    json_put_str(w, S("detail"), detail);
    json_end_object(w);
    if (ill > *worst)
        *worst = ill;
}

static void add_database(struct json_writer *w, enum ill *worst)
{
    struct db_health health;

    db_health(services.db, &health);
    add_component(w, "database", health.ok ? WELL : UNHEALTHY, str_of(health.message), worst);
}

/* add_samples - the metrics engine. While it reads what was stored, those who ask and send wait for it. */
static void add_samples(struct json_writer *w, struct arena *arena, enum ill *worst)
{
    struct tsdb_state state;

    tsdb_state(services.tsdb, arena, false, &state);
    struct str detail = state.trouble;
    if (!detail.length && state.recovering)
        detail = str_printf(arena, "reads what was stored: %.0f %% so far", 100 * state.recovered);
    else if (!detail.length && state.set_aside.count)
        detail = str_printf(arena, "damaged and set aside: %.*s%s; `auspex tsdb verify` shows more",
                            STR_ARG(state.set_aside.at[0]), state.set_aside.count > 1 ? " and more" : "");
    add_component(w, "samples", state.trouble.length ? UNHEALTHY : detail.length ? DEGRADED : WELL, detail, worst);
}

static void add_storage(struct json_writer *w, struct arena *arena, enum ill *worst)
{
    struct statvfs disk;

    if (statvfs(services.storage_path, &disk) < 0) {
        add_component(w, "storage", UNHEALTHY, S("the data folder can't be read"), worst);
        return;
    }
    double free_bytes = (double)disk.f_bavail * (double)disk.f_frsize;
    struct buf text CLEANUP(buf_clear);
    buf_init(&text, 256);
    size_add(&text, free_bytes);
    buf_add(&text, S(" free"));
    add_component(w, "storage", free_bytes < 64e6 ? DEGRADED : WELL, str_copy(arena, buf_str(&text)), worst);
}

static void add_pool(struct json_writer *w, struct arena *arena, const char *name, struct pool *pool, enum ill *worst)
{
    struct pool_state state = pool_state(pool);
    size_t queued = state.queued[0] + state.queued[1];

    add_component(w, name, queued > 500 ? DEGRADED : WELL,
                  str_printf(arena, "%u threads, %u busy, %zu jobs wait", state.threads, state.busy, queued), worst);
}

static void add_runner(struct json_writer *w, enum ill *worst)
{
    bool fine = action_can_run();

    add_component(w, "runner", fine ? WELL : DEGRADED,
                  fine ? S("") : S("its process is gone: no command runs until auspex is restarted"), worst);
}

static err health(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct arena *arena = request_arena(req);
    struct health_reply out = { .version = S(AUSPEX_VERSION), .timestamp = time_now_ms() };
    enum ill worst = WELL;
    struct buf text CLEANUP(buf_clear);

    (void)query, (void)body;
    buf_init(&text, 1 << 16);
    struct json_writer w = json_writer(&text);
    json_begin_object(&w);
    add_database(&w, &worst);
    add_samples(&w, arena, &worst);
    add_storage(&w, arena, &worst);
    add_pool(&w, arena, "workers", services.workers, &worst);
    add_pool(&w, arena, "outside", services.outside, &worst);
    add_pool(&w, arena, "slow", services.slow, &worst);
    add_runner(&w, &worst);
    json_end_object(&w);
    TRY(json_parse(arena, buf_str(&text), &out.components));
    out.status = str_of(ill_words[worst]);
    return reply_encode(reply, &health_reply_schema, &out);
}

static const struct route health_route = {
    .method = "GET",
    .path = "/api/v1/health",
    .summary = "How are we?",
    .tag = "Operations",
    .role = ROLE_VIEWER,
    .reply = &health_reply_schema,
    .handle = health,
};
REGISTER(route, health_route);

/* redis_test.c - the collector against the real server: what it stores, and what it hands to who diagnoses. */
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/registry.h"
#include "base/test.h"
#include "base/time.h"
#include "ingest/collector.h"
#include "integrations/collectors/redis_samples.h"
#include "redis/instance.h"

struct stage {
    struct arena *arena;
    const struct collector *collector;
    unsigned char settings[512];
    void *state;
    pid_t pid;
    int port;
};

/* What the observer saw, copied. */
static struct {
    enum redis_outcome outcome;
    int64_t maxmemory, previous_commands;
    size_t slow_count, client_rows;
    char slow[64], address[64];
    bool has_info, has_previous, restarted, has_clients;
} seen;

static void observe(const struct redis_instance_state *state)
{
    memset(&seen, 0, sizeof(seen));
    seen.outcome = state->outcome;
    seen.has_info = state->info != NULL;
    seen.has_previous = state->previous != NULL;
    seen.maxmemory = state->info ? state->info->maxmemory : -1;
    seen.previous_commands = state->previous ? state->previous->total_commands_processed : -1;
    seen.restarted = state->restarted;
    seen.slow_count = state->slow_count;
    seen.has_clients = state->clients != NULL;
    if (state->slow_count)
        snprintf(seen.slow, sizeof(seen.slow), "%.*s", STR_ARG(state->slow[0].command));
    snprintf(seen.address, sizeof(seen.address), "%.*s", STR_ARG(state->resource));
}

static int free_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ASSERT_EQ_INT(0, bind(fd, (struct sockaddr *)&address, length));
    ASSERT_EQ_INT(0, getsockname(fd, (struct sockaddr *)&address, &length));
    close(fd);
    return ntohs(address.sin_port);
}

static void start_server(struct stage *stage)
{
    char port[8];

    snprintf(port, sizeof(port), "%d", stage->port);
    stage->pid = fork();
    if (stage->pid)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(open("/dev/null", O_RDWR), 1);
    execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--maxmemory", "64mb",
           "--slowlog-log-slower-than", "0", "--dir", test_folder(), NULL);
    _exit(127);
}

static void stop_server(struct stage *stage)
{
    kill(stage->pid, SIGKILL);
    waitpid(stage->pid, NULL, 0);
}

static struct stage stage_up(void)
{
    struct stage stage = { .arena = arena_new(16 << 20), .port = free_port() };
    const struct json *json = NULL;

    if (access("/usr/bin/redis-server", X_OK))
        TEST_SKIP("redis-server is not installed");
    FOR_EACH_REGISTERED (collector, it) {
        if (strcmp(it->name, "redis") == 0)
            stage.collector = it;
    }
    ASSERT_TRUE(stage.collector->settings.size <= sizeof(stage.settings));
    ASSERT_OK(json_parse(stage.arena, str_printf(stage.arena, "{\"port\":%d}", stage.port), &json));
    ASSERT_OK(schema_parse(&(struct schema_options){ .arena = stage.arena }, &stage.collector->settings, json,
                           stage.settings));
    struct call call = { .arena = stage.arena, .deadline_ms = time_mono_ms() + 5000 };
    ASSERT_OK(stage.collector->open(&call, stage.settings, &stage.state));
    redis_observe = observe;
    return stage;
}

static void stage_down(struct stage *stage)
{
    stage->collector->close(stage->state);
    arena_free(stage->arena);
}

static err collect(struct stage *stage, struct str *ret_text)
{
    struct call call = { .arena = stage->arena, .deadline_ms = time_mono_ms() + 5000 };
    struct batch batch =
        batch_make(stage->arena, time_now_ms(), S("redis"), stage->collector->instance(stage->arena, stage->settings));
    struct buf text CLEANUP(buf_clear);

    err e = stage->collector->collect(&call, stage->settings, stage->state, &batch);
    buf_init(&text, 1 << 20);
    batch_write(&text, &batch);
    *ret_text = str_copy(stage->arena, buf_str(&text));
    return e;
}

static struct str collect_until_up(struct stage *stage)
{
    int64_t until_ms = time_mono_ms() + 10 * SECOND_MS;
    struct str text;

    for (;;) {
        err e = collect(stage, &text);
        if (!e)
            return text;
        err_free(e);
        ASSERT_TRUE(time_mono_ms() < until_ms);
        usleep(5000);
    }
}

TEST(redis_collector_stores_info_and_tells_the_observer)
{
    struct stage stage = stage_up();
    struct str text;

    ASSERT_ERR(ERR_UNAVAILABLE, "", collect(&stage, &text));
    ASSERT_CONTAINS("} 0\n", text);
    ASSERT_EQ_INT(REDIS_REFUSED, seen.outcome);
    ASSERT_FALSE(seen.has_info);

    start_server(&stage);
    text = collect_until_up(&stage);
    ASSERT_CONTAINS(str_printf(stage.arena, "redis_up{instance=\"127.0.0.1:%d\",job=\"redis\"} 1\n", stage.port).at,
                    text);
    ASSERT_CONTAINS("\"} 67108864\n# TYPE redis_config_maxmemory", text);
    ASSERT_CONTAINS("# TYPE redis_commands_total counter\nredis_commands_total{cmd=", text);
    ASSERT_CONTAINS("# TYPE redis_rdb_last_bgsave_status gauge\n", text);
    ASSERT_CONTAINS("maxmemory_policy=\"noeviction\"", text);
    ASSERT_CONTAINS("redis_slowlog_length{", text);
    ASSERT_EQ_INT(REDIS_DONE, seen.outcome);
    ASSERT_EQ_INT(64 << 20, seen.maxmemory);
    ASSERT_FALSE(seen.has_previous);

    text = collect_until_up(&stage); /* the server logs every command as slow */
    ASSERT_TRUE(seen.has_previous && !seen.restarted && seen.previous_commands > 0);
    ASSERT_TRUE(seen.slow_count > 0 && seen.slow_count < 20);
    ASSERT_TRUE(str_starts(str_of(seen.address), S("redis:127.0.0.1:")));

    stop_server(&stage);
    err e = collect(&stage, &text);
    ASSERT_TRUE(e != NULL);
    err_free(e);
    ASSERT_TRUE(seen.outcome != REDIS_DONE && seen.has_previous);
    start_server(&stage);
    collect_until_up(&stage);
    ASSERT_TRUE(seen.restarted);
    stop_server(&stage);
    stage_down(&stage);
}

TEST(redis_that_lies_gives_samples_or_none_but_no_harm)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct batch batch = batch_make(arena, 1700000000000, S("redis"), S("h:1"));
    struct redis_info info;
    struct redis_instance_state state = { .time_ms = 1700000000000,
                                          .info = &info,
                                          .slowlog_length = INT64_MAX,
                                          .slowlog_last_id = INT64_MAX,
                                          .slowlog_last_us = INT64_MAX,
                                          .cluster_info = S("\0\xff not cluster info") };
    struct buf text CLEANUP(buf_clear) = { .max = 1 << 20 };

    ASSERT_OK(redis_info_parse(arena,
                               S("uptime_in_seconds:9223372036854775807\nmaxclients:9223372036854775807\n"
                                 "used_memory:-1\nmaxmemory:1e999\nrole:slave\nmaster_host:\xff\xfe\"\n"
                                 "master_link_down_since_seconds:-1\nrun_id:\0\0\n"
                                 "cmdstat_\xff:calls=9223372036854775807,usec=-5\nerrorstat_\"x:count=1\n"
                                 "db0:keys=-9223372036854775808,avg_ttl=nan\nslave0:ip=\xff,port=,offset=1,lag=-1\n"),
                               &info));
    redis_samples_add(&batch, &state);
    batch_write(&text, &batch);
    ASSERT_TRUE(str_is_utf8(buf_str(&text)));
    ASSERT_CONTAINS("redis_commands_total{cmd=\"\xef\xbf\xbd\",", buf_str(&text));
    ASSERT_CONTAINS("err=\"\\\"x\"", buf_str(&text));
    ASSERT_FALSE(str_contains(buf_str(&text), S("redis_memory_max_bytes")));
    ASSERT_FALSE(str_contains(buf_str(&text), S("redis_db_keys{")));
}

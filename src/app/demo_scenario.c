/* demo_scenario.c - four things that go wrong with a Redis, brought about for real. */
#include "app/demo.h"

#include "base/time.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The action closes what has been idle for 10 s (content/actions/redis.yml); Redis counts whole seconds. */
enum { COMMAND_MS = 5 * SECOND_MS, VALUE_BYTES = 64 * 1024, SETS_MAX = 4096, LEAKED = 40, CROWD = 80, IDLE_MS = 11500 };

err demo_redis_open(struct demo *demo, struct redis_client **ret_client)
{
    struct redis_client *client = redis_client_new(
        &(struct redis_options){ .host = S("127.0.0.1"), .port = demo->redis_port, .client_name = S("demo") });

    err e = redis_connect(client, time_mono_ms() + COMMAND_MS);
    if (e) {
        redis_client_free(client);
        return e;
    }
    *ret_client = client;
    return NULL;
}

static err config_set(struct redis_client *client, struct arena *arena, struct str option, struct str value)
{
    const struct str argv[] = { S("CONFIG"), S("SET"), option, value };
    const struct resp *reply;

    return redis_command(client, arena, time_mono_ms() + COMMAND_MS, argv, ARRAY_LEN(argv), &reply);
}

/* SC-001: an application writes until Redis refuses. */
static err fill_memory(struct demo *demo, int64_t *ret_fault_ms)
{
    static char value[VALUE_BYTES];
    struct arena *arena CLEANUP(arena_freep) = arena_new(16 << 20);
    struct redis_client *client CLEANUP(redis_client_freep) = NULL;

    memset(value, 'x', sizeof(value));
    TRY(demo_redis_open(demo, &client));
    TRY(config_set(client, arena, S("maxmemory"), S("32mb")));
    for (int i = 0; i < SETS_MAX; i++) {
        const struct str argv[] = { S("SET"), str_printf(arena, "demo:%d", i), { value, sizeof(value) } };
        const struct resp *reply;
        err e = redis_command(client, arena, time_mono_ms() + COMMAND_MS, argv, ARRAY_LEN(argv), &reply);
        if (e && redis_outcome(client) == REDIS_OOM) {
            err_free(e);
            *ret_fault_ms = time_now_ms();
            return NULL;
        }
        TRY(e);
    }
    return err_new(ERR_INTERNAL, "Redis took %d writes of %d KiB with maxmemory 32mb", SETS_MAX, VALUE_BYTES / 1024);
}

static err open_socket(struct demo *demo)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)demo->redis_port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return err_errno("can't make a socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        err e = err_errno("can't connect to the demo's Redis");
        close(fd);
        return e;
    }
    demo->crowd[demo->crowd_count++] = fd;
    return NULL;
}

err demo_leak(struct demo *demo)
{
    while (demo->crowd_count < LEAKED)
        TRY(open_socket(demo));
    demo->crowd_ms = time_mono_ms();
    return NULL;
}

static bool wait_for_idle(struct demo *demo)
{
    bool going = true;

    while (going && time_mono_ms() < demo->crowd_ms + IDLE_MS)
        going = demo_pause(demo, 100);
    return going;
}

/* SC-002: more clients than there is room for. Half of them have been forgotten long ago. */
static err fill_clients(struct demo *demo, int64_t *ret_fault_ms)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct redis_client *client CLEANUP(redis_client_freep) = NULL;

    TRY(demo_redis_open(demo, &client));
    TRY(config_set(client, arena, S("maxclients"), S("50")));
    while (demo->crowd_count < CROWD)
        TRY(open_socket(demo));
    *ret_fault_ms = time_now_ms();
    return NULL;
}

static void close_crowd(struct demo *demo)
{
    while (demo->crowd_count)
        close(demo->crowd[--demo->crowd_count]);
}

/* SC-005: a script that never ends; its client waits for an answer that does not come. */
static err run_away(struct demo *demo, int64_t *ret_fault_ms)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const struct str argv[] = { S("EVAL"), S("while true do end"), S("0") };
    const struct resp *reply;

    TRY(demo_redis_open(demo, &demo->runaway));
    *ret_fault_ms = time_now_ms();
    err e = redis_command(demo->runaway, arena, time_mono_ms() + 100, argv, ARRAY_LEN(argv), &reply);
    bool waits = e && redis_outcome(demo->runaway) == REDIS_TIMED_OUT;
    if (waits) {
        err_free(e);
        return NULL;
    }
    return e ? e : err_new(ERR_INTERNAL, "the script ended");
}

static void close_runaway(struct demo *demo)
{
    redis_client_free(demo->runaway);
    demo->runaway = NULL;
}

/* The kernel, or somebody, kills the process. */
static err kill_process(struct demo *demo, int64_t *ret_fault_ms)
{
    *ret_fault_ms = time_now_ms();
    return demo_service_ask(demo->socket, S("kill " DEMO_UNIT));
}

const struct demo_scenario demo_scenarios[] = {
    { "SC-001", "Out of memory", "maxmemory 32mb, noeviction; an application writes until Redis refuses.", NULL,
      fill_memory, NULL },
    { "SC-005", "A script that never ends", "EVAL \"while true do end\": Redis answers BUSY to everybody.", NULL,
      run_away, close_runaway },
    { "SC-002", "Too many clients", "maxclients 50; 80 connections, 40 of them long forgotten by their application.",
      wait_for_idle, fill_clients, close_crowd },
    { "process-killed", "The process is killed", "kill -9.", NULL, kill_process, NULL },
};
const size_t demo_scenario_count = ARRAY_LEN(demo_scenarios);

void demo_scenarios_end(struct demo *demo)
{
    close_crowd(demo);
    close_runaway(demo);
}

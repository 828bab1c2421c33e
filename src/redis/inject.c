/* inject.c - fills memory, holds connections, runs a slow script; and takes all of it back. */
#include "redis/inject.h"

#include "base/time.h"
#include "db/journal.h"
#include "net/wire.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_BYTES = 64 * 1024, PER_MB = (1 << 20) / VALUE_BYTES, HELD_MAX = 20000, SENT_MS = 100 };

const char *const inject_kind_words[] = { "fill_memory", "connections", "slow_command", NULL };

#define KEY_PREFIX "auspex:inject:"

/* A connection that does nothing but be there. */
struct held {
    int64_t connection;
    struct wire wire;
};

static struct {
    pthread_mutex_t lock;
    VEC(struct held) held;
    int64_t last_id;
} room = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int64_t next_id(void)
{
    int64_t now_ms = time_now_ms(); /* ids of an earlier life are in the keys that it left */

    pthread_mutex_lock(&room.lock);
    room.last_id = now_ms > room.last_id ? now_ms : room.last_id + 1;
    int64_t id = room.last_id;
    pthread_mutex_unlock(&room.lock);
    return id;
}

static err open_client(struct arena *arena, const struct connection *connection, int64_t deadline_ms,
                       struct redis_client **ret_client)
{
    struct redis_options options;

    TRY(connections_reach(arena, connection->key, &options));
    options.client_name = S("auspex-inject");
    *ret_client = redis_client_new(&options);
    return redis_connect(*ret_client, deadline_ms);
}

static err fill_memory(struct arena *arena, const struct connection *connection, const struct injection *injection,
                       int64_t id, struct str *ret_detail)
{
    struct redis_client *client CLEANUP(redis_client_freep) = NULL;
    struct arena *scratch CLEANUP(arena_freep) = arena_new(1 << 20);
    char *value = arena_alloc(arena, VALUE_BYTES);
    int64_t wanted = injection->mb * PER_MB, written = 0;

    memset(value, 'x', VALUE_BYTES);
    TRY(open_client(arena, connection, injection->deadline_ms, &client));
    for (; written < wanted; written++) {
        const struct str argv[] = { S("SET"),
                                    str_printf(scratch, KEY_PREFIX "%lld:%lld", (long long)id, (long long)written),
                                    { value, VALUE_BYTES } };
        const struct resp *reply;
        err e = redis_command(client, scratch, injection->deadline_ms, argv, ARRAY_LEN(argv), &reply);
        arena_reset(scratch);
        if (e && redis_outcome(client) != REDIS_OOM)
            return err_wrap(e, "after %lld MiB", (long long)(written / PER_MB));
        bool full = e != NULL;
        err_free(e);
        if (full)
            break;
    }
    *ret_detail = str_printf(arena, "%lld keys of 64 KiB%s", (long long)written,
                             written < wanted ? "; then Redis was out of memory" : "");
    return NULL;
}

static bool hold(int64_t connection, const struct wire *wire)
{
    pthread_mutex_lock(&room.lock);
    bool taken = room.held.count < HELD_MAX;
    if (taken)
        *vec_push(&room.held, NULL) = (struct held){ connection, *wire };
    pthread_mutex_unlock(&room.lock);
    return taken;
}

static err hold_connections(struct arena *arena, const struct connection *connection, const struct injection *injection,
                            struct str *ret_detail)
{
    struct redis_options options;

    TRY(connections_reach(arena, connection->key, &options));
    for (int64_t i = 0; i < injection->count; i++) {
        struct wire wire;
        TRY(err_wrap(wire_connect(options.host, options.port, injection->deadline_ms, &wire), "after %lld connections",
                     (long long)i));
        if (hold(connection->id, &wire))
            continue;
        wire_close(&wire);
        return err_new(ERR_CONFLICT, "%d connections are held already: POST /api/v1/monitor/cleanup first", HELD_MAX);
    }
    *ret_detail = str_printf(arena, "%lld connections are held", (long long)injection->count);
    return NULL;
}

/* Newer servers stop TIME during a script but have os.clock, older ones are the other way round. */
static const char slow_script[] = "local has, clock = pcall(function() return os.clock end) "
                                  "local function now() if has then return clock() * 1000 end "
                                  "local t = redis.call('TIME') return t[1] * 1000 + t[2] / 1000 end "
                                  "local ends = now() + ARGV[1] while now() < ends do end return 'done'";

/* run_slowly - the server goes on with a script whose client has left. */
static err run_slowly(struct arena *arena, const struct connection *connection, const struct injection *injection,
                      struct str *ret_detail)
{
    struct redis_client *client CLEANUP(redis_client_freep) = NULL;
    const struct str argv[] = { S("EVAL"), str_of(slow_script), S("0"),
                                str_printf(arena, "%lld", (long long)injection->duration_ms) };
    const struct resp *reply;

    TRY(open_client(arena, connection, injection->deadline_ms, &client));
    err e = redis_command(client, arena, time_mono_ms() + SENT_MS, argv, ARRAY_LEN(argv), &reply);
    if (e && redis_outcome(client) != REDIS_TIMED_OUT)
        return e;
    err_free(e);
    *ret_detail = str_printf(arena, "a script runs for %lld ms", (long long)injection->duration_ms);
    return NULL;
}

err inject(struct arena *arena, const struct connection *connection, const struct injection *injection, int64_t *ret_id,
           struct str *ret_detail)
{
    if (!connection->test)
        return err_hint(err_new(ERR_FORBIDDEN, "%.*s is not marked as a test: nothing is provoked on it",
                                STR_ARG(connection->name)),
                        "connect it with \"test\": true, if nobody depends on it");
    *ret_id = next_id();
    switch (injection->kind) {
    case INJECT_FILL_MEMORY:
        TRY(fill_memory(arena, connection, injection, *ret_id, ret_detail));
        break;
    case INJECT_CONNECTIONS:
        TRY(hold_connections(arena, connection, injection, ret_detail));
        break;
    case INJECT_SLOW_COMMAND:
        TRY(run_slowly(arena, connection, injection, ret_detail));
        break;
    }
    return connections_note(connection, injection->actor, "inject", *ret_detail);
}

static int64_t let_go(int64_t connection)
{
    int64_t closed = 0;

    pthread_mutex_lock(&room.lock);
    size_t kept = 0;
    for (size_t i = 0; i < room.held.count; i++) {
        if (room.held.at[i].connection != connection) {
            room.held.at[kept++] = room.held.at[i];
            continue;
        }
        wire_close(&room.held.at[i].wire);
        closed++;
    }
    room.held.count = kept;
    if (!kept)
        vec_clear(&room.held);
    pthread_mutex_unlock(&room.lock);
    return closed;
}

/* unlink_found - the keys of one turn of SCAN. */
static err unlink_found(struct arena *arena, struct redis_client *client, int64_t deadline_ms, const struct resp *keys,
                        int64_t *count)
{
    struct str *argv = arena_array(arena, keys->count + 1, sizeof(*argv));
    const struct resp *reply;
    size_t words = 0;

    argv[words++] = S("UNLINK");
    for (size_t i = 0; i < keys->count; i++)
        if (keys->items[i]->type == RESP_STRING && str_starts(keys->items[i]->text, S(KEY_PREFIX)))
            argv[words++] = keys->items[i]->text;
    if (words == 1)
        return NULL;
    TRY(redis_command(client, arena, deadline_ms, argv, words, &reply));
    *count += reply->type == RESP_INTEGER ? reply->integer : 0;
    return NULL;
}

static err remove_keys(struct arena *arena, const struct connection *connection, int64_t deadline_ms, int64_t *count)
{
    struct redis_client *client CLEANUP(redis_client_freep) = NULL;
    struct arena *scratch CLEANUP(arena_freep) = arena_new(16 << 20);
    char cursor[32] = "0";

    TRY(open_client(arena, connection, deadline_ms, &client));
    do {
        const struct str argv[] = { S("SCAN"), str_of(cursor), S("MATCH"), S(KEY_PREFIX "*"), S("COUNT"), S("1000") };
        const struct resp *reply;
        TRY(redis_command(client, scratch, deadline_ms, argv, ARRAY_LEN(argv), &reply));
        if (reply->type != RESP_ARRAY || reply->count != 2 || reply->items[0]->type != RESP_STRING ||
            reply->items[1]->type != RESP_ARRAY || reply->items[0]->text.length >= sizeof(cursor))
            return err_new(ERR_REFUSED, "SCAN answered something strange");
        memcpy(cursor, reply->items[0]->text.at, reply->items[0]->text.length);
        cursor[reply->items[0]->text.length] = '\0';
        TRY(unlink_found(scratch, client, deadline_ms, reply->items[1], count));
        arena_reset(scratch);
    } while (strcmp(cursor, "0") != 0);
    return NULL;
}

err inject_undo(struct arena *arena, const struct connection *connection, struct str actor, int64_t deadline_ms,
                int64_t *ret_count)
{
    *ret_count = let_go(connection->id);
    TRY(remove_keys(arena, connection, deadline_ms, ret_count));
    if (!*ret_count)
        return NULL;
    return connections_note(connection, actor, "cleanup",
                            str_printf(arena, "%lld keys and connections are gone", (long long)*ret_count));
}

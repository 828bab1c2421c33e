/* look_once.c - PING, INFO, the slow log and the clients, over a connection of its own. */
#include "redis/look_once.h"

#include "base/time.h"
#include "redis/looking.h"

enum { SLOW_RECENT_MS = 5 * MINUTE_MS, CLIENTS_MAX = 1000 };

struct look {
    struct redis_client *client;
    struct arena *arena;
    int64_t deadline_ms;
    struct redis_facts *facts;
};

/* ask - NULL where it did not work; the first thing that went wrong is kept in the facts. */
static const struct resp *ask(struct look *look, const struct str *argv, size_t count)
{
    const struct resp *reply = NULL;

    err e = redis_command(look->client, look->arena, look->deadline_ms, argv, count, &reply);
    if (e && look->facts->outcome == REDIS_DONE) {
        look->facts->outcome = redis_outcome(look->client);
        look->facts->error = str_utf8_scrub(look->arena, str_of(err_message(e)));
    }
    bool failed = e != NULL;
    err_free(e);
    return failed ? NULL : reply;
}

static void look_at_slowlog(struct look *look)
{
    const struct resp *reply = ask(look, (struct str[]){ S("SLOWLOG"), S("GET"), S("32") }, 3);
    const struct redis_slow_entry *entries;
    struct redis_facts *facts = look->facts;
    size_t count;
    int64_t last;

    if (!reply)
        return;
    redis_slow_read(look->arena, reply, -1, &entries, &count, &last);
    for (size_t i = 0; i < count && facts->slow_count < FACTS_SLOW_MAX; i++)
        if (facts->time_ms - entries[i].time_ms < SLOW_RECENT_MS)
            facts->slow[facts->slow_count++] = entries[i];
    facts->slow_new = facts->slow_count;
}

static void look_at_clients(struct look *look)
{
    struct redis_client_summary clients = { 0 };
    struct redis_facts *facts = look->facts;

    if (facts->info->connected_clients < 0 || facts->info->connected_clients >= CLIENTS_MAX)
        return; /* it costs the server by the client */
    const struct resp *reply = ask(look, (struct str[]){ S("CLIENT"), S("LIST") }, 2);
    if (!reply || reply->type != RESP_STRING)
        return;
    redis_clients_read(look->arena, reply->text, &clients);
    for (size_t i = 0; i < clients.row_count && facts->client_count < FACTS_CLIENTS_MAX; i++)
        facts->clients[facts->client_count++] = clients.rows[i];
    facts->clients_all = clients.count;
    facts->clients_idle = clients.idle;
    facts->clients_ms = facts->time_ms;
}

static void look_at_info(struct look *look)
{
    const struct resp *reply = ask(look, (struct str[]){ S("INFO"), S("everything") }, 2);
    struct redis_info *info = arena_alloc(look->arena, sizeof(*info));

    if (!reply || reply->type != RESP_STRING)
        return;
    err e = redis_info_parse(look->arena, reply->text, info);
    if (e) {
        look->facts->outcome = REDIS_PROTOCOL;
        look->facts->error = str_copy(look->arena, str_of(err_message(e)));
        err_free(e);
        return;
    }
    look->facts->info = info;
    look->facts->info_ms = look->facts->time_ms;
    look->facts->fresh = look->facts->ever_up = true;
}

void look_once(struct arena *arena, const struct redis_options *options, struct str address, int64_t deadline_ms,
               struct redis_facts *ret_facts)
{
    struct redis_client *client CLEANUP(redis_client_freep) = redis_client_new(options);
    struct look look = { .client = client, .arena = arena, .deadline_ms = deadline_ms, .facts = ret_facts };

    *ret_facts = (struct redis_facts){
        .resource = str_printf(arena, "redis:%.*s", STR_ARG(address)),
        .address = address,
        .time_ms = time_now_ms(),
        .outcome = REDIS_DONE,
        .error = S(""),
    };
    err e = redis_connect(client, deadline_ms);
    if (e) {
        ret_facts->outcome = redis_outcome(client);
        ret_facts->error = str_utf8_scrub(arena, str_of(err_message(e)));
        err_free(e);
    }
    if (!redis_is_connected(client)) {
        ret_facts->failures = 1;
        ret_facts->ever_up = true; /* somebody connected it once: it is known to be a Redis */
        return;
    }
    int64_t start_us = time_mono_us();
    ask(&look, (struct str[]){ S("PING") }, 1);
    ret_facts->round_trip_ms = (double)(time_mono_us() - start_us) / 1000;
    if (redis_is_connected(client))
        look_at_info(&look);
    if (ret_facts->fresh && redis_is_connected(client))
        look_at_slowlog(&look);
    if (ret_facts->fresh && redis_is_connected(client))
        look_at_clients(&look);
}

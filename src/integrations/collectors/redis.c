/* redis.c - polls one Redis over one connection that stays open.
 *
 * DESIGN. Each poll is PING (it answers MISCONF, LOADING, BUSY where INFO may work), INFO everything, the newest entry
 * of the slow log, LATENCY LATEST, and CLUSTER INFO where there is a cluster: 0.2 ms of the server's time together.
 * CLIENT LIST costs by client, so it is asked below 1,000 clients, when something is wrong with connections or at every
 * 12th poll. What the user may not do is asked once a connection, or a monitor's own refusals would fill ACL LOG. */
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "ingest/collector.h"
#include "integrations/collectors/redis_samples.h"
#include "net/redis_reach.h"
#include "redis/looking.h"

enum { CLIENTS_MAX = 1000, CLIENTS_EVERY = 12, SLOW_MAX = 128, INFO_ARENA_MAX = 32 * 1024 * 1024 };

struct redis_settings {
    struct str host, username, password, ca_file;
    int64_t port;
    bool tls;
};

static const struct field redis_fields[] = {
    STRING(struct redis_settings, host, .def = "127.0.0.1", .min = 1, .max = 255, .doc = "Name or address."),
    INT(struct redis_settings, port, .def = "6379", .min = 1, .max = 65535, .doc = "Port."),
    STRING(struct redis_settings, username, .max = 255, .doc = "User of an ACL; empty: the default user."),
    STRING(struct redis_settings, password, .max = 4096, .flags = F_SECRET, .doc = "Password; empty: none."),
    BOOL(struct redis_settings, tls, .def = "false", .doc = "Speak TLS."),
    STRING(struct redis_settings, ca_file, .max = 4096, .doc = "Certificates to trust; empty: the system's."),
    { 0 },
};

enum look { LOOK_SLOWLOG, LOOK_LATENCY, LOOK_CLUSTER, LOOK_CLIENTS, LOOK_COUNT };

struct redis_source {
    struct redis_client *client;
    char *address;
    bool refused[LOOK_COUNT]; /* the user may not, or the server can't */
    bool only_all;            /* it knows no INFO everything */
    uint64_t polls;
    int64_t slow_last;    /* -1: none seen */
    struct arena *memory; /* of previous */
    const struct redis_info *previous;
    int64_t previous_ms;
};

static struct str address_of(struct arena *arena, const struct redis_settings *settings)
{
    bool v6 = str_find(settings->host, S(":"), 0) != SIZE_MAX;

    return str_printf(arena, v6 ? "[%.*s]:%d" : "%.*s:%d", STR_ARG(settings->host), (int)settings->port);
}

static struct str redis_instance(struct arena *arena, const void *settings)
{
    return address_of(arena, settings);
}

static err redis_open(struct call *call, const void *settings, void **ret_state)
{
    const struct redis_settings *s = settings;
    struct redis_source *source = calloc(1, sizeof(*source));

    if (!source)
        abort();
    const struct redis_options options = {
        .host = s->host,
        .port = (int)s->port,
        .user = s->username,
        .password = s->password,
        .tls = s->tls,
        .ca_file = s->ca_file,
        .client_name = S("auspex-monitor"),
    };
    source->client = redis_client_new(&options);
    source->address = strdup(address_of(call->arena, s).at);
    redis_reach_add(str_of(source->address), &options);
    source->slow_last = -1;
    source->memory = arena_new(INFO_ARENA_MAX);
    *ret_state = source;
    return NULL;
}

static void redis_close(void *state)
{
    struct redis_source *source = state;

    redis_reach_remove(str_of(source->address));
    redis_client_free(source->client);
    arena_free(source->memory);
    free(source->address);
    free(source);
}

/* A look that is nice to have: NULL where it failed or is refused. */
static const struct resp *look(struct redis_source *source, struct call *call, enum look kind, const struct str *argv,
                               size_t count)
{
    const struct resp *reply = NULL;

    if (source->refused[kind] || !redis_is_connected(source->client))
        return NULL;
    err e = redis_command(source->client, call->arena, call->deadline_ms, argv, count, &reply);
    enum redis_outcome outcome = redis_outcome(source->client);
    source->refused[kind] = outcome == REDIS_NOPERM || outcome == REDIS_UNKNOWN_COMMAND;
    if (e)
        reply = NULL;
    err_free(e); /* the poll goes on: PING and INFO said how the server is */
    return reply;
}

static void look_at_slowlog(struct redis_source *source, struct call *call, struct redis_instance_state *state)
{
    const struct resp *reply = look(source, call, LOOK_SLOWLOG, (struct str[]){ S("SLOWLOG"), S("LEN") }, 2);
    const struct redis_slow_entry *newest;
    size_t count;
    int64_t last;

    state->slowlog_length = state->slowlog_last_id = -1;
    if (!reply || reply->type != RESP_INTEGER)
        return;
    state->slowlog_length = reply->integer;
    state->slowlog_last_id = 0;
    reply = look(source, call, LOOK_SLOWLOG, (struct str[]){ S("SLOWLOG"), S("GET"), S("1") }, 3);
    if (!reply)
        return;
    redis_slow_read(call->arena, reply, -1, &newest, &count, &last);
    if (!count)
        return;
    state->slowlog_last_id = last;
    state->slowlog_last_us = newest[0].duration_us;
    if (last < source->slow_last)
        source->slow_last = -1; /* the server restarted: ids begin anew */
    if (last == source->slow_last)
        return;
    reply = look(source, call, LOOK_SLOWLOG, (struct str[]){ S("SLOWLOG"), S("GET"), S("128") }, 3);
    if (reply)
        redis_slow_read(call->arena, reply, source->slow_last, &state->slow, &state->slow_count, &source->slow_last);
}

/* Something about connections is wrong, or it is time. */
static bool wants_clients(const struct redis_source *source, const struct redis_instance_state *state)
{
    const struct redis_info *now = state->info, *before = state->restarted ? NULL : state->previous;

    if (now->connected_clients < 0 || now->connected_clients >= CLIENTS_MAX)
        return false;
    return source->polls % CLIENTS_EVERY == 0 ||
           (now->maxclients > 0 && (double)now->connected_clients >= 0.8 * (double)now->maxclients) ||
           (before && (now->rejected_connections > before->rejected_connections ||
                       now->evicted_clients > before->evicted_clients || now->evicted_keys > before->evicted_keys));
}

static void look_around(struct redis_source *source, struct call *call, struct redis_instance_state *state)
{
    const struct resp *reply;

    look_at_slowlog(source, call, state);
    reply = look(source, call, LOOK_LATENCY, (struct str[]){ S("LATENCY"), S("LATEST") }, 2);
    if (reply)
        redis_latency_read(call->arena, reply, &state->latency, &state->latency_count);
    if (state->info->cluster_enabled == 1) {
        reply = look(source, call, LOOK_CLUSTER, (struct str[]){ S("CLUSTER"), S("INFO") }, 2);
        if (reply && reply->type == RESP_STRING)
            state->cluster_info = reply->text;
    }
    if (wants_clients(source, state)) {
        reply = look(source, call, LOOK_CLIENTS, (struct str[]){ S("CLIENT"), S("LIST") }, 2);
        if (reply && reply->type == RESP_STRING) {
            struct redis_client_summary *clients = arena_alloc(call->arena, sizeof(*clients));
            redis_clients_read(call->arena, reply->text, clients);
            state->clients = clients;
        }
    }
}

static void note_outcome(struct redis_source *source, struct redis_instance_state *state)
{
    if (state->outcome == REDIS_DONE)
        state->outcome = redis_outcome(source->client);
}

static err ask_info(struct redis_source *source, struct call *call, struct redis_instance_state *state)
{
    struct redis_info *info = arena_alloc(call->arena, sizeof(*info));
    const struct resp *reply = NULL;

    struct str argv[] = { S("INFO"), source->only_all ? S("all") : S("everything") };
    TRY(redis_command(source->client, call->arena, call->deadline_ms, argv, 2, &reply));
    if (reply->type == RESP_STRING && !reply->text.length &&
        !source->only_all) { /* relatives of Redis that know no such section */
        source->only_all = true;
        argv[1] = S("all");
        TRY(redis_command(source->client, call->arena, call->deadline_ms, argv, 2, &reply));
    }
    if (reply->type != RESP_STRING)
        return err_new(ERR_REFUSED, "INFO answered no text");
    TRY(redis_info_parse(call->arena, reply->text, info));
    state->info = info;
    state->restarted = source->previous && !str_eq(source->previous->run_id, info->run_id);
    return NULL;
}

/* The first thing that went wrong; state->info may be there all the same. */
static err poll_once(struct redis_source *source, struct call *call, struct redis_instance_state *state)
{
    const struct resp *reply = NULL;
    err first = NULL;
    bool was_open = redis_is_connected(source->client);

    if (!was_open) {
        memset(source->refused, 0, sizeof(source->refused));
        first = redis_connect(source->client, call->deadline_ms);
        note_outcome(source, state);
        if (!redis_is_connected(source->client))
            return first;
    }
    int64_t start_us = time_mono_us();
    err e = redis_command(source->client, call->arena, call->deadline_ms, (struct str[]){ S("PING") }, 1, &reply);
    if (was_open && redis_outcome(source->client) == REDIS_CLOSED) { /* ended since the last poll: how is it now? */
        err_free(e);
        return poll_once(source, call, state);
    }
    state->round_trip_ms = (double)(time_mono_us() - start_us) / 1000;
    note_outcome(source, state);
    if (!first)
        first = e;
    else
        err_free(e);
    if (!redis_is_connected(source->client))
        return first;
    e = ask_info(source, call, state);
    note_outcome(source, state);
    if (!e)
        look_around(source, call, state);
    if (!first)
        first = e;
    else
        err_free(e);
    return first;
}

static void remember(struct redis_source *source, const struct redis_instance_state *state)
{
    if (!state->info)
        return;
    arena_reset(source->memory);
    source->previous = redis_info_copy(source->memory, state->info);
    source->previous_ms = state->time_ms;
}

static void add_resource(struct batch *out, const struct redis_instance_state *state)
{
    struct resource_seen seen = {
        .id = state->resource, .kind = S("redis_instance"), .name = state->address, .detail = S("")
    };

    if (state->info) {
        const struct redis_info *info = state->info;
        const struct label labels[] = { { S("role"), str_utf8_scrub(out->arena, info->role) },
                                        { S("mode"), str_utf8_scrub(out->arena, info->redis_mode) },
                                        { S("version"), str_utf8_scrub(out->arena, info->redis_version) } };
        seen.labels = labels_make(out->arena, labels, ARRAY_LEN(labels));
        seen.detail = str_printf(out->arena, "Redis %.*s, %.*s", STR_ARG(labels[2].value), STR_ARG(labels[0].value));
        batch_resource(out, &seen);
    }
}

static err redis_collect(struct call *call, const void *settings, void *state, struct batch *out)
{
    struct redis_source *source = state;
    struct redis_instance_state now = {
        .source = out->source,
        .address = str_of(source->address),
        .resource = str_printf(out->arena, "redis:%s", source->address),
        .time_ms = out->time_ms,
        .outcome = REDIS_DONE,
        .error = S(""),
        .previous = source->previous,
        .previous_ms = source->previous_ms,
        .slowlog_length = -1,
        .slowlog_last_id = -1,
        .cluster_info = S(""),
    };

    (void)settings;
    err e = poll_once(source, call, &now);
    source->polls++;
    if (e)
        now.error = str_utf8_scrub(out->arena, str_of(err_message(e)));
    redis_samples_add(out, &now);
    add_resource(out, &now);
    if (redis_observe)
        redis_observe(&now);
    remember(source, &now);
    if (!e)
        redis_reach_keep(str_of(source->address), call->deadline_ms);
    return e;
}

static const struct collector redis = {
    .name = "redis",
    .doc = "A Redis: INFO, slow log, latency, clients, cluster, with redis_exporter's names.",
    .settings = SCHEMA(struct redis_settings, redis_fields),
    .interval_ms = 5 * SECOND_MS,
    .blocks = true,
    .instance = redis_instance,
    .open = redis_open,
    .collect = redis_collect,
    .close = redis_close,
};
REGISTER(collector, redis);

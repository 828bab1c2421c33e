/* monitor.c - /api/v1/monitor: connect to a Redis, start and stop watching it, how each of them is. */
#include "api/monitor.h"

#include "base/time.h"
#include "redis/doctor.h"
#include "redis/look_once.h"

#include <time.h>

enum { LOOK_MS = 5000, FRESH_MS = 2000, POKE_WAIT_MS = 2000, POKE_STEP_MS = 20 };

static const struct field which_fields[] = {
    STRING(struct which_connection, connection, .max = 300,
           .doc = "Id, name or address; may be left out where there is one connection only."),
    { 0 },
};
const struct schema which_connection_schema = SCHEMA(struct which_connection, which_fields, .doc = "Which one.");

struct connect_body {
    struct str host, username, password, name;
    int64_t port, db;
    bool tls, test, start;
};
static const struct field connect_fields[] = {
    STRING(struct connect_body, host, .flags = F_REQUIRED, .min = 1, .max = 255, .doc = "Name or address."),
    INT(struct connect_body, port, .def = "6379", .min = 1, .max = 65535, .doc = "Port."),
    STRING(struct connect_body, username, .max = 255, .doc = "User of an ACL; left out: the default user."),
    STRING(struct connect_body, password, .flags = F_SECRET, .max = 4096, .doc = "Password; kept sealed."),
    INT(struct connect_body, db, .def = "0", .min = 0, .max = 1e6, .doc = "Database."),
    BOOL(struct connect_body, tls, .def = "false", .doc = "Speak TLS."),
    STRING(struct connect_body, name, .max = 100, .doc = "What people call it; left out: its address."),
    BOOL(struct connect_body, test, .def = "false", .doc = "For tests: faults may be provoked on it."),
    BOOL(struct connect_body, start, .def = "false", .doc = "Watch it at once, as POST start does."),
    { 0 },
};
static const struct schema connect_schema = SCHEMA(struct connect_body, connect_fields, .doc = "A Redis.");

struct connect_reply {
    struct str connection, name, address, server_version, mode, role;
};
static const struct field connect_reply_fields[] = {
    STRING(struct connect_reply, connection, .doc = "Its id."),
    STRING(struct connect_reply, name, .doc = "What people call it."),
    STRING(struct connect_reply, address, .doc = "HOST:PORT."),
    STRING(struct connect_reply, server_version, .doc = "Of Redis; unknown while it loads or is busy."),
    STRING(struct connect_reply, mode, .doc = "standalone, sentinel, cluster."),
    STRING(struct connect_reply, role, .doc = "master, replica, sentinel."),
    { 0 },
};
static const struct schema connect_reply_schema =
    SCHEMA(struct connect_reply, connect_reply_fields, .doc = "A connection.");

static err connect_redis(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct connect_body *b = body;
    struct connection c;
    const struct connection_in in = {
        .host = b->host,
        .username = b->username,
        .password = b->password,
        .name = b->name,
        .port = b->port,
        .db = b->db,
        .tls = b->tls,
        .test = b->test,
        .watch = b->start,
        .actor = request_principal(req)->name,
    };

    (void)query;
    TRY(connections_add(request_arena(req), &in, &c));
    const struct connect_reply out = { c.key, c.name, c.address, c.server_version, c.mode, c.role };
    return reply_encode(reply, &connect_reply_schema, &out);
}

static const struct route connect_route = {
    .method = "POST",
    .path = "/api/v1/monitor/connect",
    .summary = "Connect to a Redis",
    .doc = "Connecting to the same host and port again keeps the connection's id and takes the new settings.",
    .tag = "Redis",
    .role = ROLE_OPERATOR,
    .body = &connect_schema,
    .reply = &connect_reply_schema,
    .handle = connect_redis,
};
REGISTER(route, connect_route);

static const char *const state_words[] = { "connected", "monitoring",  "unreachable", "loading",
                                           "busy",      "auth_failed", NULL };
enum { STATE_CONNECTED, STATE_MONITORING, STATE_UNREACHABLE, STATE_LOADING, STATE_BUSY, STATE_AUTH_FAILED };

struct status_row {
    struct str connection, name, address, server_version, mode, role, error;
    int state;
    int64_t interval_s, since, last_poll;
    bool test;
};
static const struct field status_row_fields[] = {
    STRING(struct status_row, connection, .doc = "Its id; of a source of the configuration, its name."),
    STRING(struct status_row, name, .doc = "What people call it."),
    STRING(struct status_row, address, .doc = "HOST:PORT."),
    ENUM(struct status_row, state, .words = state_words, .doc = "connected: not watched. Others: as of the last poll."),
    INT(struct status_row, interval_s, .doc = "How often it is looked at."),
    TIME(struct status_row, since, .flags = F_NULLABLE, .doc = "Connected, watched or stopped since."),
    TIME(struct status_row, last_poll, .flags = F_NULLABLE, .doc = "When it was last looked at."),
    STRING(struct status_row, error, .flags = F_NULLABLE, .doc = "What the last poll complained of."),
    STRING(struct status_row, server_version, .flags = F_NULLABLE, .doc = "Of Redis."),
    STRING(struct status_row, mode, .flags = F_NULLABLE, .doc = "standalone, sentinel, cluster."),
    STRING(struct status_row, role, .flags = F_NULLABLE, .doc = "master, replica, sentinel."),
    BOOL(struct status_row, test, .doc = "Faults may be provoked on it."),
    { 0 },
};
static const struct schema status_row_schema = SCHEMA(struct status_row, status_row_fields, .doc = "How it is.");

static int state_of(const struct redis_facts *facts)
{
    switch (facts->outcome) {
    case REDIS_REFUSED:
    case REDIS_TIMED_OUT:
    case REDIS_CLOSED:
    case REDIS_PROTOCOL:
    case REDIS_MAXCLIENTS:
        return STATE_UNREACHABLE;
    case REDIS_LOADING:
        return STATE_LOADING;
    case REDIS_BUSY:
        return STATE_BUSY;
    case REDIS_NOAUTH:
    case REDIS_WRONGPASS:
        return STATE_AUTH_FAILED;
    default:
        return STATE_MONITORING;
    }
}

static struct str or_null(struct str text)
{
    return text.length ? text : (struct str){ NULL, 0 };
}

static struct str role_of(const struct redis_info *info)
{
    return str_eq(info->role, S("slave")) ? S("replica") : info->role;
}

static struct status_row row_of(struct arena *arena, const struct connection *c)
{
    struct redis_facts *facts = arena_alloc(arena, sizeof(*facts));
    struct status_row row = {
        .connection = c->key,
        .name = c->name,
        .address = c->address,
        .state = c->watched ? STATE_MONITORING : STATE_CONNECTED,
        .interval_s = c->interval_s,
        .since = c->since_ms,
        .server_version = or_null(c->server_version),
        .mode = or_null(c->mode),
        .role = or_null(c->role),
        .test = c->test,
    };

    if (!c->watched || !doctor_facts(arena, c->resource, facts))
        return row;
    row.state = state_of(facts);
    row.last_poll = facts->time_ms;
    row.error = or_null(facts->error);
    if (facts->info) {
        row.server_version = or_null(str_utf8_scrub(arena, facts->info->redis_version));
        row.mode = or_null(str_utf8_scrub(arena, facts->info->redis_mode));
        row.role = or_null(str_utf8_scrub(arena, role_of(facts->info)));
    }
    return row;
}

struct status_reply {
    VEC(struct status_row) connections;
};
static const struct field status_reply_fields[] = {
    LIST(struct status_reply, connections, .schema = &status_row_schema, .doc = "In the order they were connected."),
    { 0 },
};
static const struct schema status_reply_schema =
    SCHEMA(struct status_reply, status_reply_fields, .doc = "All connections.");

static err status(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct arena *arena = request_arena(req);
    struct connection_list list;
    struct status_reply out = { 0 };

    (void)query, (void)body;
    TRY(connections_list(arena, &list));
    for (size_t i = 0; i < list.connections.count; i++) {
        *vec_push(&out.connections, arena) = row_of(arena, &list.connections.at[i]);
        TRY(arena_check(arena));
    }
    return reply_encode(reply, &status_reply_schema, &out);
}

static const struct route status_route = {
    .method = "GET",
    .path = "/api/v1/monitor/status",
    .summary = "How each Redis is",
    .tag = "Redis",
    .role = ROLE_VIEWER,
    .reply = &status_reply_schema,
    .handle = status,
};
REGISTER(route, status_route);

struct start_body {
    struct str connection;
    int64_t interval_s;
};
static const struct field start_fields[] = {
    STRING(struct start_body, connection, .max = 300,
           .doc = "Id, name or address; may be left out where there is one connection only."),
    INT(struct start_body, interval_s, .def = "5", .min = 1, .max = 3600, .doc = "How often it is looked at."),
    { 0 },
};
static const struct schema start_schema =
    SCHEMA(struct start_body, start_fields, .name = "monitor_start", .doc = "What to watch.");

static err watch(struct request *req, struct str which, int64_t interval_s, struct reply *reply)
{
    struct arena *arena = request_arena(req);
    struct connection c;

    TRY(connections_find(arena, which, &c));
    TRY(connections_watch(arena, &c, interval_s, request_principal(req)->name));
    struct status_row row = row_of(arena, &c);
    return reply_encode(reply, &status_row_schema, &row);
}

static err start(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct start_body *b = body;

    (void)query;
    return watch(req, b->connection, b->interval_s, reply);
}

static const struct route start_route = {
    .method = "POST",
    .path = "/api/v1/monitor/start",
    .summary = "Watch a Redis",
    .tag = "Redis",
    .role = ROLE_OPERATOR,
    .body = &start_schema,
    .reply = &status_row_schema,
    .handle = start,
};
REGISTER(route, start_route);

static const struct field stop_fields[] = {
    STRING(struct start_body, connection, .max = 300,
           .doc = "Id, name or address; may be left out where there is one connection only."),
    INT(struct start_body, interval_s, .def = "5", .min = 1, .max = 3600, .doc = "Taken for symmetry; of no effect."),
    { 0 },
};
static const struct schema stop_schema =
    SCHEMA(struct start_body, stop_fields, .name = "monitor_stop", .doc = "What to watch no more.");

static err stop(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)query;
    return watch(req, ((const struct start_body *)body)->connection, 0, reply);
}

static const struct route stop_route = {
    .method = "POST",
    .path = "/api/v1/monitor/stop",
    .summary = "Watch a Redis no more",
    .tag = "Redis",
    .role = ROLE_OPERATOR,
    .body = &stop_schema,
    .reply = &status_row_schema,
    .handle = stop,
};
REGISTER(route, stop_route);

/* poked - facts that are younger than this moment, where the next poll comes soon enough. */
static bool poked(struct arena *arena, const struct connection *c, struct redis_facts *facts)
{
    int64_t asked_ms = time_now_ms(), deadline_ms = time_mono_ms() + POKE_WAIT_MS;

    if (!collecting_poke(services.collecting, c->source))
        return false;
    while (time_mono_ms() < deadline_ms) {
        nanosleep(&(struct timespec){ .tv_nsec = POKE_STEP_MS * 1000000L }, NULL);
        if (doctor_facts(arena, c->resource, facts) && facts->time_ms >= asked_ms)
            return true;
    }
    return false;
}

err monitor_facts(struct arena *arena, const struct connection *connection, struct redis_facts *ret_facts)
{
    struct redis_options options;

    if (connection->watched) {
        bool seen = doctor_facts(arena, connection->resource, ret_facts);
        if (seen && time_now_ms() - ret_facts->time_ms <= FRESH_MS)
            return NULL;
        if (poked(arena, connection, ret_facts) || seen)
            return NULL;
    }
    TRY(connections_reach(arena, connection->resource, &options));
    look_once(arena, &options, connection->address, time_mono_ms() + LOOK_MS, ret_facts);
    return NULL;
}

/* monitor_inject.c - /api/v1/monitor/inject and cleanup: faults on purpose, on instances marked as tests. */
#include "api/monitor.h"
#include "base/time.h"
#include "redis/inject.h"

enum { INJECT_MS = 20 * SECOND_MS };

struct inject_body {
    struct str connection;
    int kind;
    int64_t mb, count, duration_ms;
};
static const struct field inject_fields[] = {
    STRING(struct inject_body, connection, .flags = F_REQUIRED, .min = 1, .max = 300, .doc = "Id, name or address."),
    ENUM(struct inject_body, kind, .flags = F_REQUIRED, .words = inject_kind_words, .doc = "What goes wrong."),
    INT(struct inject_body, mb, .def = "64", .min = 1, .max = 16384, .doc = "Of fill_memory: MiB of new keys."),
    INT(struct inject_body, count, .def = "100", .min = 1, .max = 5000, .doc = "Of connections: how many are held."),
    INT(struct inject_body, duration_ms, .def = "500", .min = 1, .max = 60000, .doc = "Of slow_command."),
    { 0 },
};
static const struct schema inject_schema = SCHEMA(struct inject_body, inject_fields, .doc = "A fault.");

struct inject_reply {
    struct str injection_id, connection, kind, detail;
};
static const struct field inject_reply_fields[] = {
    STRING(struct inject_reply, injection_id, .doc = "Its id."),
    STRING(struct inject_reply, connection, .doc = "Id of the connection."),
    STRING(struct inject_reply, kind, .doc = "What goes wrong."),
    STRING(struct inject_reply, detail, .doc = "What was done."),
    { 0 },
};
static const struct schema inject_reply_schema = SCHEMA(struct inject_reply, inject_reply_fields, .doc = "A fault.");

static err provoke(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct inject_body *b = body;
    struct arena *arena = request_arena(req);
    struct connection c;
    struct str detail;
    int64_t id;

    (void)query;
    TRY(connections_find(arena, b->connection, &c));
    const struct injection injection = {
        .kind = (enum inject_kind)b->kind,
        .mb = b->mb,
        .count = b->count,
        .duration_ms = b->duration_ms,
        .actor = request_principal(req)->name,
        .deadline_ms = time_mono_ms() + INJECT_MS,
    };
    TRY(inject(arena, &c, &injection, &id, &detail));
    const struct inject_reply out = {
        .injection_id = str_printf(arena, "%lld", (long long)id),
        .connection = c.key,
        .kind = str_of(inject_kind_words[b->kind]),
        .detail = detail,
    };
    return reply_encode(reply, &inject_reply_schema, &out);
}

static const struct route inject_route = {
    .method = "POST",
    .path = "/api/v1/monitor/inject",
    .summary = "Provoke a fault on an instance marked as a test",
    .tag = "Redis",
    .role = ROLE_OPERATOR,
    .body = &inject_schema,
    .reply = &inject_reply_schema,
    .handle = provoke,
};
REGISTER(route, inject_route);

struct cleanup_reply {
    int64_t undone;
};
static const struct field cleanup_reply_fields[] = {
    INT(struct cleanup_reply, undone, .doc = "Keys and connections that were taken back."),
    { 0 },
};
static const struct schema cleanup_reply_schema =
    SCHEMA(struct cleanup_reply, cleanup_reply_fields, .doc = "What was undone.");

static err cleanup(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct which_connection *b = body;
    struct arena *arena = request_arena(req);
    struct cleanup_reply out = { 0 };
    struct connection_list list;
    struct connection one;

    (void)query;
    if (b->connection.length)
        TRY(connections_find(arena, b->connection, &one));
    TRY(connections_list(arena, &list));
    for (size_t i = 0; i < list.connections.count; i++) {
        const struct connection *c = &list.connections.at[i];
        int64_t undone = 0;
        if (!c->test || (b->connection.length && !str_eq(c->key, one.key)))
            continue;
        TRY(inject_undo(arena, c, request_principal(req)->name, time_mono_ms() + INJECT_MS, &undone));
        out.undone += undone;
    }
    return reply_encode(reply, &cleanup_reply_schema, &out);
}

static const struct route cleanup_route = {
    .method = "POST",
    .path = "/api/v1/monitor/cleanup",
    .summary = "Take back every provoked fault",
    .tag = "Redis",
    .role = ROLE_OPERATOR,
    .body = &which_connection_schema,
    .reply = &cleanup_reply_schema,
    .handle = cleanup,
};
REGISTER(route, cleanup_route);

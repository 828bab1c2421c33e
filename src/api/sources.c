/* sources.c - /api/v1/sources and /api/v1/services: what we are fed by, and what could be added. */
#include "api/phrases.h"
#include "api/services.h"
#include "ingest/collecting.h"
#include "ingest/discovery.h"
#include "ingest/receiver.h"

static const char *const source_states[] = { "ok", "waiting", "error", NULL };
enum { STATE_OK, STATE_WAITING, STATE_ERROR };

struct source_row {
    struct str name, kind;
    int state;
    int64_t last_received_at, samples_total, interval_ms;
    struct str error, snippet, note;
};
static const struct field source_row_fields[] = {
    STRING(struct source_row, name, .doc = "Unique."),
    STRING(struct source_row, kind, .doc = "The collector, or the kind of door that others send through."),
    ENUM(struct source_row, state, .words = source_states,
         .doc = "waiting: nothing came yet, or this host has nothing of the kind."),
    TIME(struct source_row, last_received_at, .flags = F_NULLABLE, .doc = "When something last came."),
    INT(struct source_row, samples_total, .doc = "Samples, alerts ... since the start."),
    INT(struct source_row, interval_ms, .doc = "How often it is asked; 0: it sends by itself."),
    STRING(struct source_row, error, .flags = F_NULLABLE, .doc = "Why the last run failed."),
    STRING(struct source_row, snippet, .flags = F_NULLABLE, .doc = "To paste into the sender's configuration."),
    STRING(struct source_row, note, .flags = F_NULLABLE, .doc = "What else is to be known."),
    { 0 },
};
static const struct schema source_row_schema = SCHEMA(struct source_row, source_row_fields, .doc = "A source.");

struct sources_reply {
    int64_t total;
    VEC(struct source_row) sources;
};
static const struct field sources_reply_fields[] = {
    INT(struct sources_reply, total, .doc = "How many there are."),
    LIST(struct sources_reply, sources, .schema = &source_row_schema, .doc = "Collectors by name, then doors."),
    { 0 },
};
static const struct schema sources_reply_schema =
    SCHEMA(struct sources_reply, sources_reply_fields, .doc = "What we are fed by.");

static struct str or_null(struct str text)
{
    return text.length ? text : (struct str){ NULL, 0 };
}

static struct source_row row_of(struct arena *arena, const struct source_state *source, enum lang lang)
{
    bool failed = source->condition == SOURCE_ERROR;

    return (struct source_row){
        .name = source->name,
        .kind = source->collector,
        .state = failed                           ? STATE_ERROR
                 : source->condition == SOURCE_OK ? STATE_OK
                                                  : STATE_WAITING,
        .last_received_at = source->received_ms,
        .samples_total = source->samples,
        .interval_ms = source->interval_ms,
        .error = or_null(source->error),
        .note = or_null(phrase(arena, source->note.length ? source->note : source->doc, lang)),
    };
}

/* The snippet with our own address in the place of {{url}}. */
static struct str filled(struct request *req, const char *snippet)
{
    struct arena *arena = request_arena(req);
    struct str text = str_of(snippet), host = request_header(req, S("Host"));
    size_t at = str_find(text, S("{{url}}"), 0);

    if (at == SIZE_MAX || !host.length)
        return or_null(text);
    return str_printf(arena, "%.*shttp://%.*s%.*s", (int)at, text.at, STR_ARG(host), (int)(text.length - at - 7),
                      text.at + at + 7);
}

static err sources_list(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct arena *arena = request_arena(req);
    struct sources_reply out = { 0 };
    struct source_list list = { 0 };
    enum lang lang = request_lang(req, LANG_EN);

    (void)query, (void)body;
    if (services.collecting)
        collecting_list(services.collecting, arena, &list);
    for (size_t i = 0; i < list.count; i++)
        *vec_push(&out.sources, arena) = row_of(arena, &list.at[i], lang);
    FOR_EACH_REGISTERED (receiver, it) {
        int64_t received_ms = atomic_load(&it->state->received_ms);
        bool failed = atomic_load(&it->state->failed_ms) > received_ms;
        *vec_push(&out.sources, arena) = (struct source_row){
            .name = str_of(it->name),
            .kind = str_of(it->kind),
            .state = failed        ? STATE_ERROR
                     : received_ms ? STATE_OK
                                   : STATE_WAITING,
            .last_received_at = received_ms,
            .samples_total = atomic_load(&it->state->count),
            .error = failed ? phrase(arena, S("what came last could not be taken"), lang) : (struct str){ NULL, 0 },
            .snippet = filled(req, it->snippet),
            .note = or_null(phrase(arena, str_of(it->note), lang)),
        };
    }
    out.total = (int64_t)out.sources.count;
    return reply_encode(reply, &sources_reply_schema, &out);
}

static const struct route sources_route = {
    .method = "GET",
    .path = "/api/v1/sources",
    .summary = "List sources of data",
    .tag = "Sources",
    .role = ROLE_VIEWER,
    .reply = &sources_reply_schema,
    .handle = sources_list,
};
REGISTER(route, sources_route);

struct add_body {
    struct str host;
    int64_t port;
    bool start;
};
static const struct field add_body_fields[] = {
    STRING(struct add_body, host, .doc = "Address."),
    INT(struct add_body, port, .doc = "Port."),
    BOOL(struct add_body, start, .doc = "Watch it from now on."),
    { 0 },
};
static const struct schema add_body_schema = SCHEMA(struct add_body, add_body_fields, .doc = "What to post.");

struct add_row {
    struct str method, path;
    struct add_body body;
};
static const struct field add_row_fields[] = {
    STRING(struct add_row, method, .doc = "Method."),
    STRING(struct add_row, path, .doc = "Path."),
    STRUCT(struct add_row, body, .schema = &add_body_schema, .doc = "Body."),
    { 0 },
};
static const struct schema add_row_schema = SCHEMA(struct add_row, add_row_fields, .doc = "The request that adds it.");

struct service_row {
    struct str kind, name, address;
    int64_t port, pid;
    bool added;
    struct add_row *add;
};
static const struct field service_row_fields[] = {
    STRING(struct service_row, kind, .doc = "redis, postgresql, node_exporter ..."),
    STRING(struct service_row, name, .doc = "The program."),
    STRING(struct service_row, address, .doc = "Where it listens."),
    INT(struct service_row, port, .doc = "Port."),
    INT(struct service_row, pid, .flags = F_NULLABLE, .doc = "Process; null where it can't be seen."),
    BOOL(struct service_row, added, .doc = "It is watched already."),
    OPTIONAL(struct service_row, add, .schema = &add_row_schema, .flags = F_NULLABLE,
             .doc = "How to add it; null where it is added, or we can't watch it yet."),
    { 0 },
};
static const struct schema service_row_schema =
    SCHEMA(struct service_row, service_row_fields, .doc = "A service that listens on this host.");

struct services_reply {
    int64_t total;
    VEC(struct service_row) services;
};
static const struct field services_reply_fields[] = {
    INT(struct services_reply, total, .doc = "How many there are."),
    LIST(struct services_reply, services, .schema = &service_row_schema, .doc = "By port."),
    { 0 },
};
static const struct schema services_reply_schema =
    SCHEMA(struct services_reply, services_reply_fields, .doc = "Services found on this host.");

static bool is_loopback_name(struct str host)
{
    return str_eq(host, S("127.0.0.1")) || str_eq(host, S("localhost")) || str_eq(host, S("[::1]"));
}

static bool is_added(const struct source_list *list, const struct found_service *found, struct arena *arena)
{
    struct str address = str_printf(arena, "%.*s:%d", STR_ARG(found->address), found->port);
    struct str port = str_printf(arena, ":%d", found->port);

    for (size_t i = 0; i < list->count; i++) {
        const struct source_state *it = &list->at[i];
        if (!str_eq(it->collector, found->kind))
            continue;
        if (str_eq(it->instance, address) ||
            (str_ends(it->instance, port) && is_loopback_name(found->address) &&
             is_loopback_name(str_slice(it->instance, 0, it->instance.length - port.length))))
            return true;
    }
    return false;
}

static err services_list(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct arena *arena = request_arena(req);
    struct services_reply out = { 0 };
    struct source_list list = { 0 };
    struct found_list found;

    (void)query, (void)body;
    TRY(discovery_look(arena, "/proc", &found));
    if (services.collecting)
        collecting_list(services.collecting, arena, &list);
    for (size_t i = 0; i < found.count; i++) {
        const struct found_service *it = &found.at[i];
        struct service_row *row = vec_push(&out.services, arena);
        *row = (struct service_row){
            .kind = it->kind,
            .name = it->name,
            .address = it->address,
            .port = it->port,
            .pid = it->pid ? it->pid : INT64_MIN,
            .added = is_added(&list, it, arena),
        };
        if (!row->added && str_eq(it->kind, S("redis"))) {
            row->add = arena_alloc(arena, sizeof(*row->add));
            *row->add = (struct add_row){ S("POST"), S("/api/v1/monitor/connect"), { it->address, it->port, true } };
        }
    }
    out.total = (int64_t)out.services.count;
    return reply_encode(reply, &services_reply_schema, &out);
}

static const struct route services_route = {
    .method = "GET",
    .path = "/api/v1/services",
    .summary = "List services found on this host",
    .doc = "Found in the tables of the kernel; nothing was connected to.",
    .tag = "Sources",
    .role = ROLE_VIEWER,
    .reply = &services_reply_schema,
    .handle = services_list,
};
REGISTER(route, services_route);

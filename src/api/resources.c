/* resources.c - /api/v1/resources: the things that can fail, and how they are. */
#include "api/services.h"
#include "topology/topology.h"

static const char *const healths[] = { "unknown", "ok", "warning", "critical", NULL };

struct resource_query {
    struct str kind, health, q, cursor;
    int64_t limit;
};
static const struct field resource_query_fields[] = {
    STRING(struct resource_query, kind, .max = 64, .doc = "host, filesystem, redis_instance ..."),
    STRING(struct resource_query, health, .max = 16, .doc = "ok, warning, critical or unknown."),
    STRING(struct resource_query, q, .max = 200, .doc = "Part of the id or the name."),
    INT(struct resource_query, limit, .min = 1, .max = 5000, .def = "1000", .doc = "At most so many."),
    STRING(struct resource_query, cursor, .max = 1000, .doc = "next_cursor of the page before."),
    { 0 },
};
static const struct schema resource_query_schema = SCHEMA(struct resource_query, resource_query_fields);

struct resource_row {
    struct str id, kind, name;
    VEC(struct pair) labels;
    int health;
    struct str detail, owner;
    int64_t seen_at;
};
static const struct field resource_row_fields[] = {
    STRING(struct resource_row, id, .doc = "host:db1, redis:127.0.0.1:6379 ..."),
    STRING(struct resource_row, kind, .doc = "Kind."),
    STRING(struct resource_row, name, .doc = "For people."),
    PAIRS(struct resource_row, labels, .doc = "Labels."),
    ENUM(struct resource_row, health, .words = healths, .doc = "By its alerts; unknown where it was not seen lately."),
    STRING(struct resource_row, detail, .flags = F_NULLABLE, .doc = "One line."),
    STRING(struct resource_row, owner, .flags = F_NULLABLE, .doc = "Who owns it, by the inventory."),
    TIME(struct resource_row, seen_at, .flags = F_NULLABLE, .doc = "When it was last written: to the hour."),
    { 0 },
};
static const struct schema resource_row_schema = SCHEMA(struct resource_row, resource_row_fields, .doc = "A resource.");

struct resources_reply {
    int64_t total;
    VEC(struct resource_row) resources;
    struct str next_cursor;
};
static const struct field resources_reply_fields[] = {
    INT(struct resources_reply, total, .doc = "How many match."),
    LIST(struct resources_reply, resources, .schema = &resource_row_schema, .doc = "By id."),
    STRING(struct resources_reply, next_cursor, .flags = F_NULLABLE, .doc = "Where the next page begins."),
    { 0 },
};
static const struct schema resources_reply_schema =
    SCHEMA(struct resources_reply, resources_reply_fields, .doc = "Resources.");

struct list_job {
    struct arena *arena;
    struct resource_filter filter;
    struct resource_list list;
};

static err list_read(struct tx *tx, void *arg)
{
    struct list_job *job = arg;

    return resource_list(tx, job->arena, &job->filter, &job->list);
}

static struct resource_row row_of(struct arena *arena, const struct resource *resource)
{
    const struct str none = { NULL, 0 };
    struct resource_row row = {
        .id = resource->id,
        .kind = resource->kind,
        .name = resource->name,
        .health = (int)resource->health,
        .detail = resource->detail.length ? resource->detail : none,
        .owner = resource->owner.length ? resource->owner : none,
        .seen_at = resource->seen_ms,
    };

    for (size_t i = 0; i < resource->labels.count; i++)
        *vec_push(&row.labels, arena) = (struct pair){ resource->labels.at[i].name, resource->labels.at[i].value };
    return row;
}

static err resources_list(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct resource_query *q = query;
    struct arena *arena = request_arena(req);
    struct resources_reply out = { .next_cursor = { NULL, 0 } };
    struct list_job job = {
        .arena = arena,
        .filter = { .kind = q->kind, .health = q->health, .text = q->q, .after = q->cursor, .limit = (int)q->limit },
    };

    (void)body;
    TRY(db_read(services.db, list_read, &job));
    for (size_t i = 0; i < job.list.count; i++)
        *vec_push(&out.resources, arena) = row_of(arena, &job.list.at[i]);
    out.total = job.list.total;
    if (job.list.count == (size_t)q->limit)
        out.next_cursor = job.list.at[job.list.count - 1].id;
    return reply_encode(reply, &resources_reply_schema, &out);
}

static const struct route resources_route = {
    .method = "GET",
    .path = "/api/v1/resources",
    .summary = "List resources",
    .tag = "Resources",
    .role = ROLE_VIEWER,
    .query = &resource_query_schema,
    .reply = &resources_reply_schema,
    .handle = resources_list,
};
REGISTER(route, resources_route);

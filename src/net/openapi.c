/* openapi.c - the route rows as an OpenAPI 3.1 document. */
#include "base/lang.h"
#include "base/vec.h"
#include "net/http_server.h"
#include "net/route.h"

#include <stdlib.h>
#include <string.h>

#define SCHEMAS "#/components/schemas/"

/* One entry of the document: a row of either kind. */
struct operation {
    const char *path, *method;
    const struct route *route; /* or */
    const struct socket_route *socket;
};

struct document {
    struct json_writer *w;
    struct arena *arena;
    VEC(struct operation) operations;
    VEC(const struct schema *) schemas;
};

static int by_path(const void *a, const void *b)
{
    const struct operation *x = a, *y = b;
    int order = strcmp(x->path, y->path);

    return order ? order : strcmp(x->method, y->method);
}

static void collect_operations(struct document *doc)
{
    FOR_EACH_REGISTERED (route, it) {
        if (!strstr(it->path, "...}")) /* files, not calls */
            *vec_push(&doc->operations, doc->arena) = (struct operation){ it->path, it->method, it, NULL };
    }
    FOR_EACH_REGISTERED (socket_route, it) {
        *vec_push(&doc->operations, doc->arena) = (struct operation){ it->path, "GET", NULL, it };
    }
    if (doc->operations.count)
        qsort(doc->operations.at, doc->operations.count, sizeof(struct operation), by_path);
}

static void add_schema(const struct schema *schema, void *arg)
{
    struct document *doc = arg;

    for (size_t i = 0; i < doc->schemas.count; i++)
        if (doc->schemas.at[i] == schema)
            return;
    *vec_push(&doc->schemas, doc->arena) = schema;
}

static void collect_schema(struct document *doc, const struct schema *schema, bool nested)
{
    if (schema && nested)
        schema_each_nested(schema, add_schema, doc);
    else if (schema)
        add_schema(schema, doc);
}

/* component_name - two files may each have their own struct of that name: the second is name_2. Nested ones come first
 * in the list, as references to them are written by their plain name. */
static struct str component_name(struct document *doc, const struct schema *schema)
{
    int number = 1;

    for (size_t i = 0; doc->schemas.at[i] != schema; i++)
        number += strcmp(doc->schemas.at[i]->name, schema->name) == 0;
    return number == 1 ? str_of(schema->name) : str_printf(doc->arena, "%s_%d", schema->name, number);
}

static void collect_schemas(struct document *doc, bool nested)
{
    for (size_t i = 0; i < doc->operations.count; i++) {
        const struct route *route = doc->operations.at[i].route;
        if (!route)
            continue;
        collect_schema(doc, route->body, nested);
        collect_schema(doc, route->reply, nested);
        if (route->form_ok && !route->body)
            collect_schema(doc, route->query, nested); /* the form takes the parameters */
    }
}

/* operation_id - GET /api/v1/alerts/{id} is get_api_v1_alerts_by_id. */
static struct str operation_id(struct arena *arena, const struct operation *operation)
{
    struct buf id CLEANUP(buf_clear) = { 0 };

    buf_init(&id, 1000);
    buf_add(&id, str_lower(arena, str_of(operation->method)));
    for (const char *at = operation->path; *at; at++) {
        bool word = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9');
        if (word)
            buf_add_c(&id, *at);
        else if (*at == '{')
            buf_add(&id, S("by_"));
        else if (*at != '}' && id.at[id.length - 1] != '_')
            buf_add_c(&id, '_');
    }
    return str_copy(arena, buf_str(&id));
}

static void put_parameter_head(struct json_writer *w, struct str name, struct str in, bool required)
{
    json_begin_object(w);
    json_put_str(w, S("name"), name);
    json_put_str(w, S("in"), in);
    if (required)
        json_put_bool(w, S("required"), true);
}

static void put_path_parameters(struct document *doc, const char *path)
{
    struct json_writer *w = doc->w;

    for (struct str rest = str_of(path); rest.at;) {
        struct str segment = str_cut(rest, '/', &rest);
        if (segment.length < 2 || segment.at[0] != '{')
            continue;
        put_parameter_head(w, str_slice(segment, 1, segment.length - 1), S("path"), true);
        json_key(w, S("schema"));
        json_add_raw(w, S("{\"type\":\"string\"}"));
        json_end_object(w);
    }
}

static void put_query_parameters(struct document *doc, const struct schema *query)
{
    struct buf text CLEANUP(buf_clear) = { 0 };
    struct json_writer *w = doc->w, own = json_writer(&text);
    const struct json *json;

    if (!query)
        return;
    buf_init(&text, 1024 * 1024);
    schema_json_schema(&own, query, SCHEMAS);
    err e = json_parse(doc->arena, buf_str(&text), &json);
    const struct json *properties = e ? NULL : json_get(json, S("properties"));
    err_free(e);
    for (const struct field *field = query->fields; field->type != FIELD_END; field++) {
        put_parameter_head(w, str_of(field->name), S("query"), field->flags & F_REQUIRED);
        if (field->doc)
            json_put_str(w, S("description"), str_of(field->doc));
        json_key(w, S("schema"));
        json_add_tree(w, json_get(properties, str_of(field->name)));
        json_end_object(w);
    }
}

static void put_ref(struct document *doc, const char *where, struct str name)
{
    json_begin_object(doc->w);
    json_put_str(doc->w, S("$ref"), str_printf(doc->arena, "%s%.*s", where, STR_ARG(name)));
    json_end_object(doc->w);
}

static void put_content(struct document *doc, const char *type, const struct schema *schema, bool is_list)
{
    struct json_writer *w = doc->w;

    json_key(w, str_of(type));
    json_begin_object(w);
    if (schema) {
        json_key(w, S("schema"));
        if (is_list) {
            json_begin_object(w);
            json_put_str(w, S("type"), S("array"));
            json_key(w, S("items"));
        }
        put_ref(doc, SCHEMAS, component_name(doc, schema));
        if (is_list)
            json_end_object(w);
    }
    json_end_object(w);
}

static bool has_required(const struct schema *schema)
{
    for (const struct field *field = schema->fields; field->type != FIELD_END; field++)
        if (field->flags & F_REQUIRED)
            return true;
    return false;
}

static void put_body(struct document *doc, const struct route *route)
{
    struct json_writer *w = doc->w;
    bool form = route->form_ok && strcmp(route->method, "GET") != 0;

    if (!route->body && !route->raw_body && !form)
        return;
    json_key(w, S("requestBody"));
    json_begin_object(w);
    if (route->body && !route->form_ok && has_required(route->body))
        json_put_bool(w, S("required"), true);
    json_key(w, S("content"));
    json_begin_object(w);
    if (route->raw_body)
        put_content(doc, "*/*", NULL, false);
    if (route->body)
        put_content(doc, "application/json", route->body, false);
    if (form)
        put_content(doc, "application/x-www-form-urlencoded", route->body ? route->body : route->query, false);
    json_end_object(w);
    json_end_object(w);
}

static void put_responses(struct document *doc, const struct route *route)
{
    struct json_writer *w = doc->w;
    int status = route->status ? route->status : 200;

    json_key(w, S("responses"));
    json_begin_object(w);
    json_key(w, str_printf(doc->arena, "%d", status));
    json_begin_object(w);
    json_put_str(w, S("description"), status == 201 ? S("Created") : status == 202 ? S("Accepted") : S("Success"));
    if (route->reply) {
        json_key(w, S("content"));
        json_begin_object(w);
        put_content(doc, "application/json", route->reply, route->reply_is_list);
        json_end_object(w);
    }
    json_end_object(w);
    json_key(w, S("default"));
    if (route->write_error) {
        json_begin_object(w);
        json_put_str(w, S("description"), S("An error in the shape of the protocol that this call belongs to"));
        json_end_object(w);
    } else {
        put_ref(doc, "#/components/responses/", S("Problem"));
    }
    json_end_object(w);
}

static void put_access(struct json_writer *w, enum role role)
{
    json_put_str(w, S("x-role"), str_of(role_name(role)));
    if (role != ROLE_NOBODY)
        return;
    json_key(w, S("security"));
    json_begin_array(w);
    json_end_array(w);
}

static void put_parameters(struct document *doc, const char *path, const struct schema *query)
{
    json_key(doc->w, S("parameters"));
    json_begin_array(doc->w);
    put_path_parameters(doc, path);
    put_query_parameters(doc, query);
    put_ref(doc, "#/components/parameters/", S("Lang"));
    json_end_array(doc->w);
}

static void put_socket(struct document *doc, const struct socket_route *socket)
{
    struct json_writer *w = doc->w;

    json_put_str(w, S("summary"), str_of(socket->summary));
    json_key(w, S("tags"));
    json_add_raw(w, S("[\"WebSocket\"]"));
    put_access(w, socket->role);
    json_put_bool(w, S("x-websocket"), true);
    put_parameters(doc, socket->path, socket->query);
    json_key(w, S("responses"));
    json_add_raw(w, S("{\"101\":{\"description\":\"The connection becomes a WebSocket\"},"
                      "\"default\":{\"$ref\":\"#/components/responses/Problem\"}}"));
}

static void put_operation(struct document *doc, const struct operation *operation)
{
    const struct route *route = operation->route;
    struct json_writer *w = doc->w;

    json_key(w, str_lower(doc->arena, str_of(operation->method)));
    json_begin_object(w);
    json_put_str(w, S("operationId"), operation_id(doc->arena, operation));
    if (operation->socket) {
        put_socket(doc, operation->socket);
        json_end_object(w);
        return;
    }
    json_put_str(w, S("summary"), str_of(route->summary));
    if (route->doc)
        json_put_str(w, S("description"), str_of(route->doc));
    json_key(w, S("tags"));
    json_begin_array(w);
    json_add_str(w, str_of(route->tag ? route->tag : "Other"));
    json_end_array(w);
    put_access(w, route->role);
    put_parameters(doc, route->path, route->query);
    put_body(doc, route);
    put_responses(doc, route);
    json_end_object(w);
}

static void put_paths(struct document *doc)
{
    struct json_writer *w = doc->w;

    json_key(w, S("paths"));
    json_begin_object(w);
    for (size_t i = 0; i < doc->operations.count; i++) {
        const struct operation *operation = &doc->operations.at[i];
        bool first = i == 0 || strcmp(operation[-1].path, operation->path) != 0;
        bool last = i + 1 == doc->operations.count || strcmp(operation[1].path, operation->path) != 0;
        if (first) {
            json_key(w, str_of(operation->path));
            json_begin_object(w);
        }
        put_operation(doc, operation);
        if (last)
            json_end_object(w);
    }
    json_end_object(w);
}

/* What is the same for every call. */
static const char common_parts[] =
    "\"securitySchemes\":{"
    "\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"auspex token create\"},"
    "\"basic\":{\"type\":\"http\",\"scheme\":\"basic\",\"description\":\"The token as password\"},"
    "\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"__Host-session\","
    "\"description\":\"From POST /api/v1/login; writes send X-CSRF-Token too. Over plain http on loopback the cookie "
    "is "
    "called session\"}},"
    "\"parameters\":{\"Lang\":{\"name\":\"lang\",\"in\":\"query\",\"description\":\"Language of texts for people\","
    "\"schema\":{\"type\":\"string\",\"enum\":[\"en\",\"ko\",\"zh\"]}}},"
    "\"responses\":{\"Problem\":{\"description\":\"What went wrong (RFC "
    "9457)\",\"content\":{\"application/problem+json\":"
    "{\"schema\":{\"$ref\":\"" SCHEMAS "Problem\"}}}}},";

static const char problem_schema[] =
    "{\"type\":\"object\",\"required\":[\"type\",\"title\",\"status\",\"detail\"],\"properties\":{"
    "\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},"
    "\"detail\":{\"type\":\"string\"},\"hint\":{\"type\":\"string\",\"description\":\"What to do next\"},"
    "\"instance\":{\"type\":\"string\"},"
    "\"errors\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"field\",\"message\"],\"properties\":"
    "{"
    "\"field\":{\"type\":\"string\",\"description\":\"Path of the member, such as steps[2].name\"},"
    "\"message\":{\"type\":\"string\"}}}}}}";

static void put_components(struct document *doc)
{
    struct json_writer *w = doc->w;

    json_key(w, S("components"));
    json_begin_object(w);
    buf_add(w->out, str_of(common_parts)); /* ends in a comma */
    json_key(w, S("schemas"));
    json_begin_object(w);
    json_key(w, S("Problem"));
    json_add_raw(w, str_of(problem_schema));
    for (size_t i = 0; i < doc->schemas.count; i++) {
        json_key(w, component_name(doc, doc->schemas.at[i]));
        schema_json_schema(w, doc->schemas.at[i], SCHEMAS);
    }
    json_end_object(w);
    json_end_object(w);
}

void openapi_write(struct json_writer *w)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct document doc = { .w = w, .arena = arena };

    collect_operations(&doc);
    collect_schemas(&doc, true);
    collect_schemas(&doc, false);
    json_begin_object(w);
    json_put_str(w, S("openapi"), S("3.1.0"));
    json_key(w, S("info"));
    json_begin_object(w);
    json_put_str(w, S("title"), S("Auspex"));
    json_put_str(w, S("version"), S(AUSPEX_VERSION));
    json_put_str(w, S("description"),
                 S("Observe, predict, explain, act, verify. Errors are problem documents (RFC 9457); "
                   "writes accept Idempotency-Key; lists take limit and cursor."));
    json_key(w, S("license"));
    json_add_raw(w, S("{\"name\":\"Apache-2.0\",\"identifier\":\"Apache-2.0\"}"));
    json_end_object(w);
    json_key(w, S("servers"));
    json_add_raw(w, S("[{\"url\":\"/\"}]"));
    json_key(w, S("security"));
    json_add_raw(w, S("[{\"bearer\":[]},{\"basic\":[]},{\"session\":[]}]"));
    put_paths(&doc);
    put_components(&doc);
    json_end_object(w);
}

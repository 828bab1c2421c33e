/* promql_functions.c - /api/v1/promql/functions: what the editor's completion offers. */
#include "api/services.h"
#include "promql/function.h"

#include <stdlib.h>

struct function_row {
    struct str name, doc, result;
    VEC(struct str) arguments;
    bool experimental;
};
static const struct field function_fields[] = {
    STRING(struct function_row, name, .doc = "Name."),
    STRING(struct function_row, doc, .doc = "What it gives, in one line."),
    STRINGS(struct function_row, arguments, .doc = "Types of its arguments."),
    STRING(struct function_row, result, .doc = "Type of what it gives."),
    BOOL(struct function_row, experimental, .doc = "May change, as in Prometheus."),
    { 0 },
};
static const struct schema function_schema =
    SCHEMA(struct function_row, function_fields, .doc = "A function of PromQL.");

struct function_list {
    VEC(struct function_row) functions;
};
static const struct field list_fields[] = {
    LIST(struct function_list, functions, .schema = &function_schema, .doc = "All of them, by name."),
    { 0 },
};
static const struct schema list_schema = SCHEMA(struct function_list, list_fields, .doc = "The functions of PromQL.");

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct function_row *)a)->name, ((const struct function_row *)b)->name);
}

static err functions(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct arena *arena = request_arena(req);
    struct function_list list = { 0 };

    (void)query, (void)body;
    FOR_EACH_REGISTERED (function, it) {
        struct function_row *row = vec_push(&list.functions, arena);
        row->name = str_of(it->name);
        row->doc = str_of(it->doc);
        row->result = str_of(value_type_name(it->result));
        row->experimental = it->experimental;
        for (unsigned i = 0; i < it->arg_count; i++)
            *vec_push(&row->arguments, arena) = str_of(value_type_name(it->args[i]));
    }
    if (list.functions.count)
        qsort(list.functions.at, list.functions.count, sizeof(*list.functions.at), by_name);
    return reply_encode(reply, &list_schema, &list);
}

static const struct route functions_route = {
    .method = "GET",
    .path = "/api/v1/promql/functions",
    .summary = "List the functions of PromQL",
    .tag = "Metrics",
    .role = ROLE_VIEWER,
    .reply = &list_schema,
    .quick = true,
    .handle = functions,
};
REGISTER(route, functions_route);

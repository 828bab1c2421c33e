/* prometheus_expression.c - /prometheus/api/v1/format_query and parse_query: PromQL that is looked at, not evaluated.
 */
#include "api/prometheus.h"
#include "promql/parse.h"

struct expression_query {
    struct str query;
};
static const struct field expression_fields[] = {
    STRING(struct expression_query, query, .max = PROMQL_TEXT_MAX, .doc = "PromQL."),
    { 0 },
};
static const struct schema expression_schema = SCHEMA(struct expression_query, expression_fields);

static err parse(struct request *req, const struct expression_query *q, struct expr **ret_expr)
{
    return prometheus_invalid("query", promql_parse(request_arena(req), q->query, &promql_all_features, ret_expr));
}

static err format_query(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct buf text CLEANUP(buf_clear) = { .max = 16 << 20 };
    struct expr *expr;

    (void)body;
    TRY(parse(req, query, &expr));
    promql_print_pretty(&text, expr);
    TRY(buf_check(&text));
    struct json_writer w = prometheus_begin(reply);
    json_add_str(&w, buf_str(&text));
    return prometheus_end(reply, &w, NULL, NULL);
}

static err parse_query(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct expr *expr;

    (void)body;
    TRY(parse(req, query, &expr));
    struct json_writer w = prometheus_begin(reply);
    promql_print_json(&w, expr);
    return prometheus_end(reply, &w, NULL, NULL);
}

static const struct route format_query_route_get = {
    .method = "GET",
    .path = "/prometheus/api/v1/format_query",
    .summary = "Print PromQL nicely",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .query = &expression_schema,
    .unknown_ok = true,
    .handle = format_query,
    .write_error = prometheus_error,
};
REGISTER(route, format_query_route_get);

static const struct route format_query_route_post = {
    .method = "POST",
    .path = "/prometheus/api/v1/format_query",
    .summary = "Print PromQL nicely, by a form",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .query = &expression_schema,
    .form_ok = true,
    .body_max = 4 * 1024 * 1024,
    .unknown_ok = true,
    .handle = format_query,
    .write_error = prometheus_error,
};
REGISTER(route, format_query_route_post);

static const struct route parse_query_route_get = {
    .method = "GET",
    .path = "/prometheus/api/v1/parse_query",
    .summary = "Read PromQL into a tree",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .query = &expression_schema,
    .unknown_ok = true,
    .handle = parse_query,
    .write_error = prometheus_error,
};
REGISTER(route, parse_query_route_get);

static const struct route parse_query_route_post = {
    .method = "POST",
    .path = "/prometheus/api/v1/parse_query",
    .summary = "Read PromQL into a tree, by a form",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .query = &expression_schema,
    .form_ok = true,
    .body_max = 4 * 1024 * 1024,
    .unknown_ok = true,
    .handle = parse_query,
    .write_error = prometheus_error,
};
REGISTER(route, parse_query_route_post);

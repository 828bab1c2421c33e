/* prometheus_series.c - /prometheus/api/v1/series, labels, label/{name}/values, metadata and query_exemplars: what
 * there is to query. */
#include "api/prometheus.h"
#include "base/time.h"
#include "promql/parse.h"
#include "promql/quote.h"

#include <stdlib.h>

static const struct str_list truncated_warning = { (struct str[]){ { "results truncated due to limit", 30 } }, 1 };

struct selection_query {
    struct prometheus_selection selection;
};
static const struct field selection_fields[] = { PROMETHEUS_SELECTION_FIELDS(struct selection_query), { 0 } };
static const struct schema selection_schema = SCHEMA(struct selection_query, selection_fields);

/* ---- series ---- */

static int by_labels(const void *a, const void *b)
{
    return labels_cmp(*(const struct labels *)a, *(const struct labels *)b);
}

struct found {
    VEC(struct labels) series;
    VEC(struct str) warnings;
};

static void close_set(void *set)
{
    series_set_close(set);
}

/* find - the series of one selector behind those that were found; texts stay the set's, which lives as long as the
 * arena. */
static err find(struct request *req, const struct series_query *query, size_t most, struct found *found)
{
    struct arena *arena = request_arena(req);
    struct series_set *set;

    TRY(services.series->ops->open(services.series, arena, query, &set));
    arena_defer(arena, close_set, set);
    for (size_t i = 0; i < set->count && found->series.count < most; i++) {
        struct labels labels = set->ops->labels(set, i);
        struct label *at = arena_array(arena, labels.count, sizeof(*at));
        for (size_t j = 0; j < labels.count; j++)
            at[j] = labels.at[j];
        *vec_push(&found->series, arena) = (struct labels){ at, labels.count };
        TRY(arena_check(arena));
    }
    for (size_t i = 0; i < set->warnings.count; i++)
        *vec_push(&found->warnings, arena) = set->warnings.at[i];
    return NULL;
}

static void drop_doubles(struct found *found)
{
    size_t kept = 0;

    qsort(found->series.at, found->series.count, sizeof(*found->series.at), by_labels);
    for (size_t i = 0; i < found->series.count; i++)
        if (!kept || !labels_eq(found->series.at[kept - 1], found->series.at[i]))
            found->series.at[kept++] = found->series.at[i];
    found->series.count = kept;
}

static err series(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct selection_query *q = query;
    struct prometheus_sets sets;
    struct found found = { 0 };

    (void)body;
    if (!q->selection.match.count)
        return err_new(ERR_INVALID, "no match[] parameter provided");
    TRY(prometheus_select(req, &q->selection, "match[]", &sets));
    size_t limit = sets.limit ? (size_t)sets.limit : SIZE_MAX;
    for (size_t i = 0; i < sets.count; i++)
        TRY(find(req, &sets.at[i], sets.count == 1 && limit < SIZE_MAX ? limit + 1 : SIZE_MAX, &found));
    if (sets.count > 1)
        drop_doubles(&found);
    bool truncated = found.series.count > limit;
    struct json_writer w = prometheus_begin(reply);
    buf_add_c(&reply->body, '[');
    for (size_t i = 0; i < found.series.count && i < limit && !reply->body.failed; i++) {
        if (i)
            buf_add_c(&reply->body, ',');
        prometheus_labels(&reply->body, found.series.at[i]);
    }
    buf_add_c(&reply->body, ']');
    w.comma = true;
    struct str_list warnings = { found.warnings.at, found.warnings.count };
    return prometheus_end(reply, &w, truncated ? &truncated_warning : &warnings, NULL);
}

/* ---- labels and their values ---- */

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* merge - the lists of several selectors as one. */
static struct str_list merge(struct arena *arena, const struct str_list *lists, size_t count)
{
    VEC(struct str) all = { 0 };
    size_t kept = 0;

    if (count == 1)
        return lists[0];
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < lists[i].count; j++)
            *vec_push(&all, arena) = lists[i].at[j];
    if (all.count)
        qsort(all.at, all.count, sizeof(*all.at), by_text);
    for (size_t i = 0; i < all.count; i++)
        if (!kept || !str_eq(all.at[kept - 1], all.at[i]))
            all.at[kept++] = all.at[i];
    return (struct str_list){ all.at, kept };
}

/* answer_list - names (name is empty) or values of one label. */
static err answer_list(struct request *req, const struct prometheus_selection *selection, struct str name,
                       struct reply *reply)
{
    struct series_source *source = services.series;
    struct arena *arena = request_arena(req);
    struct prometheus_sets sets;

    TRY(prometheus_select(req, selection, NULL, &sets));
    size_t most = sets.limit ? (size_t)sets.limit + 1 : 0;
    struct str_list *lists = arena_array(arena, sets.count, sizeof(*lists));
    for (size_t i = 0; i < sets.count; i++) {
        if (name.length)
            TRY(source->ops->label_values(source, arena, name, &sets.at[i], most, &lists[i]));
        else
            TRY(source->ops->label_names(source, arena, &sets.at[i], most, &lists[i]));
        TRY(arena_check(arena));
    }
    struct str_list list = merge(arena, lists, sets.count);
    bool truncated = sets.limit && list.count > (uint64_t)sets.limit;
    struct json_writer w = prometheus_begin(reply);
    json_begin_array(&w);
    for (size_t i = 0; i < list.count && !(truncated && i == (size_t)sets.limit); i++)
        json_add_str(&w, list.at[i]);
    json_end_array(&w);
    return prometheus_end(reply, &w, truncated ? &truncated_warning : NULL, NULL);
}

static err label_names(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)body;
    return answer_list(req, query, S(""), reply);
}

/* unescape_name - U__a_2e_b is a.b: how names go through paths and old protocols. */
static struct str unescape_name(struct arena *arena, struct str name)
{
    struct buf out CLEANUP(buf_clear) = { .max = 4 * name.length + 4 };

    if (!str_starts(name, S("U__")))
        return name;
    for (size_t i = 3; i < name.length; i++) {
        size_t end = str_find(name, S("_"), i + 1);
        unsigned rune = 0, digits = 0;
        if (name.at[i] != '_' || end == SIZE_MAX || end - i > 7) {
            if (name.at[i] == '_')
                return name;
            buf_add_c(&out, name.at[i]);
            continue;
        }
        for (size_t j = i + 1; j < end; j++, digits++) {
            char c = name.at[j];
            bool digit = c >= '0' && c <= '9', letter = c >= 'a' && c <= 'f';
            if (!digit && !letter)
                return name;
            rune = rune * 16 + (unsigned)(digit ? c - '0' : c - 'a' + 10);
        }
        if (digits)
            rune_encode(&out, rune);
        else
            buf_add_c(&out, '_');
        i = end;
    }
    return str_copy(arena, buf_str(&out));
}

static err label_values(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct str name = unescape_name(request_arena(req), request_param(req, S("name")));

    (void)body;
    if (!name.length || !str_is_utf8(name))
        return err_new(ERR_INVALID, "invalid label name: \"%.*s\"", STR_ARG(name));
    return answer_list(req, query, name, reply);
}

/* ---- metadata ---- */

struct metadata_query {
    struct str metric, limit, limit_per_metric;
};
static const struct field metadata_fields[] = {
    STRING(struct metadata_query, metric, .max = 1000, .doc = "Only of this metric."),
    STRING(struct metadata_query, limit, .max = 40, .doc = "At most so many metrics."),
    STRING(struct metadata_query, limit_per_metric, .max = 40, .doc = "At most so many of each; there is one at most."),
    { 0 },
};
static const struct schema metadata_schema = SCHEMA(struct metadata_query, metadata_fields);

static err metadata_limit(const char *name, struct str text, int64_t *ret_limit)
{
    *ret_limit = -1;
    if (!text.length || str_to_i64(text, ret_limit))
        return NULL;
    return err_new(ERR_INVALID, "%s must be a number", name);
}

static err metadata(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct metadata_query *q = query;
    struct metric_meta_list list = { 0 };
    int64_t limit, each;

    (void)body;
    TRY(metadata_limit("limit", q->limit, &limit));
    TRY(metadata_limit("limit_per_metric", q->limit_per_metric, &each));
    TRY(services.series->ops->metas(services.series, request_arena(req), q->metric, &list));
    struct json_writer w = prometheus_begin(reply);
    json_begin_object(&w);
    for (size_t i = 0; i < list.count && (limit < 0 || i < (size_t)limit); i++) {
        json_key(&w, list.at[i].name);
        json_begin_array(&w);
        json_begin_object(&w);
        json_put_str(&w, S("type"), str_of(metric_kind_name(list.at[i].kind)));
        json_put_str(&w, S("unit"), list.at[i].unit);
        json_put_str(&w, S("help"), list.at[i].help);
        json_end_object(&w);
        json_end_array(&w);
    }
    json_end_object(&w);
    return prometheus_end(reply, &w, NULL, NULL);
}

/* ---- exemplars ---- */

struct exemplar_query {
    struct str query, start, end;
};
static const struct field exemplar_fields[] = {
    STRING(struct exemplar_query, query, .max = PROMQL_TEXT_MAX, .doc = "PromQL; its selectors count."),
    STRING(struct exemplar_query, start, .max = 100, .doc = "RFC 3339 or Unix seconds; none: the oldest."),
    STRING(struct exemplar_query, end, .max = 100, .doc = "RFC 3339 or Unix seconds; none: the newest."),
    { 0 },
};
static const struct schema exemplar_schema = SCHEMA(struct exemplar_query, exemplar_fields);

struct selector_list {
    VEC(const struct expr *) at;
};

static void collect_selectors(struct arena *arena, const struct expr *expr, struct selector_list *list)
{
    switch (expr->kind) {
    case EXPR_SELECTOR:
        *vec_push(&list->at, arena) = expr;
        return;
    case EXPR_SUBQUERY:
        collect_selectors(arena, expr->subquery.expr, list);
        return;
    case EXPR_CALL:
        for (size_t i = 0; i < expr->call.count; i++)
            collect_selectors(arena, expr->call.args[i], list);
        return;
    case EXPR_AGGREGATE:
        collect_selectors(arena, expr->aggregate.expr, list);
        if (expr->aggregate.param)
            collect_selectors(arena, expr->aggregate.param, list);
        return;
    case EXPR_UNARY:
        collect_selectors(arena, expr->unary.expr, list);
        return;
    case EXPR_BINARY:
        collect_selectors(arena, expr->binary.left, list);
        collect_selectors(arena, expr->binary.right, list);
        return;
    case EXPR_PAREN:
        collect_selectors(arena, expr->paren, list);
        return;
    case EXPR_NUMBER:
    case EXPR_STRING:
    case EXPR_DURATION:
        return;
    }
}

static void put_exemplars(struct json_writer *w, const struct exemplar_series *series)
{
    json_begin_object(w);
    json_key(w, S("seriesLabels"));
    labels_write_json(w, series->labels);
    json_key(w, S("exemplars"));
    json_begin_array(w);
    for (size_t i = 0; i < series->count; i++) {
        json_begin_object(w);
        json_key(w, S("labels"));
        labels_write_json(w, series->at[i].labels);
        json_key(w, S("value"));
        prometheus_value(w->out, series->at[i].value);
        w->comma = true;
        json_key(w, S("timestamp"));
        prometheus_seconds(w->out, series->at[i].time_ms);
        json_end_object(w);
    }
    json_end_array(w);
    json_end_object(w);
}

static int by_series(const void *a, const void *b)
{
    return labels_cmp(((const struct exemplar_series *)a)->labels, ((const struct exemplar_series *)b)->labels);
}

static err query_exemplars(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct exemplar_query *q = query;
    struct arena *arena = request_arena(req);
    struct series_query asked = { .deadline_ms = request_deadline_ms(req) };
    struct selector_list selectors = { 0 };
    VEC(struct exemplar_series) all = { 0 };
    struct expr *expr;

    (void)body;
    TRY(prometheus_time_or("start", q->start, PROMETHEUS_TIME_MIN, &asked.start_ms));
    TRY(prometheus_time_or("end", q->end, PROMETHEUS_TIME_MAX, &asked.end_ms));
    if (asked.end_ms < asked.start_ms)
        return err_new(ERR_INVALID, "end timestamp must not be before start timestamp");
    TRY(promql_parse(arena, q->query, &promql_all_features, &expr));
    collect_selectors(arena, expr, &selectors);
    for (size_t i = 0; i < selectors.at.count; i++) {
        struct exemplar_list list = { 0 };
        asked.matchers = selectors.at.at[i]->selector.matchers;
        asked.matcher_count = selectors.at.at[i]->selector.matcher_count;
        TRY(services.series->ops->exemplars(services.series, arena, &asked, &list));
        for (size_t j = 0; j < list.count; j++)
            *vec_push(&all, arena) = list.at[j];
    }
    if (all.count)
        qsort(all.at, all.count, sizeof(*all.at), by_series);
    struct json_writer w = prometheus_begin(reply);
    json_begin_array(&w);
    for (size_t i = 0; i < all.count; i++)
        if (!i || !labels_eq(all.at[i - 1].labels, all.at[i].labels))
            put_exemplars(&w, &all.at[i]);
    json_end_array(&w);
    return prometheus_end(reply, &w, NULL, NULL);
}

static const struct route series_route_get = {
    .method = "GET",
    .path = "/prometheus/api/v1/series",
    .summary = "List series",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .query = &selection_schema,
    .unknown_ok = true,
    .slow = true,
    .handle = series,
    .write_error = prometheus_error,
};
REGISTER(route, series_route_get);

static const struct route series_route_post = {
    .method = "POST",
    .path = "/prometheus/api/v1/series",
    .summary = "List series, by a form",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .query = &selection_schema,
    .form_ok = true,
    .body_max = 4 * 1024 * 1024,
    .unknown_ok = true,
    .slow = true,
    .handle = series,
    .write_error = prometheus_error,
};
REGISTER(route, series_route_post);

static const struct route labels_route_get = {
    .method = "GET",
    .path = "/prometheus/api/v1/labels",
    .summary = "List names of labels",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .query = &selection_schema,
    .unknown_ok = true,
    .slow = true,
    .handle = label_names,
    .write_error = prometheus_error,
};
REGISTER(route, labels_route_get);

static const struct route labels_route_post = {
    .method = "POST",
    .path = "/prometheus/api/v1/labels",
    .summary = "List names of labels, by a form",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .query = &selection_schema,
    .form_ok = true,
    .body_max = 4 * 1024 * 1024,
    .unknown_ok = true,
    .slow = true,
    .handle = label_names,
    .write_error = prometheus_error,
};
REGISTER(route, labels_route_post);

static const struct route label_values_route = {
    .method = "GET",
    .path = "/prometheus/api/v1/label/{name}/values",
    .summary = "List values of a label",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .query = &selection_schema,
    .unknown_ok = true,
    .slow = true,
    .handle = label_values,
    .write_error = prometheus_error,
};
REGISTER(route, label_values_route);

static const struct route metadata_route = {
    .method = "GET",
    .path = "/prometheus/api/v1/metadata",
    .summary = "Describe metrics",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .query = &metadata_schema,
    .unknown_ok = true,
    .slow = true,
    .handle = metadata,
    .write_error = prometheus_error,
};
REGISTER(route, metadata_route);

static const struct route query_exemplars_route_get = {
    .method = "GET",
    .path = "/prometheus/api/v1/query_exemplars",
    .summary = "List exemplars of series",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .query = &exemplar_schema,
    .unknown_ok = true,
    .slow = true,
    .handle = query_exemplars,
    .write_error = prometheus_error,
};
REGISTER(route, query_exemplars_route_get);

static const struct route query_exemplars_route_post = {
    .method = "POST",
    .path = "/prometheus/api/v1/query_exemplars",
    .summary = "List exemplars of series, by a form",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .query = &exemplar_schema,
    .form_ok = true,
    .body_max = 4 * 1024 * 1024,
    .unknown_ok = true,
    .slow = true,
    .handle = query_exemplars,
    .write_error = prometheus_error,
};
REGISTER(route, query_exemplars_route_post);

/* otlp_json.c - export requests in JSON: lowerCamelCase keys, 64-bit integers as text or numbers, ids in hexadecimal.
 */
#include "ingest/otlp.h"

#include <math.h>
#include <stdlib.h>

/* The number behind a value, which may be text: JSON's own numbers don't hold 64 bits. NULL is 0. */
static err integer(const struct json *json, const char *name, int64_t *ret_value)
{
    uint64_t wide;

    *ret_value = 0;
    if (!json || json->type == JSON_NULL)
        return NULL;
    if (json->type == JSON_NUMBER && json->number.is_integer) {
        *ret_value = json->number.integer;
        return NULL;
    }
    if (json->type == JSON_NUMBER && json->number.value == floor(json->number.value) &&
        fabs(json->number.value) < 9e18) {
        *ret_value = (int64_t)json->number.value;
        return NULL;
    }
    if (json->type == JSON_STRING && str_to_i64(json->string, ret_value))
        return NULL;
    if (json->type == JSON_STRING && str_to_u64(json->string, &wide)) {
        *ret_value = (int64_t)wide;
        return NULL;
    }
    return err_new(ERR_INVALID, "%s is not an integer", name);
}

static err unsigned_integer(const struct json *json, const char *name, uint64_t *ret_value)
{
    int64_t value;

    TRY(integer(json, name, &value));
    *ret_value = (uint64_t)value;
    return NULL;
}

static err number(const struct json *json, const char *name, double *ret_value)
{
    *ret_value = 0;
    if (!json || json->type == JSON_NULL)
        return NULL;
    if (json->type == JSON_NUMBER) {
        *ret_value = json->number.value;
        return NULL;
    }
    if (json->type == JSON_STRING) {
        struct str text = json->string;
        if (str_eq(text, S("NaN")))
            *ret_value = NAN;
        else if (str_eq(text, S("Infinity")))
            *ret_value = INFINITY;
        else if (str_eq(text, S("-Infinity")))
            *ret_value = -INFINITY;
        else if (!str_to_double(text, ret_value))
            return err_new(ERR_INVALID, "%s is not a number", name);
        return NULL;
    }
    return err_new(ERR_INVALID, "%s is not a number", name);
}

static err count(const struct json *json, const char *name, double *ret_value)
{
    uint64_t value;

    TRY(unsigned_integer(json, name, &value));
    *ret_value = (double)value;
    return NULL;
}

/* items - the elements of an array; none where it is absent. */
static err items(const struct json *json, const char *name, struct json *const **ret_items, size_t *ret_count)
{
    *ret_items = NULL;
    *ret_count = 0;
    if (!json || json->type == JSON_NULL)
        return NULL;
    if (json->type != JSON_ARRAY)
        return err_new(ERR_INVALID, "%s is not an array", name);
    *ret_items = json->array.items;
    *ret_count = json->array.count;
    return NULL;
}

static err any_json(struct arena *arena, const struct json *value, int depth, struct json_writer *w);

struct member {
    struct str key;
    const struct json *value;
};

static int by_key(const void *a, const void *b)
{
    return str_cmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

/* list_json - a map is sorted by key: the same attributes are the same label however they were sent. */
static err list_json(struct arena *arena, const struct json *values, bool map, int depth, struct json_writer *w)
{
    struct json *const *at;
    size_t length;

    if (depth == OTLP_DEPTH_MAX)
        return err_new(ERR_INVALID, "an attribute is nested more than %d deep", OTLP_DEPTH_MAX);
    TRY(items(json_get(values, S("values")), "values", &at, &length));
    struct member *members = arena_array(arena, length + 1, sizeof(*members));
    for (size_t i = 0; i < length; i++) {
        members[i] = (struct member){ S(""), at[i] };
        if (map)
            members[i] = (struct member){ json_str_or(json_get(at[i], S("key")), S("")), json_get(at[i], S("value")) };
    }
    if (map)
        qsort(members, length, sizeof(*members), by_key);
    map ? json_begin_object(w) : json_begin_array(w);
    for (size_t i = 0; i < length; i++) {
        if (map)
            json_key(w, members[i].key);
        TRY(any_json(arena, members[i].value, depth + 1, w));
    }
    map ? json_end_object(w) : json_end_array(w);
    return NULL;
}

static err any_json(struct arena *arena, const struct json *value, int depth, struct json_writer *w)
{
    const struct json *it;
    int64_t whole;
    double real;

    if ((it = json_get(value, S("stringValue"))) || (it = json_get(value, S("bytesValue")))) {
        json_add_str(w, json_str_or(it, S("")));
    } else if ((it = json_get(value, S("boolValue")))) {
        json_add_bool(w, json_bool_or(it, false));
    } else if ((it = json_get(value, S("intValue")))) {
        TRY(integer(it, "intValue", &whole));
        json_add_i64(w, whole);
    } else if ((it = json_get(value, S("doubleValue")))) {
        TRY(number(it, "doubleValue", &real));
        json_add_raw(w, otlp_double_text(arena, real));
    } else if ((it = json_get(value, S("arrayValue")))) {
        return list_json(arena, it, false, depth, w);
    } else if ((it = json_get(value, S("kvlistValue")))) {
        return list_json(arena, it, true, depth, w);
    } else {
        json_add_null(w);
    }
    return NULL;
}

static err any_text(struct arena *arena, const struct json *value, struct str *ret_text)
{
    const struct json *it;
    struct buf text CLEANUP(buf_clear) = { 0 };

    *ret_text = S("");
    if ((it = json_get(value, S("stringValue"))) || (it = json_get(value, S("bytesValue")))) {
        *ret_text = json_str_or(it, S(""));
        return NULL;
    }
    if (!value || value->type != JSON_OBJECT || !value->object.count)
        return NULL;
    buf_init(&text, 1 << 20);
    struct json_writer w = json_writer(&text);
    TRY(any_json(arena, value, 0, &w));
    TRY(buf_check(&text));
    *ret_text = str_copy(arena, buf_str(&text));
    return NULL;
}

static err attributes(struct arena *arena, const struct json *json, struct otlp_attributes *ret)
{
    struct json *const *at;
    size_t length;

    TRY(items(json, "attributes", &at, &length));
    for (size_t i = 0; i < length; i++) {
        struct label label = { json_str_or(json_get(at[i], S("key")), S("")), S("") };
        TRY(any_text(arena, json_get(at[i], S("value")), &label.value));
        *vec_push(ret, arena) = label;
        TRY(arena_check(arena));
    }
    return NULL;
}

static err numbers(struct arena *arena, const struct json *json, const char *name, bool doubles,
                   struct otlp_numbers *list)
{
    struct json *const *at;
    size_t length;
    double value;

    TRY(items(json, name, &at, &length));
    for (size_t i = 0; i < length; i++) {
        TRY(doubles ? number(at[i], name, &value) : count(at[i], name, &value));
        *vec_push(list, arena) = value;
    }
    return NULL;
}

static struct str hex_id(struct arena *arena, const struct json *json)
{
    struct str text = str_lower(arena, json_str_or(json, S("")));
    bool zero = true;

    for (size_t i = 0; i < text.length; i++) {
        char c = text.at[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return S("");
        zero &= c == '0';
    }
    return zero || text.length > 32 ? S("") : text;
}

/* value_of - asDouble or asInt. */
static err value_of(const struct json *json, double *ret_value, bool *ret_has)
{
    const struct json *real = json_get(json, S("asDouble")), *whole = json_get(json, S("asInt"));
    int64_t value;

    *ret_has = real || whole;
    if (!whole)
        return number(real, "asDouble", ret_value);
    TRY(integer(whole, "asInt", &value));
    *ret_value = (double)value;
    return NULL;
}

static err exemplars(struct arena *arena, const struct json *json, struct otlp_point *point)
{
    struct json *const *at;
    size_t length;
    bool has;

    TRY(items(json, "exemplars", &at, &length));
    for (size_t i = 0; i < length; i++) {
        struct otlp_exemplar *it = vec_push(&point->exemplars, arena);
        TRY(arena_check(arena));
        TRY(unsigned_integer(json_get(at[i], S("timeUnixNano")), "timeUnixNano", &it->time_ns));
        TRY(value_of(at[i], &it->value, &has));
        it->trace_id = hex_id(arena, json_get(at[i], S("traceId")));
        it->span_id = hex_id(arena, json_get(at[i], S("spanId")));
        TRY(attributes(arena, json_get(at[i], S("filteredAttributes")), &it->attributes));
    }
    return NULL;
}

static err buckets(struct arena *arena, const struct json *json, struct otlp_buckets *ret)
{
    int64_t offset;

    TRY(integer(json_get(json, S("offset")), "offset", &offset));
    ret->offset = (int32_t)offset;
    if (offset != ret->offset)
        return err_new(ERR_INVALID, "offset is out of range");
    return numbers(arena, json_get(json, S("bucketCounts")), "bucketCounts", false, &ret->counts);
}

static err quantiles(struct arena *arena, const struct json *json, struct otlp_point *ret)
{
    struct json *const *at;
    size_t length;

    TRY(items(json, "quantileValues", &at, &length));
    for (size_t i = 0; i < length; i++) {
        TRY(number(json_get(at[i], S("quantile")), "quantile", vec_push(&ret->bounds, arena)));
        TRY(number(json_get(at[i], S("value")), "value", vec_push(&ret->counts, arena)));
    }
    return NULL;
}

/* point - of any kind. Counts and bounds are the quantiles of a summary, so only one of the two is looked at. */
static err point(struct arena *arena, const struct json *json, enum otlp_kind kind, struct otlp_point *ret)
{
    const struct json *sum = json_get(json, S("sum"));
    int64_t scale;

    TRY(unsigned_integer(json_get(json, S("startTimeUnixNano")), "startTimeUnixNano", &ret->start_ns));
    TRY(unsigned_integer(json_get(json, S("timeUnixNano")), "timeUnixNano", &ret->time_ns));
    TRY(unsigned_integer(json_get(json, S("flags")), "flags", &ret->flags));
    TRY(attributes(arena, json_get(json, S("attributes")), &ret->attributes));
    TRY(exemplars(arena, json_get(json, S("exemplars")), ret));
    TRY(value_of(json, &ret->value, &ret->has_value));
    TRY(count(json_get(json, S("count")), "count", &ret->count));
    TRY(number(sum, "sum", &ret->sum));
    ret->has_sum = sum && sum->type != JSON_NULL;
    if (kind == OTLP_SUMMARY) {
        TRY(quantiles(arena, json_get(json, S("quantileValues")), ret));
    } else {
        TRY(numbers(arena, json_get(json, S("bucketCounts")), "bucketCounts", false, &ret->counts));
        TRY(numbers(arena, json_get(json, S("explicitBounds")), "explicitBounds", true, &ret->bounds));
    }
    TRY(integer(json_get(json, S("scale")), "scale", &scale));
    ret->scale = scale < INT32_MIN ? INT32_MIN : scale > INT32_MAX ? INT32_MAX : (int32_t)scale;
    TRY(count(json_get(json, S("zeroCount")), "zeroCount", &ret->zero_count));
    TRY(number(json_get(json, S("zeroThreshold")), "zeroThreshold", &ret->zero_threshold));
    TRY(buckets(arena, json_get(json, S("positive")), &ret->positive));
    return buckets(arena, json_get(json, S("negative")), &ret->negative);
}

static err metric(struct arena *arena, const struct json *json, struct otlp_metric *ret)
{
    static const struct {
        struct str key;
        enum otlp_kind kind;
    } kinds[] = {
        { S("gauge"), OTLP_GAUGE },         { S("sum"), OTLP_SUM },
        { S("histogram"), OTLP_HISTOGRAM }, { S("exponentialHistogram"), OTLP_EXPONENTIAL },
        { S("summary"), OTLP_SUMMARY },
    };
    const struct json *content = NULL;
    struct json *const *at;
    size_t length;

    ret->name = json_str_or(json_get(json, S("name")), S(""));
    ret->description = json_str_or(json_get(json, S("description")), S(""));
    ret->unit = json_str_or(json_get(json, S("unit")), S(""));
    for (size_t i = 0; i < ARRAY_LEN(kinds) && !content; i++)
        if ((content = json_get(json, kinds[i].key)))
            ret->kind = kinds[i].kind;
    TRY(unsigned_integer(json_get(content, S("aggregationTemporality")), "aggregationTemporality", &ret->temporality));
    ret->monotonic = json_bool_or(json_get(content, S("isMonotonic")), false);
    TRY(items(json_get(content, S("dataPoints")), "dataPoints", &at, &length));
    for (size_t i = 0; i < length; i++) {
        TRY(arena_check(arena));
        err e = point(arena, at[i], ret->kind, vec_push(&ret->points, arena));
        if (e)
            return err_wrap(e, "metric '%.*s', dataPoints[%zu]", STR_ARG(str_slice(ret->name, 0, 200)), i);
    }
    return NULL;
}

static err resource(struct arena *arena, const struct json *json, struct otlp_resource *ret)
{
    struct json *const *scopes, *const *metrics;
    size_t scope_count, metric_count;

    TRY(attributes(arena, json_get(json_get(json, S("resource")), S("attributes")), &ret->attributes));
    TRY(items(json_get(json, S("scopeMetrics")), "scopeMetrics", &scopes, &scope_count));
    for (size_t i = 0; i < scope_count; i++) {
        struct otlp_scope *scope = vec_push(&ret->scopes, arena);
        TRY(items(json_get(scopes[i], S("metrics")), "metrics", &metrics, &metric_count));
        for (size_t k = 0; k < metric_count; k++) {
            TRY(metric(arena, metrics[k], vec_push(&scope->metrics, arena)));
            TRY(arena_check(arena));
        }
    }
    return NULL;
}

err otlp_read_json(struct arena *arena, struct str body, struct otlp_request *ret_request)
{
    const struct json *json;
    struct json *const *at;
    size_t length;

    *ret_request = (struct otlp_request){ 0 };
    TRY(json_parse(arena, body, &json));
    TRY(arena_check(arena));
    if (json->type != JSON_OBJECT)
        return err_new(ERR_INVALID, "the request is not an object");
    TRY(items(json_get(json, S("resourceMetrics")), "resourceMetrics", &at, &length));
    for (size_t i = 0; i < length; i++) {
        TRY(resource(arena, at[i], vec_push(&ret_request->resources, arena)));
        TRY(arena_check(arena));
    }
    return NULL;
}

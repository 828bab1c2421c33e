/* otlp_protobuf.c - export requests in protobuf. */
#include "ingest/otlp_attribute.h"
#include "ingest/protobuf.h"

#define BYTES(number)   PROTOBUF_KEY(number, WIRE_BYTES)
#define VARINT(number)  PROTOBUF_KEY(number, WIRE_VARINT)
#define FIXED64(number) PROTOBUF_KEY(number, WIRE_FIXED64)
#define KEY(field)      PROTOBUF_KEY((field).number, (field).wire)

static err numbers(struct arena *arena, const struct protobuf_field *field, enum protobuf_wire wire, bool doubles,
                   struct otlp_numbers *list)
{
    struct protobuf_numbers it = protobuf_numbers(field, wire);

    for (uint64_t value; protobuf_number(&it, &value);) {
        *vec_push(list, arena) = doubles ? protobuf_double(value) : (double)value;
        if (list->count % 1024 == 0)
            TRY(arena_check(arena));
    }
    return protobuf_check(&it.packed, "a list of numbers");
}

static struct str hex_id(struct arena *arena, struct str bytes)
{
    static const char hex[] = "0123456789abcdef";
    bool zero = true;

    if (bytes.length > 16)
        return S("");
    char *text = arena_alloc(arena, bytes.length * 2 + 1);
    for (size_t i = 0; i < bytes.length; i++) {
        unsigned char byte = (unsigned char)bytes.at[i];
        zero &= byte == 0;
        text[2 * i] = hex[byte >> 4];
        text[2 * i + 1] = hex[byte & 15];
    }
    return zero ? S("") : (struct str){ text, bytes.length * 2 };
}

static err exemplar(struct arena *arena, struct str message, struct otlp_exemplar *ret)
{
    struct protobuf in = protobuf_of(message);

    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        switch (KEY(field)) {
        case FIXED64(2):
            ret->time_ns = field.integer;
            break;
        case FIXED64(3):
            ret->value = protobuf_double(field.integer);
            break;
        case BYTES(4):
            ret->span_id = hex_id(arena, field.bytes);
            break;
        case BYTES(5):
            ret->trace_id = hex_id(arena, field.bytes);
            break;
        case FIXED64(6):
            ret->value = (double)(int64_t)field.integer;
            break;
        case BYTES(7):
            TRY(otlp_attribute(arena, field.bytes, &ret->attributes));
            break;
        }
    }
    return protobuf_check(&in, "Exemplar");
}

static err push_exemplar(struct arena *arena, struct str message, struct otlp_point *point)
{
    TRY(arena_check(arena));
    return exemplar(arena, message, vec_push(&point->exemplars, arena));
}

static err number_point(struct arena *arena, struct str message, struct otlp_point *ret)
{
    struct protobuf in = protobuf_of(message);

    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        switch (KEY(field)) {
        case FIXED64(2):
            ret->start_ns = field.integer;
            break;
        case FIXED64(3):
            ret->time_ns = field.integer;
            break;
        case FIXED64(4):
            ret->value = protobuf_double(field.integer);
            ret->has_value = true;
            break;
        case BYTES(5):
            TRY(push_exemplar(arena, field.bytes, ret));
            break;
        case FIXED64(6):
            ret->value = (double)(int64_t)field.integer;
            ret->has_value = true;
            break;
        case BYTES(7):
            TRY(otlp_attribute(arena, field.bytes, &ret->attributes));
            break;
        case VARINT(8):
            ret->flags = field.integer;
            break;
        }
    }
    return protobuf_check(&in, "NumberDataPoint");
}

static err histogram_point(struct arena *arena, struct str message, struct otlp_point *ret)
{
    struct protobuf in = protobuf_of(message);

    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        switch (KEY(field)) {
        case FIXED64(2):
            ret->start_ns = field.integer;
            break;
        case FIXED64(3):
            ret->time_ns = field.integer;
            break;
        case FIXED64(4):
            ret->count = (double)field.integer;
            break;
        case FIXED64(5):
            ret->sum = protobuf_double(field.integer);
            ret->has_sum = true;
            break;
        case BYTES(6):
        case FIXED64(6):
            TRY(numbers(arena, &field, WIRE_FIXED64, false, &ret->counts));
            break;
        case BYTES(7):
        case FIXED64(7):
            TRY(numbers(arena, &field, WIRE_FIXED64, true, &ret->bounds));
            break;
        case BYTES(8):
            TRY(push_exemplar(arena, field.bytes, ret));
            break;
        case BYTES(9):
            TRY(otlp_attribute(arena, field.bytes, &ret->attributes));
            break;
        case VARINT(10):
            ret->flags = field.integer;
            break;
        }
    }
    return protobuf_check(&in, "HistogramDataPoint");
}

static err buckets(struct arena *arena, struct str message, struct otlp_buckets *ret)
{
    struct protobuf in = protobuf_of(message);

    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        if (KEY(field) == VARINT(1))
            ret->offset = (int32_t)protobuf_zigzag(field.integer);
        else if (field.number == 2)
            TRY(numbers(arena, &field, WIRE_VARINT, false, &ret->counts));
    }
    return protobuf_check(&in, "Buckets");
}

static err exponential_point(struct arena *arena, struct str message, struct otlp_point *ret)
{
    struct protobuf in = protobuf_of(message);

    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        switch (KEY(field)) {
        case BYTES(1):
            TRY(otlp_attribute(arena, field.bytes, &ret->attributes));
            break;
        case FIXED64(2):
            ret->start_ns = field.integer;
            break;
        case FIXED64(3):
            ret->time_ns = field.integer;
            break;
        case FIXED64(4):
            ret->count = (double)field.integer;
            break;
        case FIXED64(5):
            ret->sum = protobuf_double(field.integer);
            ret->has_sum = true;
            break;
        case VARINT(6):
            ret->scale = (int32_t)protobuf_zigzag(field.integer);
            break;
        case FIXED64(7):
            ret->zero_count = (double)field.integer;
            break;
        case BYTES(8):
            TRY(buckets(arena, field.bytes, &ret->positive));
            break;
        case BYTES(9):
            TRY(buckets(arena, field.bytes, &ret->negative));
            break;
        case VARINT(10):
            ret->flags = field.integer;
            break;
        case BYTES(11):
            TRY(push_exemplar(arena, field.bytes, ret));
            break;
        case FIXED64(14):
            ret->zero_threshold = protobuf_double(field.integer);
            break;
        }
    }
    return protobuf_check(&in, "ExponentialHistogramDataPoint");
}

static err quantile(struct arena *arena, struct str message, struct otlp_point *ret)
{
    struct protobuf in = protobuf_of(message);
    double at = 0, value = 0;

    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        if (KEY(field) == FIXED64(1))
            at = protobuf_double(field.integer);
        else if (KEY(field) == FIXED64(2))
            value = protobuf_double(field.integer);
    }
    *vec_push(&ret->bounds, arena) = at;
    *vec_push(&ret->counts, arena) = value;
    return protobuf_check(&in, "ValueAtQuantile");
}

static err summary_point(struct arena *arena, struct str message, struct otlp_point *ret)
{
    struct protobuf in = protobuf_of(message);

    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        switch (KEY(field)) {
        case FIXED64(2):
            ret->start_ns = field.integer;
            break;
        case FIXED64(3):
            ret->time_ns = field.integer;
            break;
        case FIXED64(4):
            ret->count = (double)field.integer;
            break;
        case FIXED64(5):
            ret->sum = protobuf_double(field.integer);
            ret->has_sum = true;
            break;
        case BYTES(6):
            TRY(quantile(arena, field.bytes, ret));
            break;
        case BYTES(7):
            TRY(otlp_attribute(arena, field.bytes, &ret->attributes));
            break;
        case VARINT(8):
            ret->flags = field.integer;
            break;
        }
        TRY(arena_check(arena));
    }
    return protobuf_check(&in, "SummaryDataPoint");
}

/* points - Gauge, Sum, Histogram, ExponentialHistogram and Summary: points in field 1, and what some say of all. */
static err points(struct arena *arena, struct str message, enum otlp_kind kind, struct otlp_metric *metric)
{
    static err (*const readers[])(struct arena *, struct str, struct otlp_point *) = {
        [OTLP_GAUGE] = number_point,        [OTLP_SUM] = number_point,
        [OTLP_HISTOGRAM] = histogram_point, [OTLP_EXPONENTIAL] = exponential_point,
        [OTLP_SUMMARY] = summary_point,
    };
    struct protobuf in = protobuf_of(message);

    if (metric->kind != kind) /* one of several: the last one stands */
        metric->points.count = 0;
    metric->kind = kind;
    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        TRY(arena_check(arena));
        if (KEY(field) == BYTES(1))
            TRY(readers[kind](arena, field.bytes, vec_push(&metric->points, arena)));
        else if (KEY(field) == VARINT(2))
            metric->temporality = field.integer;
        else if (KEY(field) == VARINT(3))
            metric->monotonic = field.integer != 0;
    }
    return protobuf_check(&in, "Metric");
}

static err metric(struct arena *arena, struct str message, struct otlp_metric *ret)
{
    struct protobuf in = protobuf_of(message);

    *ret = (struct otlp_metric){ .name = S(""), .description = S(""), .unit = S("") };
    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        switch (KEY(field)) {
        case BYTES(1):
            ret->name = field.bytes;
            break;
        case BYTES(2):
            ret->description = field.bytes;
            break;
        case BYTES(3):
            ret->unit = field.bytes;
            break;
        case BYTES(5):
            TRY(points(arena, field.bytes, OTLP_GAUGE, ret));
            break;
        case BYTES(7):
            TRY(points(arena, field.bytes, OTLP_SUM, ret));
            break;
        case BYTES(9):
            TRY(points(arena, field.bytes, OTLP_HISTOGRAM, ret));
            break;
        case BYTES(10):
            TRY(points(arena, field.bytes, OTLP_EXPONENTIAL, ret));
            break;
        case BYTES(11):
            TRY(points(arena, field.bytes, OTLP_SUMMARY, ret));
            break;
        }
    }
    return protobuf_check(&in, "Metric");
}

static err scope(struct arena *arena, struct str message, struct otlp_scope *ret)
{
    struct protobuf in = protobuf_of(message);

    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        TRY(arena_check(arena));
        if (KEY(field) == BYTES(2))
            TRY(metric(arena, field.bytes, vec_push(&ret->metrics, arena)));
    }
    return protobuf_check(&in, "ScopeMetrics");
}

static err resource(struct arena *arena, struct str message, struct otlp_resource *ret)
{
    struct protobuf in = protobuf_of(message), inner;

    for (struct protobuf_field field, part; protobuf_next(&in, &field);) {
        TRY(arena_check(arena));
        if (KEY(field) == BYTES(2))
            TRY(scope(arena, field.bytes, vec_push(&ret->scopes, arena)));
        if (KEY(field) != BYTES(1))
            continue;
        inner = protobuf_of(field.bytes);
        while (protobuf_next(&inner, &part))
            if (KEY(part) == BYTES(1))
                TRY(otlp_attribute(arena, part.bytes, &ret->attributes));
        TRY(protobuf_check(&inner, "Resource"));
    }
    return protobuf_check(&in, "ResourceMetrics");
}

err otlp_read_protobuf(struct arena *arena, struct str body, struct otlp_request *ret_request)
{
    struct protobuf in = protobuf_of(body);

    *ret_request = (struct otlp_request){ 0 };
    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        TRY(arena_check(arena));
        if (KEY(field) == BYTES(1))
            TRY(resource(arena, field.bytes, vec_push(&ret_request->resources, arena)));
    }
    return protobuf_check(&in, "ExportMetricsServiceRequest");
}

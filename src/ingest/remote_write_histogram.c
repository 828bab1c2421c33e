/* remote_write_histogram.c - the message Histogram of remote_write: spans and deltas to absolute counts. */
#include "ingest/remote_write_parts.h"

#include <math.h>

enum {
    COUNT_INT = PROTOBUF_KEY(1, WIRE_VARINT),
    COUNT_FLOAT = PROTOBUF_KEY(2, WIRE_FIXED64),
    SUM = PROTOBUF_KEY(3, WIRE_FIXED64),
    SCHEMA = PROTOBUF_KEY(4, WIRE_VARINT),
    ZERO_THRESHOLD = PROTOBUF_KEY(5, WIRE_FIXED64),
    ZERO_COUNT_INT = PROTOBUF_KEY(6, WIRE_VARINT),
    ZERO_COUNT_FLOAT = PROTOBUF_KEY(7, WIRE_FIXED64),
    RESET_HINT = PROTOBUF_KEY(14, WIRE_VARINT),
    TIMESTAMP = PROTOBUF_KEY(15, WIRE_VARINT),
    START_TIMESTAMP = PROTOBUF_KEY(17, WIRE_VARINT),
    /* Repeated ones, by number: numbers may come packed or not. */
    NEGATIVE_SPANS = 8,
    NEGATIVE_DELTAS = 9,
    NEGATIVE_COUNTS = 10,
    POSITIVE_SPANS = 11,
    POSITIVE_DELTAS = 12,
    POSITIVE_COUNTS = 13,
    CUSTOM_VALUES = 16,
    SPAN_OFFSET = PROTOBUF_KEY(1, WIRE_VARINT),
    SPAN_LENGTH = PROTOBUF_KEY(2, WIRE_VARINT),
};

enum { BUCKETS_MAX = 65536 /* more is hostile */, SCHEMA_RESERVED_MAX = 52 };

static err span_read(const struct protobuf_field *field, struct histogram_span *ret_span)
{
    struct protobuf in = protobuf_of(field->wire == WIRE_BYTES ? field->bytes : S(""));

    *ret_span = (struct histogram_span){ 0, 0 };
    for (struct protobuf_field part; protobuf_next(&in, &part);) {
        if (PROTOBUF_KEY(part.number, part.wire) == SPAN_OFFSET)
            ret_span->offset = (int32_t)protobuf_zigzag(part.integer);
        else if (PROTOBUF_KEY(part.number, part.wire) == SPAN_LENGTH)
            ret_span->length = (uint32_t)part.integer;
    }
    return protobuf_check(&in, "BucketSpan");
}

/* push_numbers - sint64 deltas, each to the bucket before it, or doubles. */
static err push_numbers(struct arena *arena, const struct protobuf_field *field, bool deltas, struct doubles *list)
{
    struct protobuf_numbers numbers = protobuf_numbers(field, deltas ? WIRE_VARINT : WIRE_FIXED64);
    double last = deltas && list->count ? list->at[list->count - 1] : 0;
    int64_t count = fabs(last) < 0x1p63 ? (int64_t)last : 0;

    for (uint64_t value; protobuf_number(&numbers, &value);) {
        if (list->count == BUCKETS_MAX)
            return err_new(ERR_TOO_LARGE, "a histogram of the request has more than %d buckets", BUCKETS_MAX);
        count = (int64_t)((uint64_t)count + (uint64_t)protobuf_zigzag(value));
        *vec_push(list, arena) = deltas ? (double)count : protobuf_double(value);
    }
    return protobuf_check(&numbers.packed, "Histogram");
}

static err read_list(struct histogram_wire *wire, struct arena *arena, const struct protobuf_field *field)
{
    switch (field->number) {
    case NEGATIVE_SPANS:
        return span_read(field, vec_push(&wire->negative_spans, arena));
    case POSITIVE_SPANS:
        return span_read(field, vec_push(&wire->positive_spans, arena));
    case NEGATIVE_DELTAS:
    case NEGATIVE_COUNTS:
        return push_numbers(arena, field, field->number == NEGATIVE_DELTAS, &wire->negative_counts);
    case POSITIVE_DELTAS:
    case POSITIVE_COUNTS:
        return push_numbers(arena, field, field->number == POSITIVE_DELTAS, &wire->positive_counts);
    case CUSTOM_VALUES:
        return push_numbers(arena, field, false, &wire->bounds);
    default:
        return NULL;
    }
}

static bool read_number(struct histogram_wire *wire, const struct protobuf_field *field)
{
    struct histogram *histogram = &wire->histogram;

    switch (PROTOBUF_KEY(field->number, field->wire)) {
    case COUNT_INT:
        histogram->integral = true;
        histogram->count = (double)field->integer;
        return true;
    case COUNT_FLOAT:
        histogram->integral = false;
        histogram->count = protobuf_double(field->integer);
        return true;
    case SUM:
        histogram->sum = protobuf_double(field->integer);
        return true;
    case SCHEMA:
        histogram->schema = (int32_t)protobuf_zigzag(field->integer);
        return true;
    case ZERO_THRESHOLD:
        histogram->zero_threshold = protobuf_double(field->integer);
        return true;
    case ZERO_COUNT_INT:
        histogram->zero_count = (double)field->integer;
        return true;
    case ZERO_COUNT_FLOAT:
        histogram->zero_count = protobuf_double(field->integer);
        return true;
    case RESET_HINT:
        histogram->hint = field->integer <= RESET_GAUGE ? (enum counter_reset)field->integer : RESET_UNKNOWN;
        return true;
    case TIMESTAMP:
        wire->time_ms = (int64_t)field->integer;
        return true;
    case START_TIMESTAMP:
        wire->start_ms = (int64_t)field->integer;
        return true;
    default:
        return false;
    }
}

static void begin(struct histogram_wire *wire)
{
    wire->histogram = (struct histogram){ .integral = true };
    wire->time_ms = wire->start_ms = 0;
    wire->positive_spans.count = wire->negative_spans.count = 0;
    wire->positive_counts.count = wire->negative_counts.count = wire->bounds.count = 0;
}

/* take_histogram - what no bucket layout of ours holds in its resolution is kept in the finest that does. */
static err take_histogram(struct write_walk *walk, const struct histogram *histogram)
{
    err e;

    if (histogram->schema > HISTOGRAM_SCHEMA_MAX && histogram->schema <= SCHEMA_RESERVED_MAX)
        histogram = histogram_reduce(walk->arena, histogram, HISTOGRAM_SCHEMA_MAX);
    e = histogram_validate(histogram);
    if (e)
        walk_refuse(walk, err_message(e));
    else
        append_histogram(walk->append, walk->histogram.time_ms, walk->histogram.start_ms, histogram);
    err_free(e);
    return arena_check(walk->arena);
}

err walk_histogram(struct write_walk *walk, struct str message)
{
    struct histogram_wire *wire = &walk->histogram;
    struct protobuf in = protobuf_of(message);

    begin(wire);
    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        if (!read_number(wire, &field))
            TRY(read_list(wire, walk->arena, &field));
        TRY(arena_check(walk->arena));
    }
    TRY(protobuf_check(&in, "Histogram"));
    if (!walk->append)
        return NULL;
    wire->histogram.positive = (struct histogram_side){ wire->positive_spans.at, wire->positive_spans.count,
                                                        wire->positive_counts.at, wire->positive_counts.count };
    wire->histogram.negative = (struct histogram_side){ wire->negative_spans.at, wire->negative_spans.count,
                                                        wire->negative_counts.at, wire->negative_counts.count };
    wire->histogram.bounds = wire->bounds.at;
    wire->histogram.bound_count = wire->bounds.count;
    return take_histogram(walk, &wire->histogram);
}

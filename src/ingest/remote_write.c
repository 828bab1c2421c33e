/* remote_write.c - version 1.0, and what both versions share. */
#include "ingest/remote_write_parts.h"

/* The fields of prompb/remote.proto and types.proto. */
enum {
    REQUEST_SERIES = PROTOBUF_KEY(1, WIRE_BYTES),
    REQUEST_METADATA = PROTOBUF_KEY(3, WIRE_BYTES),
    SERIES_LABEL = PROTOBUF_KEY(1, WIRE_BYTES),
    SERIES_SAMPLE = PROTOBUF_KEY(2, WIRE_BYTES),
    SERIES_EXEMPLAR = PROTOBUF_KEY(3, WIRE_BYTES),
    SERIES_HISTOGRAM = PROTOBUF_KEY(4, WIRE_BYTES),
    LABEL_NAME = PROTOBUF_KEY(1, WIRE_BYTES),
    LABEL_VALUE = PROTOBUF_KEY(2, WIRE_BYTES),
    SAMPLE_VALUE = PROTOBUF_KEY(1, WIRE_FIXED64),
    SAMPLE_TIME = PROTOBUF_KEY(2, WIRE_VARINT),
    EXEMPLAR_LABEL = PROTOBUF_KEY(1, WIRE_BYTES),
    EXEMPLAR_VALUE = PROTOBUF_KEY(2, WIRE_FIXED64),
    EXEMPLAR_TIME = PROTOBUF_KEY(3, WIRE_VARINT),
    METADATA_TYPE = PROTOBUF_KEY(1, WIRE_VARINT),
    METADATA_NAME = PROTOBUF_KEY(2, WIRE_BYTES),
    METADATA_HELP = PROTOBUF_KEY(4, WIRE_BYTES),
    METADATA_UNIT = PROTOBUF_KEY(5, WIRE_BYTES),
};

static err label_read(struct str message, struct label *ret_label)
{
    struct protobuf in = protobuf_of(message);

    *ret_label = (struct label){ S(""), S("") };
    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        if (PROTOBUF_KEY(field.number, field.wire) == LABEL_NAME)
            ret_label->name = field.bytes;
        else if (PROTOBUF_KEY(field.number, field.wire) == LABEL_VALUE)
            ret_label->value = field.bytes;
    }
    return protobuf_check(&in, "Label");
}

err remote_write_labels(void *arg, struct str raw, struct arena *arena, struct labels *ret_labels)
{
    struct protobuf in = protobuf_of(raw);
    VEC(struct label) labels = { 0 };

    (void)arg;
    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        if (PROTOBUF_KEY(field.number, field.wire) == SERIES_LABEL)
            TRY(label_read(field.bytes, vec_push(&labels, arena)));
        TRY(arena_check(arena));
    }
    *ret_labels = (struct labels){ labels.at, labels.count };
    return protobuf_check(&in, "TimeSeries");
}

void walk_refuse(struct write_walk *walk, const char *why)
{
    struct buf text CLEANUP(buf_clear) = { 0 };
    struct labels labels = { 0 };

    if (walk->refusals.count++)
        return;
    buf_init(&text, 64 * 1024);
    err e = remote_write_labels(NULL, walk->series, walk->arena, &labels);
    if (!e)
        labels_write_series(&text, labels_make(walk->arena, labels.at, labels.count));
    err_free(e);
    struct str series = str_utf8_scrub(walk->arena, str_utf8_head(buf_str(&text), 1000));
    walk->refusals.why = str_printf(walk->arena, "%s: %.*s", why, STR_ARG(series));
}

static inline err walk_sample(struct write_walk *walk, struct str message)
{
    struct protobuf in = protobuf_of(message);
    uint64_t value = 0;
    int64_t time_ms = 0;

    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        if (PROTOBUF_KEY(field.number, field.wire) == SAMPLE_VALUE)
            value = field.integer;
        else if (PROTOBUF_KEY(field.number, field.wire) == SAMPLE_TIME)
            time_ms = (int64_t)field.integer;
    }
    if (in.broken)
        return protobuf_check(&in, "Sample");
    if (walk->append)
        append_float(walk->append, time_ms, 0, protobuf_double(value));
    return NULL;
}

static err walk_exemplar(struct write_walk *walk, struct str message)
{
    struct protobuf in = protobuf_of(message);
    struct exemplar exemplar = { 0 };

    walk->labels.count = 0;
    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        switch (PROTOBUF_KEY(field.number, field.wire)) {
        case EXEMPLAR_LABEL:
            TRY(label_read(field.bytes, vec_push(&walk->labels, walk->arena)));
            TRY(arena_check(walk->arena));
            break;
        case EXEMPLAR_VALUE:
            exemplar.value = protobuf_double(field.integer);
            break;
        case EXEMPLAR_TIME:
            exemplar.time_ms = (int64_t)field.integer;
            break;
        }
    }
    TRY(protobuf_check(&in, "Exemplar"));
    if (!walk->append || walk->refused)
        return NULL;
    exemplar.labels = labels_make(walk->arena, walk->labels.at, walk->labels.count);
    append_exemplar(walk->append, &exemplar);
    return arena_check(walk->arena);
}

/* labels_apart - the label fields of a series whose labels don't stand together, put together. */
static struct str labels_apart(struct write_walk *walk, struct str message)
{
    struct protobuf in = protobuf_of(message);
    struct buf span = { 0 };

    buf_init(&span, message.length + 1024);
    for (struct protobuf_field field; protobuf_next(&in, &field);)
        if (PROTOBUF_KEY(field.number, field.wire) == SERIES_LABEL)
            protobuf_put_bytes(&span, 1, field.bytes);
    struct str copy = str_copy(walk->arena, buf_str(&span));
    buf_clear(&span);
    return copy;
}

/* series_span - the raw bytes of its label fields: those at the head of the message, where all of them are as a rule.
 * `in` is moved behind them. */
static inline struct str series_span(struct write_walk *walk, struct protobuf *in)
{
    struct protobuf_field field;
    const char *from = in->at;
    bool apart = false;

    while (in->at < in->end && *in->at == (char)SERIES_LABEL && protobuf_next(in, &field))
        ;
    struct str span = { from, (size_t)(in->at - from) };
    for (struct protobuf rest = *in; protobuf_next(&rest, &field);)
        apart |= PROTOBUF_KEY(field.number, field.wire) == SERIES_LABEL;
    return apart ? labels_apart(walk, (struct str){ in->start, (size_t)(in->end - in->start) }) : span;
}

static err walk_series_1(struct write_walk *walk, struct str message)
{
    struct protobuf in = protobuf_of(message);

    walk->series = series_span(walk, &in);
    if (walk->append && in.at < in.end)
        walk->refused = !append_raw(walk->append, walk->series, remote_write_labels, NULL);
    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        uint64_t key = PROTOBUF_KEY(field.number, field.wire);
        if (key == SERIES_SAMPLE)
            TRY(walk_sample(walk, field.bytes));
        else if (key == SERIES_EXEMPLAR)
            TRY(walk_exemplar(walk, field.bytes));
        else if (key == SERIES_HISTOGRAM)
            TRY(walk_histogram(walk, field.bytes));
    }
    return protobuf_check(&in, "TimeSeries");
}

static err walk_metadata(struct write_walk *walk, struct str message)
{
    struct protobuf in = protobuf_of(message);
    struct metric_meta meta = { S(""), S(""), S(""), KIND_UNKNOWN };

    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        switch (PROTOBUF_KEY(field.number, field.wire)) {
        case METADATA_TYPE:
            meta.kind = remote_write_kind(field.integer);
            break;
        case METADATA_NAME:
            meta.name = field.bytes;
            break;
        case METADATA_HELP:
            meta.help = field.bytes;
            break;
        case METADATA_UNIT:
            meta.unit = field.bytes;
            break;
        }
    }
    walk_meta(walk, &meta);
    return protobuf_check(&in, "MetricMetadata");
}

void walk_meta(struct write_walk *walk, const struct metric_meta *meta)
{
    if (walk->append && meta->name.length && str_is_utf8(meta->name) && str_is_utf8(meta->help) &&
        str_is_utf8(meta->unit))
        append_meta(walk->append, meta);
}

enum metric_kind remote_write_kind(uint64_t type)
{
    static const enum metric_kind kinds[] = { KIND_UNKNOWN,         KIND_COUNTER, KIND_GAUGE, KIND_HISTOGRAM,
                                              KIND_GAUGE_HISTOGRAM, KIND_SUMMARY, KIND_INFO,  KIND_STATESET };

    return type < ARRAY_LEN(kinds) ? kinds[type] : KIND_UNKNOWN;
}

static err walk_request_1(struct write_walk *walk, struct str message)
{
    struct protobuf in = protobuf_of(message);

    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        uint64_t key = PROTOBUF_KEY(field.number, field.wire);
        if (key == REQUEST_SERIES)
            TRY(walk_series_1(walk, field.bytes));
        else if (key == REQUEST_METADATA)
            TRY(walk_metadata(walk, field.bytes));
    }
    return protobuf_check(&in, "WriteRequest");
}

static err walk_request(struct write_walk *walk, enum remote_write_version version, struct str message)
{
    buf_init(&walk->span, SPAN_BYTES_MAX);
    err e = version == REMOTE_WRITE_1 ? walk_request_1(walk, message) : walk_request_2(walk, message);
    buf_clear(&walk->span);
    return e;
}

err remote_write_check(enum remote_write_version version, struct str message, struct arena *arena)
{
    struct write_walk walk = { .arena = arena };

    return walk_request(&walk, version, message);
}

err remote_write_append(enum remote_write_version version, struct str message, struct arena *arena,
                        struct append *append, struct remote_write_refusals *ret_refusals)
{
    struct write_walk walk = { .arena = arena, .append = append };

    TRY(walk_request(&walk, version, message));
    *ret_refusals = walk.refusals;
    return NULL;
}

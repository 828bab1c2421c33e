/* remote_write_2.c - version 2.0: texts are references into a table of symbols. */
#include "ingest/remote_write_parts.h"

/* The fields of io/prometheus/write/v2/types.proto. */
enum {
    REQUEST_SYMBOL = PROTOBUF_KEY(4, WIRE_BYTES),
    REQUEST_SERIES = PROTOBUF_KEY(5, WIRE_BYTES),
    SERIES_LABEL_REFS = 1,
    SERIES_SAMPLE = PROTOBUF_KEY(2, WIRE_BYTES),
    SERIES_HISTOGRAM = PROTOBUF_KEY(3, WIRE_BYTES),
    SERIES_EXEMPLAR = PROTOBUF_KEY(4, WIRE_BYTES),
    SERIES_METADATA = PROTOBUF_KEY(5, WIRE_BYTES),
    SAMPLE_VALUE = PROTOBUF_KEY(1, WIRE_FIXED64),
    SAMPLE_TIME = PROTOBUF_KEY(2, WIRE_VARINT),
    SAMPLE_START = PROTOBUF_KEY(3, WIRE_VARINT),
    EXEMPLAR_LABEL_REFS = 1,
    EXEMPLAR_VALUE = PROTOBUF_KEY(2, WIRE_FIXED64),
    EXEMPLAR_TIME = PROTOBUF_KEY(3, WIRE_VARINT),
    METADATA_TYPE = PROTOBUF_KEY(1, WIRE_VARINT),
    METADATA_HELP = PROTOBUF_KEY(3, WIRE_VARINT),
    METADATA_UNIT = PROTOBUF_KEY(4, WIRE_VARINT),
};

enum { REFS_MAX = 20000, HEAD_BYTES_MAX = 6 };

static err read_refs(struct write_walk *walk, const struct protobuf_field *field)
{
    struct protobuf_numbers numbers = protobuf_numbers(field, WIRE_VARINT);

    for (uint64_t ref; protobuf_number(&numbers, &ref);) {
        if (ref >= walk->symbols.count)
            return err_new(ERR_INVALID, "a label refers to symbol %llu, but the request has %zu",
                           (unsigned long long)ref, walk->symbols.count);
        if (walk->refs.count == REFS_MAX)
            return err_new(ERR_TOO_LARGE, "a series of the request has more than %d labels", REFS_MAX / 2);
        *vec_push(&walk->refs, walk->arena) = (uint32_t)ref;
    }
    return protobuf_check(&numbers.packed, "labels_refs");
}

static err check_pairs(const struct write_walk *walk)
{
    if (walk->refs.count % 2)
        return err_new(ERR_INVALID, "a series of the request has %zu label references, which are not pairs",
                       walk->refs.count);
    return NULL;
}

static size_t varint_width(size_t value)
{
    return value < 128 ? 1 : value < 16384 ? 2 : value < 2097152 ? 3 : 4;
}

static char *put_head(char *at, char key, size_t length)
{
    *at++ = key;
    for (; length >= 0x80; length >>= 7)
        *at++ = (char)(length | 0x80);
    *at++ = (char)length;
    return at;
}

static char *put_text(char *at, char key, struct str text)
{
    at = put_head(at, key, text.length);
    memcpy(at, text.at, text.length);
    return at + text.length;
}

/* span_of_refs - the label fields of a TimeSeries of 1.0 with these labels: the canonical spelling of the series. */
static err span_of_refs(struct write_walk *walk)
{
    const struct str *symbols = walk->symbols.at;

    buf_reset(&walk->span);
    for (size_t i = 0; i + 1 < walk->refs.count; i += 2) {
        struct str name = symbols[walk->refs.at[i]], value = symbols[walk->refs.at[i + 1]];
        size_t length = 2 + varint_width(name.length) + name.length + varint_width(value.length) + value.length;
        char *from = buf_reserve(&walk->span, length + HEAD_BYTES_MAX);
        if (!from)
            return buf_check(&walk->span);
        char *at = put_head(from, PROTOBUF_KEY(1, WIRE_BYTES), length);
        at = put_text(at, PROTOBUF_KEY(1, WIRE_BYTES), name);
        at = put_text(at, PROTOBUF_KEY(2, WIRE_BYTES), value);
        walk->span.length += (size_t)(at - from);
    }
    walk->series = buf_str(&walk->span);
    return NULL;
}

static inline err walk_sample(struct write_walk *walk, struct str message)
{
    struct protobuf in = protobuf_of(message);
    int64_t time_ms = 0, start_ms = 0;
    uint64_t value = 0;

    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        if (PROTOBUF_KEY(field.number, field.wire) == SAMPLE_VALUE)
            value = field.integer;
        else if (PROTOBUF_KEY(field.number, field.wire) == SAMPLE_TIME)
            time_ms = (int64_t)field.integer;
        else if (PROTOBUF_KEY(field.number, field.wire) == SAMPLE_START)
            start_ms = (int64_t)field.integer;
    }
    if (in.broken)
        return protobuf_check(&in, "Sample");
    if (walk->append)
        append_float(walk->append, time_ms, start_ms, protobuf_double(value));
    return NULL;
}

static err walk_exemplar(struct write_walk *walk, struct str message)
{
    struct protobuf in = protobuf_of(message);
    struct exemplar exemplar = { 0 };

    walk->refs.count = walk->labels.count = 0;
    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        if (field.number == EXEMPLAR_LABEL_REFS)
            TRY(read_refs(walk, &field));
        else if (PROTOBUF_KEY(field.number, field.wire) == EXEMPLAR_VALUE)
            exemplar.value = protobuf_double(field.integer);
        else if (PROTOBUF_KEY(field.number, field.wire) == EXEMPLAR_TIME)
            exemplar.time_ms = (int64_t)field.integer;
    }
    TRY(protobuf_check(&in, "Exemplar"));
    TRY(check_pairs(walk));
    if (!walk->append || walk->refused)
        return NULL;
    for (size_t i = 0; i < walk->refs.count; i += 2)
        *vec_push(&walk->labels, walk->arena) =
            (struct label){ walk->symbols.at[walk->refs.at[i]], walk->symbols.at[walk->refs.at[i + 1]] };
    exemplar.labels = labels_make(walk->arena, walk->labels.at, walk->labels.count);
    append_exemplar(walk->append, &exemplar);
    return arena_check(walk->arena);
}

static err symbol_of(struct write_walk *walk, uint64_t ref, struct str *ret_text)
{
    if (ref >= walk->symbols.count)
        return err_new(ERR_INVALID, "metadata refers to symbol %llu, but the request has %zu", (unsigned long long)ref,
                       walk->symbols.count);
    *ret_text = walk->symbols.at[ref];
    return NULL;
}

/* walk_metadata - it stands at every series; the many series of one metric tell it once. */
static err walk_metadata(struct write_walk *walk, struct str message, struct str name)
{
    struct protobuf in = protobuf_of(message);
    struct metric_meta meta = { name, S(""), S(""), KIND_UNKNOWN }, *last = &walk->meta;

    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        switch (PROTOBUF_KEY(field.number, field.wire)) {
        case METADATA_TYPE:
            meta.kind = remote_write_kind(field.integer);
            break;
        case METADATA_HELP:
            TRY(symbol_of(walk, field.integer, &meta.help));
            break;
        case METADATA_UNIT:
            TRY(symbol_of(walk, field.integer, &meta.unit));
            break;
        }
    }
    TRY(protobuf_check(&in, "Metadata"));
    bool told = meta.kind == last->kind && meta.name.at == last->name.at && meta.help.at == last->help.at &&
                meta.unit.at == last->unit.at;
    if (told || (meta.kind == KIND_UNKNOWN && !meta.help.length && !meta.unit.length))
        return NULL;
    *last = meta;
    walk_meta(walk, &meta);
    return NULL;
}

static struct str name_of_refs(const struct write_walk *walk)
{
    for (size_t i = 0; i + 1 < walk->refs.count; i += 2)
        if (str_eq(walk->symbols.at[walk->refs.at[i]], S("__name__")))
            return walk->symbols.at[walk->refs.at[i + 1]];
    return S("");
}

/* walk_labels - all references of the series, wherever in it they stand. */
static err walk_labels(struct write_walk *walk, struct str message, struct str *ret_name)
{
    struct protobuf in = protobuf_of(message);

    walk->refs.count = 0;
    for (struct protobuf_field field; protobuf_next(&in, &field);)
        if (field.number == SERIES_LABEL_REFS)
            TRY(read_refs(walk, &field));
    TRY(protobuf_check(&in, "TimeSeries"));
    TRY(check_pairs(walk));
    *ret_name = name_of_refs(walk);
    return walk->append ? span_of_refs(walk) : NULL;
}

static err walk_series(struct write_walk *walk, struct str message)
{
    struct protobuf in = protobuf_of(message);
    struct str name;
    bool empty = true;

    TRY(walk_labels(walk, message, &name));
    if (walk->append)
        walk->refused = !append_raw(walk->append, walk->series, remote_write_labels, NULL);
    for (struct protobuf_field field; protobuf_next(&in, &field);) {
        uint64_t key = PROTOBUF_KEY(field.number, field.wire);
        empty &= key != SERIES_SAMPLE && key != SERIES_HISTOGRAM;
        if (key == SERIES_SAMPLE)
            TRY(walk_sample(walk, field.bytes));
        else if (key == SERIES_HISTOGRAM)
            TRY(walk_histogram(walk, field.bytes));
        else if (key == SERIES_EXEMPLAR)
            TRY(walk_exemplar(walk, field.bytes));
        else if (key == SERIES_METADATA)
            TRY(walk_metadata(walk, field.bytes, name));
    }
    if (empty && walk->append)
        walk_refuse(walk, "the series has neither samples nor histograms");
    return protobuf_check(&in, "TimeSeries");
}

err walk_request_2(struct write_walk *walk, struct str message)
{
    struct protobuf in = protobuf_of(message);

    for (struct protobuf_field field; protobuf_next(&in, &field);)
        if (PROTOBUF_KEY(field.number, field.wire) == REQUEST_SYMBOL) {
            *vec_push(&walk->symbols, walk->arena) = field.bytes;
            TRY(arena_check(walk->arena));
        }
    TRY(protobuf_check(&in, "Request"));
    if (walk->symbols.count && walk->symbols.at[0].length)
        return err_new(ERR_INVALID, "the first symbol of the request is not the empty text");
    in = protobuf_of(message);
    for (struct protobuf_field field; protobuf_next(&in, &field);)
        if (PROTOBUF_KEY(field.number, field.wire) == REQUEST_SERIES)
            TRY(walk_series(walk, field.bytes));
    return protobuf_check(&in, "Request");
}

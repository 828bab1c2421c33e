/* wal_dump.c - the log as text, a line an item, as it stands in the files. */
#include <inttypes.h>

#include "model/histogram.h"
#include "tsdb/check.h"
#include "tsdb/wal_record.h"

struct dump {
    const struct wal_dump *options;
    struct arena *arena; /* of names */
    struct buf line;
    VEC(struct labels) names; /* by id */
};

static err put(struct dump *dump)
{
    buf_add_c(&dump->line, '\n');
    TRY(buf_check(&dump->line));
    dump->options->line(dump->options->arg, buf_str(&dump->line));
    buf_reset(&dump->line);
    return NULL;
}

/* begin - "  7 up{job=\"node\"} "; false where it is not asked for. */
static bool begin(struct dump *dump, uint32_t series)
{
    const struct labels *labels =
        series < dump->names.count && dump->names.at[series].at ? &dump->names.at[series] : NULL;

    if (dump->options->matcher_count &&
        (!labels || !matchers_match(dump->options->matchers, dump->options->matcher_count, *labels)))
        return false;
    buf_addf(&dump->line, "  %" PRIu32 " ", series);
    if (labels)
        labels_write_series(&dump->line, *labels);
    else
        buf_add(&dump->line, S("(defined in a snapshot or block)"));
    return true;
}

static err put_series(void *arg, uint32_t series, struct labels labels)
{
    struct dump *dump = arg;

    if (series >= 100000000) /* no store has that many: do not make room for what only looks like a number */
        return err_new(ERR_CORRUPT, "series %" PRIu32, series);
    while (dump->names.count <= series)
        *vec_push(&dump->names, dump->arena) = (struct labels){ 0 };
    dump->names.at[series] = labels_copy(dump->arena, labels);
    if (!begin(dump, series))
        return NULL;
    buf_add(&dump->line, S(" defined"));
    return put(dump);
}

static err put_sample(void *arg, uint32_t series, int64_t time_ms, int64_t start_ms, double value)
{
    struct dump *dump = arg;

    if (!begin(dump, series))
        return NULL;
    buf_add_c(&dump->line, ' ');
    buf_add_double(&dump->line, value);
    buf_addf(&dump->line, " %" PRId64, time_ms);
    if (start_ms)
        buf_addf(&dump->line, " started %" PRId64, start_ms);
    return put(dump);
}

static err put_histogram(void *arg, uint32_t series, int64_t time_ms, int64_t start_ms,
                         const struct histogram *histogram)
{
    struct dump *dump = arg;

    (void)start_ms;
    if (!begin(dump, series))
        return NULL;
    buf_add(&dump->line, S(" histogram of "));
    buf_add_double(&dump->line, histogram->count);
    buf_add(&dump->line, S(", sum "));
    buf_add_double(&dump->line, histogram->sum);
    buf_addf(&dump->line, " %" PRId64, time_ms);
    return put(dump);
}

static err put_exemplar(void *arg, uint32_t series, const struct exemplar *exemplar)
{
    struct dump *dump = arg;

    if (!begin(dump, series))
        return NULL;
    buf_add(&dump->line, S(" exemplar "));
    labels_write(&dump->line, exemplar->labels);
    buf_add_c(&dump->line, ' ');
    buf_add_double(&dump->line, exemplar->value);
    buf_addf(&dump->line, " %" PRId64, exemplar->time_ms);
    return put(dump);
}

static err put_meta(void *arg, const struct metric_meta *meta)
{
    struct dump *dump = arg;

    if (dump->options->matcher_count)
        return NULL;
    buf_addf(&dump->line, "  metadata %.*s %s \"%.*s\"", STR_ARG(meta->name), metric_kind_name(meta->kind),
             STR_ARG(meta->help));
    return put(dump);
}

static err put_drop(void *arg, uint32_t series, int64_t start_ms, int64_t end_ms)
{
    struct dump *dump = arg;

    if (!begin(dump, series))
        return NULL;
    buf_addf(&dump->line, " deleted from %" PRId64 " to %" PRId64, start_ms, end_ms);
    return put(dump);
}

struct dump_segment {
    struct dump *dump;
    struct wal_reader reader;
    struct arena *scratch;
    const char *path;
};

static err put_record(void *arg, uint64_t offset, struct str payload)
{
    struct dump_segment *segment = arg;

    buf_addf(&segment->dump->line, "%s: record at byte %" PRIu64 ", %zu bytes", segment->path, offset,
             WAL_HEAD_BYTES + payload.length);
    TRY(put(segment->dump));
    err e = wal_decode(payload, &segment->reader, segment->scratch);
    if (!e || err_kind(e) != ERR_CORRUPT)
        return e;
    buf_reset(&segment->dump->line);
    buf_addf(&segment->dump->line, "  %s", err_message(e));
    err_free(e);
    return put(segment->dump);
}

static err put_damage(void *arg, uint64_t from, uint64_t to, bool last)
{
    struct dump_segment *segment = arg;

    buf_addf(&segment->dump->line, "%s: byte %" PRIu64 ": %" PRIu64 " bytes that are no record%s", segment->path, from,
             to - from, last ? ", up to the end" : "");
    return put(segment->dump);
}

err tsdb_dump_log(const char *folder, const struct wal_dump *options)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct arena *scratch CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct buf bytes CLEANUP(buf_clear) = { .max = SIZE_MAX };
    struct dump dump = { .options = options, .arena = arena };
    struct dump_segment segment = { .dump = &dump,
                                    .scratch = scratch,
                                    .reader = { .arg = &dump,
                                                .series = put_series,
                                                .sample = put_sample,
                                                .histogram = put_histogram,
                                                .exemplar = put_exemplar,
                                                .meta = put_meta,
                                                .drop = put_drop } };
    const struct wal_scan scan = { &segment, put_record, put_damage };
    const char *wal = str_printf(arena, "%s/wal", folder).at;
    uint64_t *segments;
    size_t count;
    err e = NULL;

    TRY(wal_segments(wal, arena, &segments, &count));
    buf_init(&dump.line, 1 << 20);
    for (size_t i = 0; i < count && !e; i++) {
        segment.path = str_printf(arena, "%s/%08" PRIu64, wal, segments[i]).at;
        e = wal_segment_read(segment.path, &bytes);
        if (!e)
            e = wal_scan(buf_str(&bytes), segments[i], &scan);
    }
    buf_clear(&dump.line);
    return e;
}

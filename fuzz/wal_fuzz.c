/* wal_fuzz.c - any bytes as a segment of the log, or as the items of a record. What is read and written again is read
 * as the same; no byte of a segment is both good and damaged. The first byte chooses. */
#include "tsdb/wal_record.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static err put_series(void *arg, uint32_t series, struct labels labels)
{
    wal_batch_series(arg, series, labels);
    return NULL;
}

static err put_sample(void *arg, uint32_t series, int64_t time_ms, int64_t start_ms, double value)
{
    wal_batch_float(arg, series, time_ms, start_ms, value);
    return NULL;
}

static err put_histogram(void *arg, uint32_t series, int64_t time_ms, int64_t start_ms,
                         const struct histogram *histogram)
{
    wal_batch_histogram(arg, series, time_ms, start_ms, histogram);
    return NULL;
}

static err put_exemplar(void *arg, uint32_t series, const struct exemplar *exemplar)
{
    wal_batch_exemplar(arg, series, exemplar);
    return NULL;
}

static err put_meta(void *arg, const struct metric_meta *meta)
{
    wal_batch_meta(arg, meta);
    return NULL;
}

static err put_drop(void *arg, uint32_t series, int64_t start_ms, int64_t end_ms)
{
    wal_batch_delete(arg, series, start_ms, end_ms);
    return NULL;
}

static err put_chunk(void *arg, uint32_t series, struct str chunk, bool sealed)
{
    wal_batch_chunk(arg, series, chunk, sealed);
    return NULL;
}

/* write_again - all items of the payload, up to where it stops making sense. */
static bool write_again(struct str payload, struct wal_batch *batch, struct arena *arena)
{
    const struct wal_reader reader = { .arg = batch,
                                       .series = put_series,
                                       .sample = put_sample,
                                       .histogram = put_histogram,
                                       .exemplar = put_exemplar,
                                       .meta = put_meta,
                                       .drop = put_drop,
                                       .chunk = put_chunk };

    wal_batch_init(batch);
    err e = wal_decode(payload, &reader, arena);
    bool whole = !e;

    err_free(e);
    return whole;
}

static struct str payload_of(const struct wal_batch *batch)
{
    return str_slice(buf_str(&batch->bytes), WAL_HEAD_BYTES, batch->bytes.length);
}

static void read_items(struct str payload, struct arena *arena)
{
    struct wal_batch once, twice;

    write_again(payload, &once, arena);
    if (!write_again(payload_of(&once), &twice, arena) || !str_eq(payload_of(&once), payload_of(&twice)))
        abort();
    wal_batch_clear(&once);
    wal_batch_clear(&twice);
}

struct seen {
    uint64_t at;
    struct arena *arena;
};

static err see_record(void *arg, uint64_t offset, struct str payload)
{
    struct seen *seen = arg;

    if (offset < seen->at)
        abort();
    seen->at = offset + WAL_HEAD_BYTES + payload.length;
    read_items(payload, seen->arena);
    return NULL;
}

static err see_damaged(void *arg, uint64_t from, uint64_t to, bool last)
{
    struct seen *seen = arg;

    if (from >= to || (from != seen->at && seen->at))
        abort();
    (void)last;
    seen->at = to;
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct arena *arena = arena_new(1 << 20);
    struct str text = { (const char *)bytes + 1, length ? length - 1 : 0 };

    if (length && bytes[0] % 2) {
        struct seen seen = { .arena = arena };
        const struct wal_scan scan = { &seen, see_record, see_damaged };
        err_free(wal_scan(text, 1, &scan));
        if (seen.at != text.length && (seen.at || text.length > WAL_HEAD_BYTES)) /* a head alone says nothing */
            abort();
    } else {
        read_items(text, arena);
    }
    arena_free(arena);
    return 0;
}

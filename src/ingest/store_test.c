/* store_test.c - a real store for tests of what comes in. */
#include "ingest/store_test.h"
#include "base/test.h"
#include "base/time.h"
#include "model/histogram.h"

#include <stdio.h>
#include <stdlib.h>

struct tsdb *test_store_open(void)
{
    const struct tsdb_settings settings = { .fsync_interval = { 200 }, .series_max = 50, .future_max = { 600000 } };
    struct tsdb *tsdb = NULL;
    char folder[300];

    snprintf(folder, sizeof(folder), "%s/tsdb", test_folder());
    ASSERT_OK(tsdb_open(&(struct tsdb_options){ .folder = folder, .settings = &settings }, &tsdb));
    return tsdb;
}

void test_store_closep(struct tsdb **tsdb)
{
    tsdb_close(*tsdb);
}

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static struct str series_text(struct arena *arena, struct series_set *set, size_t index)
{
    struct buf text CLEANUP(buf_clear) = { 0 };
    struct samples samples;

    buf_init(&text, 1 << 20);
    labels_write_series(&text, set->ops->labels(set, index));
    ASSERT_OK(set->ops->read(set, index, &samples));
    for (size_t i = 0; i < samples.count; i++) {
        buf_add_c(&text, ' ');
        if (samples.histograms && samples.histograms[i])
            histogram_text(&text, samples.histograms[i]);
        else if (value_is_stale(samples.values[i]))
            buf_add(&text, S("stale"));
        else
            buf_add_double(&text, samples.values[i]);
        buf_addf(&text, "@%lld", (long long)samples.times[i]);
    }
    buf_add_c(&text, '\n');
    return samples.count ? str_copy(arena, buf_str(&text)) : S("");
}

struct str test_store_text(struct tsdb *tsdb, struct arena *arena)
{
    struct series_source *source = tsdb_source(tsdb);
    const struct series_query query = { .start_ms = 0, .end_ms = INT64_MAX / 8 };
    struct series_set *set CLEANUP(series_set_closep) = NULL;
    struct buf all CLEANUP(buf_clear) = { 0 };

    buf_init(&all, 1 << 20);
    ASSERT_OK(source->ops->open(source, arena, &query, &set));
    struct str *lines = arena_array(arena, set->count + 1, sizeof(*lines));
    for (size_t i = 0; i < set->count; i++)
        lines[i] = series_text(arena, set, i);
    qsort(lines, set->count, sizeof(*lines), by_text);
    for (size_t i = 0; i < set->count; i++)
        buf_add(&all, lines[i]);
    return str_copy(arena, buf_str(&all));
}

void test_label(struct buf *out, struct str name, struct str value)
{
    size_t begun = protobuf_begin(out, 1);

    protobuf_put_bytes(out, 1, name);
    protobuf_put_bytes(out, 2, value);
    protobuf_end(out, begun);
}

void test_sample(struct buf *out, int64_t time_ms, double value)
{
    size_t begun = protobuf_begin(out, 2);

    protobuf_put_double(out, 1, value);
    protobuf_put_varint(out, 2, (uint64_t)time_ms);
    protobuf_end(out, begun);
}

/* series_delete.c - samples of a span leave a series' memory: what is left of it is put together again. */
#include <stdlib.h>

#include "tsdb/series.h"

static void keep_outside(struct columns *columns, const struct columns *from, int64_t start_ms, int64_t end_ms)
{
    columns_reset(columns);
    for (size_t i = 0; i < from->count; i++)
        if (from->times[i] < start_ms || from->times[i] > end_ms)
            columns_push(columns, from->times[i], from->starts ? from->starts[i] : 0, from->values[i],
                         from->histograms ? from->histograms[i] : NULL);
}

struct again {
    struct shard *shard;
    struct head_series *series;
};

static void add_again(void *arg, struct str chunk)
{
    struct again *again = arg;
    struct chunk_head head;

    err e = chunk_peek(chunk, &head);
    if (e) /* what we have just written */
        abort();
    series_add_chunk_locked(again->shard, again->series, chunk, &head);
}

static void delete_from_sealed(struct shard *shard, struct head_series *series, const struct series_copy *copy,
                               int64_t start_ms, int64_t end_ms, struct arena *arena)
{
    struct columns all CLEANUP(columns_clear) = { 0 }, kept CLEANUP(columns_clear) = { 0 };
    struct again again = { shard, series };

    for (size_t i = 0; i < copy->sealed.count; i++) {
        const struct sealed_copy *sealed = &copy->sealed.at[i];
        const struct str bytes = { copy->bytes.at + sealed->at, sealed->length };
        columns_reset(&all);
        err e = sealed->first_ms > end_ms || sealed->last_ms < start_ms ? NULL : chunk_decode(bytes, arena, &all);
        if (e || !all.count) { /* not touched, or not to be understood */
            err_free(e);
            add_again(&again, bytes);
        } else {
            keep_outside(&kept, &all, start_ms, end_ms);
            const struct samples samples = columns_samples(&kept);
            chunks_encode(&shard->encoded, &samples, add_again, &again);
        }
        if (sealed->flushing)
            series_mark_locked(shard, series);
    }
}

void series_delete_locked(struct shard *shard, struct head_series *series, int64_t start_ms, int64_t end_ms)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(256 << 20);
    struct series_copy copy CLEANUP(series_copy_clear) = { 0 };
    struct columns open CLEANUP(columns_clear) = { 0 };

    series_copy_locked(shard, series, INT64_MIN, INT64_MAX, arena, &copy);
    series_forget_locked(shard, series);
    delete_from_sealed(shard, series, &copy, start_ms, end_ms, arena);
    series->flags &= (uint8_t)~SERIES_LAST_KNOWN;
    if (copy.open_count) {
        const struct str bytes = { copy.bytes.at + copy.open_at, copy.open_length };
        err e = open_decode(bytes, copy.open_first_ms, copy.open_count, &open);
        if (e) /* what we have written ourselves */
            abort();
    }
    for (size_t i = 0; i < open.count; i++)
        if (open.times[i] < start_ms || open.times[i] > end_ms)
            series_put_open_locked(shard, series, open.times[i], open.starts ? open.starts[i] : 0, open.values[i]);
    for (size_t i = 0; i < copy.side.count; i++)
        if (copy.side.at[i].time_ms < start_ms || copy.side.at[i].time_ms > end_ms)
            series_put_aside_locked(shard, series, &copy.side.at[i]);
}

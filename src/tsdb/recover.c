/* recover.c - snapshot, blocks' labels, log: an empty head becomes what it was. */
#include "tsdb/recover.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "tsdb/chunk.h"
#include "tsdb/head_snapshot.h"

enum { TELL_EVERY = 1 << 16 };

struct restoring {
    struct recovery *recovery;
    struct arena *arena; /* for histograms of open chunks */
    struct columns columns;
    double from, to; /* of the progress that this part is */
    uint64_t items;
    double done;
};

/* Samples of a series that nobody knows: its name stood in what is damaged. */
static err count_lost(struct restoring *restoring, err e, uint64_t samples)
{
    if (!e)
        restoring->recovery->samples += samples;
    if (!e || err_kind(e) != ERR_NOT_FOUND)
        return e;
    restoring->recovery->lost += samples;
    err_free(e);
    return NULL;
}

static err tell(struct restoring *restoring)
{
    const struct recovery *recovery = restoring->recovery;

    if (++restoring->items % TELL_EVERY || !recovery->progress)
        return NULL;
    return recovery->progress(recovery->arg, restoring->done);
}

static err restore_series(void *arg, uint32_t series, struct labels labels)
{
    struct restoring *restoring = arg;

    restoring->recovery->series++;
    TRY(tell(restoring));
    return head_restore_series(restoring->recovery->head, series, labels);
}

static err restore_float(void *arg, uint32_t series, int64_t time_ms, int64_t start_ms, double value)
{
    struct restoring *restoring = arg;

    TRY(tell(restoring));
    return count_lost(restoring, head_restore_float(restoring->recovery->head, series, time_ms, start_ms, value), 1);
}

static err restore_histogram(void *arg, uint32_t series, int64_t time_ms, int64_t start_ms,
                             const struct histogram *histogram)
{
    struct restoring *restoring = arg;

    TRY(tell(restoring));
    return count_lost(restoring,
                      head_restore_histogram(restoring->recovery->head, series, time_ms, start_ms, histogram), 1);
}

static err restore_exemplar(void *arg, uint32_t series, const struct exemplar *exemplar)
{
    struct restoring *restoring = arg;

    return count_lost(restoring, head_restore_exemplar(restoring->recovery->head, series, exemplar), 0);
}

static err restore_meta(void *arg, const struct metric_meta *meta)
{
    struct restoring *restoring = arg;

    head_restore_meta(restoring->recovery->head, meta);
    return NULL;
}

static err restore_delete(void *arg, uint32_t series, int64_t start_ms, int64_t end_ms)
{
    struct restoring *restoring = arg;

    return count_lost(restoring, head_restore_delete(restoring->recovery->head, series, start_ms, end_ms), 0);
}

/* What was open is open again, so that restarts leave no short chunks behind. */
static err restore_open_chunk(struct restoring *restoring, uint32_t series, struct str chunk)
{
    struct columns *columns = &restoring->columns;

    arena_reset(restoring->arena);
    columns_reset(columns);
    TRY(chunk_decode(chunk, restoring->arena, columns));
    for (size_t i = 0; i < columns->count; i++) {
        int64_t start_ms = columns->starts ? columns->starts[i] : 0;
        if (columns->histograms && columns->histograms[i])
            TRY(restore_histogram(restoring, series, columns->times[i], start_ms, columns->histograms[i]));
        else
            TRY(restore_float(restoring, series, columns->times[i], start_ms, columns->values[i]));
    }
    return NULL;
}

static err restore_chunk(void *arg, uint32_t series, struct str chunk, bool sealed)
{
    struct restoring *restoring = arg;
    struct chunk_head head;

    if (!sealed)
        return restore_open_chunk(restoring, series, chunk);
    TRY(chunk_peek(chunk, &head));
    TRY(tell(restoring));
    return count_lost(restoring, head_restore_chunk(restoring->recovery->head, series, chunk), head.count);
}

static void note_progress(void *arg, uint64_t done_bytes, uint64_t all_bytes)
{
    struct restoring *restoring = arg;

    restoring->done =
        restoring->from + (restoring->to - restoring->from) * (double)done_bytes / (double)(all_bytes ? all_bytes : 1);
}

/* The damaged snapshot stays in its place too until the next one takes it: what is good of it is all that there is. */
static err keep_damaged(struct recovery *recovery, const struct head_snapshot_state *state)
{
    struct str bad = str_printf(recovery->arena, "%s.bad", recovery->snapshot);

    unlink(bad.at);
    if (link(recovery->snapshot, bad.at) < 0)
        return err_errno("can't set %s aside as %s", recovery->snapshot, bad.at);
    *vec_push(&recovery->set_aside, recovery->arena) = bad;
    log_error("%s: what stands at byte %" PRIu64 " fails its checksum; %" PRIu64 " bytes of it are not used, a copy is "
              "%s: `auspex tsdb verify` shows more",
              recovery->snapshot, state->damaged_at, state->damaged_bytes, bad.at);
    return NULL;
}

static err restore_from_block(void *arg, uint32_t series, struct labels labels)
{
    return restore_series(arg, series, labels);
}

static err restore_from_blocks(struct restoring *restoring)
{
    struct blocks_view *view = blocks_view_of(restoring->recovery->blocks, BLOCK_KINDS);
    err e = NULL;

    for (size_t i = 0; i < blocks_view_count(view) && !e; i++)
        e = blocks_series(view, i, restore_from_block, restoring);
    blocks_view_free(view);
    return e;
}

static err restore_all(struct restoring *restoring)
{
    struct recovery *recovery = restoring->recovery;
    const struct wal_reader reader = { .arg = restoring,
                                       .series = restore_series,
                                       .sample = restore_float,
                                       .histogram = restore_histogram,
                                       .exemplar = restore_exemplar,
                                       .meta = restore_meta,
                                       .drop = restore_delete,
                                       .chunk = restore_chunk,
                                       .progress = note_progress };
    struct head_snapshot_state state;
    struct str_list bad;

    restoring->to = 0.3;
    err e = head_snapshot_read(recovery->snapshot, &reader, &state);
    bool is_there = !e || err_kind(e) != ERR_NOT_FOUND;
    if (e && is_there)
        return e;
    err_free(e);
    if (is_there && state.damaged_bytes)
        TRY(keep_damaged(recovery, &state));
    if (!is_there || state.damaged_bytes)
        TRY(restore_from_blocks(restoring));
    restoring->from = restoring->done = restoring->to;
    restoring->to = 1;
    TRY(wal_replay(recovery->wal, state.segment, &reader, &bad, recovery->arena));
    for (size_t i = 0; i < bad.count; i++)
        *vec_push(&recovery->set_aside, recovery->arena) = bad.at[i];
    return NULL;
}

err recover(struct recovery *recovery)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct restoring restoring = { .recovery = recovery, .arena = arena };
    int64_t began_ms = time_mono_ms();

    err e = restore_all(&restoring);
    columns_clear(&restoring.columns);
    if (e)
        return e;
    head_restored(recovery->head);
    if (recovery->lost)
        log_error("%" PRIu64 " samples are of series whose names stood in what is damaged, and are left out",
                  recovery->lost);
    if (recovery->series)
        log_info("%" PRIu64 " series with %" PRIu64 " samples in memory are recovered, in %" PRId64 " ms",
                 recovery->series, recovery->samples, time_mono_ms() - began_ms);
    return NULL;
}

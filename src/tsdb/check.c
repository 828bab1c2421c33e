/* check.c - every file of the store is read and decoded; what fails is named with its place. */
#include "tsdb/check.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>

#include "base/file.h"
#include "tsdb/block_file.h"
#include "tsdb/chunk.h"
#include "tsdb/deletions.h"
#include "tsdb/head_snapshot.h"
#include "tsdb/wal_record.h"

struct looking {
    struct check *check;
    struct arena *arena; /* scratch */
    struct columns columns;
    const char *file;
    uint64_t offset;
    bool is_last; /* segment: a torn tail is no damage */
    struct wal_reader reader;
};

static void find(struct looking *looking, uint64_t offset, uint64_t bytes, const char *what)
{
    const struct check_finding finding = { looking->file, offset, bytes, what };

    looking->check->findings++;
    looking->check->found(looking->check->arg, &finding);
}

static err see_series(void *arg, uint32_t series, struct labels labels)
{
    (void)series, (void)labels;
    ((struct looking *)arg)->check->series++;
    return NULL;
}

static err see_sample(void *arg, uint32_t series, int64_t time_ms, int64_t start_ms, double value)
{
    (void)series, (void)time_ms, (void)start_ms, (void)value;
    ((struct looking *)arg)->check->samples++;
    return NULL;
}

static err see_histogram(void *arg, uint32_t series, int64_t time_ms, int64_t start_ms,
                         const struct histogram *histogram)
{
    (void)series, (void)time_ms, (void)start_ms, (void)histogram;
    ((struct looking *)arg)->check->samples++;
    return NULL;
}

static err see_exemplar(void *arg, uint32_t series, const struct exemplar *exemplar)
{
    (void)arg, (void)series, (void)exemplar;
    return NULL;
}

static err see_meta(void *arg, const struct metric_meta *meta)
{
    (void)arg, (void)meta;
    return NULL;
}

static err see_drop(void *arg, uint32_t series, int64_t start_ms, int64_t end_ms)
{
    (void)arg, (void)series, (void)start_ms, (void)end_ms;
    return NULL;
}

static err see_chunk(void *arg, uint32_t series, struct str chunk, bool sealed)
{
    struct looking *looking = arg;

    (void)series, (void)sealed;
    columns_reset(&looking->columns);
    TRY(chunk_decode(chunk, looking->arena, &looking->columns));
    looking->check->chunks++;
    looking->check->samples += looking->columns.count;
    return NULL;
}

/* ---- the log ---- */

static err look_at_record(void *arg, uint64_t offset, struct str payload)
{
    struct looking *looking = arg;
    err e = wal_decode(payload, &looking->reader, looking->arena);

    looking->check->records++;
    if (e)
        find(looking, offset, WAL_HEAD_BYTES + payload.length, err_message(e));
    err_free(e);
    return NULL;
}

static err look_at_damage(void *arg, uint64_t from, uint64_t to, bool last)
{
    struct looking *looking = arg;

    if (!last || !looking->is_last)
        find(looking, from, to - from, "no record that checks");
    return NULL;
}

static err look_at_segment(struct looking *looking, uint64_t segment, struct buf *bytes)
{
    const struct wal_scan scan = { looking, look_at_record, look_at_damage };
    err e = wal_segment_read(looking->file, bytes);

    if (e && err_kind(e) == ERR_NOT_FOUND) { /* a snapshot made it superfluous meanwhile */
        err_free(e);
        return NULL;
    }
    if (e)
        find(looking, bytes->length, 0, err_message(e));
    err_free(e);
    looking->check->files++;
    looking->check->bytes += bytes->length;
    return wal_scan(buf_str(bytes), segment, &scan);
}

static err look_at_log(struct looking *looking, struct arena *arena, const char *folder)
{
    struct buf bytes CLEANUP(buf_clear) = { .max = SIZE_MAX };
    uint64_t *segments;
    size_t count;

    if (!file_exists(folder))
        return NULL;
    TRY(wal_segments(folder, arena, &segments, &count));
    for (size_t i = 0; i < count; i++) {
        looking->file = str_printf(arena, "%s/%08" PRIu64, folder, segments[i]).at;
        looking->is_last = i + 1 == count;
        TRY(look_at_segment(looking, segments[i], &bytes));
    }
    return NULL;
}

/* ---- the snapshot ---- */

static err look_at_snapshot(struct looking *looking, const char *path)
{
    struct head_snapshot_state state;
    err e = head_snapshot_read(path, &looking->reader, &state);

    if (e && err_kind(e) == ERR_NOT_FOUND) {
        err_free(e);
        return NULL;
    }
    looking->file = path;
    if (e)
        find(looking, 0, 0, err_message(e));
    err_free(e);
    if (state.damaged_bytes)
        find(looking, state.damaged_at, state.damaged_bytes, "no group that checks");
    looking->check->files++;
    looking->check->bytes += state.bytes;
    looking->check->records += state.groups;
    return NULL;
}

/* ---- blocks ---- */

/* find_err - of a file: its errs begin with its path, which the finding has already. */
static void find_err(struct looking *looking, err e)
{
    if (!e)
        return;
    struct str what = str_of(err_message(e)), path = str_of(looking->file);
    if (str_starts(what, path))
        what = str_slice(what, path.length + 2, what.length);
    find(looking, 0, 0, what.at);
    err_free(e);
}

/* Chunks stand one behind the other. */
static err look_at_chunks(struct looking *looking, struct str chunks)
{
    while (chunks.length) {
        struct chunk_head head;
        TRY(chunk_peek(chunks, &head));
        TRY(see_chunk(looking, 0, str_slice(chunks, 0, head.bytes), true));
        chunks = str_slice(chunks, head.bytes, chunks.length);
    }
    return NULL;
}

static err look_at_group(struct looking *looking, struct block *block, size_t index, ZSTD_DCtx *zstd,
                         struct chunk_group *group)
{
    TRY(chunk_group_read(block, index, zstd, group));
    looking->check->records++;
    if (block->kind != BLOCK_SAMPLES)
        return NULL;
    for (size_t i = 0; i < group->count; i++) {
        err e =
            look_at_chunks(looking, chunk_group_of(block, index, group, block->chunks.at[index].first + (uint32_t)i));
        if (e)
            return err_wrap(e, "%s: group at byte %" PRIu64, block->path, block->chunks.at[index].offset);
    }
    return NULL;
}

static err look_at_labels(struct looking *looking, struct block *block, ZSTD_DCtx *zstd)
{
    struct labels_reader reader;
    bool found = true;
    err e = NULL;

    labels_reader_init(&reader, block, zstd);
    while (!e && found) {
        e = labels_reader_next(&reader, &found);
        looking->check->series += !e && found;
    }
    labels_reader_clear(&reader);
    return e;
}

static void look_at_block(struct looking *looking)
{
    struct chunk_group group = { 0 };
    struct block *block;
    err e = block_open(looking->file, &block);

    if (e && err_kind(e) == ERR_NOT_FOUND) { /* merged into another one meanwhile */
        err_free(e);
        return;
    }
    looking->check->files++;
    if (e) {
        find_err(looking, e);
        return;
    }
    ZSTD_DCtx *zstd = ZSTD_createDCtx();
    looking->check->bytes += block->stat.bytes;
    find_err(looking, look_at_labels(looking, block, zstd));
    for (size_t i = 0; i < block->chunks.count; i++) {
        arena_reset(looking->arena);
        find_err(looking, look_at_group(looking, block, i, zstd, &group));
    }
    chunk_group_clear(&group);
    ZSTD_freeDCtx(zstd);
    block_unref(block);
}

static err look_at_blocks(struct looking *looking, struct arena *arena, const char *folder)
{
    DIR *listing = opendir(folder);

    if (!listing && errno == ENOENT)
        return NULL;
    if (!listing)
        return err_errno("can't read folder %s", folder);
    for (const struct dirent *it; (it = readdir(listing));) {
        looking->file = str_printf(arena, "%s/%s", folder, it->d_name).at;
        if (block_number_of(looking->file))
            look_at_block(looking);
    }
    closedir(listing);
    return NULL;
}

static void look_at_deletions(struct looking *looking, const char *path)
{
    struct deletions *deletions = NULL;

    if (!file_exists(path))
        return;
    looking->file = path;
    looking->check->files++;
    find_err(looking, deletions_open(path, &deletions));
    deletions_close(deletions);
}

err tsdb_check(const char *folder, struct check *check)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct arena *scratch CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct looking looking = { .check = check, .arena = scratch };

    looking.reader = (struct wal_reader){ .arg = &looking,
                                          .series = see_series,
                                          .sample = see_sample,
                                          .histogram = see_histogram,
                                          .exemplar = see_exemplar,
                                          .meta = see_meta,
                                          .drop = see_drop,
                                          .chunk = see_chunk };
    err e = look_at_log(&looking, arena, str_printf(arena, "%s/wal", folder).at);
    if (!e)
        e = look_at_snapshot(&looking, str_printf(arena, "%s/head.snapshot", folder).at);
    if (!e)
        e = look_at_blocks(&looking, arena, str_printf(arena, "%s/blocks", folder).at);
    look_at_deletions(&looking, str_printf(arena, "%s/blocks/deletions", folder).at);
    columns_clear(&looking.columns);
    return e;
}

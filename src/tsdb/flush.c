/* flush.c - what is sealed in memory becomes a block, and a snapshot makes the log short. */
#include "base/failpoint.h"
#include "base/metric.h"
#include "base/time.h"
#include "tsdb/disk_parts.h"
#include "tsdb/head_snapshot.h"

METRIC(COUNTER, tsdb_flushes_total, "Blocks written from memory.", NULL);
METRIC(COUNTER, tsdb_snapshots_total, "Snapshots of the memory written.", NULL);

struct flush {
    struct block_writer *writer;
    const char *path;
    struct block_options options;
    uint64_t chunks;
};

/* The file is made when there is something to put in. */
static err flush_series(void *arg, uint32_t series, struct labels labels)
{
    struct flush *flush = arg;

    if (!flush->writer)
        TRY(block_create(flush->path, &flush->options, &flush->writer));
    return block_add_series(flush->writer, series, labels);
}

static err flush_chunk(void *arg, struct str chunk, bool sealed)
{
    struct flush *flush = arg;

    (void)sealed;
    flush->chunks++;
    return block_add_chunk(flush->writer, chunk);
}

static err write_block(struct disk *disk, struct flush *flush)
{
    const struct head_visitor visitor = { flush, flush_series, flush_chunk };
    err e = head_visit_flushing(disk->head, &visitor);

    if (!e && flush->chunks)
        e = FAILPOINT("tsdb.flush.write");
    if (e || !flush->chunks) {
        block_abandon(flush->writer);
        return e;
    }
    TRY(block_publish(flush->writer));
    TRY(FAILPOINT("tsdb.flush.published"));
    return blocks_add(disk->blocks, flush->path);
}

err flush_locked(struct disk *disk, bool everything)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 16);
    struct flush flush = { .path = blocks_next_path(disk->blocks, arena).at };

    /* A deletion from here on has to hold for the block, too: memory may have shown us the samples already. */
    flush.options.deletions = blocks_deletions(disk->blocks);
    head_flush_begin(disk->head, everything);
    err e = write_block(disk, &flush);
    head_flush_end(disk->head, !e);
    if (e)
        return err_wrap(e, "samples can't be written to %s", flush.path);
    disk->flushed_ms = time_mono_ms();
    if (flush.chunks) {
        metric_add(&tsdb_flushes_total, 1);
        disk->snapshot_wanted = true; /* the log, and the snapshot, have it once more */
    }
    return NULL;
}

err snapshot_locked(struct disk *disk)
{
    uint64_t segment;

    TRY(wal_rotate(disk->wal, &segment));
    TRY(err_wrap(head_snapshot_write(disk->head, disk->snapshot, segment), "the memory can't be written down"));
    TRY(FAILPOINT("tsdb.snapshot.renamed"));
    TRY(wal_forget(disk->wal, segment));
    disk->snapshot_ms = time_mono_ms();
    disk->snapshot_wal_bytes = wal_bytes(disk->wal);
    disk->snapshot_wanted = false;
    metric_add(&tsdb_snapshots_total, 1);
    return NULL;
}

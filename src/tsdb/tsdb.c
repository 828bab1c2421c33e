/* tsdb.c - open and close, and the settings. */
#include "tsdb/tsdb.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/time.h"
#include "tsdb/room.h"

static const struct field storage_fields[] = {
    DURATION(struct tsdb_settings, retention_time, .def = "15d", .min = 0, .max = 3e12,
             .doc = "How long samples are kept; 0: no limit."),
    SIZE(struct tsdb_settings, retention_bytes, .def = "0", .min = 0, .max = 1e15,
         .doc = "At most so many bytes of blocks; 0: no limit."),
    DURATION(
        struct tsdb_settings, minutes_retention_time, .def = "0", .min = 0, .max = 3e12,
        .doc =
            "How long a row a minute is kept of samples that are gone (no less than samples each 15s take); 0: none."),
    DURATION(struct tsdb_settings, hours_retention_time, .def = "365d", .min = 0, .max = 3e12,
             .doc = "How long a row an hour is kept of samples that are gone; 0: none."),
    DURATION(struct tsdb_settings, fsync_interval, .def = "200ms", .min = 0, .max = 60000,
             .doc = "The log of samples reaches the disk this often; 0: before each answer."),
    INT(struct tsdb_settings, series_max, .def = "2000000", .min = 0, .max = 1e9,
        .doc = "Series in memory. Further ones are refused, old ones go on; 0: no limit."),
    INT(struct tsdb_settings, series_max_per_source, .def = "0", .min = 0, .max = 1e9,
        .doc = "The same for what one sender has made; 0: no limit."),
    DURATION(struct tsdb_settings, future_max, .def = "10m", .min = 0, .max = 1e12,
             .doc = "Samples further ahead of the clock are refused."),
    { 0 },
};
static const struct schema storage_schema =
    SCHEMA(struct tsdb_settings, storage_fields, .doc = "Where samples are kept, and how long.");
const struct config_section storage_section = { .key = "storage", .schema = &storage_schema };
REGISTER(config_section, storage_section);

enum { COUNT_EVERY_MS = 15000, COLLECT_EVERY_MS = 10 * MINUTE_MS, AWAIT_MS = 30000 };

static void take_limits(struct tsdb *tsdb, const struct tsdb_settings *settings)
{
    tsdb->series_max = settings->series_max;
    tsdb->series_max_per_source = settings->series_max_per_source;
    tsdb->future_max_ms = settings->future_max.ms;
}

err tsdb_reload(struct tsdb *tsdb, const struct tsdb_settings *settings)
{
    take_limits(tsdb, settings);
    disk_reload(tsdb->disk, settings);
    return NULL;
}

struct looking {
    struct blocks *blocks;
    struct blocks_view *view;
};

static bool is_in_blocks(void *arg, uint32_t series)
{
    struct looking *looking = arg;

    if (!looking->view)
        looking->view = blocks_view_of(looking->blocks, BLOCK_KINDS);
    return blocks_view_has(looking->view, series);
}

/* tend_by_clock - series that ended go; our own metrics are kept new. */
static void tend_by_clock(void *arg)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct tsdb *tsdb = arg;
    struct looking looking = { .blocks = tsdb->blocks };
    struct tsdb_state state;

    tsdb_state(tsdb, arena, false, &state);
    if (state.recovering || time_mono_ms() < tsdb->collected_ms + COLLECT_EVERY_MS)
        return;
    tsdb->collected_ms = time_mono_ms();
    head_collect(tsdb->head, is_in_blocks, &looking);
    blocks_view_free(looking.view);
}

static err open_parts(struct tsdb *tsdb, const struct tsdb_options *options)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct str_list bad; /* blocks_bad says them again */
    const struct disk_options disk = {
        .folder = options->folder,
        .settings = options->settings,
        .head = tsdb->head,
        .ticker = options->ticker,
        .pool = options->pool,
    };

    TRY(blocks_open(str_printf(arena, "%s/blocks", options->folder).at, arena, &bad, &tsdb->blocks));
    struct disk_options with_blocks = disk;
    with_blocks.blocks = tsdb->blocks;
    return disk_open(&with_blocks, &tsdb->disk);
}

err tsdb_open(const struct tsdb_options *options, struct tsdb **ret_tsdb)
{
    const struct timer_options tending = {
        .pool = options->pool, .lane = LANE_BACKGROUND, .first_ms = 0, .every_ms = COUNT_EVERY_MS, .run = tend_by_clock
    };

    TRY(file_make_dirs(options->folder, 0700));
    struct tsdb *tsdb = calloc(1, sizeof(*tsdb));
    if (!tsdb)
        out_of_memory(sizeof(*tsdb));
    tsdb->source.ops = &tsdb_source_ops;
    tsdb->sink.ops = &tsdb_sink_ops;
    tsdb->head = head_new();
    pthread_mutex_init(&tsdb->shelf.lock, NULL);
    take_limits(tsdb, options->settings);
    err e = open_parts(tsdb, options);
    if (e) {
        tsdb_close(tsdb);
        return e;
    }
    tsdb->collected_ms = time_mono_ms();
    if (options->ticker) {
        struct timer_options timer = tending;
        timer.arg = tsdb;
        tsdb->tending = timer_start(options->ticker, &timer);
    }
    *ret_tsdb = tsdb;
    return NULL;
}

void tsdb_close(struct tsdb *tsdb)
{
    if (!tsdb)
        return;
    timer_stopp(&tsdb->tending);
    disk_close(tsdb->disk);
    blocks_close(tsdb->blocks);
    append_shelf_clear(&tsdb->shelf);
    head_free(tsdb->head);
    free(tsdb);
}

err tsdb_await(struct tsdb *tsdb, int64_t deadline_ms)
{
    return disk_await(tsdb->disk, deadline_ms ? deadline_ms : time_mono_ms() + AWAIT_MS);
}

err tsdb_maintain(struct tsdb *tsdb)
{
    return disk_maintain(tsdb->disk);
}

err tsdb_backup(struct tsdb *tsdb, const char *folder)
{
    return disk_backup(tsdb->disk, folder);
}

err tsdb_clean(struct tsdb *tsdb)
{
    return disk_clean(tsdb->disk);
}

static bool matches_the_empty_text(const struct matcher *matchers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!matcher_matches(&matchers[i], S("")))
            return false;
    return true;
}

static err log_deletion(struct tsdb *tsdb, const struct id_list *ids, int64_t start_ms, int64_t end_ms)
{
    struct wal_batch record CLEANUP(wal_batch_clear);

    wal_batch_init(&record);
    for (size_t i = 0; i < ids->count; i++)
        wal_batch_delete(&record, ids->at[i], start_ms, end_ms);
    return wal_write(disk_wal(tsdb->disk), &record);
}

err tsdb_delete(struct tsdb *tsdb, const struct matcher *matchers, size_t count, int64_t start_ms, int64_t end_ms)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(256 << 20);
    const struct series_query query = { .matchers = matchers, .matcher_count = count };
    struct id_list ids;

    if (matches_the_empty_text(matchers, count))
        return err_new(ERR_INVALID,
                       "this would delete from every series: at least one matcher must not match the empty "
                       "text");
    TRY(tsdb_await(tsdb, 0));
    TRY(head_select(tsdb->head, arena, &query, &ids));
    if (ids.count == 0)
        return NULL;
    for (size_t i = 0; i < ids.count; i++)
        head_delete(tsdb->head, ids.at[i], start_ms, end_ms);
    TRY(blocks_delete(tsdb->blocks, ids.at, ids.count, start_ms, end_ms));
    return log_deletion(tsdb, &ids, start_ms, end_ms);
}

struct series_source *tsdb_source(struct tsdb *tsdb)
{
    return &tsdb->source;
}

struct sample_sink *tsdb_sink(struct tsdb *tsdb)
{
    return &tsdb->sink;
}

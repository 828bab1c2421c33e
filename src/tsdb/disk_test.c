/* disk_test.c - flushes, snapshots, backups and restarts of the disk side, on a head of its own. */
#include "base/failpoint.h"
#include "base/file.h"
#include "base/log.h"
#include "base/test.h"
#include "base/time.h"
#include "tsdb/disk.h"
#include "tsdb/room.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A head with its disk, as the tsdb puts them together. */
struct store {
    struct head *head;
    struct blocks *blocks;
    struct disk *disk;
    struct wal_batch batch;
};

static struct store open_store(struct arena *arena, const char *folder)
{
    static const struct tsdb_settings settings = { .fsync_interval = { 100 } };
    struct store store = { .head = head_new() };
    struct str_list bad;

    log_setup(LOG_ERROR + 1, LOG_LOGFMT);
    wal_batch_init(&store.batch);
    ASSERT_OK(file_make_dirs(folder, 0700));
    ASSERT_OK(blocks_open(str_printf(arena, "%s/blocks", folder).at, arena, &bad, &store.blocks));
    ASSERT_OK(disk_open(
        &(struct disk_options){ .folder = folder, .settings = &settings, .head = store.head, .blocks = store.blocks },
        &store.disk));
    ASSERT_OK(disk_await(store.disk, time_mono_ms() + 20000));
    return store;
}

static void close_store(struct store *store)
{
    disk_close(store->disk);
    blocks_close(store->blocks);
    head_free(store->head);
    wal_batch_clear(&store->batch);
}

static void add_round(struct arena *arena, struct store *store, int64_t round)
{
    wal_batch_reset(&store->batch);
    for (uint32_t series = 1; series <= 50; series++) {
        const struct label items[] = { { S("__name__"), S("m") }, { S("s"), str_printf(arena, "%u", series) } };
        if (round == 0) {
            ASSERT_OK(head_restore_series(store->head, series, (struct labels){ items, 2 }));
            wal_batch_series(&store->batch, series, (struct labels){ items, 2 });
        }
        ASSERT_OK(head_restore_float(store->head, series, 1000 * round, 0, (double)(round * series)));
        wal_batch_float(&store->batch, series, 1000 * round, 0, (double)(round * series));
    }
    ASSERT_OK(wal_write(disk_wal(store->disk), &store->batch));
}

/* ---- what is in a store, wherever it is: count and sum of all samples ---- */

struct sum {
    struct arena *arena;
    struct columns columns;
    uint64_t samples;
    double values;
};

static err sum_block_chunk(void *arg, struct str chunk)
{
    struct sum *sum = arg;

    return chunk_decode(chunk, sum->arena, &sum->columns);
}

static err sum_chunk(void *arg, struct str chunk, bool sealed)
{
    (void)sealed;
    return sum_block_chunk(arg, chunk);
}

static void settle(struct sum *sum)
{
    columns_settle(&sum->columns, 0);
    for (size_t i = 0; i < sum->columns.count; i++)
        sum->values += sum->columns.values[i];
    sum->samples += sum->columns.count;
    columns_reset(&sum->columns);
}

struct looking {
    struct sum *sum;
    struct blocks_cursor *cursor;
};

static err sum_series(void *arg, uint32_t series, struct labels labels)
{
    struct looking *looking = arg;

    (void)labels;
    settle(looking->sum);
    return blocks_chunks(looking->cursor, series, INT64_MIN, INT64_MAX, sum_block_chunk, looking->sum);
}

static err sum_head_chunk(void *arg, struct str chunk, bool sealed)
{
    return sum_chunk(((struct looking *)arg)->sum, chunk, sealed);
}

static struct sum sum_of(struct arena *arena, const struct store *store)
{
    struct sum sum = { .arena = arena };
    struct blocks_view *view = blocks_view(store->blocks);
    struct looking looking = { &sum, blocks_cursor_new(view) };

    ASSERT_OK(head_visit(store->head, false, &(struct head_visitor){ &looking, sum_series, sum_head_chunk }));
    settle(&sum);
    columns_clear(&sum.columns);
    blocks_cursor_free(looking.cursor);
    blocks_view_free(view);
    return sum;
}

static void check_rounds(struct arena *arena, const struct store *store, int64_t rounds)
{
    struct sum sum = sum_of(arena, store);

    ASSERT_EQ_INT(50 * rounds, sum.samples);
    ASSERT_NEAR((double)(rounds * (rounds - 1) / 2) * 1275, sum.values, 0);
}

static void add_rounds(struct arena *arena, struct store *store, int64_t from, int64_t to)
{
    for (int64_t round = from; round < to; round++)
        add_round(arena, store, round);
}

TEST(disk_keeps_all_over_flushes_and_restarts)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    const char *folder = str_printf(arena, "%s/tsdb", test_folder()).at;

    for (int64_t life = 0; life < 4; life++) {
        struct store store = open_store(arena, folder);
        check_rounds(arena, &store, life * 300);
        add_rounds(arena, &store, life * 300, life * 300 + 200);
        ASSERT_OK(disk_flush(store.disk, life % 2 == 0));
        add_rounds(arena, &store, life * 300 + 200, life * 300 + 300);
        check_rounds(arena, &store, (life + 1) * 300);
        struct blocks_view *view = blocks_view(store.blocks);
        ASSERT_TRUE(blocks_view_count(view) > 0);
        blocks_view_free(view);
        close_store(&store);
    }
}

TEST(disk_leaves_no_log_behind_a_clean_end)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct store store = open_store(arena, test_folder());
    struct tsdb_state state = { 0 };

    add_rounds(arena, &store, 0, 100);
    disk_state(store.disk, arena, &state);
    ASSERT_TRUE(state.wal_bytes > 20000);
    close_store(&store);
    store = open_store(arena, test_folder());
    disk_state(store.disk, arena, &state);
    ASSERT_TRUE(state.wal_bytes < 100);
    ASSERT_FALSE(state.recovering);
    check_rounds(arena, &store, 100);
    close_store(&store);
}

TEST(backup_has_all_that_was_there_and_stands_alone)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    const char *folder = str_printf(arena, "%s/tsdb", test_folder()).at;
    const char *copy = str_printf(arena, "%s/copy", test_folder()).at;
    struct store store = open_store(arena, folder);

    add_rounds(arena, &store, 0, 250);
    ASSERT_OK(disk_flush(store.disk, false));
    add_rounds(arena, &store, 250, 300);
    ASSERT_OK(disk_backup(store.disk, copy));
    ASSERT_ERR(ERR_CONFLICT, "must be new", disk_backup(store.disk, copy));
    add_rounds(arena, &store, 300, 310);
    ASSERT_OK(disk_flush(store.disk, true));
    check_rounds(arena, &store, 310);
    close_store(&store);
    ASSERT_OK(file_remove_tree(folder));
    store = open_store(arena, copy);
    check_rounds(arena, &store, 300);
    close_store(&store);
}

TEST(disk_says_what_it_set_aside_and_keeps_the_rest)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct store store = open_store(arena, test_folder());
    struct str snapshot = str_printf(arena, "%s/head.snapshot", test_folder()), bytes;
    struct tsdb_state state = { 0 };

    add_rounds(arena, &store, 0, 200);
    ASSERT_OK(disk_flush(store.disk, true)); /* the block has their labels */
    close_store(&store);
    ASSERT_OK(file_read(arena, snapshot.at, 1 << 20, &bytes));
    ((char *)bytes.at)[bytes.length / 3] ^= 1;
    ASSERT_OK(file_write(snapshot.at, bytes, 0600));
    store = open_store(arena, test_folder());
    disk_state(store.disk, arena, &state);
    ASSERT_EQ_INT(1, state.set_aside.count);
    ASSERT_CONTAINS("head.snapshot.bad", state.set_aside.at[0]);
    check_rounds(arena, &store, 200);
    ASSERT_OK(disk_maintain(store.disk)); /* replaces what is damaged */
    close_store(&store);
    store = open_store(arena, test_folder());
    disk_state(store.disk, arena, &state);
    ASSERT_EQ_INT(0, state.set_aside.count);
    check_rounds(arena, &store, 200);
    close_store(&store);
}

TEST(disk_fails_a_flush_and_loses_nothing)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct store store = open_store(arena, test_folder());

    ASSERT_OK(failpoints_setup("tsdb.flush.write=error@1,tsdb.snapshot.rename=error@1"));
    add_rounds(arena, &store, 0, 200);
    ASSERT_ERR(ERR_IO, "failpoint tsdb.flush.write", disk_flush(store.disk, true));
    check_rounds(arena, &store, 200);
    ASSERT_ERR(ERR_IO, "failpoint tsdb.snapshot.rename", disk_flush(store.disk, true));
    check_rounds(arena, &store, 200);
    ASSERT_OK(disk_flush(store.disk, true));
    check_rounds(arena, &store, 200);
    close_store(&store);
}

/* block_merge_test.c - merged, cut, cleaned or saved, blocks say what they said before. */
#include "base/file.h"
#include "base/test.h"
#include "model/histogram.h"
#include "tsdb/block.h"
#include "tsdb/chunk.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SERIES = 12, SLOTS = 3000, SLOT_MS = 10000, HOUR_MS = 3600000 };

/* What a store should say, slowly and obviously: a value for each slot of each series, or NaN. */
struct world {
    struct arena *arena;
    struct blocks *blocks;
    double model[SERIES][SLOTS];
    uint64_t seed;
    int writer;
};

static uint64_t draw(struct world *world, uint64_t below)
{
    world->seed ^= world->seed << 13;
    world->seed ^= world->seed >> 7;
    world->seed ^= world->seed << 17;
    return world->seed % below;
}

static void world_open(struct world *world)
{
    struct str_list bad;
    char folder[200];

    snprintf(folder, sizeof(folder), "%s/blocks", test_folder());
    ASSERT_OK(blocks_open(folder, world->arena, &bad, &world->blocks));
    ASSERT_EQ_INT(0, (int64_t)bad.count);
}

static struct world *world_new(uint64_t seed)
{
    struct world *world = calloc(1, sizeof(*world));

    world->arena = arena_new(64 << 20);
    world->seed = seed;
    for (size_t i = 0; i < SERIES; i++)
        for (size_t slot = 0; slot < SLOTS; slot++)
            world->model[i][slot] = NAN;
    world_open(world);
    return world;
}

static void world_free(struct world **world)
{
    char folder[200];

    blocks_close((*world)->blocks);
    snprintf(folder, sizeof(folder), "%s/blocks", test_folder());
    ASSERT_OK(file_remove_tree(folder));
    arena_free((*world)->arena);
    free(*world);
}

static struct labels labels_of(struct arena *arena, uint32_t series)
{
    struct label *items = arena_array(arena, 1, sizeof(*items));

    items[0] = (struct label){ S("__name__"), str_printf(arena, "metric_%02u", series) };
    return (struct labels){ items, 1 };
}

/* Samples of some slots in [from, to) of a series as chunks, into the writer and the model. */
static void write_series(struct world *world, struct block_writer *out, uint32_t series, size_t from, size_t to)
{
    struct buf chunk CLEANUP(buf_clear) = { 0 };
    int64_t times[CHUNK_SAMPLES_MAX];
    double values[CHUNK_SAMPLES_MAX];
    struct samples samples = { .times = times, .values = values };
    size_t per_chunk = 1 + draw(world, 600), skip = 1 + draw(world, 4);

    buf_init(&chunk, 1 << 20);
    for (size_t slot = from; slot < to; slot += skip) {
        times[samples.count] = (int64_t)slot * SLOT_MS;
        values[samples.count] = world->writer + (double)draw(world, 100) / 100;
        world->model[series][slot] = values[samples.count++];
        if (samples.count == per_chunk || slot + skip >= to) {
            buf_reset(&chunk);
            chunk_encode(&chunk, &samples);
            ASSERT_OK(block_add_chunk(out, buf_str(&chunk)));
            samples.count = 0;
        }
    }
}

static void write_some(struct world *world, size_t from, size_t to)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct str path = blocks_next_path(world->blocks, arena);
    struct block_options options = { .deletions = blocks_deletions(world->blocks) };
    struct block_writer *out;

    world->writer++;
    ASSERT_OK(block_create(path.at, &options, &out));
    uint32_t always = (uint32_t)draw(world, SERIES);
    for (uint32_t series = 0; series < SERIES; series++) {
        if (series != always && draw(world, 2))
            continue;
        ASSERT_OK(block_add_series(out, series * 100, labels_of(arena, series)));
        size_t start = from + draw(world, (to - from) / 2);
        write_series(world, out, series, start, start + 1 + draw(world, to - start));
    }
    ASSERT_OK(block_publish(out));
    ASSERT_OK(blocks_add(world->blocks, path.at));
}

static void delete_some(struct world *world)
{
    uint32_t series = (uint32_t)draw(world, SERIES), id = series * 100;
    size_t from = draw(world, SLOTS), to = from + draw(world, SLOTS - from);

    ASSERT_OK(blocks_delete(world->blocks, &id, 1, (int64_t)from * SLOT_MS, (int64_t)to * SLOT_MS));
    for (size_t slot = from; slot <= to; slot++)
        world->model[series][slot] = NAN;
}

static err collect(void *arg, struct str chunk)
{
    double *slots = arg;
    struct columns columns CLEANUP(columns_clear) = { 0 };

    TRY(chunk_decode(chunk, NULL, &columns));
    for (size_t i = 0; i < columns.count; i++)
        slots[columns.times[i] / SLOT_MS] = columns.values[i];
    return NULL;
}

static void check_world(const struct world *world)
{
    struct blocks_view *view = blocks_view(world->blocks);
    struct blocks_cursor *cursor = blocks_cursor_new(view);

    for (uint32_t series = 0; series < SERIES; series++) {
        double slots[SLOTS];
        for (size_t slot = 0; slot < SLOTS; slot++)
            slots[slot] = NAN;
        ASSERT_OK(blocks_chunks(cursor, series * 100, INT64_MIN, INT64_MAX, collect, slots));
        for (size_t slot = 0; slot < SLOTS; slot++)
            ASSERT_NEAR(world->model[series][slot], slots[slot], 0);
    }
    blocks_cursor_free(cursor);
    blocks_view_free(view);
}

static size_t count_blocks(struct blocks *blocks)
{
    struct blocks_view *view = blocks_view(blocks);
    size_t count = blocks_view_count(view);

    blocks_view_free(view);
    return count;
}

TEST(blocks_say_the_same_after_merges_and_deletions)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct world *world CLEANUP(world_free) = world_new(seed * 7919);
        /* Wide blocks are cut in half of the runs: retention keeps all, but its share is about an hour. */
        struct blocks_policy policy = { .now_ms = SLOTS * SLOT_MS,
                                        .retention_ms = seed % 2 ? SLOTS * SLOT_MS + HOUR_MS : 0 };
        for (size_t turn = 0; turn < 25; turn++) {
            size_t from = draw(world, 3) ? turn * SLOTS / 25 : draw(world, SLOTS - 200);
            write_some(world, from, from + 100 + draw(world, draw(world, 5) ? 20 : SLOTS - from - 100));
            if (draw(world, 6) == 0)
                delete_some(world);
            if (draw(world, 4) == 0)
                ASSERT_OK(blocks_maintain(world->blocks, &policy));
            if (draw(world, 9) == 0)
                ASSERT_OK(blocks_clean(world->blocks));
            if (draw(world, 7) == 0) {
                blocks_close(world->blocks);
                world_open(world);
            }
            check_world(world);
        }
        ASSERT_OK(blocks_maintain(world->blocks, &policy));
        check_world(world);
        ASSERT_OK(blocks_clean(world->blocks));
        check_world(world);
    }
}

TEST(blocks_that_follow_each_other_become_few)
{
    struct world *world CLEANUP(world_free) = world_new(5);
    struct blocks_policy policy = { .now_ms = SLOTS * SLOT_MS };

    for (size_t i = 0; i < 64; i++) {
        write_some(world, i * 40, i * 40 + 40);
        ASSERT_OK(blocks_maintain(world->blocks, &policy));
        ASSERT_TRUE(count_blocks(world->blocks) <= 9); /* three of each level */
    }
    ASSERT_EQ_INT(1, (int64_t)count_blocks(world->blocks));
    struct blocks_view *view = blocks_view(world->blocks);
    ASSERT_EQ_INT(3, blocks_view_stat(view, 0).level);
    ASSERT_TRUE(blocks_view_stat(view, 0).chunks <= SERIES * 5); /* short chunks became long ones */
    blocks_view_free(view);
    check_world(world);
}

TEST(blocks_change_nothing_once_they_are_stopped)
{
    struct world *world CLEANUP(world_free) = world_new(8);
    struct blocks_policy policy = { .now_ms = SLOTS * SLOT_MS,
                                    .retention_ms = HOUR_MS,
                                    .minutes_ms = 2 * SLOTS * SLOT_MS };

    for (size_t i = 0; i < 4; i++)
        write_some(world, i * 40, i * 40 + 40);
    blocks_stop(world->blocks);
    ASSERT_ERR(ERR_UNAVAILABLE, "stopped", blocks_maintain(world->blocks, &policy));
    ASSERT_EQ_INT(4, (int64_t)count_blocks(world->blocks));
    policy.retention_ms = 0;
    ASSERT_ERR(ERR_UNAVAILABLE, "stopped", blocks_maintain(world->blocks, &policy));
    ASSERT_EQ_INT(4, (int64_t)count_blocks(world->blocks));
    check_world(world);
}

TEST(blocks_older_than_retention_are_dropped)
{
    struct world *world CLEANUP(world_free) = world_new(6);
    struct blocks_policy policy = { .now_ms = 30 * HOUR_MS, .retention_ms = 23 * HOUR_MS };

    write_some(world, 0, 300);
    write_some(world, 2600, 2900);
    ASSERT_EQ_INT(2, (int64_t)count_blocks(world->blocks));
    ASSERT_OK(blocks_maintain(world->blocks, &policy));
    ASSERT_EQ_INT(1, (int64_t)count_blocks(world->blocks));
    struct blocks_view *view = blocks_view(world->blocks);
    ASSERT_TRUE(blocks_view_stat(view, 0).first_ms >= 2600 * SLOT_MS);
    policy = (struct blocks_policy){ .now_ms = 30 * HOUR_MS, .retention_bytes = blocks_view_stat(view, 0).bytes };
    blocks_view_free(view);
    write_some(world, 2700, 2710); /* of the past, but newer than the end of the other */
    ASSERT_OK(blocks_maintain(world->blocks, &policy));
    ASSERT_EQ_INT(1, (int64_t)count_blocks(world->blocks));
}

TEST(blocks_clean_takes_deleted_samples_from_the_disk)
{
    struct world *world CLEANUP(world_free) = world_new(8);
    uint32_t ids[SERIES];
    uint64_t samples = 0;
    char path[300];

    snprintf(path, sizeof(path), "%s/blocks/00000001.block", test_folder());
    write_some(world, 0, 2000);
    for (uint32_t i = 0; i < SERIES; i++) {
        ids[i] = i * 100;
        for (size_t slot = 0; slot < SLOTS; slot++) {
            world->model[i][slot] = slot < 1000 ? world->model[i][slot] : NAN;
            samples += !isnan(world->model[i][slot]);
        }
    }
    ASSERT_OK(blocks_delete(world->blocks, ids, SERIES, 1000 * SLOT_MS, INT64_MAX));
    ASSERT_OK(blocks_clean(world->blocks));
    ASSERT_FALSE(file_exists(path));
    struct blocks_view *view = blocks_view(world->blocks);
    ASSERT_EQ_INT((int64_t)samples, (int64_t)blocks_view_stat(view, 0).samples);
    blocks_view_free(view);
    check_world(world);
    ASSERT_OK(blocks_delete(world->blocks, ids, SERIES, INT64_MIN, INT64_MAX));
    ASSERT_OK(blocks_clean(world->blocks));
    ASSERT_EQ_INT(0, (int64_t)count_blocks(world->blocks));
}

static void damage(const char *path, long at)
{
    FILE *file = fopen(path, "r+");

    ASSERT_TRUE(file != NULL);
    fseek(file, at, SEEK_SET);
    int byte = fgetc(file);
    fseek(file, at, SEEK_SET);
    fputc(byte ^ 1, file);
    fclose(file);
}

/* Series of much noise, so that there are several groups. */
static void write_noise(struct world *world)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct buf chunk CLEANUP(buf_clear) = { 0 };
    struct str path = blocks_next_path(world->blocks, arena);
    int64_t times[1000];
    double values[1000];
    struct samples samples = { .times = times, .values = values, .count = 1000 };
    struct block_writer *out;

    buf_init(&chunk, 1 << 20);
    ASSERT_OK(block_create(path.at, NULL, &out));
    for (uint32_t series = 0; series < SERIES; series++) {
        ASSERT_OK(block_add_series(out, series * 100, labels_of(arena, series)));
        for (size_t i = 0; i < SLOTS; i += 1000) {
            for (size_t j = 0; j < 1000; j++) {
                times[j] = (int64_t)(i + j) * SLOT_MS;
                values[j] = world->model[series][i + j] = test_normal(&world->seed);
            }
            buf_reset(&chunk);
            chunk_encode(&chunk, &samples);
            ASSERT_OK(block_add_chunk(out, buf_str(&chunk)));
        }
    }
    ASSERT_OK(block_publish(out));
    ASSERT_OK(blocks_add(world->blocks, path.at));
}

static err nothing(void *arg, struct str chunk)
{
    *(size_t *)arg += chunk.length > 0;
    return NULL;
}

TEST(blocks_save_the_rest_of_a_damaged_one)
{
    struct world *world CLEANUP(world_free) = world_new(9);
    struct blocks_policy policy = { .now_ms = SLOTS * SLOT_MS };
    struct str_list bad;
    char path[300];
    size_t chunks = 0, lost = 0;

    write_noise(world);
    snprintf(path, sizeof(path), "%s/blocks/00000001.block", test_folder());
    damage(path, 5000);
    struct blocks_view *view = blocks_view(world->blocks);
    struct blocks_cursor *cursor = blocks_cursor_new(view);
    ASSERT_ERR(ERR_CORRUPT, "00000001.block: the group at byte 8",
               blocks_chunks(cursor, 0, 0, INT64_MAX, nothing, &chunks));
    ASSERT_OK(blocks_chunks(cursor, (SERIES - 1) * 100, 0, INT64_MAX, nothing, &chunks));
    ASSERT_EQ_INT(3, (int64_t)chunks);
    ASSERT_TRUE(blocks_view_stat(view, 0).damaged);
    ASSERT_OK(blocks_maintain(world->blocks, &policy));
    blocks_cursor_free(cursor);
    blocks_view_free(view);
    ASSERT_FALSE(file_exists(path));
    blocks_bad(world->blocks, world->arena, &bad);
    ASSERT_EQ_INT(1, (int64_t)bad.count);
    ASSERT_CONTAINS("00000001.block.bad", bad.at[0]);
    ASSERT_TRUE(file_exists(bad.at[0].at));
    view = blocks_view(world->blocks);
    cursor = blocks_cursor_new(view);
    ASSERT_FALSE(blocks_view_stat(view, 0).damaged);
    for (uint32_t series = 0; series < SERIES; series++) {
        double slots[SLOTS] = { 0 };
        ASSERT_OK(blocks_chunks(cursor, series * 100, 0, INT64_MAX, collect, slots));
        for (size_t slot = 0; slot < SLOTS; slot++) {
            ASSERT_TRUE(slots[slot] == 0 || slots[slot] == world->model[series][slot]);
            lost += slots[slot] == 0;
        }
    }
    ASSERT_TRUE(lost >= 16000 && lost <= 20000); /* about 128 KiB of 7.7 bytes a sample */
    blocks_cursor_free(cursor);
    blocks_view_free(view);
}

TEST(blocks_maintain_saves_what_a_merge_finds_damaged)
{
    struct world *world CLEANUP(world_free) = world_new(10);
    struct blocks_policy policy = { .now_ms = SLOTS * SLOT_MS };
    struct str_list bad;
    char path[300];

    for (size_t i = 0; i < 4; i++)
        write_noise(world);
    snprintf(path, sizeof(path), "%s/blocks/00000003.block", test_folder());
    damage(path, 5000);
    ASSERT_OK(blocks_maintain(world->blocks, &policy));
    ASSERT_EQ_INT(4, (int64_t)count_blocks(world->blocks));
    ASSERT_OK(blocks_maintain(world->blocks, &policy));
    ASSERT_EQ_INT(1, (int64_t)count_blocks(world->blocks));
    check_world(world); /* the last one has everything */
    blocks_bad(world->blocks, world->arena, &bad);
    ASSERT_EQ_INT(1, (int64_t)bad.count);
}

/* A chunk of histograms each 10 s from start_ms on, said not to be resets. */
static void write_histograms(struct world *world, int64_t start_ms, size_t count, double step)
{
    struct str path = blocks_next_path(world->blocks, world->arena);
    static const struct histogram_span span = { 0, 1 };
    struct histogram histograms[100];
    const struct histogram *pointers[100];
    double values[100] = { 0 }, counts[100];
    int64_t times[100];
    struct samples samples = { times, values, pointers, NULL, count };
    struct buf chunk CLEANUP(buf_clear) = { 0 };
    struct block_writer *out;

    buf_init(&chunk, 1 << 20);
    for (size_t i = 0; i < count; i++) {
        times[i] = start_ms + (int64_t)i * 10000;
        counts[i] = step * (double)(i + 1);
        histograms[i] =
            (struct histogram){ .hint = RESET_NO, .count = counts[i], .positive = { &span, 1, &counts[i], 1 } };
        pointers[i] = &histograms[i];
    }
    chunk_encode(&chunk, &samples);
    ASSERT_OK(block_create(path.at, NULL, &out));
    ASSERT_OK(block_add_series(out, 100, labels_of(world->arena, 1)));
    ASSERT_OK(block_add_chunk(out, buf_str(&chunk)));
    ASSERT_OK(block_publish(out));
    ASSERT_OK(blocks_add(world->blocks, path.at));
}

struct seen {
    struct arena *arena;
    struct columns columns;
};

static err collect_all(void *arg, struct str chunk)
{
    struct seen *seen = arg;

    return chunk_decode(chunk, seen->arena, &seen->columns);
}

TEST(blocks_merge_histograms_and_forget_hints_that_hold_no_more)
{
    struct world *world CLEANUP(world_free) = world_new(11);
    struct blocks_policy policy = { .now_ms = SLOTS * SLOT_MS };
    struct seen seen = { .arena = world->arena };

    write_histograms(world, 0, 50, 1);
    write_histograms(world, 1000000, 100, 1);
    write_histograms(world, 1005000, 10, 5); /* between those of the one before */
    write_histograms(world, 3000000, 50, 2);
    ASSERT_OK(blocks_maintain(world->blocks, &policy));
    ASSERT_EQ_INT(1, (int64_t)count_blocks(world->blocks));
    struct blocks_view *view = blocks_view(world->blocks);
    struct blocks_cursor *cursor = blocks_cursor_new(view);
    ASSERT_OK(blocks_chunks(cursor, 100, INT64_MIN, INT64_MAX, collect_all, &seen));
    ASSERT_EQ_INT(210, (int64_t)seen.columns.count);
    for (size_t i = 0; i < 210; i++) {
        bool mixed = seen.columns.times[i] >= 1000000 && seen.columns.times[i] < 3000000;
        ASSERT_EQ_INT(mixed ? RESET_UNKNOWN : RESET_NO, seen.columns.histograms[i]->hint);
        ASSERT_TRUE(seen.columns.histograms[i]->count == seen.columns.histograms[i]->positive.counts[0]);
    }
    ASSERT_TRUE(seen.columns.histograms[51]->count == 5);
    columns_clear(&seen.columns);
    blocks_cursor_free(cursor);
    blocks_view_free(view);
}

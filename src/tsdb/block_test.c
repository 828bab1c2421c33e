/* block_test.c - what is written into blocks is read from them, and what is damaged is named. */
#include "tsdb/block.h"

#include "base/file.h"
#include "base/random.h"
#include "base/test.h"
#include "tsdb/chunk.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SERIES_MAX = 400 };

/* The value of a sample, by series, time and who wrote it. */
static double value_of(uint32_t series, int64_t time_ms, int writer)
{
    return (double)(series % 7) * 1000 + (double)(time_ms / 1000 % 997) + writer * 0.25;
}

static struct labels labels_of(struct arena *arena, uint32_t series)
{
    struct label *items = arena_array(arena, 3, sizeof(*items));

    items[0] = (struct label){ S("__name__"), str_printf(arena, "metric_%03u", series / 10) };
    items[1] = (struct label){ S("instance"), str_printf(arena, "host-%u.example:9100", series % 10) };
    items[2] = (struct label){ S("job"), S("node") };
    return (struct labels){ items, series % 13 == 12 ? 2 : 3 };
}

/* Ids that are far from the order of labels. */
static uint32_t id_of(uint32_t series)
{
    return 5 + series * 7919 % 100003;
}

static void put_chunk(struct buf *out, uint32_t series, int64_t start_ms, size_t count, int writer)
{
    int64_t times[CHUNK_SAMPLES_MAX];
    double values[CHUNK_SAMPLES_MAX];
    struct samples samples = { .times = times, .values = values, .count = count };

    for (size_t i = 0; i < count; i++) {
        times[i] = start_ms + (int64_t)i * 1000;
        values[i] = value_of(series, times[i], writer);
    }
    buf_reset(out);
    chunk_encode(out, &samples);
}

/* A block of series [from, to), each with `chunks` chunks of 100 s from start_ms on. */
static err write_block(struct blocks *blocks, const struct block_options *options, uint32_t from, uint32_t to,
                       int64_t start_ms, int chunks, int writer)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(4 << 20);
    struct buf chunk CLEANUP(buf_clear) = { 0 };
    struct block_writer *out;
    struct str path = blocks_next_path(blocks, arena);

    buf_init(&chunk, 1 << 20);
    TRY(block_create(path.at, options, &out));
    for (uint32_t series = from; series < to; series++) {
        TRY(block_add_series(out, id_of(series), labels_of(arena, series)));
        for (int i = 0; i < chunks; i++) {
            put_chunk(&chunk, series, start_ms + i * 100000, 100, writer);
            TRY(block_add_chunk(out, buf_str(&chunk)));
        }
    }
    TRY(block_publish(out));
    return blocks_add(blocks, path.at);
}

static struct blocks *open_blocks(struct arena *arena, struct str_list *ret_bad)
{
    struct blocks *blocks;
    char folder[200];

    snprintf(folder, sizeof(folder), "%s/blocks", test_folder());
    ASSERT_OK(blocks_open(folder, arena, ret_bad, &blocks));
    return blocks;
}

static void closep(struct blocks **blocks)
{
    blocks_close(*blocks);
}

struct reader {
    struct columns columns;
    size_t chunks;
};

static err collect(void *arg, struct str chunk)
{
    struct reader *reader = arg;

    reader->chunks++;
    return chunk_decode(chunk, NULL, &reader->columns);
}

static err read_series(struct blocks *blocks, uint32_t series, int64_t start_ms, int64_t end_ms, struct reader *reader)
{
    struct blocks_view *view = blocks_view(blocks);
    struct blocks_cursor *cursor = blocks_cursor_new(view);

    columns_reset(&reader->columns);
    reader->chunks = 0;
    err e = blocks_chunks(cursor, id_of(series), start_ms, end_ms, collect, reader);
    blocks_cursor_free(cursor);
    blocks_view_free(view);
    return e;
}

TEST(block_gives_back_the_chunks_of_each_series)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct str_list bad;
    struct blocks *blocks CLEANUP(closep) = open_blocks(arena, &bad);
    struct reader reader = { 0 };

    ASSERT_EQ_INT(0, (int64_t)bad.count);
    ASSERT_OK(write_block(blocks, NULL, 0, SERIES_MAX, 0, 3, 0));
    ASSERT_OK(write_block(blocks, NULL, 100, 300, 300000, 2, 0));
    for (int again = 0; again < 2; again++) { /* the second time as read from the disk anew */
        for (uint32_t series = 0; series < SERIES_MAX; series++) {
            ASSERT_OK(read_series(blocks, series, 0, 10000000, &reader));
            size_t count = series >= 100 && series < 300 ? 500 : 300;
            ASSERT_EQ_INT((int64_t)count, (int64_t)reader.columns.count);
            for (size_t i = 0; i < count; i++) {
                ASSERT_EQ_INT((int64_t)i * 1000, reader.columns.times[i]);
                ASSERT_TRUE(reader.columns.values[i] == value_of(series, reader.columns.times[i], 0));
            }
        }
        ASSERT_OK(read_series(blocks, 100, 150000, 320000, &reader));
        ASSERT_EQ_INT(3, (int64_t)reader.chunks);
        ASSERT_OK(read_series(blocks, SERIES_MAX, 0, 10000000, &reader));
        ASSERT_EQ_INT(0, (int64_t)reader.chunks);
        blocks_close(blocks);
        blocks = open_blocks(arena, &bad);
    }
    columns_clear(&reader.columns);
}

struct listing {
    struct arena *arena;
    uint32_t next;
};

static err check_series(void *arg, uint32_t series, struct labels labels)
{
    struct listing *listing = arg;

    ASSERT_EQ_INT(id_of(listing->next), series);
    ASSERT_TRUE(labels_eq(labels, labels_of(listing->arena, listing->next)));
    listing->next++;
    return NULL;
}

TEST(block_lists_its_series_with_labels_in_order)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(8 << 20);
    struct str_list bad;
    struct blocks *blocks CLEANUP(closep) = open_blocks(arena, &bad);
    struct listing listing = { .arena = arena };

    ASSERT_OK(write_block(blocks, NULL, 0, SERIES_MAX, 0, 1, 0));
    struct blocks_view *view = blocks_view(blocks);
    ASSERT_EQ_INT(1, (int64_t)blocks_view_count(view));
    ASSERT_EQ_INT(SERIES_MAX, (int64_t)blocks_view_stat(view, 0).series);
    ASSERT_EQ_INT(SERIES_MAX * 100, (int64_t)blocks_view_stat(view, 0).samples);
    ASSERT_OK(blocks_series(view, 0, check_series, &listing));
    ASSERT_EQ_INT(SERIES_MAX, listing.next);
    for (uint32_t series = 0; series < SERIES_MAX; series++)
        ASSERT_EQ_INT(series, blocks_order(view, id_of(series)));
    ASSERT_EQ_INT(UINT32_MAX, blocks_order(view, id_of(SERIES_MAX)));
    ASSERT_TRUE(blocks_view_has(view, id_of(7)));
    ASSERT_FALSE(blocks_view_has(view, 4));
    blocks_view_free(view);
}

TEST(block_of_one_long_series_goes_over_many_groups)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(4 << 20);
    struct str_list bad;
    struct blocks *blocks CLEANUP(closep) = open_blocks(arena, &bad);
    struct str path = blocks_next_path(blocks, arena);
    struct buf chunk CLEANUP(buf_clear) = { 0 };
    struct block_writer *writer;
    struct reader reader = { 0 };
    double values[CHUNK_SAMPLES_MAX];
    int64_t times[CHUNK_SAMPLES_MAX];
    struct samples samples = { .times = times, .values = values, .count = CHUNK_SAMPLES_MAX };
    uint64_t seed = 3;

    buf_init(&chunk, 1 << 20);
    ASSERT_OK(block_create(path.at, NULL, &writer));
    for (uint32_t series = 0; series < 3; series++) {
        ASSERT_OK(block_add_series(writer, id_of(series), labels_of(arena, series)));
        for (int i = 0; i < (series == 1 ? 100 : 3); i++) {
            for (int j = 0; j < CHUNK_SAMPLES_MAX; j++) {
                times[j] = (i * CHUNK_SAMPLES_MAX + j) * 1000;
                values[j] = test_normal(&seed);
            }
            buf_reset(&chunk);
            chunk_encode(&chunk, &samples);
            ASSERT_OK(block_add_chunk(writer, buf_str(&chunk)));
        }
    }
    ASSERT_OK(block_publish(writer));
    ASSERT_OK(blocks_add(blocks, path.at));
    for (uint32_t series = 0; series < 3; series++) {
        ASSERT_OK(read_series(blocks, series, 0, INT64_MAX, &reader));
        ASSERT_EQ_INT(CHUNK_SAMPLES_MAX * (series == 1 ? 100 : 3), (int64_t)reader.columns.count);
        for (size_t i = 0; i < reader.columns.count; i++)
            ASSERT_EQ_INT((int64_t)i * 1000, reader.columns.times[i]);
    }
    columns_clear(&reader.columns);
}

TEST(block_writer_refuses_series_out_of_order)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct str_list bad;
    struct blocks *blocks CLEANUP(closep) = open_blocks(arena, &bad);
    struct str path = blocks_next_path(blocks, arena);
    struct buf chunk CLEANUP(buf_clear) = { 0 };
    struct block_writer *writer;

    buf_init(&chunk, 1 << 20);
    put_chunk(&chunk, 0, 0, 10, 0);
    ASSERT_OK(block_create(path.at, NULL, &writer));
    ASSERT_OK(block_add_series(writer, 1, labels_of(arena, 5)));
    ASSERT_OK(block_add_chunk(writer, buf_str(&chunk)));
    ASSERT_OK(block_add_series(writer, 2, labels_of(arena, 4))); /* without chunks it never was */
    ASSERT_OK(block_add_series(writer, 3, labels_of(arena, 3)));
    ASSERT_ERR(ERR_INTERNAL, "not sorted", block_add_chunk(writer, buf_str(&chunk)));
    block_abandon(writer);
    ASSERT_OK(block_create(path.at, NULL, &writer));
    ASSERT_ERR(ERR_RANGE, "no series", block_publish(writer));
    ASSERT_FALSE(file_exists(path.at));
}

/* One series is in three blocks: of other times, and of the same ones again. */
TEST(block_of_a_later_write_comes_later)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct str_list bad;
    struct blocks *blocks CLEANUP(closep) = open_blocks(arena, &bad);
    struct reader reader = { 0 };
    struct block_options as_first = { .order = 1 };

    ASSERT_OK(write_block(blocks, NULL, 0, 2, 500000, 1, 1));
    ASSERT_OK(write_block(blocks, NULL, 0, 2, 0, 1, 2));
    ASSERT_OK(write_block(blocks, &as_first, 0, 2, 900000, 1, 3));
    ASSERT_OK(read_series(blocks, 0, 0, INT64_MAX, &reader));
    ASSERT_EQ_INT(300, (int64_t)reader.columns.count);
    ASSERT_EQ_INT(500000, reader.columns.times[0]);
    ASSERT_EQ_INT(900000, reader.columns.times[100]);
    ASSERT_EQ_INT(0, reader.columns.times[200]);
    columns_clear(&reader.columns);
}

TEST(blocks_leave_out_what_was_deleted_until_it_is_written_again)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct str_list bad;
    struct blocks *blocks CLEANUP(closep) = open_blocks(arena, &bad);
    struct reader reader = { 0 };
    uint32_t series[] = { id_of(1), id_of(3) };

    ASSERT_OK(write_block(blocks, NULL, 0, 5, 0, 3, 0));
    ASSERT_OK(blocks_delete(blocks, series, 2, 50000, 209000));
    for (int again = 0; again < 2; again++) {
        ASSERT_OK(read_series(blocks, 1, 0, INT64_MAX, &reader));
        ASSERT_EQ_INT(140, (int64_t)reader.columns.count);
        ASSERT_EQ_INT(2, (int64_t)reader.chunks);
        ASSERT_EQ_INT(49000, reader.columns.times[49]);
        ASSERT_EQ_INT(210000, reader.columns.times[50]);
        ASSERT_OK(read_series(blocks, 2, 0, INT64_MAX, &reader));
        ASSERT_EQ_INT(300, (int64_t)reader.columns.count);
        blocks_close(blocks);
        blocks = open_blocks(arena, &bad);
        ASSERT_EQ_INT(1, (int64_t)blocks_deletions(blocks));
    }
    struct block_options later = { .deletions = blocks_deletions(blocks) };
    ASSERT_OK(write_block(blocks, &later, 0, 5, 100000, 1, 1));
    ASSERT_OK(read_series(blocks, 1, 0, INT64_MAX, &reader));
    ASSERT_EQ_INT(240, (int64_t)reader.columns.count);
    ASSERT_OK(blocks_delete(blocks, series, 1, INT64_MIN, INT64_MAX));
    ASSERT_OK(read_series(blocks, 1, 0, INT64_MAX, &reader));
    ASSERT_EQ_INT(0, (int64_t)reader.chunks);
    ASSERT_OK(read_series(blocks, 3, 0, INT64_MAX, &reader));
    ASSERT_EQ_INT(240, (int64_t)reader.columns.count);
    columns_clear(&reader.columns);
}

/* Everything that can be read of the only block: an err where something is damaged. */
static err read_all(struct blocks *blocks)
{
    struct blocks_view *view = blocks_view(blocks);
    struct blocks_cursor *cursor = blocks_cursor_new(view);
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct listing listing = { .arena = arena };
    struct reader reader = { 0 };
    err e = blocks_view_count(view) ? blocks_series(view, 0, check_series, &listing) : NULL;

    for (uint32_t series = 0; !e && series < 20; series++)
        e = blocks_chunks(cursor, id_of(series), INT64_MIN, INT64_MAX, collect, &reader);
    columns_clear(&reader.columns);
    blocks_cursor_free(cursor);
    blocks_view_free(view);
    return e;
}

TEST(block_with_any_byte_damaged_says_so)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(64 << 20);
    struct str_list bad;
    struct blocks *blocks = open_blocks(arena, &bad);
    struct str path = str_printf(arena, "%s/blocks/00000001.block", test_folder()), text;
    char bad_path[300];

    ASSERT_OK(write_block(blocks, NULL, 0, 20, 0, 2, 0));
    snprintf(bad_path, sizeof(bad_path), "%s.bad", path.at);
    ASSERT_OK(read_all(blocks));
    blocks_close(blocks);
    ASSERT_OK(file_read(arena, path.at, 1 << 20, &text));
    char *copy = arena_alloc(arena, text.length);
    size_t aside = 0, named = 0;
    for (size_t i = 0; i < text.length; i++) {
        struct arena *turn CLEANUP(arena_freep) = arena_new(1 << 20);
        memcpy(copy, text.at, text.length);
        copy[i] ^= 0x10;
        FILE *file = fopen(path.at, "w");
        ASSERT_TRUE(file && fwrite(copy, 1, text.length, file) == text.length && fclose(file) == 0);
        blocks = open_blocks(turn, &bad);
        err e = read_all(blocks);
        ASSERT_EQ_INT(1, (int64_t)bad.count + (e != NULL));
        if (e)
            named++;
        else
            aside++;
        if (e)
            ASSERT_ERR(ERR_CORRUPT, "00000001.block: the group at byte", e);
        ASSERT_EQ_INT((int64_t)bad.count, file_exists(bad_path));
        unlink(bad_path);
        blocks_close(blocks);
    }
    ASSERT_TRUE(aside > 100 && named > 200);
    for (size_t length = 0; length < text.length; length += 13) { /* cut short */
        struct arena *turn CLEANUP(arena_freep) = arena_new(1 << 20);
        FILE *file = fopen(path.at, "w");
        ASSERT_TRUE(file && fwrite(text.at, 1, length, file) == length && fclose(file) == 0);
        blocks = open_blocks(turn, &bad);
        ASSERT_EQ_INT(1, (int64_t)bad.count);
        ASSERT_CONTAINS("00000001.block.bad", bad.at[0]);
        unlink(bad_path);
        blocks_close(blocks);
    }
}

TEST(blocks_view_reads_what_was_removed_meanwhile)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct str_list bad;
    struct blocks *blocks CLEANUP(closep) = open_blocks(arena, &bad);
    struct reader reader = { 0 };

    ASSERT_OK(write_block(blocks, NULL, 0, 20, 0, 1, 0));
    struct blocks_view *view = blocks_view(blocks);
    const char *path = blocks_view_stat(view, 0).path.at;
    struct blocks_cursor *cursor = blocks_cursor_new(view);
    uint64_t first = 1;
    struct block_options options = { .replaced = &first, .replaced_count = 1 };
    ASSERT_OK(write_block(blocks, &options, 0, 1, 0, 1, 0));
    blocks_close(TAKE(blocks));
    blocks = open_blocks(arena, &bad); /* as after a crash between publishing and removing */
    struct blocks_view *later = blocks_view(blocks);
    ASSERT_EQ_INT(1, (int64_t)blocks_view_count(later));
    blocks_view_free(later);
    ASSERT_FALSE(file_exists(path));
    ASSERT_OK(blocks_chunks(cursor, id_of(3), 0, INT64_MAX, collect, &reader));
    ASSERT_EQ_INT(100, (int64_t)reader.columns.count);
    blocks_cursor_free(cursor);
    blocks_view_free(view);
    columns_clear(&reader.columns);
}

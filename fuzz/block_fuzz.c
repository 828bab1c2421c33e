/* block_fuzz.c - a block whose checksums are right and whose index, directories, labels and chunks are any bytes. */
#include "base/file.h"
#include "tsdb/blocks_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static struct str part(struct reading *in)
{
    size_t length = take_byte(in) | (size_t)take_byte(in) << 8;

    length = length < reading_left(in) ? length : reading_left(in);
    return (struct str){ (const char *)take_bytes(in, length), length };
}

/* One frame; its place as the index has it. */
static void put_frame(struct buf *file, struct buf *index, struct str raw, uint64_t first)
{
    size_t room = ZSTD_compressBound(raw.length), at = file->length;
    char *to = buf_reserve(file, room);

    if (!to)
        abort();
    file->length += ZSTD_compress(to, room, raw.at, raw.length, 1);
    put_varint(index, at);
    put_varint(index, file->length - at);
    put_varint(index, raw.length);
    if (first != UINT64_MAX)
        put_varint(index, first);
    put_u64(index, XXH3_64bits(file->at + at, file->length - at));
}

/* The index by us, so that groups are read; or, in half of the cases, all bytes of it by the fuzzer. */
static void build(struct buf *file, struct reading *in)
{
    struct buf index CLEANUP(buf_clear) = { 0 }, footer CLEANUP(buf_clear) = { 0 };
    uint8_t mode = take_byte(in), series = take_byte(in);

    buf_init(&index, 1 << 20);
    buf_init(&footer, 1 << 20);
    buf_add(file, S(BLOCK_MAGIC));
    for (int kind = 0; kind < 2; kind++) { /* chunks, labels */
        size_t count = 1 + (mode >> kind & 1);
        put_varint(&index, count);
        for (size_t i = 0; i < count; i++)
            put_frame(file, &index, part(in), i ? take_byte(in) : 0);
    }
    for (uint32_t i = 0; i < series; i++)
        put_u32(&index, i * (mode & 4 ? 1 : 99) + (mode & 8 ? 0 : series - 2 * i));
    struct str any = part(in);
    put_varint(&footer, BLOCK_VERSION);
    for (int i = 0; i < 4; i++)
        put_varint(&footer, i == 0 ? mode >> 4 & 3 : 0);
    put_varint(&footer, series);
    for (int i = 0; i < 4; i++)
        put_varint(&footer, take_byte(in));
    put_frame(file, &footer, mode & 64 ? any : buf_str(&index), UINT64_MAX);
    if (mode & 128)
        buf_add(&footer, part(in));
    else
        put_varint(&footer, 0);
    buf_add(file, buf_str(&footer));
    put_u32(file, (uint32_t)footer.length);
    put_u64(file, XXH3_64bits(footer.at, footer.length));
    buf_add(file, S(BLOCK_MAGIC));
}

static err ignore_chunk(void *arg, struct str chunk)
{
    *(size_t *)arg += chunk.length;
    return NULL;
}

static err ignore_series(void *arg, uint32_t series, struct labels labels)
{
    for (size_t i = 0; i < labels.count; i++)
        *(size_t *)arg += str_hash(labels.at[i].name) + str_hash(labels.at[i].value) + series;
    return NULL;
}

static void read_block(struct block *block)
{
    struct deletions *deletions;
    size_t sum = 0;

    err_free(deletions_open("/nonexistent", &deletions));
    struct blocks_view view = { &block, 1, deletions_now(deletions) };
    struct blocks_cursor *cursor = blocks_cursor_new(&view);
    err_free(blocks_series(&view, 0, ignore_series, &sum));
    for (uint32_t series = 0; series < 600; series++)
        err_free(blocks_chunks(cursor, series, INT64_MIN, INT64_MAX, ignore_chunk, &sum));
    blocks_cursor_free(cursor);
    deletion_set_unref(view.deletions);
    deletions_close(deletions);
    block_unref(block);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct reading in = reading_of((struct str){ (const char *)bytes, length });
    struct buf file CLEANUP(buf_clear) = { 0 };
    struct block *block;
    char path[64];

    buf_init(&file, 1 << 24);
    build(&file, &in);
    int fd CLEANUP(fd_close) = memfd_create("block", MFD_CLOEXEC);
    if (fd < 0 || write(fd, file.at, file.length) != (ssize_t)file.length)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    err e = block_open(path, &block);
    if (!e)
        read_block(block);
    err_free(e);
    return 0;
}

/* block_writer.c - writes one block, series by series, with as much memory as two groups and an index need. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/failpoint.h"
#include "base/file.h"
#include "tsdb/block_file.h"
#include "tsdb/chunk.h"

enum { ZSTD_LEVEL = 3, LABELS_BYTES_MAX = 16 * 1024 * 1024 };

struct block_writer {
    char *path;
    struct buf new_path;
    int fd;
    struct block_options options;
    uint64_t *replaced;
    uint64_t offset;
    ZSTD_CCtx *zstd;
    struct buf packed;

    VEC(struct group) chunk_groups, label_groups;
    struct buf chunks; /* of the group in the making */
    VEC(uint32_t) lengths;
    uint32_t chunks_first;
    bool chunks_continued;
    struct buf labels;
    uint32_t labels_first;

    VEC(uint32_t) ids;
    struct arena *last_arena, *next_arena;
    struct labels last, next; /* of the series before, and of the one that chunks come for */
    uint32_t next_id;
    bool next_began;
    uint64_t chunk_count, sample_count;
    int64_t first_ms, last_ms;
};

static void writer_free(struct block_writer *writer)
{
    fd_close(&writer->fd);
    ZSTD_freeCCtx(writer->zstd);
    free(writer->path);
    free(writer->replaced);
    buf_clear(&writer->new_path);
    buf_clear(&writer->packed);
    buf_clear(&writer->chunks);
    buf_clear(&writer->labels);
    vec_clear(&writer->chunk_groups);
    vec_clear(&writer->label_groups);
    vec_clear(&writer->lengths);
    vec_clear(&writer->ids);
    arena_free(writer->last_arena);
    arena_free(writer->next_arena);
    free(writer);
}

void block_abandon(struct block_writer *writer)
{
    if (!writer)
        return;
    unlink(buf_c(&writer->new_path));
    writer_free(writer);
}

static void abandonp(struct block_writer **writer)
{
    block_abandon(*writer);
}

static err write_out(struct block_writer *writer, struct str bytes)
{
    TRY(FAILPOINT("tsdb.block.write"));
    TRY(err_wrap(fd_write_all(writer->fd, bytes), "%s", buf_c(&writer->new_path)));
    writer->offset += bytes.length;
    return NULL;
}

err block_create(const char *path, const struct block_options *options, struct block_writer **ret_writer)
{
    struct block_writer *writer CLEANUP(abandonp) = calloc(1, sizeof(*writer));

    if (!writer)
        out_of_memory(sizeof(*writer));
    if (options)
        writer->options = *options;
    writer->fd = -1;
    writer->path = strdup(path);
    writer->zstd = ZSTD_createCCtx();
    writer->first_ms = INT64_MAX;
    writer->last_ms = INT64_MIN;
    writer->last_arena = arena_new(LABELS_BYTES_MAX);
    writer->next_arena = arena_new(LABELS_BYTES_MAX);
    buf_init(&writer->new_path, 4096 + 8);
    buf_init(&writer->packed, 2 * (size_t)GROUP_BYTES_MAX);
    buf_init(&writer->chunks, GROUP_BYTES_MAX - GROUP_BYTES);
    buf_init(&writer->labels, GROUP_BYTES_MAX);
    buf_addf(&writer->new_path, "%s.new", path);
    if (writer->options.replaced_count) {
        size_t bytes = writer->options.replaced_count * sizeof(*writer->replaced);
        writer->replaced = malloc(bytes);
        if (!writer->replaced)
            out_of_memory(bytes);
        memcpy(writer->replaced, writer->options.replaced, bytes);
    }
    writer->fd = open(buf_c(&writer->new_path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (writer->fd < 0)
        return err_errno("can't write %s", buf_c(&writer->new_path));
    TRY(write_out(writer, S(BLOCK_MAGIC)));
    *ret_writer = TAKE(writer);
    return NULL;
}

/* One zstd frame into the file; ret_group gets its place. */
static err write_group(struct block_writer *writer, struct str raw, struct group *ret_group)
{
    buf_reset(&writer->packed);
    size_t room = ZSTD_compressBound(raw.length);
    char *to = buf_reserve(&writer->packed, room);

    TRY(buf_check(&writer->packed));
    size_t bytes = ZSTD_compressCCtx(writer->zstd, to, room, raw.at, raw.length, ZSTD_LEVEL);
    if (ZSTD_isError(bytes))
        return err_new(ERR_INTERNAL, "zstd: %s", ZSTD_getErrorName(bytes));
    writer->packed.length = bytes;
    ret_group->offset = writer->offset;
    ret_group->bytes = (uint32_t)bytes;
    ret_group->raw_bytes = (uint32_t)raw.length;
    ret_group->hash = XXH3_64bits(to, bytes);
    return write_out(writer, buf_str(&writer->packed));
}

static err flush_chunks(struct block_writer *writer)
{
    struct buf raw CLEANUP(buf_clear) = { 0 };
    struct group group = { .first = writer->chunks_first, .continued = writer->chunks_continued };

    if (writer->lengths.count == 0)
        return NULL;
    buf_init(&raw, GROUP_BYTES_MAX);
    put_varint(&raw, writer->lengths.count);
    for (size_t i = 0; i < writer->lengths.count; i++)
        put_varint(&raw, writer->lengths.at[i]);
    buf_add(&raw, buf_str(&writer->chunks));
    TRY(buf_check(&raw));
    TRY(write_group(writer, buf_str(&raw), &group));
    *vec_push(&writer->chunk_groups, NULL) = group;
    buf_reset(&writer->chunks);
    writer->lengths.count = 0;
    return NULL;
}

static err flush_labels(struct block_writer *writer)
{
    struct group group = { .first = writer->labels_first };

    if (writer->labels.length == 0)
        return NULL;
    TRY(buf_check(&writer->labels));
    TRY(write_group(writer, buf_str(&writer->labels), &group));
    *vec_push(&writer->label_groups, NULL) = group;
    buf_reset(&writer->labels);
    return NULL;
}

static bool same_names(struct labels a, struct labels b)
{
    for (size_t i = 0; i < a.count && a.count == b.count; i++)
        if (!str_eq(a.at[i].name, b.at[i].name))
            return false;
    return a.count == b.count;
}

/* Labels by what differs from those before: of the same names only the values that changed. */
static void put_labels(struct buf *out, struct labels labels, struct labels last, bool fresh)
{
    if (fresh || !same_names(labels, last)) {
        put_varint(out, labels.count + 1);
        for (size_t i = 0; i < labels.count; i++) {
            put_str(out, labels.at[i].name);
            put_str(out, labels.at[i].value);
        }
        return;
    }
    put_varint(out, 0);
    for (size_t i = 0; i < labels.count; i += 8) {
        unsigned changed = 0;
        for (size_t j = i; j < i + 8 && j < labels.count; j++)
            changed |= (unsigned)!str_eq(labels.at[j].value, last.at[j].value) << (j - i);
        buf_add_c(out, (char)changed);
    }
    for (size_t i = 0; i < labels.count; i++)
        if (!str_eq(labels.at[i].value, last.at[i].value))
            put_str(out, labels.at[i].value);
}

err block_add_series(struct block_writer *writer, uint32_t series, struct labels labels)
{
    if (writer->next_began) { /* else the one before had no chunks, and never was */
        struct arena *arena = writer->last_arena;
        writer->last_arena = writer->next_arena;
        writer->next_arena = arena;
        writer->last = writer->next;
    }
    arena_reset(writer->next_arena);
    writer->next = labels_copy(writer->next_arena, labels);
    writer->next_id = series;
    writer->next_began = false;
    return arena_check(writer->next_arena);
}

static err begin_series(struct block_writer *writer)
{
    bool fresh = writer->labels.length == 0;

    if (writer->ids.count > 0 && labels_cmp(writer->last, writer->next) > 0)
        return err_new(ERR_INTERNAL, "%s: series are not sorted by labels", writer->path);
    if (fresh)
        writer->labels_first = (uint32_t)writer->ids.count;
    put_labels(&writer->labels, writer->next, writer->last, fresh);
    *vec_push(&writer->ids, NULL) = writer->next_id;
    writer->next_began = true;
    return writer->labels.length < GROUP_BYTES ? NULL : flush_labels(writer);
}

err block_add_chunk(struct block_writer *writer, struct str chunk)
{
    struct chunk_head head;
    bool first = !writer->next_began;

    TRY(chunk_peek(chunk, &head));
    if (head.bytes != chunk.length)
        return err_new(ERR_INTERNAL, "%s: a chunk of %u bytes came with %zu", writer->path, head.bytes, chunk.length);
    if (first)
        TRY(begin_series(writer));
    if (writer->lengths.count == 0) {
        writer->chunks_first = (uint32_t)writer->ids.count - 1;
        writer->chunks_continued = !first;
    }
    if (first || writer->lengths.count == 0)
        *vec_push(&writer->lengths, NULL) = 0;
    writer->lengths.at[writer->lengths.count - 1] += head.bytes;
    buf_add(&writer->chunks, chunk);
    TRY(buf_check(&writer->chunks));
    writer->chunk_count++;
    writer->sample_count += head.count;
    writer->first_ms = head.first_ms < writer->first_ms ? head.first_ms : writer->first_ms;
    writer->last_ms = head.last_ms > writer->last_ms ? head.last_ms : writer->last_ms;
    return writer->chunks.length < GROUP_BYTES ? NULL : flush_chunks(writer);
}

static void put_groups(struct buf *out, const struct group *groups, size_t count)
{
    uint32_t before = 0;

    put_varint(out, count);
    for (size_t i = 0; i < count; i++) {
        put_varint(out, groups[i].offset);
        put_varint(out, groups[i].bytes);
        put_varint(out, groups[i].raw_bytes);
        put_varint(out, (uint64_t)(groups[i].first - before) << 1 | groups[i].continued);
        put_u64(out, groups[i].hash);
        before = groups[i].first;
    }
}

static err write_index(struct block_writer *writer, struct group *ret_index)
{
    struct buf raw CLEANUP(buf_clear) = { 0 };

    buf_init(&raw, UINT32_MAX / 2);
    put_groups(&raw, writer->chunk_groups.at, writer->chunk_groups.count);
    put_groups(&raw, writer->label_groups.at, writer->label_groups.count);
    buf_add_bytes(&raw, writer->ids.at, writer->ids.count * sizeof(*writer->ids.at));
    TRY(buf_check(&raw));
    writer->packed.max = SIZE_MAX / 2; /* the index of many millions of series is larger than any group */
    return write_group(writer, buf_str(&raw), ret_index);
}

static err write_footer(struct block_writer *writer, const struct group *index)
{
    const struct block_options *options = &writer->options;
    struct buf out CLEANUP(buf_clear) = { 0 };

    buf_init(&out, BLOCK_FOOTER_MAX);
    put_varint(&out, BLOCK_VERSION);
    put_varint(&out, options->kind);
    put_varint(&out, options->level);
    put_varint(&out, options->order);
    put_varint(&out, options->deletions);
    put_varint(&out, writer->ids.count);
    put_varint(&out, writer->chunk_count);
    put_varint(&out, writer->sample_count);
    put_signed(&out, writer->first_ms);
    put_signed(&out, writer->last_ms);
    put_varint(&out, index->offset);
    put_varint(&out, index->bytes);
    put_varint(&out, index->raw_bytes);
    put_u64(&out, index->hash);
    put_varint(&out, options->replaced_count);
    for (size_t i = 0; i < options->replaced_count; i++)
        put_varint(&out, writer->replaced[i]);
    uint32_t length = (uint32_t)out.length;
    uint64_t hash = XXH3_64bits(out.at, out.length);
    put_u32(&out, length);
    put_u64(&out, hash);
    buf_add(&out, S(BLOCK_MAGIC));
    TRY(buf_check(&out));
    return write_out(writer, buf_str(&out));
}

static err publish(struct block_writer *writer)
{
    struct group index = { 0 };

    if (writer->ids.count == 0)
        return err_new(ERR_RANGE, "%s would have no series", writer->path);
    TRY(flush_chunks(writer));
    TRY(flush_labels(writer));
    TRY(write_index(writer, &index));
    TRY(write_footer(writer, &index));
    TRY(FAILPOINT("tsdb.block.sync"));
    if (fsync(writer->fd))
        return err_errno("can't sync %s", buf_c(&writer->new_path));
    TRY(FAILPOINT("tsdb.block.rename"));
    if (rename(buf_c(&writer->new_path), writer->path))
        return err_errno("can't rename %s to %s", buf_c(&writer->new_path), writer->path);
    TRY(FAILPOINT("tsdb.block.folder"));
    return file_sync_folder_of(writer->path);
}

bool block_writer_empty(const struct block_writer *writer)
{
    return writer->ids.count == 0;
}

err block_publish(struct block_writer *writer)
{
    err e = publish(writer);

    if (e) {
        unlink(buf_c(&writer->new_path));
        unlink(writer->path);
    }
    writer_free(writer);
    return e;
}

/* head_snapshot.c - the head in one file, and back. Format: docs/format/head-snapshot.md. */
#include "tsdb/head_snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include "base/failpoint.h"
#include "base/file.h"
#include "tsdb/wal_record.h"

enum { GROUP_BYTES = 512 * 1024, LEVEL = 1 };
enum group { GROUP_ITEMS = 'Z', GROUP_END = 'E' };

static const char magic[8] = { 'A', 'U', 'S', 'P', 'E', 'X', 'H', '1' };

struct writer {
    int fd;
    uint64_t offset, groups, segment;
    struct wal_batch batch;
    struct buf record; /* the record's head, what kind of group, its bytes */
    ZSTD_CCtx *zstd;
    uint32_t series; /* whose chunks come */
};

static err put_record(struct writer *writer)
{
    struct buf *record = &writer->record;

    TRY(buf_check(record));
    size_t length = record->length - WAL_HEAD_BYTES;
    wal_record_head((unsigned char *)record->at, 0, writer->offset, length,
                    XXH3_64bits(record->at + WAL_HEAD_BYTES, length));
    TRY(fd_write_all(writer->fd, buf_str(record)));
    writer->offset += record->length;
    return NULL;
}

static void begin_record(struct writer *writer, enum group group)
{
    static const char head[WAL_HEAD_BYTES];

    buf_reset(&writer->record);
    buf_add_bytes(&writer->record, head, sizeof(head));
    buf_add_c(&writer->record, (char)group);
}

static err put_group(struct writer *writer)
{
    struct str items = str_slice(buf_str(&writer->batch.bytes), WAL_HEAD_BYTES, writer->batch.bytes.length);

    TRY(buf_check(&writer->batch.bytes));
    if (items.length == 0)
        return NULL;
    begin_record(writer, GROUP_ITEMS);
    size_t room = ZSTD_compressBound(items.length);
    char *to = buf_reserve(&writer->record, room);
    if (to) {
        size_t length = ZSTD_compressCCtx(writer->zstd, to, room, items.at, items.length, LEVEL);
        if (ZSTD_isError(length))
            return err_new(ERR_INTERNAL, "zstd: %s", ZSTD_getErrorName(length));
        writer->record.length += length;
    }
    writer->groups++;
    wal_batch_reset(&writer->batch);
    return put_record(writer);
}

static err put_group_if_full(struct writer *writer)
{
    return writer->batch.bytes.length < GROUP_BYTES ? NULL : put_group(writer);
}

static err visit_series(void *arg, uint32_t series, struct labels labels)
{
    struct writer *writer = arg;

    TRY(put_group_if_full(writer));
    wal_batch_series(&writer->batch, series, labels);
    writer->series = series;
    return NULL;
}

static err visit_chunk(void *arg, struct str chunk, bool sealed)
{
    struct writer *writer = arg;

    TRY(put_group_if_full(writer));
    wal_batch_chunk(&writer->batch, writer->series, chunk, sealed);
    return NULL;
}

static err visit_exemplar(void *arg, uint32_t series, const struct exemplar *exemplar)
{
    struct writer *writer = arg;

    TRY(put_group_if_full(writer));
    wal_batch_exemplar(&writer->batch, series, exemplar);
    return NULL;
}

static err visit_meta(void *arg, const struct metric_meta *meta)
{
    struct writer *writer = arg;

    TRY(put_group_if_full(writer));
    wal_batch_meta(&writer->batch, meta);
    return NULL;
}

static err put_all(struct writer *writer, struct head *head)
{
    const struct head_visitor visitor = { writer, visit_series, visit_chunk };

    TRY(fd_write_all(writer->fd, (struct str){ magic, sizeof(magic) }));
    TRY(fd_write_all(writer->fd, (struct str){ (const char *)&writer->segment, sizeof(writer->segment) }));
    writer->offset = sizeof(magic) + sizeof(writer->segment);
    TRY(head_visit(head, false, &visitor));
    TRY(head_visit_exemplars(head, visit_exemplar, writer));
    TRY(head_visit_metas(head, visit_meta, writer));
    TRY(put_group(writer));
    begin_record(writer, GROUP_END);
    buf_add_bytes(&writer->record, &writer->groups, sizeof(writer->groups));
    buf_add_bytes(&writer->record, &writer->segment, sizeof(writer->segment));
    TRY(put_record(writer));
    TRY(FAILPOINT("tsdb.snapshot.sync"));
    return fsync(writer->fd) < 0 ? err_errno("can't sync") : NULL;
}

static err write_file(struct head *head, const char *path, uint64_t segment)
{
    struct writer writer = { .segment = segment };
    int fd CLEANUP(fd_close) = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0)
        return err_errno("can't create %s", path);
    writer.fd = fd;
    writer.zstd = ZSTD_createCCtx();
    buf_init(&writer.record, WAL_RECORD_MAX);
    wal_batch_init(&writer.batch);
    err e = put_all(&writer, head);
    wal_batch_clear(&writer.batch);
    buf_clear(&writer.record);
    ZSTD_freeCCtx(writer.zstd);
    return err_wrap(e, "%s", path);
}

err head_snapshot_write(struct head *head, const char *path, uint64_t segment)
{
    struct buf draft CLEANUP(buf_clear) = { .max = 4096 };

    buf_addf(&draft, "%s.new", path);
    err e = write_file(head, buf_c(&draft), segment);
    if (!e)
        e = FAILPOINT("tsdb.snapshot.rename");
    if (!e && rename(buf_c(&draft), path) < 0)
        e = err_errno("can't rename %s to %s", buf_c(&draft), path);
    if (e) {
        unlink(buf_c(&draft));
        return e;
    }
    return file_sync_folder_of(path);
}

/* ---- reading ---- */

struct loading {
    const struct wal_reader *reader;
    struct head_snapshot_state *state;
    struct arena *arena;
    struct buf items;
    ZSTD_DCtx *zstd;
    uint64_t whole; /* bytes, for progress */
    bool ended;
};

static err load_damaged(void *arg, uint64_t from, uint64_t to, bool last)
{
    struct head_snapshot_state *state = ((struct loading *)arg)->state;

    (void)last;
    if (!state->damaged_bytes)
        state->damaged_at = from;
    state->damaged_bytes += to - from;
    return NULL;
}

static err load_items(struct loading *loading, struct str stored)
{
    unsigned long long length = ZSTD_getFrameContentSize(stored.at, stored.length);

    if (length > WAL_RECORD_MAX) /* the codes for errors and unknown sizes are larger still */
        return err_new(ERR_CORRUPT, "its group is no zstd frame of a size that we write");
    buf_reset(&loading->items);
    char *to = buf_reserve(&loading->items, (size_t)length);
    size_t got = ZSTD_decompressDCtx(loading->zstd, to, (size_t)length, stored.at, stored.length);
    if (ZSTD_isError(got))
        return err_new(ERR_CORRUPT, "zstd: %s", ZSTD_getErrorName(got));
    return wal_decode((struct str){ to, got }, loading->reader, loading->arena);
}

static err load_record(void *arg, uint64_t offset, struct str payload)
{
    struct loading *loading = arg;
    struct head_snapshot_state *state = loading->state;
    uint64_t end[2];

    if (payload.length == 1 + sizeof(end) && payload.at[0] == GROUP_END) {
        memcpy(end, payload.at + 1, sizeof(end));
        loading->ended = end[0] == state->groups;
        state->segment = end[1];
        return NULL;
    }
    err e = payload.length && payload.at[0] == GROUP_ITEMS ? load_items(loading, str_slice(payload, 1, payload.length))
                                                           : err_new(ERR_CORRUPT, "no group that we know");
    state->groups++;
    if (e && err_kind(e) == ERR_CORRUPT) {
        err_free(e);
        return load_damaged(loading, offset, offset + WAL_HEAD_BYTES + payload.length, false);
    }
    if (!e && loading->reader->progress)
        loading->reader->progress(loading->reader->arg, offset, loading->whole);
    return e;
}

static err load(struct str bytes, struct loading *loading)
{
    const struct wal_scan scan = { loading, load_record, load_damaged };
    uint64_t segment = 0;
    size_t head = sizeof(magic) + sizeof(segment);

    if (bytes.length < head || memcmp(bytes.at, magic, sizeof(magic)))
        TRY(load_damaged(loading, 0, bytes.length < head ? bytes.length : head, false));
    else
        memcpy(&segment, bytes.at + sizeof(magic), sizeof(segment));
    if (bytes.length > head)
        TRY(wal_scan_records(bytes, 0, head, &scan));
    if (!loading->ended && !loading->state->damaged_bytes)
        TRY(load_damaged(loading, bytes.length, bytes.length + 1, true));
    if (loading->state->segment != segment)
        TRY(load_damaged(loading, sizeof(magic), head, false));
    return NULL;
}

err head_snapshot_read(const char *path, const struct wal_reader *reader, struct head_snapshot_state *ret_state)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct loading loading = { .reader = reader, .state = ret_state, .arena = arena };
    struct buf bytes CLEANUP(buf_clear) = { .max = SIZE_MAX };

    *ret_state = (struct head_snapshot_state){ 0 };
    if (!file_exists(path))
        return err_new(ERR_NOT_FOUND, "there is no %s", path);
    TRY(wal_segment_read(path, &bytes));
    ret_state->bytes = loading.whole = bytes.length;
    buf_init(&loading.items, WAL_RECORD_MAX);
    loading.zstd = ZSTD_createDCtx();
    err e = load(buf_str(&bytes), &loading);
    ZSTD_freeDCtx(loading.zstd);
    buf_clear(&loading.items);
    return err_wrap(e, "%s", path);
}

/* wal_replay.c - segments of the log read back: what is damaged is found, and what stands behind it is still read. */
#include "tsdb/wal_record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/failpoint.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metric.h"

METRIC(COUNTER, tsdb_wal_damaged_bytes_total, "Bytes of the log that failed their checksum and were set aside.", NULL);

static const char segment_magic[8] = { 'A', 'U', 'S', 'P', 'E', 'X', 'W', '1' };
static const char record_magic[4] = { 'r', 'e', 'c', 0x1a };

void wal_segment_head(unsigned char head[WAL_HEAD_BYTES], uint64_t segment)
{
    memcpy(head, segment_magic, 8);
    memcpy(head + 8, &segment, 8);
}

void wal_record_head(unsigned char head[WAL_HEAD_BYTES], uint64_t segment, uint64_t offset, size_t length,
                     uint64_t hash)
{
    const uint64_t place[4] = { segment, offset, length, hash };
    uint64_t check = XXH3_64bits(place, sizeof(place));
    uint32_t bytes = (uint32_t)length;

    memcpy(head, record_magic, 4);
    memcpy(head + 4, &bytes, 4);
    memcpy(head + 8, &check, 8);
}

/* The payload of a good record at `offset`; NULL where there is none. */
static const char *record_at(struct str bytes, uint64_t segment, uint64_t offset, size_t *ret_length)
{
    unsigned char head[WAL_HEAD_BYTES];
    uint32_t length;

    if (offset > bytes.length || bytes.length - offset < WAL_HEAD_BYTES || memcmp(bytes.at + offset, record_magic, 4))
        return NULL;
    memcpy(&length, bytes.at + offset + 4, 4);
    if (length > bytes.length - offset - WAL_HEAD_BYTES)
        return NULL;
    const char *payload = bytes.at + offset + WAL_HEAD_BYTES;
    wal_record_head(head, segment, offset, length, XXH3_64bits(payload, length));
    *ret_length = length;
    return memcmp(head, bytes.at + offset, sizeof(head)) ? NULL : payload;
}

/* Where the next good record begins; the end where there is none. */
static uint64_t next_record(struct str bytes, uint64_t segment, uint64_t offset)
{
    size_t length;

    for (const char *at; offset < bytes.length; offset = (uint64_t)(at - bytes.at) + 1) {
        at = memmem(bytes.at + offset, bytes.length - offset, record_magic, sizeof(record_magic));
        if (!at)
            break;
        if (record_at(bytes, segment, (uint64_t)(at - bytes.at), &length))
            return (uint64_t)(at - bytes.at);
    }
    return bytes.length;
}

err wal_scan_records(struct str bytes, uint64_t segment, uint64_t offset, const struct wal_scan *scan)
{
    while (offset < bytes.length) {
        size_t length;
        const char *payload = record_at(bytes, segment, offset, &length);
        if (payload) {
            TRY(scan->record(scan->arg, offset, (struct str){ payload, length }));
            offset += WAL_HEAD_BYTES + length;
            continue;
        }
        uint64_t next = next_record(bytes, segment, offset ? offset + 1 : WAL_HEAD_BYTES);
        if (next > bytes.length)
            next = bytes.length;
        TRY(scan->damaged(scan->arg, offset, next, next == bytes.length));
        offset = next;
    }
    return NULL;
}

err wal_scan(struct str bytes, uint64_t segment, const struct wal_scan *scan)
{
    unsigned char head[WAL_HEAD_BYTES];

    wal_segment_head(head, segment);
    bool whole = bytes.length >= sizeof(head) && !memcmp(bytes.at, head, sizeof(head));
    /* A head that is gone is one more thing that is damaged: records are found without it. */
    return wal_scan_records(bytes, segment, whole ? sizeof(head) : 0, scan);
}

static int by_number(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

err wal_segments(const char *folder, struct arena *arena, uint64_t **ret_numbers, size_t *ret_count)
{
    VEC(uint64_t) numbers = { 0 };
    DIR *listing = opendir(folder);

    if (!listing)
        return err_errno("can't read folder %s", folder);
    for (const struct dirent *it; (it = readdir(listing));) {
        uint64_t number;
        if (strlen(it->d_name) == 8 && str_to_u64(str_of(it->d_name), &number))
            *vec_push(&numbers, arena) = number;
    }
    closedir(listing);
    if (numbers.count)
        qsort(numbers.at, numbers.count, sizeof(*numbers.at), by_number);
    *ret_numbers = numbers.at;
    *ret_count = numbers.count;
    return NULL;
}

err wal_segment_read(const char *path, struct buf *bytes)
{
    int fd CLEANUP(fd_close) = open(path, O_RDONLY | O_CLOEXEC);
    struct stat stat;

    buf_reset(bytes);
    if (fd < 0 || fstat(fd, &stat) < 0)
        return err_errno("can't open %s", path);
    char *to = buf_reserve(bytes, (size_t)stat.st_size);
    if (!to)
        return buf_check(bytes);
    while (bytes->length < (size_t)stat.st_size) {
        ssize_t got = read(fd, bytes->at + bytes->length, (size_t)stat.st_size - bytes->length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno("%s: can't read behind byte %zu", path, bytes->length);
        if (got == 0)
            break;
        bytes->length += (size_t)got;
    }
    return NULL;
}

/* One segment's replay. */
struct replay {
    struct wal *wal;
    const struct wal_reader *reader;
    struct arena *arena, *scratch;
    VEC(struct str) bad;
    const char *path;
    struct str bytes;
    uint64_t records, done_bytes, all_bytes;
    uint64_t first_damage, damaged_bytes, good_before; /* of this segment */
    struct buf aside;
    uint64_t cut_at; /* UINT64_MAX: nothing to be cut off */
    bool is_last;
};

static void set_aside(struct replay *replay, uint64_t from, uint64_t to)
{
    if (!replay->damaged_bytes) {
        replay->first_damage = from;
        replay->good_before = replay->records;
    }
    replay->damaged_bytes += to - from;
    buf_add_bytes(&replay->aside, replay->bytes.at + from, to - from);
}

static err replay_record(void *arg, uint64_t offset, struct str payload)
{
    struct replay *replay = arg;
    err e = wal_decode(payload, replay->reader, replay->scratch);

    if (e && err_kind(e) != ERR_CORRUPT)
        return e;
    if (e) {
        set_aside(replay, offset, offset + WAL_HEAD_BYTES + payload.length);
        err_free(e);
        return NULL;
    }
    replay->records++;
    if (replay->reader->progress)
        replay->reader->progress(replay->reader->arg, replay->done_bytes + offset, replay->all_bytes);
    return NULL;
}

static err replay_damaged(void *arg, uint64_t from, uint64_t to, bool last)
{
    struct replay *replay = arg;

    if (last && replay->is_last)
        replay->cut_at = from;
    else
        set_aside(replay, from, to);
    return NULL;
}

/* The end of a segment: a torn tail is nothing to worry about, anything else is kept for whoever wants to look. */
static err replay_end(struct replay *replay, uint64_t segment)
{
    if (replay->cut_at != UINT64_MAX) {
        log_info("%s: %" PRIu64 " bytes of a write that did not complete are cut off", replay->path,
                 replay->bytes.length - replay->cut_at);
        TRY(wal_cut(replay->wal, segment, replay->cut_at));
    }
    if (!replay->damaged_bytes)
        return NULL;
    struct str path = str_printf(replay->arena, "%s.bad", replay->path);
    TRY(buf_check(&replay->aside));
    TRY(file_write(path.at, buf_str(&replay->aside), 0600));
    metric_add(&tsdb_wal_damaged_bytes_total, (double)replay->damaged_bytes);
    log_error("%s: record at byte %" PRIu64 " fails its checksum; %" PRIu64 " bytes were set aside in %s, and %" PRIu64
              " later records were read: `auspex tsdb verify` shows more",
              replay->path, replay->first_damage, replay->damaged_bytes, path.at,
              replay->records - replay->good_before);
    *vec_push(&replay->bad, replay->arena) = path;
    return NULL;
}

static err replay_segment(struct replay *replay, uint64_t segment, struct buf *bytes)
{
    const struct wal_scan scan = { .arg = replay, .record = replay_record, .damaged = replay_damaged };
    err e = wal_segment_read(replay->path, bytes);

    if (e) { /* what the disk still gives is read, and nothing of the rest is thrown away */
        log_err(e, "only %zu bytes of it are read", bytes->length);
        *vec_push(&replay->bad, replay->arena) = str_of(replay->path);
        replay->is_last = false;
    }
    replay->bytes = buf_str(bytes);
    replay->cut_at = UINT64_MAX;
    replay->damaged_bytes = 0;
    buf_reset(&replay->aside);
    TRY(wal_scan(replay->bytes, segment, &scan));
    TRY(replay_end(replay, segment));
    replay->done_bytes += bytes->length;
    return NULL;
}

err wal_replay(struct wal *wal, uint64_t from_segment, const struct wal_reader *reader, struct str_list *ret_bad,
               struct arena *arena)
{
    struct arena *scratch CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    struct replay replay = { .wal = wal, .reader = reader, .arena = arena, .scratch = scratch };
    struct buf bytes CLEANUP(buf_clear) = { .max = SIZE_MAX };
    uint64_t *segments;
    size_t count;
    err e = NULL;

    buf_init(&replay.aside, SIZE_MAX);
    wal_begin_at(wal, from_segment);
    replay.all_bytes = wal_bytes(wal);
    TRY(wal_segments(wal_folder(wal), arena, &segments, &count));
    for (size_t i = 0; i < count && !e; i++) {
        if (segments[i] < from_segment)
            continue;
        replay.is_last = i + 1 == count;
        replay.path = str_printf(arena, "%s/%08" PRIu64, wal_folder(wal), segments[i]).at;
        e = replay_segment(&replay, segments[i], &bytes);
    }
    buf_clear(&replay.aside);
    *ret_bad = (struct str_list){ replay.bad.at, replay.bad.count };
    return e;
}

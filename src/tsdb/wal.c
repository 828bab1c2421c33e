/* wal.c - the write-ahead log: records are appended to segments, and a thread sees that the disk has them.
 *
 * DESIGN. What was written and not synced yet is also kept in memory (`pending`, and `syncing` while the disk is
 * asked). A failed fdatasync leaves pages that the kernel calls clean and the disk never got, so nothing is asked of
 * that file again: writing stops, and the thread tries each second to write all of that memory to a new segment and to
 * sync it; only then do writes go on. A write that failed is cut off, what stood before it is synced as ever, and the
 * same trial of a new segment ends the trouble. */
#include "tsdb/wal_record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/failpoint.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/time.h"

METRIC(COUNTER, tsdb_wal_syncs_total, "Times that the log was synced to the disk.", NULL);
METRIC(COUNTER, tsdb_wal_written_bytes_total, "Bytes written to the log.", NULL);
METRIC(GAUGE, tsdb_wal_failing, "1 while the disk takes no writes and nothing is acknowledged.", NULL);

enum { UNSYNCED_MAX = 64 * 1024 * 1024, RETRY_MS = 1000, PROBE_BYTES = 1 << 20, IDLE_ROOM = 1 << 20 };

struct segment {
    uint64_t number, bytes, synced;
    int fd; /* -1: all of it is synced */
};

struct wal {
    char *folder;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work;          /* the thread waits */
    pthread_cond_t done;          /* writers wait */
    VEC(struct segment) segments; /* rising; the last one is written while `writing` */
    bool writing;
    uint64_t next; /* number, never used before */
    int64_t interval_ms;
    struct buf pending, syncing; /* records not synced yet, the older ones in `syncing` */
    int64_t pending_since_ms;    /* monotonic */
    uint64_t written, synced;    /* records, since the start */
    bool sync_now, stopping;
    _Atomic bool well;
    bool sync_failed;
    int64_t retry_at_ms; /* monotonic */
    uint64_t retries_asked, retries;
    char trouble[400]; /* empty where well */
};

const char *wal_folder(const struct wal *wal)
{
    return wal->folder;
}

/* ---- segments ---- */

static void segment_path(const struct wal *wal, uint64_t number, struct buf *path)
{
    buf_reset(path);
    buf_addf(path, "%s/%08" PRIu64, wal->folder, number);
}

static err segment_create(const struct wal *wal, uint64_t number, int *ret_fd)
{
    struct buf path CLEANUP(buf_clear) = { .max = 4096 };
    unsigned char head[WAL_HEAD_BYTES];

    segment_path(wal, number, &path);
    TRY(FAILPOINT("wal.segment"));
    int fd CLEANUP(fd_close) = open(buf_c(&path), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno("can't create %s", buf_c(&path));
    wal_segment_head(head, number);
    err e = err_wrap(fd_write_all(fd, (struct str){ (const char *)head, sizeof(head) }), "%s", buf_c(&path));
    if (e) {
        unlink(buf_c(&path));
        return e;
    }
    *ret_fd = fd;
    fd = -1; // NOLINT(clang-analyzer-deadcode.DeadStores): the cleanup looks at it
    return NULL;
}

static struct segment *current_locked(struct wal *wal)
{
    return wal->writing ? &wal->segments.at[wal->segments.count - 1] : NULL;
}

static err segment_start_locked(struct wal *wal)
{
    struct segment *before = current_locked(wal);
    int fd;

    TRY(segment_create(wal, wal->next, &fd));
    if (before && before->synced == before->bytes) {
        close(before->fd);
        before->fd = -1;
    }
    *vec_push(&wal->segments, NULL) = (struct segment){ .number = wal->next++, .bytes = WAL_HEAD_BYTES, .fd = fd };
    wal->writing = true;
    return NULL;
}

/* ---- trouble ---- */

static void fail_locked(struct wal *wal, err e, bool by_sync)
{
    if (wal->well)
        log_error("the log of samples can't be written: %s. Nothing is acknowledged until it can", err_message(e));
    struct str text = str_utf8_head(str_of(err_message(e)), sizeof(wal->trouble) - 1);
    memcpy(wal->trouble, text.at, text.length);
    wal->trouble[text.length] = 0;
    wal->sync_failed |= by_sync;
    wal->retry_at_ms = time_mono_ms() + RETRY_MS;
    atomic_store(&wal->well, false);
    metric_set(&tsdb_wal_failing, 1);
    pthread_cond_broadcast(&wal->done);
    pthread_cond_signal(&wal->work);
    err_free(e);
}

static err refuse_locked(const struct wal *wal)
{
    return err_retry_after(err_new(ERR_IO, "the log of samples can't be written: %s", wal->trouble), RETRY_MS);
}

/* All that was not synced, as records of a new segment. */
static void copy_records(struct buf *out, uint64_t number, const struct buf *records)
{
    unsigned char head[WAL_HEAD_BYTES];

    for (size_t at = 0; at < records->length;) {
        uint32_t length;
        memcpy(&length, records->at + at + 4, 4);
        const char *payload = records->at + at + WAL_HEAD_BYTES;
        wal_record_head(head, number, out->length, length, XXH3_64bits(payload, length));
        buf_add_bytes(out, head, sizeof(head));
        buf_add_bytes(out, payload, length);
        at += WAL_HEAD_BYTES + length;
    }
}

static err try_segment(struct wal *wal, uint64_t number, int *ret_fd, uint64_t *ret_bytes)
{
    struct buf all CLEANUP(buf_clear) = { .max = SIZE_MAX };
    struct buf path CLEANUP(buf_clear) = { .max = 4096 };
    unsigned char head[WAL_HEAD_BYTES];
    int fd;

    wal_segment_head(head, number);
    buf_add_bytes(&all, head, sizeof(head));
    copy_records(&all, number, &wal->syncing);
    copy_records(&all, number, &wal->pending);
    TRY(segment_create(wal, number, &fd));
    /* A disk with a few bytes left would take this and refuse the next request. */
    err e = NULL;
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)all.length + PROBE_BYTES) < 0 && errno != EOPNOTSUPP)
        e = err_errno("there is no room for a new segment");
    if (!e)
        e = FAILPOINT("wal.retry");
    if (!e)
        e = fd_write_all(fd, str_slice(buf_str(&all), sizeof(head), all.length));
    if (!e && fdatasync(fd) < 0)
        e = err_errno("can't sync");
    segment_path(wal, number, &path);
    if (!e)
        e = file_sync_folder_of(buf_c(&path));
    if (e) {
        unlink(buf_c(&path));
        close(fd);
        return err_wrap(e, "%s/%08" PRIu64, wal->folder, number);
    }
    *ret_fd = fd;
    *ret_bytes = all.length;
    return NULL;
}

/* Forget the files that the disk failed: what they held beyond their last good sync is in the new segment. */
static void leave_old_segments_locked(struct wal *wal)
{
    for (size_t i = 0; i < wal->segments.count; i++) {
        struct segment *it = &wal->segments.at[i];
        uint64_t good = wal->sync_failed ? it->synced : it->bytes;
        if (it->fd < 0)
            continue;
        if (ftruncate(it->fd, (off_t)good) == 0)
            it->bytes = good;
        close(it->fd);
        it->fd = -1;
    }
}

/* The thread, while nobody writes because all are refused. */
static void retry_locked(struct wal *wal)
{
    uint64_t number = wal->next, bytes = 0, asked = wal->retries_asked;
    int fd = -1;

    pthread_mutex_unlock(&wal->lock);
    err e = try_segment(wal, number, &fd, &bytes);
    pthread_mutex_lock(&wal->lock);
    wal->retries = asked;
    if (e) {
        fail_locked(wal, e, false);
        return;
    }
    leave_old_segments_locked(wal);
    *vec_push(&wal->segments, NULL) = (struct segment){ .number = number, .bytes = bytes, .synced = bytes, .fd = fd };
    wal->next++;
    wal->writing = true;
    buf_clear(&wal->syncing);
    buf_clear(&wal->pending);
    wal->synced = wal->written;
    wal->sync_failed = false;
    wal->trouble[0] = 0;
    atomic_store(&wal->well, true);
    metric_set(&tsdb_wal_failing, 0);
    log_info("the log of samples is written again, from segment %08" PRIu64, number);
    pthread_cond_broadcast(&wal->done);
}

/* ---- the thread ---- */

struct sync_job {
    VEC(struct segment) segments; /* as they were */
    bool folder;
};

static err sync_run(const struct wal *wal, const struct sync_job *job)
{
    TRY(FAILPOINT("wal.sync"));
    for (size_t i = 0; i < job->segments.count; i++)
        if (fdatasync(job->segments.at[i].fd) < 0)
            return err_errno("can't sync %s/%08" PRIu64, wal->folder, job->segments.at[i].number);
    if (job->folder) {
        struct buf path CLEANUP(buf_clear) = { .max = 4096 };
        segment_path(wal, job->segments.at[0].number, &path);
        TRY(file_sync_folder_of(buf_c(&path)));
    }
    metric_add(&tsdb_wal_syncs_total, 1);
    return FAILPOINT("wal.synced");
}

/* What was synced: closed, but for the segment that is written. */
static void sync_end_locked(struct wal *wal, const struct sync_job *job)
{
    const struct segment *current = current_locked(wal);

    for (size_t i = 0; i < wal->segments.count; i++) {
        struct segment *it = &wal->segments.at[i];
        for (size_t j = 0; j < job->segments.count; j++)
            if (job->segments.at[j].number == it->number)
                it->synced = job->segments.at[j].bytes;
        if (it->fd >= 0 && it != current && it->synced == it->bytes) {
            close(it->fd);
            it->fd = -1;
        }
    }
}

static void sync_locked(struct wal *wal)
{
    struct sync_job job = { 0 };
    struct buf pending = wal->pending;
    uint64_t written = wal->written;

    wal->sync_now = false;
    wal->pending_since_ms = time_mono_ms(); /* of what comes meanwhile */
    for (size_t i = 0; i < wal->segments.count; i++) {
        const struct segment *it = &wal->segments.at[i];
        if (it->fd < 0 || it->synced == it->bytes)
            continue;
        *vec_push(&job.segments, NULL) = *it;
        job.folder |= it->synced == 0;
    }
    wal->pending = wal->syncing; /* empty, with its memory */
    wal->syncing = pending;
    pthread_mutex_unlock(&wal->lock);
    err e = sync_run(wal, &job);
    pthread_mutex_lock(&wal->lock);
    if (e) {
        fail_locked(wal, e, true);
    } else {
        wal->synced = written;
        buf_reset(&wal->syncing);
        if (wal->syncing.room > IDLE_ROOM)
            buf_clear(&wal->syncing);
        sync_end_locked(wal, &job);
        pthread_cond_broadcast(&wal->done);
    }
    vec_clear(&job.segments);
}

static void wait_locked(struct wal *wal, int64_t until_ms)
{
    struct timespec until = { until_ms / 1000, until_ms % 1000 * 1000000 };

    pthread_cond_timedwait(&wal->work, &wal->lock, &until);
}

static void *keep_synced(void *arg)
{
    struct wal *wal = arg;

    pthread_mutex_lock(&wal->lock);
    for (;;) {
        bool unsynced = wal->synced < wal->written && !wal->sync_failed;
        int64_t due_ms = wal->pending_since_ms + wal->interval_ms, now_ms = time_mono_ms();
        if (unsynced && (wal->sync_now || wal->stopping || !wal->well || due_ms <= now_ms)) {
            sync_locked(wal);
        } else if (!wal->well && (wal->retries < wal->retries_asked || wal->stopping || wal->retry_at_ms <= now_ms)) {
            retry_locked(wal);
            if (wal->stopping && !wal->well)
                break;
        } else if (wal->stopping) {
            break;
        } else if (unsynced || !wal->well) {
            wait_locked(wal, unsynced ? due_ms : wal->retry_at_ms);
        } else {
            wal->sync_now = false;
            pthread_cond_wait(&wal->work, &wal->lock);
        }
    }
    pthread_mutex_unlock(&wal->lock);
    return NULL;
}

/* ---- for others ---- */

static err open_segments(struct wal *wal)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct buf path CLEANUP(buf_clear) = { .max = 4096 };
    uint64_t *numbers;
    size_t count;

    TRY(file_make_dirs(wal->folder, 0750));
    TRY(wal_segments(wal->folder, arena, &numbers, &count));
    for (size_t i = 0; i < count; i++) {
        struct stat stat_of;
        segment_path(wal, numbers[i], &path);
        if (stat(buf_c(&path), &stat_of) < 0)
            return err_errno("can't look at %s", buf_c(&path));
        *vec_push(&wal->segments, NULL) =
            (struct segment){ numbers[i], (uint64_t)stat_of.st_size, (uint64_t)stat_of.st_size, -1 };
    }
    wal->next = count ? numbers[count - 1] + 1 : 1;
    return NULL;
}

static err start_thread(struct wal *wal)
{
    pthread_condattr_t attributes;
    sigset_t all, before;

    pthread_mutex_init(&wal->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&wal->work, &attributes);
    pthread_cond_init(&wal->done, &attributes);
    pthread_condattr_destroy(&attributes);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(&wal->thread, NULL, keep_synced, wal);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number)
        return err_new(ERR_UNAVAILABLE, "can't start the log's thread: %s", strerror(number));
    pthread_setname_np(wal->thread, "wal");
    return NULL;
}

static void wal_free(struct wal *wal)
{
    for (size_t i = 0; i < wal->segments.count; i++)
        fd_close(&wal->segments.at[i].fd);
    vec_clear(&wal->segments);
    buf_clear(&wal->pending);
    buf_clear(&wal->syncing);
    free(wal->folder);
    free(wal);
}

err wal_open(const char *folder, int64_t fsync_interval_ms, struct wal **ret_wal)
{
    struct wal *wal = calloc(1, sizeof(*wal));

    if (!wal || !(wal->folder = strdup(folder)))
        out_of_memory(sizeof(*wal));
    wal->interval_ms = fsync_interval_ms;
    atomic_init(&wal->well, true);
    buf_init(&wal->pending, SIZE_MAX);
    buf_init(&wal->syncing, SIZE_MAX);
    err e = open_segments(wal);
    if (!e)
        e = start_thread(wal);
    if (e) {
        wal_free(wal);
        return e;
    }
    *ret_wal = wal;
    return NULL;
}

void wal_close(struct wal *wal)
{
    if (!wal)
        return;
    pthread_mutex_lock(&wal->lock);
    wal->stopping = true;
    pthread_cond_signal(&wal->work);
    pthread_mutex_unlock(&wal->lock);
    pthread_join(wal->thread, NULL);
    if (!wal->well)
        log_error("the log of samples is closed with %" PRIu64 " records that the disk did not take: %s",
                  wal->written - wal->synced, wal->trouble);
    pthread_mutex_destroy(&wal->lock);
    pthread_cond_destroy(&wal->work);
    pthread_cond_destroy(&wal->done);
    wal_free(wal);
}

void wal_set_interval(struct wal *wal, int64_t fsync_interval_ms)
{
    pthread_mutex_lock(&wal->lock);
    wal->interval_ms = fsync_interval_ms;
    pthread_cond_signal(&wal->work);
    pthread_mutex_unlock(&wal->lock);
}

/* One write(); a part of a record that got there is cut off again. */
static err append_locked(struct wal *wal, struct str record)
{
    struct segment *current = current_locked(wal);

    TRY(FAILPOINT("wal.write"));
    err e = fd_write_all(current->fd, record);
    if (!e)
        e = FAILPOINT("wal.written");
    if (e) {
        e = err_wrap(e, "%s/%08" PRIu64, wal->folder, current->number);
        if (ftruncate(current->fd, (off_t)current->bytes) < 0)
            log_err(
                err_errno("%s/%08" PRIu64 ": can't cut off what was not written whole", wal->folder, current->number),
                "the log");
        return e;
    }
    current->bytes += record.length;
    if (wal->synced == wal->written) {
        wal->pending_since_ms = time_mono_ms();
        pthread_cond_signal(&wal->work);
    }
    wal->written++;
    buf_add(&wal->pending, record);
    metric_add(&tsdb_wal_written_bytes_total, (double)record.length);
    return NULL;
}

static err write_locked(struct wal *wal, struct buf *record, uint64_t hash)
{
    while (wal->well && wal->pending.length + wal->syncing.length >= UNSYNCED_MAX) {
        wal->sync_now = true;
        pthread_cond_signal(&wal->work);
        pthread_cond_wait(&wal->done, &wal->lock);
    }
    if (!wal->well)
        return refuse_locked(wal);
    err e = NULL;
    const struct segment *current = current_locked(wal);
    if (!current || current->bytes >= WAL_SEGMENT_MAX)
        e = segment_start_locked(wal);
    if (!e) {
        current = current_locked(wal);
        wal_record_head((unsigned char *)record->at, current->number, current->bytes, record->length - WAL_HEAD_BYTES,
                        hash);
        e = append_locked(wal, buf_str(record));
    }
    if (!e)
        return NULL;
    fail_locked(wal, e, false);
    return refuse_locked(wal);
}

static err await_sync_locked(struct wal *wal, uint64_t written)
{
    wal->sync_now = true;
    pthread_cond_signal(&wal->work);
    while (wal->synced < written && wal->well)
        pthread_cond_wait(&wal->done, &wal->lock);
    return wal->synced < written ? refuse_locked(wal) : NULL;
}

err wal_write(struct wal *wal, struct wal_batch *batch)
{
    struct buf *record = &batch->bytes;

    TRY(buf_check(record));
    if (record->length == WAL_HEAD_BYTES)
        return NULL;
    uint64_t hash = XXH3_64bits(record->at + WAL_HEAD_BYTES, record->length - WAL_HEAD_BYTES);
    pthread_mutex_lock(&wal->lock);
    err e = write_locked(wal, record, hash);
    if (!e && wal->interval_ms == 0)
        e = await_sync_locked(wal, wal->written);
    pthread_mutex_unlock(&wal->lock);
    return e;
}

err wal_sync(struct wal *wal)
{
    pthread_mutex_lock(&wal->lock);
    err e = await_sync_locked(wal, wal->written);
    pthread_mutex_unlock(&wal->lock);
    return e;
}

err wal_retry(struct wal *wal)
{
    pthread_mutex_lock(&wal->lock);
    uint64_t mine = ++wal->retries_asked;
    pthread_cond_signal(&wal->work);
    while (!wal->well && wal->retries < mine)
        pthread_cond_wait(&wal->done, &wal->lock);
    err e = wal->well ? NULL : refuse_locked(wal);
    pthread_mutex_unlock(&wal->lock);
    return e;
}

bool wal_is_well(const struct wal *wal)
{
    return atomic_load(&wal->well);
}

struct str wal_trouble(struct wal *wal, struct arena *arena)
{
    pthread_mutex_lock(&wal->lock);
    struct str trouble = str_copy(arena, str_of(wal->trouble));
    pthread_mutex_unlock(&wal->lock);
    return trouble;
}

err wal_rotate(struct wal *wal, uint64_t *ret_segment)
{
    err e = NULL;

    pthread_mutex_lock(&wal->lock);
    const struct segment *current = current_locked(wal);
    if (!wal->well)
        e = refuse_locked(wal);
    else if (!current || current->bytes > WAL_HEAD_BYTES) {
        e = segment_start_locked(wal);
        if (e) {
            fail_locked(wal, e, false);
            e = refuse_locked(wal);
        }
    }
    if (!e)
        *ret_segment = current_locked(wal)->number;
    pthread_mutex_unlock(&wal->lock);
    return e;
}

err wal_forget(struct wal *wal, uint64_t segment)
{
    struct buf path CLEANUP(buf_clear) = { .max = 4096 };
    size_t kept = 0;
    err e = NULL;

    TRY(wal_sync(wal)); /* closes what is not written any more */
    TRY(FAILPOINT("wal.forget"));
    pthread_mutex_lock(&wal->lock);
    for (size_t i = 0; i < wal->segments.count; i++) {
        const struct segment *it = &wal->segments.at[i];
        if (it->number < segment && it->fd < 0 && !e) {
            segment_path(wal, it->number, &path);
            if (unlink(buf_c(&path)) == 0 || errno == ENOENT)
                continue;
            e = err_errno("can't remove %s", buf_c(&path));
        }
        wal->segments.at[kept++] = *it;
    }
    wal->segments.count = kept;
    pthread_mutex_unlock(&wal->lock);
    return e;
}

void wal_begin_at(struct wal *wal, uint64_t segment)
{
    pthread_mutex_lock(&wal->lock);
    if (wal->next < segment)
        wal->next = segment;
    pthread_mutex_unlock(&wal->lock);
}

err wal_cut(struct wal *wal, uint64_t segment, uint64_t bytes)
{
    struct buf path CLEANUP(buf_clear) = { .max = 4096 };

    segment_path(wal, segment, &path);
    if (truncate(buf_c(&path), (off_t)bytes) < 0)
        return err_errno("can't cut a torn write off %s", buf_c(&path));
    pthread_mutex_lock(&wal->lock);
    for (size_t i = 0; i < wal->segments.count; i++)
        if (wal->segments.at[i].number == segment)
            wal->segments.at[i].bytes = wal->segments.at[i].synced = bytes;
    pthread_mutex_unlock(&wal->lock);
    return NULL;
}

uint64_t wal_bytes(struct wal *wal)
{
    uint64_t bytes = 0;

    pthread_mutex_lock(&wal->lock);
    for (size_t i = 0; i < wal->segments.count; i++)
        bytes += wal->segments.at[i].bytes;
    pthread_mutex_unlock(&wal->lock);
    return bytes;
}

uint64_t wal_segment_bytes(struct wal *wal)
{
    pthread_mutex_lock(&wal->lock);
    const struct segment *current = current_locked(wal);
    uint64_t bytes = current ? current->bytes : 0;
    pthread_mutex_unlock(&wal->lock);
    return bytes;
}

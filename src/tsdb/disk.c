/* disk.c - recovery behind an open store, housekeeping while it runs, and a clean end. */
#include "tsdb/disk.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"
#include "tsdb/disk_parts.h"
#include "tsdb/recover.h"

enum {
    FLUSH_BYTES = 32 * 1024 * 1024,
    FLUSH_MS = 2 * HOUR_MS,
    FLUSH_BYTES_AT_END = 1024 * 1024, /* less stays in the snapshot: restarts leave no crumbs */
    SNAPSHOT_BYTES = 64 * 1024 * 1024,
    SNAPSHOT_MS = 15 * MINUTE_MS,
    KEEP_MS = 5000,
    AWAIT_MS = 30000,
};

/* ---- recovery ---- */

static err note_progress(void *arg, double done)
{
    struct disk *disk = arg;

    if (atomic_load(&disk->stopping))
        return err_new(ERR_UNAVAILABLE, "stopped before all of it was read");
    pthread_mutex_lock(&disk->lock);
    disk->recovered = done;
    pthread_mutex_unlock(&disk->lock);
    return NULL;
}

/* set_trouble - NULL: there is none; takes `e`, and says it once. */
static void set_trouble(struct disk *disk, err e)
{
    char text[sizeof(disk->trouble)] = "";

    if (e) {
        struct str said = str_utf8_head(str_of(err_message(e)), sizeof(text) - 1);
        memcpy(text, said.at, said.length);
    }
    pthread_mutex_lock(&disk->lock);
    bool is_new = strcmp(text, disk->trouble) != 0;
    memcpy(disk->trouble, text, sizeof(text));
    pthread_mutex_unlock(&disk->lock);
    if (e && is_new)
        log_err(e, "samples");
    else
        err_free(e);
}

static void *recover_behind(void *arg)
{
    struct disk *disk = arg;
    struct recovery recovery = { .head = disk->head,
                                 .blocks = disk->blocks,
                                 .wal = disk->wal,
                                 .snapshot = disk->snapshot,
                                 .progress = note_progress,
                                 .arg = disk,
                                 .arena = disk->arena };
    err e = recover(&recovery);

    pthread_mutex_lock(&disk->lock);
    for (size_t i = 0; i < recovery.set_aside.count; i++)
        *vec_push(&disk->set_aside, disk->arena) = recovery.set_aside.at[i];
    disk->ended = true;
    disk->recovered = 1;
    disk->snapshot_wanted = recovery.set_aside.count > 0; /* what is damaged is read no more */
    atomic_store(&disk->ready, !e);
    pthread_cond_broadcast(&disk->changed);
    pthread_mutex_unlock(&disk->lock);
    if (e && !atomic_load(&disk->stopping))
        set_trouble(disk, err_hint(err_wrap(e, "what was stored can't be read"),
                                   "`auspex tsdb verify` shows what is wrong, `auspex tsdb repair` sets it aside"));
    else
        err_free(e);
    return NULL;
}

static err start_recovery(struct disk *disk)
{
    pthread_condattr_t attributes;
    sigset_t all, before;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&disk->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(&disk->thread, NULL, recover_behind, disk);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number)
        return err_new(ERR_UNAVAILABLE, "can't start the thread of recovery: %s", strerror(number));
    pthread_setname_np(disk->thread, "recovery");
    return NULL;
}

err disk_await(struct disk *disk, int64_t deadline_ms)
{
    struct timespec until = { deadline_ms / 1000, deadline_ms % 1000 * 1000000 };
    err e = NULL;

    if (atomic_load(&disk->ready))
        return NULL;
    pthread_mutex_lock(&disk->lock);
    while (!disk->ended && pthread_cond_timedwait(&disk->changed, &disk->lock, &until) != ETIMEDOUT)
        ;
    if (!disk->ended)
        e = err_retry_after(
            err_new(ERR_TIMEOUT, "what was stored is still being read: %.0f %% so far", 100 * disk->recovered),
            SECOND_MS);
    else if (!atomic_load(&disk->ready))
        e = err_new(ERR_IO, "%s", disk->trouble);
    pthread_mutex_unlock(&disk->lock);
    return e;
}

/* ---- housekeeping ---- */

static err keep(struct disk *disk)
{
    int64_t now_ms = time_mono_ms();
    uint64_t sealed = head_sealed_bytes(disk->head);

    bool flushes = sealed >= FLUSH_BYTES || (sealed && now_ms - disk->flushed_ms >= FLUSH_MS);
    if (flushes)
        TRY(flush_locked(disk, false));
    uint64_t grown = wal_bytes(disk->wal) - disk->snapshot_wal_bytes;
    bool snapshots =
        disk->snapshot_wanted || grown >= SNAPSHOT_BYTES || (grown && now_ms - disk->snapshot_ms >= SNAPSHOT_MS);
    if (snapshots)
        TRY(snapshot_locked(disk));
    if (flushes || snapshots)
        malloc_trim(0); /* what the block and the compressor took is not needed again soon */
    pthread_mutex_lock(&disk->lock);
    struct blocks_policy policy = { .now_ms = time_now_ms(),
                                    .retention_ms = disk->settings.retention_time.ms,
                                    .minutes_ms = disk->settings.minutes_retention_time.ms,
                                    .hours_ms = disk->settings.hours_retention_time.ms,
                                    .retention_bytes = (uint64_t)disk->settings.retention_bytes };
    pthread_mutex_unlock(&disk->lock);
    return blocks_maintain(disk->blocks, &policy);
}

err disk_maintain(struct disk *disk)
{
    err e = NULL;

    if (!atomic_load(&disk->ready)) /* half a memory must not become all that there is */
        return NULL;
    pthread_mutex_lock(&disk->keeping);
    if (wal_is_well(disk->wal))
        e = keep(disk);
    pthread_mutex_unlock(&disk->keeping);
    return e;
}

err disk_flush(struct disk *disk, bool everything)
{
    TRY(disk_await(disk, time_mono_ms() + AWAIT_MS));
    pthread_mutex_lock(&disk->keeping);
    err e = flush_locked(disk, everything);
    if (!e && disk->snapshot_wanted)
        e = snapshot_locked(disk);
    pthread_mutex_unlock(&disk->keeping);
    return e;
}

err disk_clean(struct disk *disk)
{
    TRY(disk_await(disk, time_mono_ms() + AWAIT_MS));
    pthread_mutex_lock(&disk->keeping);
    err e = snapshot_locked(disk); /* log and snapshot before it still have what was deleted */
    if (!e)
        e = blocks_clean(disk->blocks);
    pthread_mutex_unlock(&disk->keeping);
    return e;
}

static void keep_by_clock(void *arg)
{
    struct disk *disk = arg;

    if (!atomic_load(&disk->ready))
        return;
    err e = disk_maintain(disk);
    if (atomic_load(&disk->stopping))
        err_free(e);
    else
        set_trouble(disk, e);
}

void disk_reload(struct disk *disk, const struct tsdb_settings *settings)
{
    pthread_mutex_lock(&disk->lock);
    disk->settings = *settings;
    pthread_mutex_unlock(&disk->lock);
    wal_set_interval(disk->wal, settings->fsync_interval.ms);
}

/* ---- begin and end ---- */

static void disk_free(struct disk *disk)
{
    wal_close(disk->wal);
    pthread_mutex_destroy(&disk->lock);
    pthread_mutex_destroy(&disk->keeping);
    arena_free(disk->arena);
    free(disk->folder);
    free(disk->snapshot);
    free(disk);
}

err disk_open(const struct disk_options *options, struct disk **ret_disk)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct disk *disk = calloc(1, sizeof(*disk));
    const struct timer_options timer = { .pool = options->pool,
                                         .lane = LANE_BACKGROUND,
                                         .first_ms = KEEP_MS,
                                         .every_ms = KEEP_MS,
                                         .run = keep_by_clock,
                                         .arg = disk };

    if (!disk)
        out_of_memory(sizeof(*disk));
    disk->head = options->head;
    disk->blocks = options->blocks;
    disk->settings = *options->settings;
    disk->folder = strdup(options->folder);
    disk->snapshot = strdup(str_printf(arena, "%s/head.snapshot", options->folder).at);
    disk->arena = TAKE(arena);
    disk->flushed_ms = disk->snapshot_ms = time_mono_ms();
    pthread_mutex_init(&disk->lock, NULL);
    pthread_mutex_init(&disk->keeping, NULL);
    err e =
        wal_open(str_printf(disk->arena, "%s/wal", options->folder).at, disk->settings.fsync_interval.ms, &disk->wal);
    if (!e)
        e = start_recovery(disk);
    if (e) {
        disk_free(disk);
        return e;
    }
    if (options->ticker)
        disk->timer = timer_start(options->ticker, &timer);
    *ret_disk = disk;
    return NULL;
}

/* What was acknowledged is in the log already: where this fails, the next start takes longer. */
static err put_away(struct disk *disk)
{
    if (head_sealed_bytes(disk->head) >= FLUSH_BYTES_AT_END)
        TRY(flush_locked(disk, false));
    return snapshot_locked(disk);
}

void disk_close(struct disk *disk)
{
    if (!disk)
        return;
    atomic_store(&disk->stopping, true);
    blocks_stop(disk->blocks);
    timer_stop(disk->timer);
    pthread_join(disk->thread, NULL);
    if (atomic_load(&disk->ready))
        log_err(put_away(disk), "samples stay in the log, which is read at the next start");
    pthread_cond_destroy(&disk->changed);
    disk_free(disk);
}

struct wal *disk_wal(struct disk *disk)
{
    return disk->wal;
}

void disk_state(struct disk *disk, struct arena *arena, struct tsdb_state *ret_state)
{
    VEC(struct str) paths = { 0 };
    struct str_list blocks;

    blocks_bad(disk->blocks, arena, &blocks);
    for (size_t i = 0; i < blocks.count; i++)
        *vec_push(&paths, arena) = blocks.at[i];
    ret_state->wal_bytes = wal_bytes(disk->wal);
    ret_state->trouble = wal_trouble(disk->wal, arena);
    pthread_mutex_lock(&disk->lock);
    ret_state->recovering = !disk->ended;
    ret_state->recovered = disk->recovered;
    if (!ret_state->trouble.length)
        ret_state->trouble = str_copy(arena, str_of(disk->trouble));
    for (size_t i = 0; i < disk->set_aside.count; i++)
        *vec_push(&paths, arena) = str_copy(arena, disk->set_aside.at[i]);
    pthread_mutex_unlock(&disk->lock);
    ret_state->set_aside = (struct str_list){ paths.at, paths.count };
}

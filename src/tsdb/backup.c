/* backup.c - a copy of everything into another folder, while samples arrive: hard links where files don't change. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "tsdb/disk_parts.h"
#include "tsdb/head_snapshot.h"
#include "tsdb/wal_record.h"

enum { AWAIT_MS = 30000 };

static err copy_file(const char *from, const char *to)
{
    int in CLEANUP(fd_close) = open(from, O_RDONLY | O_CLOEXEC);
    int out CLEANUP(fd_close) = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct stat stat;

    if (in < 0 || fstat(in, &stat) < 0)
        return err_errno("can't read %s", from);
    if (out < 0)
        return err_errno("can't create %s", to);
    for (off_t at = 0; at < stat.st_size;) {
        ssize_t done = sendfile(out, in, &at, (size_t)(stat.st_size - at));
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return err_errno("can't copy %s to %s", from, to);
        if (done == 0)
            break;
    }
    return fsync(out) < 0 ? err_errno("can't sync %s", to) : NULL;
}

/* Files that are written once and renamed into place are linked: nobody changes them any more. */
static err link_or_copy(const char *from, const char *to)
{
    if (link(from, to) == 0)
        return NULL;
    if (errno == EXDEV || errno == EPERM || errno == EMLINK || errno == EOPNOTSUPP)
        return copy_file(from, to);
    return err_errno("can't link %s to %s", from, to);
}

static err copy_folder(struct arena *arena, const char *from, const char *to)
{
    DIR *listing = opendir(from);
    err e = NULL;

    if (!listing && errno == ENOENT)
        return NULL;
    if (!listing)
        return err_errno("can't read folder %s", from);
    e = file_make_dirs(to, 0700);
    for (const struct dirent *it; !e && (it = readdir(listing));) {
        struct str name = str_of(it->d_name);
        if (name.at[0] == '.' || str_ends(name, S(".new")) || str_ends(name, S(".bad")) || str_ends(name, S(".tmp")))
            continue;
        e = link_or_copy(str_printf(arena, "%s/%s", from, it->d_name).at,
                         str_printf(arena, "%s/%s", to, it->d_name).at);
    }
    closedir(listing);
    return e ? e : file_sync_folder_of(str_printf(arena, "%s/.", to).at);
}

/* The segments that were begun before `end`. */
static err copy_log(struct disk *disk, struct arena *arena, const char *to, uint64_t begin, uint64_t end)
{
    uint64_t *segments;
    size_t count;

    TRY(file_make_dirs(to, 0700));
    TRY(wal_sync(disk->wal));
    TRY(wal_segments(wal_folder(disk->wal), arena, &segments, &count));
    for (size_t i = 0; i < count; i++)
        if (segments[i] >= begin && segments[i] < end)
            TRY(link_or_copy(str_printf(arena, "%s/%08" PRIu64, wal_folder(disk->wal), segments[i]).at,
                             str_printf(arena, "%s/%08" PRIu64, to, segments[i]).at));
    return file_sync_folder_of(str_printf(arena, "%s/.", to).at);
}

/* The snapshot says where the log goes on, and the log ends at one moment: that is what the copy is of. */
static err backup_locked(struct disk *disk, struct arena *arena, const char *folder)
{
    uint64_t begin, end;

    TRY(copy_folder(arena, str_printf(arena, "%s/blocks", disk->folder).at, str_printf(arena, "%s/blocks", folder).at));
    TRY(wal_rotate(disk->wal, &begin));
    TRY(head_snapshot_write(disk->head, str_printf(arena, "%s/head.snapshot", folder).at, begin));
    TRY(wal_rotate(disk->wal, &end));
    return copy_log(disk, arena, str_printf(arena, "%s/wal", folder).at, begin, end);
}

err disk_backup(struct disk *disk, const char *folder)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);

    TRY(disk_await(disk, time_mono_ms() + AWAIT_MS));
    if (file_exists(folder) && rmdir(folder) < 0)
        return err_new(ERR_CONFLICT, "can't make a backup in %s: it must be new, or an empty folder", folder);
    TRY(file_make_dirs(folder, 0700));
    pthread_mutex_lock(&disk->keeping);
    err e = backup_locked(disk, arena, folder);
    pthread_mutex_unlock(&disk->keeping);
    return err_wrap(e, "backup to %s", folder);
}

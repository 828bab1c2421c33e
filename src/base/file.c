/* file.c - whole files. */
#include "base/file.h"

#include "base/arena.h"
#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIPE_WAIT_MS = 5000 };

void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* await_writer - of a pipe, as `<(command)` makes one; false where nothing came in time. */
static bool await_writer(int fd)
{
    struct pollfd pipe = { .fd = fd, .events = POLLIN };

    return poll(&pipe, 1, PIPE_WAIT_MS) > 0;
}

err file_read(struct arena *arena, const char *path, size_t max, struct str *ret_text)
{
    /* Without O_NONBLOCK a FIFO that nobody writes to would hold us for ever. */
    int fd CLEANUP(fd_close) = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct buf text CLEANUP(buf_clear) = { 0 };
    struct stat status;

    if (fd < 0)
        return err_errno("can't open %s", path);
    bool is_pipe = fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
    buf_init(&text, max + 1);
    for (;;) {
        size_t room = max + 1 - text.length < 16384 ? max + 1 - text.length : 16384;
        if (room == 0)
            return err_new(ERR_TOO_LARGE, "%s is larger than %zu bytes", path, max);
        char *to = buf_reserve(&text, room);
        ssize_t got = read(fd, to, room);
        if (got < 0 && (errno == EINTR || (errno == EAGAIN && await_writer(fd))))
            continue;
        if (got < 0)
            return err_errno("can't read %s", path);
        if (got == 0 && is_pipe && text.length == 0)
            return err_new(ERR_NOT_FOUND, "can't read %s: it is a pipe, and nobody wrote to it", path);
        if (got == 0)
            break;
        text.length += (size_t)got;
    }
    *ret_text = str_copy(arena, buf_str(&text));
    return NULL;
}

err fd_write_all(int fd, struct str text)
{
    while (text.length) {
        ssize_t done = write(fd, text.at, text.length);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return err_errno("can't write");
        text = str_slice(text, (size_t)done, text.length);
    }
    return NULL;
}

err file_sync_folder_of(const char *path)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    const char *slash = strrchr(path, '/');
    char *folder = slash ? str_c(arena, (struct str){ path, (size_t)(slash - path) + 1 }) : str_c(arena, S("."));
    int fd CLEANUP(fd_close) = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fsync(fd) < 0)
        return err_errno("can't sync folder %s", folder);
    return NULL;
}

err file_write(const char *path, struct str text, unsigned mode)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    char *draft = str_c(arena, str_printf(arena, "%s.%d.tmp", path, (int)getpid()));
    int fd CLEANUP(fd_close) = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);

    if (fd < 0)
        return err_errno("can't create %s", draft);
    err e = err_wrap(fd_write_all(fd, text), "%s", draft);
    if (!e && fsync(fd) < 0)
        e = err_errno("can't sync %s", draft);
    if (!e && rename(draft, path) < 0)
        e = err_errno("can't rename %s to %s", draft, path);
    if (e) {
        unlink(draft);
        return e;
    }
    return file_sync_folder_of(path);
}

err file_make_dirs(const char *path, unsigned mode)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    char *copy = str_c(arena, str_of(path));

    for (char *p = copy + 1; *copy; p++) {
        if (*p && *p != '/')
            continue;
        char here = *p;
        *p = 0;
        if (mkdir(copy, mode) < 0 && errno != EEXIST)
            return err_errno("can't make folder %s", copy);
        if (!here)
            break;
        *p = here;
    }
    return NULL;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *where)
{
    (void)status, (void)flag, (void)where;
    return remove(path);
}

err file_remove_tree(const char *path)
{
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0 && errno != ENOENT)
        return err_errno("can't remove %s", path);
    return NULL;
}

/* folder.c - DATA/lock: flock, and in it who has it: "pid, start in ms, command". */
#include "db/folder.h"

#include "base/file.h"
#include "base/time.h"

#include "base/arena.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_BYTES = 4096 };

/* own_command - "auspex serve": the program and its first word. */
static struct str own_command(struct arena *arena)
{
    struct str all, program, first;

    err e = file_read(arena, "/proc/self/cmdline", LOCK_BYTES * 16, &all);
    if (e) {
        err_free(e);
        return S("auspex");
    }
    program = str_cut(all, '\0', &first);
    const char *slash = program.length ? memrchr(program.at, '/', program.length) : NULL;
    if (slash)
        program = str_slice(program, (size_t)(slash - program.at) + 1, program.length);
    first = str_slice(str_cut(first, '\0', &(struct str){ 0 }), 0, 40);
    if (!first.length || first.at[0] == '-')
        return program;
    return str_printf(arena, "%.*s %.*s", STR_ARG(program), STR_ARG(first));
}

/* since - a time of day, with the date where it was not today. */
static struct str since(struct arena *arena, int64_t start_ms)
{
    time_t start = (time_t)(start_ms / 1000), now = (time_t)(time_now_ms() / 1000);
    struct tm then, today;
    char text[32];

    localtime_r(&start, &then);
    localtime_r(&now, &today);
    bool same = then.tm_yday == today.tm_yday && then.tm_year == today.tm_year;
    strftime(text, sizeof(text), same ? "%H:%M" : "%Y-%m-%d %H:%M", &then);
    return str_copy(arena, str_of(text));
}

static err in_use(struct arena *arena, const char *folder, const char *path)
{
    struct str text = { 0 }, rest, command;
    int64_t start_ms;

    err_free(file_read(arena, path, LOCK_BYTES, &text));
    struct str pid = str_cut(str_trim(text), ' ', &rest);
    struct str start = str_cut(rest, ' ', &command);
    if (!pid.length || !str_to_i64(start, &start_ms))
        return err_new(ERR_CONFLICT,
                       "data folder %s is in use by another process; stop it or choose another --storage.path", folder);
    struct str when = since(arena, start_ms);
    return err_new(ERR_CONFLICT,
                   "data folder %s is in use by process %.*s (%.*s, since %.*s); stop it or choose another "
                   "--storage.path",
                   folder, STR_ARG(pid), STR_ARG(command), STR_ARG(when));
}

err folder_lock(const char *folder, int *ret_fd)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    char *path = str_c(arena, str_printf(arena, "%s/lock", folder));

    TRY(file_make_dirs(folder, 0700));
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_errno("can't open %s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        err e = errno == EWOULDBLOCK ? in_use(arena, folder, path) : err_errno("can't lock %s", path);
        close(fd);
        return e;
    }
    struct str command = own_command(arena);
    struct str text = str_printf(arena, "%d %lld %.*s\n", (int)getpid(), (long long)time_now_ms(), STR_ARG(command));
    /* Who has it is written for people; a full disk must not keep the program from starting. */
    if (ftruncate(fd, 0) == 0 && pwrite(fd, text.at, text.length, 0) < 0)
        errno = 0;
    *ret_fd = fd;
    return NULL;
}

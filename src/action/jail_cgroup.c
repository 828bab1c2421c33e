/* jail_cgroup.c - a cgroup for each run, where cgroup v2 lets us make one: pids.max and cgroup.kill. */
#include "action/jail.h"

#include "base/arena.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef CGROUP2_SUPER_MAGIC
#define CGROUP2_SUPER_MAGIC 0x63677270
#endif

static const char *mount_point(void)
{
    static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
    struct statfs where;

    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        if (statfs(places[i], &where) == 0 && where.f_type == CGROUP2_SUPER_MAGIC)
            return places[i];
    return NULL;
}

static bool write_file(const char *cgroup, const char *file, const char *text)
{
    char path[4096];
    int fd CLEANUP(fd_close) = -1;

    if (snprintf(path, sizeof(path), "%s/%s", cgroup, file) >= (int)sizeof(path))
        return false;
    fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* Below our own; NULL where there is no cgroup v2. malloc'd. */
static char *path_of(pid_t guard)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(64 * 1024);
    const char *mount = mount_point();
    struct str own = S(""), line = S("");
    char *path = NULL;

    err e = mount ? file_read(arena, "/proc/self/cgroup", 65536, &own) : NULL;
    if (!mount || e) {
        err_free(e);
        return NULL;
    }
    for (struct str rest = own; rest.at;) {
        line = str_cut(rest, '\n', &rest);
        if (str_starts(line, S("0::/")))
            break;
    }
    if (!str_starts(line, S("0::/")) || str_contains(line, S("/..")))
        return NULL;
    if (str_eq(line, S("0::/")))
        line = S("0::");
    if (asprintf(&path, "%s%.*s/auspex-run-%d", mount, STR_ARG(str_slice(line, 3, line.length)), guard) < 0)
        return NULL;
    return path;
}

char *cgroup_make(int64_t processes_max)
{
    char *path = path_of(getpid()), number[32];

    if (!path || mkdir(path, 0755)) {
        free(path);
        return NULL;
    }
    snprintf(number, sizeof(number), "%lld", (long long)processes_max);
    write_file(path, "pids.max", number); /* only there where the controller is enabled */
    return path;
}

void cgroup_sweep(pid_t guard)
{
    char *path = path_of(guard);

    if (path && access(path, F_OK) == 0) {
        cgroup_kill(path);
        for (int i = 0; i < 50 && !cgroup_remove(path); i++)
            poll(NULL, 0, 10);
    }
    free(path);
}

void cgroup_kill(const char *cgroup)
{
    write_file(cgroup, "cgroup.kill", "1"); /* before Linux 5.14 the guard kills alone */
}

bool cgroup_remove(const char *cgroup)
{
    return rmdir(cgroup) == 0 || errno == ENOENT;
}

/* jail_cgroup.c - a cgroup for each run, where cgroup v2 lets us make one: pids.max and cgroup.kill. */
#include "action/jail.h"

#include "base/arena.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
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

char *cgroup_make(int64_t processes_max)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(64 * 1024);
    const char *mount = mount_point();
    struct str own, line = S("");
    char *path, number[32];

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
    if (asprintf(&path, "%s%.*s/auspex-run-%d", mount, STR_ARG(str_slice(line, 3, line.length)), getpid()) < 0)
        return NULL;
    if (mkdir(path, 0755)) {
        free(path);
        return NULL;
    }
    snprintf(number, sizeof(number), "%lld", (long long)processes_max);
    write_file(path, "pids.max", number); /* only there where the controller is enabled */
    return path;
}

void cgroup_kill(const char *cgroup)
{
    write_file(cgroup, "cgroup.kill", "1"); /* before Linux 5.14 the guard kills alone */
}

bool cgroup_remove(const char *cgroup)
{
    return rmdir(cgroup) == 0 || errno == ENOENT;
}

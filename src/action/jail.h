/* jail.h - what a command may do: the last steps between fork and exec, and its cgroup.
 *
 * Owner: the guard (runner_guard.c). Threads: none; only in processes that have one thread. */
#pragma once
#include "base/str.h"

#include <sys/types.h>

struct jail {
    const char *program; /* resolved */
    char *const *argv;
    bool drop;
    uid_t uid;
    gid_t gid;
    bool new_privileges;
    int64_t processes_max;
    int64_t cpu_seconds;
    int output;         /* descriptor for stdout and stderr */
    int report;         /* close-on-exec; gets a struct jail_failure */
    pid_t guard;        /* our parent */
    const char *cgroup; /* folder to enter, or NULL */
};

struct jail_failure {
    char what[32];
    int error;
};

/* jail_enter - never returns: execs, or reports why not and ends with 127. */
void jail_enter(const struct jail *jail) __attribute__((noreturn));

/* jail_find_program - absolute paths as they are, plain names in /usr/local/sbin ... /bin. With `trusted`, the file
 * must belong to root and nobody else may write it. Result in malloc'd memory. */
err jail_find_program(struct str name, bool trusted, char **ret_path) MUST_USE;

/* cgroup_make - a cgroup of our own below ours; NULL where cgroup v2 is not writable. malloc'd. */
char *cgroup_make(int64_t processes_max);
/* cgroup_kill - everything in it, at once; then it is removed as soon as it is empty. */
void cgroup_kill(const char *cgroup);
bool cgroup_remove(const char *cgroup);
/* cgroup_sweep - the same for a guard that ended without doing it. */
void cgroup_sweep(pid_t guard);

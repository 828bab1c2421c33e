/* jail.c - the last steps before a command's exec: session, rights, limits, forbidden system calls. */
#include "action/jail.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const program_folders[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                               "/usr/bin",        "/sbin",          "/bin" };

static const char *const clean_environment[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                                 "LANG=C.UTF-8",
                                                 "LC_ALL=C.UTF-8",
                                                 "HOME=/nonexistent",
                                                 "TERM=dumb",
                                                 NULL };

/* Ways to other processes' memory, to another view of the file system, into the kernel, or past this very list. */
static const int denied_calls[] = {
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(process_madvise),
    SCMP_SYS(kcmp),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fspick),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(bpf),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(stime),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(quotactl_fd),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(syslog),
    SCMP_SYS(vhangup),
    SCMP_SYS(nfsservctl),
    SCMP_SYS(lookup_dcookie),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
};

static const int dropped_capabilities[] = {
    CAP_SYS_MODULE,
    CAP_SYS_RAWIO,
    CAP_SYS_BOOT,
    CAP_SYS_PTRACE,
    CAP_SYS_TIME,
    CAP_MKNOD,
    CAP_SYSLOG,
    CAP_BPF,
    CAP_PERFMON,
    CAP_MAC_ADMIN,
    CAP_MAC_OVERRIDE,
    CAP_AUDIT_CONTROL,
    CAP_CHECKPOINT_RESTORE,
    CAP_WAKE_ALARM,
};

static void give_up(const struct jail *jail, const char *what) __attribute__((noreturn));
static void give_up(const struct jail *jail, const char *what)
{
    struct jail_failure failure = { .error = errno };

    memcpy(failure.what, what, strnlen(what, sizeof(failure.what) - 1));
    ssize_t ignored = write(jail->report, &failure, sizeof(failure));
    (void)ignored;
    _exit(127);
}

static void limit(const struct jail *jail, __rlimit_resource_t what, int64_t at_most)
{
    struct rlimit now, want = { (rlim_t)at_most, (rlim_t)at_most };

    if (getrlimit(what, &now) == 0 && now.rlim_max != RLIM_INFINITY && now.rlim_max < want.rlim_max)
        want.rlim_cur = want.rlim_max = now.rlim_max;
    if (setrlimit(what, &want))
        give_up(jail, "setrlimit");
}

static void forbid_calls(const struct jail *jail)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int failed = filter ? 0 : -ENOMEM;

    for (size_t i = 0; i < ARRAY_LEN(denied_calls) && !failed; i++) {
        int added = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), denied_calls[i], 0);
        if (added && denied_calls[i] > 0) /* negative ones don't exist on this machine */
            failed = added;
    }
    /* New name spaces hide from the guard; clone3's flags can't be read by a filter, libc falls back to clone. */
    static const int spaces[] = { CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNS, CLONE_NEWNET };
    for (size_t i = 0; i < ARRAY_LEN(spaces) && !failed; i++)
        failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                  SCMP_A0(SCMP_CMP_MASKED_EQ, (unsigned)spaces[i], (unsigned)spaces[i]));
    if (!failed)
        failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (!failed)
        failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, jail->new_privileges ? 0 : 1);
    if (!failed)
        failed = seccomp_load(filter);
    if (failed) {
        errno = -failed;
        give_up(jail, "seccomp");
    }
    seccomp_release(filter);
}

static void enter_cgroup(const char *cgroup)
{
    char path[4096];
    int length = snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
    int fd = length < (int)sizeof(path) ? open(path, O_WRONLY | O_CLOEXEC) : -1;

    if (fd < 0)
        return; /* the guard kills without it too */
    ssize_t ignored = write(fd, "0", 1);
    (void)ignored;
    close(fd);
}

static void drop_rights(const struct jail *jail)
{
    if (geteuid() == 0)
        for (size_t i = 0; i < ARRAY_LEN(dropped_capabilities); i++)
            prctl(PR_CAPBSET_DROP, dropped_capabilities[i], 0, 0, 0);
    if (!jail->drop)
        return;
    if (setgroups(0, NULL) || setresgid(jail->gid, jail->gid, jail->gid) || setresuid(jail->uid, jail->uid, jail->uid))
        give_up(jail, "setuid");
    if (setuid(0) == 0)
        give_up(jail, "root came back");
}

void jail_enter(const struct jail *jail)
{
    sigset_t none;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    setsid();
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (null < 0 || dup2(null, 0) < 0 || dup2(jail->output, 1) < 0 || dup2(jail->output, 2) < 0)
        give_up(jail, "descriptors");
    if (chdir("/"))
        give_up(jail, "chdir");
    umask(077);
    if (jail->cgroup)
        enter_cgroup(jail->cgroup);

    limit(jail, RLIMIT_CORE, 0);
    limit(jail, RLIMIT_NOFILE, 1024);
    limit(jail, RLIMIT_NPROC, jail->processes_max);
    limit(jail, RLIMIT_FSIZE, INT64_C(8) << 30);
    limit(jail, RLIMIT_MEMLOCK, 64 * 1024);
    limit(jail, RLIMIT_CPU, jail->cpu_seconds);
    drop_rights(jail);

    /* After the change of ids, which would clear it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || getppid() != jail->guard)
        give_up(jail, "the guard is gone");
    if (!jail->new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        give_up(jail, "no_new_privs");
    if (!jail->new_privileges || geteuid() == 0)
        forbid_calls(jail);
    if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC))
        give_up(jail, "close_range");
    execve(jail->program, jail->argv, (char *const *)clean_environment);
    give_up(jail, "exec");
}

static err check_program(const char *path, bool trusted)
{
    struct stat file;

    if (stat(path, &file) || !S_ISREG(file.st_mode) || access(path, X_OK))
        return err_new(ERR_NOT_FOUND, "%s is not a program that can be run here", path);
    if (trusted && (file.st_uid != 0 || file.st_mode & (S_IWGRP | S_IWOTH)))
        return err_new(ERR_FORBIDDEN, "%s is run as root only if it belongs to root and nobody else may write it",
                       path);
    return NULL;
}

err jail_find_program(struct str name, bool trusted, char **ret_path)
{
    char path[512];

    if (name.length == 0 || memchr(name.at, '\0', name.length))
        return err_new(ERR_INVALID, "a command needs the name of a program");
    if (memchr(name.at, '/', name.length)) {
        if (name.at[0] != '/' || name.length >= sizeof(path))
            return err_new(ERR_INVALID, "'%.*s': a program is an absolute path or a plain name", STR_ARG(name));
        snprintf(path, sizeof(path), "%.*s", STR_ARG(name));
        TRY(check_program(path, trusted));
        *ret_path = strdup(path);
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(program_folders); i++) {
        snprintf(path, sizeof(path), "%s/%.*s", program_folders[i], STR_ARG(name));
        if (access(path, X_OK))
            continue;
        TRY(check_program(path, trusted));
        *ret_path = strdup(path);
        return NULL;
    }
    return err_hint(err_new(ERR_NOT_FOUND, "no program '%.*s' on this host", STR_ARG(name)),
                    "install it, or name its absolute path in the action");
}

/* runner_host.c - the process between the daemon and the guards: takes run sockets, forks, adopts, cleans up.
 *
 * It reads no bytes of any message but the descriptor that comes with it, so there is nothing in it to be fooled. */
#include "action/jail.h"
#include "action/runner_parts.h"
#include "base/time.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONTROL_FD = 3, CLEAN_UP_MS = 20000 };

struct host {
    const struct runner_options *options;
    int signals;
    pid_t guards[RUN_AT_ONCE_MAX];
    size_t guard_count;
};

static size_t children_by_scan(pid_t *pids, size_t max);

size_t process_children(pid_t *pids, size_t max)
{
    char path[64];
    size_t count = 0;
    int pid;

    snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
    FILE *file = fopen(path, "re");
    if (!file)
        return children_by_scan(pids, max);
    char *word = NULL;
    size_t room = 0;
    while (count < max && getdelim(&word, &room, ' ', file) > 0) {
        char *end;
        pid = (int)strtol(word, &end, 10);
        if (pid > 0 && end != word)
            pids[count++] = pid;
    }
    free(word);
    fclose(file);
    return count;
}

/* For kernels without CONFIG_PROC_CHILDREN. */
static size_t children_by_scan(pid_t *pids, size_t max)
{
    DIR *proc = opendir("/proc");
    size_t count = 0;

    for (struct dirent *entry; proc && count < max && (entry = readdir(proc));) {
        char path[300], text[512], *end;
        long pid = strtol(entry->d_name, &end, 10);
        if (pid <= 0 || *end)
            continue;
        snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
        FILE *file = fopen(path, "re");
        size_t length = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
        if (file)
            fclose(file);
        text[length] = '\0';
        const char *close = strrchr(text, ')');
        if (close && strlen(close) > 4 && strtol(close + 4, NULL, 10) == getpid())
            pids[count++] = (pid_t)pid;
    }
    if (proc)
        closedir(proc);
    return count;
}

static bool is_guard(const struct host *host, pid_t pid)
{
    for (size_t i = 0; i < host->guard_count; i++)
        if (host->guards[i] == pid)
            return true;
    return false;
}

static void forget(struct host *host, pid_t pid)
{
    for (size_t i = 0; i < host->guard_count; i++)
        if (host->guards[i] == pid)
            host->guards[i] = host->guards[--host->guard_count];
}

/* A guard that was itself killed leaves its command's processes to us: they end too. */
static void reap(struct host *host)
{
    pid_t children[256], pid;

    for (;;) {
        while ((pid = waitpid(-1, NULL, WNOHANG | __WALL)) > 0) {
            if (is_guard(host, pid))
                cgroup_sweep(pid);
            forget(host, pid);
        }
        if (pid < 0)
            return;
        size_t count = process_children(children, ARRAY_LEN(children)), strays = 0;
        for (size_t i = 0; i < count; i++)
            if (!is_guard(host, children[i]) && kill(children[i], SIGKILL) == 0)
                strays++;
        if (!strays)
            return;
        poll(NULL, 0, 2);
    }
}

/* -1: the daemon is gone; 0: nothing; else a descriptor. */
static int take_socket(int control)
{
    char byte;
    struct iovec part = { &byte, 1 };
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } with;
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &with, .msg_controllen = sizeof(with) };
    int fd = 0;

    ssize_t got = recvmsg(control, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    if (got == 0)
        return -1;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    return fd;
}

static void start_guard(struct host *host, int socket)
{
    pid_t pid = host->guard_count < RUN_AT_ONCE_MAX ? fork() : -1;

    if (pid == 0) {
        close(CONTROL_FD);
        close(host->signals);
        runner_guard(socket, host->options);
    }
    if (pid > 0)
        host->guards[host->guard_count++] = pid;
    close(socket); /* where no guard came to be, the daemon sees the end of the socket */
}

static void end_all(struct host *host)
{
    int64_t until_ms = time_mono_ms() + CLEAN_UP_MS;

    for (size_t i = 0; i < host->guard_count; i++)
        kill(host->guards[i], SIGUSR1);
    while (host->guard_count && time_mono_ms() < until_ms) {
        reap(host);
        if (host->guard_count)
            poll(&(struct pollfd){ .fd = host->signals, .events = POLLIN }, 1, 100);
        struct signalfd_siginfo drop;
        while (read(host->signals, &drop, sizeof(drop)) > 0)
            ;
    }
    reap(host);
    _exit(0);
}

void runner_host(int control, const struct runner_options *options)
{
    struct host host = { .options = options };
    sigset_t watched;

    setsid();
    prctl(PR_SET_NAME, "auspex-runner", 0, 0, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    if (geteuid() == 0)
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (control != CONTROL_FD && dup2(control, CONTROL_FD) < 0)
        _exit(1);
    close_range(CONTROL_FD + 1, ~0U, 0);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
        _exit(1);
    /* A Ctrl-C, or a SIGTERM to the whole cgroup, is the daemon's to answer: we end when it does. */
    static const int ignored[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR2 };
    for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
        signal(ignored[i], SIG_IGN);
    sigemptyset(&watched);
    sigaddset(&watched, SIGCHLD);
    sigaddset(&watched, SIGUSR1);
    sigprocmask(SIG_SETMASK, &watched, NULL);
    host.signals = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);

    for (;;) {
        struct pollfd wait[] = { { .fd = CONTROL_FD, .events = POLLIN }, { .fd = host.signals, .events = POLLIN } };
        if (poll(wait, ARRAY_LEN(wait), -1) < 0 && errno != EINTR)
            end_all(&host);
        struct signalfd_siginfo drop;
        while (read(host.signals, &drop, sizeof(drop)) > 0)
            ;
        reap(&host);
        if (!wait[0].revents)
            continue;
        int socket = take_socket(CONTROL_FD);
        if (socket < 0)
            end_all(&host);
        if (socket > 0)
            start_guard(&host, socket);
    }
}

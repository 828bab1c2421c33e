/* runner.c - the daemon's side of running commands. */
#include "action/runner_parts.h"

#include "action/frame.h"
#include "action/mask.h"
#include "base/metric.h"
#include "base/time.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { END_SLACK_MS = 40000, TIMEOUT_MAX_MS = 24 * HOUR_MS, ARGS_BYTES_MAX = 128 * 1024, PLAN_BYTES_MAX = 1024 * 1024 };

METRIC(COUNTER, runs_total, "Commands that the runner started, by how they ended.", "end");
METRIC(COUNTER, runs_killed_processes_total, "Processes that outlived their command and were killed.", NULL);

struct runner {
    pid_t host;
    int control;
    bool root;
    pthread_mutex_t lock; /* of what follows */
    bool closed;
    int active[RUN_AT_ONCE_MAX]; /* run sockets, -1: free */
};

err runner_start(const struct runner_options *options, struct runner **ret_runner)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return err_errno("the runner's socket");
    pid_t host = fork();
    if (host == 0) {
        close(pair[0]);
        runner_host(pair[1], options);
    }
    close(pair[1]);
    if (host < 0) {
        close(pair[0]);
        return err_errno("the runner's process");
    }
    struct runner *runner = calloc(1, sizeof(*runner));
    if (!runner)
        abort();
    *runner = (struct runner){ .host = host, .control = pair[0], .root = geteuid() == 0 };
    pthread_mutex_init(&runner->lock, NULL);
    for (size_t i = 0; i < ARRAY_LEN(runner->active); i++)
        runner->active[i] = -1;
    *ret_runner = runner;
    return NULL;
}

static err check_spec(const struct run_spec *spec)
{
    size_t total = 0;

    if (spec->argc < 1 || spec->argc > RUN_ARGS_MAX)
        return err_new(ERR_INVALID, "a command has 1 to %d words, not %zu", RUN_ARGS_MAX, spec->argc);
    if (spec->timeout_ms < 1 || spec->timeout_ms > TIMEOUT_MAX_MS)
        return err_new(ERR_INVALID, "a command needs a timeout from 1 ms to 24 h");
    for (size_t i = 0; i < spec->argc; i++) {
        total += spec->argv[i].length + 1;
        if (memchr(spec->argv[i].at ? spec->argv[i].at : "", '\0', spec->argv[i].length))
            return err_new(ERR_INVALID, "word %zu of the command has a NUL inside", i);
    }
    if (total > ARGS_BYTES_MAX)
        return err_new(ERR_TOO_LARGE, "a command of %zu bytes; at most %d", total, ARGS_BYTES_MAX);
    if (spec->permit.plan.length > PLAN_BYTES_MAX)
        return err_new(ERR_TOO_LARGE, "a plan of %zu bytes; at most %d", spec->permit.plan.length, PLAN_BYTES_MAX);
    return NULL;
}

static err send_socket(struct runner *runner, int fd)
{
    char byte = 'r';
    struct iovec part = { &byte, 1 };
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } with = { 0 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &with, .msg_controllen = sizeof(with) };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    while (sendmsg(runner->control, &message, MSG_NOSIGNAL) < 0)
        if (errno != EINTR)
            return err_hint(err_new(ERR_UNAVAILABLE, "the runner's process is gone: %s", strerror(errno)),
                            "restart auspex: commands can't run until then");
    return NULL;
}

/* Opens a run socket whose other end a guard will have; *ret_slot is where it can be found by runner_cancel_all. */
static err open_run(struct runner *runner, int *ret_fd, size_t *ret_slot)
{
    int pair[2];
    size_t slot = 0;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return err_errno("a socket for the run");
    pthread_mutex_lock(&runner->lock);
    while (slot < ARRAY_LEN(runner->active) && runner->active[slot] >= 0)
        slot++;
    bool closed = runner->closed, full = slot == ARRAY_LEN(runner->active);
    if (!closed && !full)
        runner->active[slot] = pair[0];
    pthread_mutex_unlock(&runner->lock);
    *ret_slot = slot;
    *ret_fd = pair[0];
    err e = closed ? err_new(ERR_UNAVAILABLE, "auspex is stopping: no command starts any more")
            : full ? err_new(ERR_BUSY, "%d commands run already; this one was not started", RUN_AT_ONCE_MAX)
                   : send_socket(runner, pair[1]);
    close(pair[1]);
    if (closed || full) {
        close(pair[0]);
        *ret_fd = -1;
    }
    return e;
}

static void close_run(struct runner *runner, int fd, size_t slot)
{
    if (fd < 0)
        return;
    pthread_mutex_lock(&runner->lock);
    runner->active[slot] = -1;
    pthread_mutex_unlock(&runner->lock);
    close(fd);
}

static err send_spec(int fd, const struct run_spec *spec)
{
    struct buf frame CLEANUP(buf_clear) = { 0 };

    buf_init(&frame, FRAME_MAX);
    const int64_t numbers[] = { spec->timeout_ms, spec->grace_ms, spec->processes_max, spec->root,
                                spec->new_privileges };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        frame_put_i64(&frame, numbers[i]);
    frame_put_str(&frame, spec->permit.plan);
    frame_put_str(&frame, spec->permit.hash);
    frame_put_str(&frame, spec->permit.stage);
    frame_put_i64(&frame, spec->permit.index);
    frame_put_i64(&frame, (int64_t)spec->argc);
    for (size_t i = 0; i < spec->argc; i++)
        frame_put_str(&frame, spec->argv[i]);
    TRY(buf_check(&frame));
    return frame_send(fd, buf_str(&frame));
}

static err read_outcome(struct arena *arena, struct str frame, const struct run_spec *spec, struct run_outcome *ret)
{
    struct frame_reader reader = { .rest = frame };
    int64_t kind = frame_i64(&reader);
    struct str message = frame_str(&reader), hint = frame_str(&reader);

    if (kind >= 0) {
        err refusal = err_new((enum err_kind)kind, "%.*s", STR_ARG(message));
        return hint.length ? err_hint(refusal, "%.*s", STR_ARG(hint)) : refusal;
    }
    ret->end = (enum run_end)frame_i64(&reader);
    ret->status = (int)frame_i64(&reader);
    ret->took_ms = frame_i64(&reader);
    ret->left_behind = frame_i64(&reader);
    ret->alive = frame_i64(&reader);
    ret->output_bytes = frame_i64(&reader);
    struct str head = frame_str(&reader), tail = frame_str(&reader);
    if (reader.failed)
        return err_new(ERR_UNAVAILABLE, "the runner's answer is damaged");
    ret->truncated = ret->output_bytes > RUN_OUTPUT_MAX;
    if (!ret->truncated && tail.length) { /* both are there whole: one text, so that no secret is cut in two */
        struct buf whole CLEANUP(buf_clear) = { 0 };
        buf_init(&whole, RUN_OUTPUT_MAX + 1);
        buf_add(&whole, head);
        buf_add(&whole, tail);
        head = str_copy(arena, buf_str(&whole));
        tail = S("");
    }
    ret->head = mask_text(arena, head, spec->secrets, spec->secret_count);
    ret->tail = mask_text(arena, tail, spec->secrets, spec->secret_count);
    return NULL;
}

err runner_run(struct runner *runner, struct arena *arena, const struct run_spec *spec, struct run_outcome *ret_outcome)
{
    struct str frame = S("");
    size_t slot = 0;
    int fd = -1;

    *ret_outcome = (struct run_outcome){ 0 };
    TRY(check_spec(spec));
    err e = open_run(runner, &fd, &slot);
    if (!e)
        e = send_spec(fd, spec);
    if (!e)
        e = frame_receive(fd, arena, spec->timeout_ms + spec->grace_ms + END_SLACK_MS, &frame);
    close_run(runner, fd, slot);
    TRY(e);
    TRY(read_outcome(arena, frame, spec, ret_outcome));
    metric_add_for(&runs_total, str_of(run_end_name(ret_outcome->end)), 1);
    metric_add(&runs_killed_processes_total, (double)ret_outcome->left_behind);
    return NULL;
}

void runner_cancel_all(struct runner *runner)
{
    pthread_mutex_lock(&runner->lock);
    runner->closed = true;
    for (size_t i = 0; i < ARRAY_LEN(runner->active); i++)
        if (runner->active[i] >= 0)
            shutdown(runner->active[i], SHUT_WR); /* the guard sees the end, and can still answer */
    pthread_mutex_unlock(&runner->lock);
}

void runner_stop(struct runner *runner)
{
    if (!runner)
        return;
    runner_cancel_all(runner);
    close(runner->control);
    while (waitpid(runner->host, NULL, 0) < 0 && errno == EINTR)
        ;
    pthread_mutex_destroy(&runner->lock);
    free(runner);
}

void runner_stopp(struct runner **runner)
{
    runner_stop(*runner);
    *runner = NULL;
}

bool runner_is_root(const struct runner *runner)
{
    return runner->root;
}

bool runner_is_alive(const struct runner *runner)
{
    siginfo_t ended = { 0 };

    /* It stays a zombie until runner_stop, so its number is nobody else's. */
    return waitid(P_PID, (id_t)runner->host, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == 0;
}

pid_t runner_pid(const struct runner *runner)
{
    return runner->host;
}

const char *run_end_name(enum run_end end)
{
    static const char *const names[] = { "exited", "signalled", "timed_out", "cancelled" };

    return end < ARRAY_LEN(names) ? names[end] : "unknown";
}

/* runner_guard.c - one run: starts the command in its jail, reads what it says, and leaves nothing of it alive. */
#include "action/frame.h"
#include "action/jail.h"
#include "action/runner_parts.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    HEAD_MAX = RUN_OUTPUT_MAX / 2,
    TAIL_MAX = RUN_OUTPUT_MAX / 2,
    SPEC_TIMEOUT_MS = 10000,
    KILL_AT_MOST_MS = 15000,
    GRACE_MS = 2000,
    PROCESSES_MAX = 256,
};

struct guard {
    int socket, signals, output;
    pid_t main;
    bool main_ended, cancelled;
    int main_status;
    int64_t left_behind, output_bytes;
    struct buf head;
    char *tail; /* a ring */
    char *cgroup;
};

static void answer(struct guard *guard, struct arena *arena, err refusal, const struct guard_report *report)
{
    struct buf frame = { 0 };

    (void)arena;
    buf_init(&frame, FRAME_MAX);
    frame_put_i64(&frame, refusal ? (int64_t)err_kind(refusal) : -1);
    frame_put_str(&frame, refusal ? str_of(err_message(refusal)) : S(""));
    frame_put_str(&frame, refusal ? str_of(err_hint_text(refusal)) : S(""));
    if (report) {
        const int64_t numbers[] = { report->end,         report->status, report->took_ms,
                                    report->left_behind, report->alive,  report->output_bytes };
        for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
            frame_put_i64(&frame, numbers[i]);
        frame_put_str(&frame, report->head);
        frame_put_str(&frame, report->tail);
    }
    err_free(frame_send(guard->socket, buf_str(&frame))); /* a daemon that is gone needs no answer */
    buf_clear(&frame);
}

static err read_spec(int socket, struct arena *arena, struct run_spec *ret_spec)
{
    struct frame_reader reader = { 0 };

    TRY(frame_receive(socket, arena, SPEC_TIMEOUT_MS, &reader.rest));
    ret_spec->timeout_ms = frame_i64(&reader);
    ret_spec->grace_ms = frame_i64(&reader);
    ret_spec->processes_max = frame_i64(&reader);
    ret_spec->root = frame_i64(&reader) != 0;
    ret_spec->new_privileges = frame_i64(&reader) != 0;
    ret_spec->permit.plan = frame_str(&reader);
    ret_spec->permit.hash = frame_str(&reader);
    ret_spec->permit.stage = frame_str(&reader);
    ret_spec->permit.index = frame_i64(&reader);
    int64_t count = frame_i64(&reader);
    if (reader.failed || count < 1 || count > RUN_ARGS_MAX)
        return err_new(ERR_INVALID, "a run needs 1 to %d words", RUN_ARGS_MAX);
    struct str *argv = arena_array(arena, (size_t)count, sizeof(*argv));
    for (int64_t i = 0; i < count; i++) {
        argv[i] = frame_str(&reader);
        if (memchr(argv[i].at, '\0', argv[i].length))
            return err_new(ERR_INVALID, "word %lld of the command has a NUL inside", (long long)i);
    }
    if (reader.failed || reader.rest.length)
        return err_new(ERR_INVALID, "the run's frame is damaged");
    ret_spec->argv = argv;
    ret_spec->argc = (size_t)count;
    return NULL;
}

static void keep_output(struct guard *guard, const char *bytes, size_t length)
{
    size_t first = HEAD_MAX - guard->head.length;

    if (first > length)
        first = length;
    buf_add_bytes(&guard->head, bytes, first);
    for (size_t i = first; i < length; i++)
        guard->tail[(guard->output_bytes + (int64_t)i - HEAD_MAX) % TAIL_MAX] = bytes[i];
    guard->output_bytes += (int64_t)length;
}

/* Read what is there, at most a megabyte a turn so that a flood cannot hold up the deadline. */
static void read_output(struct guard *guard)
{
    char bytes[65536];

    for (int turn = 0; turn < 16 && guard->output >= 0; turn++) {
        ssize_t got = read(guard->output, bytes, sizeof(bytes));
        if (got > 0) {
            keep_output(guard, bytes, (size_t)got);
        } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            close(guard->output);
            guard->output = -1;
        } else {
            return;
        }
    }
}

static bool reap(struct guard *guard)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0)
        if (pid == guard->main) {
            guard->main_ended = true;
            guard->main_status = status;
        }
    return pid < 0 && errno == ECHILD;
}

static void signal_all(struct guard *guard, int number)
{
    pid_t children[1024];
    size_t count = process_children(children, ARRAY_LEN(children));
    static const struct rlimit none = { 0, 0 };

    if (number == SIGKILL && guard->cgroup)
        cgroup_kill(guard->cgroup);
    if (number == SIGTERM && !guard->main_ended)
        kill(-guard->main, SIGTERM);
    for (size_t i = 0; i < count; i++) {
        if (number == SIGKILL)
            prlimit(children[i], RLIMIT_NPROC, &none, NULL); /* what it forks from here on, it can't */
        kill(children[i], number);
    }
}

/* Kills until ECHILD: as a subreaper we inherit what double forks and setsid tried to hide. Returns how many are still
 * there in the end (stuck in the kernel). */
static int64_t kill_all(struct guard *guard)
{
    int64_t until_ms = time_mono_ms() + KILL_AT_MOST_MS;
    pid_t children[1024];
    bool counted = false;

    for (;;) {
        if (reap(guard))
            return 0;
        if (guard->main_ended && !counted) {
            guard->left_behind = (int64_t)process_children(children, ARRAY_LEN(children));
            counted = true;
        }
        signal_all(guard, SIGKILL);
        if (time_mono_ms() > until_ms)
            return (int64_t)process_children(children, ARRAY_LEN(children));
        struct signalfd_siginfo drop;
        poll(&(struct pollfd){ .fd = guard->signals, .events = POLLIN }, 1, 5);
        while (read(guard->signals, &drop, sizeof(drop)) > 0)
            ;
    }
}

static bool daemon_gone(int socket)
{
    char byte;

    return recv(socket, &byte, 1, MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EINTR);
}

/* Waits for the command's end, the deadline (then SIGTERM and a grace), or the daemon's word or death. */
static enum run_end watch(struct guard *guard, int64_t timeout_ms, int64_t grace_ms)
{
    int64_t term_ms = time_mono_ms() + timeout_ms, kill_ms = INT64_MAX;

    for (;;) {
        int64_t now_ms = time_mono_ms();
        int64_t next_ms = kill_ms < INT64_MAX ? kill_ms : term_ms;
        struct pollfd wait[] = { { .fd = guard->signals, .events = POLLIN },
                                 { .fd = guard->socket, .events = POLLIN },
                                 { .fd = guard->output, .events = POLLIN } };
        int64_t left_ms = next_ms - now_ms;
        poll(wait, ARRAY_LEN(wait), left_ms < 0 ? 0 : left_ms > 60000 ? 60000 : (int)left_ms);

        struct signalfd_siginfo got;
        while (read(guard->signals, &got, sizeof(got)) > 0)
            if (got.ssi_signo == SIGUSR1)
                guard->cancelled = true;
        if (wait[1].revents && daemon_gone(guard->socket))
            guard->cancelled = true;
        read_output(guard);
        reap(guard);
        if (guard->main_ended)
            return kill_ms < INT64_MAX ? RUN_TIMED_OUT : WIFEXITED(guard->main_status) ? RUN_EXITED : RUN_SIGNALLED;
        if (guard->cancelled)
            return RUN_CANCELLED;
        now_ms = time_mono_ms();
        if (now_ms >= kill_ms)
            return RUN_TIMED_OUT;
        if (now_ms >= term_ms && kill_ms == INT64_MAX) {
            signal_all(guard, SIGTERM);
            kill_ms = now_ms + grace_ms;
        }
    }
}

static err start_command(struct guard *guard, struct arena *arena, const struct runner_options *options,
                         const struct run_spec *spec)
{
    int output[2], report[2];
    bool root = geteuid() == 0 && (spec->root || !options->drop);
    struct jail_failure failure;
    char *program = NULL;
    char **argv = arena_array(arena, spec->argc + 1, sizeof(*argv));

    for (size_t i = 0; i < spec->argc; i++)
        argv[i] = str_c(arena, spec->argv[i]);
    TRY(jail_find_program(spec->argv[0], root && options->drop, &program));
    if (pipe2(output, O_CLOEXEC) || pipe2(report, O_CLOEXEC))
        return err_errno("a pipe for the command");
    fcntl(output[0], F_SETFL, O_NONBLOCK);
    guard->output = output[0];
    int64_t processes_max = spec->processes_max > 0 ? spec->processes_max : PROCESSES_MAX;
    guard->cgroup = cgroup_make(processes_max);
    struct jail jail = {
        .program = program,
        .argv = argv,
        .drop = options->drop && !root && geteuid() == 0,
        .uid = options->uid,
        .gid = options->gid,
        .new_privileges = spec->new_privileges,
        .processes_max = processes_max,
        .cpu_seconds = spec->timeout_ms / 1000 * 4 + 10,
        .output = output[1],
        .report = report[1],
        .guard = getpid(),
        .cgroup = guard->cgroup,
    };
    guard->main = fork();
    if (guard->main == 0)
        jail_enter(&jail);
    close(output[1]);
    close(report[1]);
    free(program);
    if (guard->main < 0)
        return err_errno("fork for the command");
    ssize_t got = read(report[0], &failure, sizeof(failure));
    close(report[0]);
    if (got != sizeof(failure))
        return NULL;
    kill_all(guard);
    failure.what[sizeof(failure.what) - 1] = '\0';
    return err_new(failure.error == EACCES || failure.error == ENOEXEC ? ERR_INVALID : ERR_IO,
                   "%s did not start: %s: %s", argv[0], failure.what, strerror(failure.error));
}

static void run(struct guard *guard, struct arena *arena, const struct run_spec *spec, int64_t began_ms)
{
    struct guard_report report = { 0 };

    report.end = watch(guard, spec->timeout_ms, spec->grace_ms > 0 ? spec->grace_ms : GRACE_MS);
    report.alive = kill_all(guard);
    read_output(guard);
    report.status = WIFEXITED(guard->main_status) ? WEXITSTATUS(guard->main_status) : WTERMSIG(guard->main_status);
    report.left_behind = guard->left_behind;
    report.took_ms = time_mono_ms() - began_ms;
    report.output_bytes = guard->output_bytes;
    report.head = buf_str(&guard->head);

    int64_t past_head = guard->output_bytes - (int64_t)guard->head.length;
    size_t kept = past_head > TAIL_MAX ? TAIL_MAX : (size_t)past_head;
    char *tail = arena_alloc(arena, kept + 1);
    for (size_t i = 0; i < kept; i++)
        tail[i] = guard->tail[(past_head - (int64_t)kept + (int64_t)i) % TAIL_MAX];
    report.tail = (struct str){ tail, kept };
    answer(guard, arena, NULL, &report);
}

void runner_guard(int socket, const struct runner_options *options)
{
    struct arena *arena = arena_new(8 * 1024 * 1024);
    struct guard guard = { .socket = socket, .output = -1 };
    struct run_spec spec = { 0 };
    pid_t host = getppid();
    sigset_t watched;

    prctl(PR_SET_NAME, "auspex-guard", 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    sigemptyset(&watched);
    sigaddset(&watched, SIGCHLD);
    sigaddset(&watched, SIGUSR1);
    sigprocmask(SIG_SETMASK, &watched, NULL);
    guard.signals = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
    if (getppid() != host)
        _exit(1);
    buf_init(&guard.head, HEAD_MAX);
    guard.tail = arena_alloc(arena, TAIL_MAX);

    int64_t began_ms = time_mono_ms();
    err refusal = read_spec(socket, arena, &spec);
    if (!refusal && options->admit)
        refusal = options->admit(options->admit_arg, arena, &spec);
    if (!refusal)
        refusal = start_command(&guard, arena, options, &spec);
    if (refusal)
        answer(&guard, arena, refusal, NULL);
    else
        run(&guard, arena, &spec, began_ms);
    for (int i = 0; guard.cgroup && !cgroup_remove(guard.cgroup) && i < 50; i++)
        poll(NULL, 0, 10);
    _exit(0);
}

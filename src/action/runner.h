/* runner.h - runs commands for actions: argv, never a shell, and nothing of them outlives its run.
 *
 * Owner: app/ starts one before any thread exists and stops it last; an outcome lives in the caller's arena.
 * Threads: runner_run and runner_cancel_all from any, concurrently.
 *
 * DESIGN. Three kinds of processes, all of this binary, none with threads: the *host*, forked at start, before
 * privileges drop, only takes run sockets from the daemon and forks a *guard* for each. The guard is a subreaper: it
 * asks `admit`, starts the command in a jail (new session, clean environment, closed descriptors, rlimits,
 * no_new_privs, seccomp deny list, own cgroup where cgroup v2 is writable), reads its output, and kills until ECHILD
 * when the command ended, the deadline passed, or the daemon's end of the run socket closed: double forks, setsid and
 * SIGSTOP hide nothing from it. The daemon's death closes all sockets, so it ends every run, kill -9 included. The
 * host adopts and kills what a guard leaves that was itself killed. Nothing here reads from the network. */
#pragma once
#include "base/arena.h"
#include "base/str.h"

#include <sys/types.h>

struct runner;

enum { RUN_OUTPUT_MAX = 256 * 1024, RUN_ARGS_MAX = 256, RUN_AT_ONCE_MAX = 64 };

/* What a run is part of, for `admit`: the plan that was approved, and which of its commands this is. */
struct run_permit {
    struct str plan;  /* canonical JSON; empty: none */
    struct str hash;  /* SHA-256 of it, in hex, as approved */
    struct str stage; /* "precheck", "run", "verify", "rollback" */
    int64_t index;
};

struct run_spec {
    const struct str *argv; /* argv[0] is an absolute path, or a name that is looked up in fixed folders */
    size_t argc;
    int64_t timeout_ms;        /* then SIGTERM */
    int64_t grace_ms;          /* after SIGTERM, then SIGKILL; 0: 2 s */
    int64_t processes_max;     /* RLIMIT_NPROC, pids.max; 0: 256 */
    bool root;                 /* keep the host's rights, else those of runner_options */
    bool new_privileges;       /* without no_new_privs: for sudo, where the administrator allowed it */
    const struct str *secrets; /* never shown in the output */
    size_t secret_count;
    struct run_permit permit;
};

struct runner_options {
    /* Whom commands run as that don't need root, where the host is root; drop == false: as the host. */
    bool drop;
    uid_t uid;
    gid_t gid;
    /* admit - called in the guard before each run, with what `arg` was when the host was forked; an err refuses it.
     * May set what the run is really allowed (spec->root, spec->new_privileges). NULL: everything is admitted. */
    err (*admit)(const void *arg, struct arena *arena, struct run_spec *spec);
    const void *admit_arg;
};

enum run_end { RUN_EXITED, RUN_SIGNALLED, RUN_TIMED_OUT, RUN_CANCELLED };

struct run_outcome {
    enum run_end end;
    int status; /* exit status, or the signal */
    int64_t took_ms;
    int64_t left_behind;   /* processes that outlived the command and were killed */
    int64_t alive;         /* that could not even be killed: no rollback while there are any */
    int64_t output_bytes;  /* all of it, kept or not */
    struct str head, tail; /* valid UTF-8, secrets masked; tail is empty unless truncated */
    bool truncated;
};

/* runner_start - fork the host. Must be called while the process has one thread. */
err runner_start(const struct runner_options *options, struct runner **ret_runner) MUST_USE;
/* runner_run - blocks until the command and all that came of it are gone. An err means that it did not start
 * (ERR_INVALID, ERR_FORBIDDEN: refused, ERR_BUSY, ERR_NOT_FOUND: no such program) or, ERR_UNAVAILABLE, that its end is
 * unknown. */
err runner_run(struct runner *runner, struct arena *arena, const struct run_spec *spec,
               struct run_outcome *ret_outcome) MUST_USE;
/* runner_cancel_all - every run ends now as RUN_CANCELLED, and no other starts. */
void runner_cancel_all(struct runner *runner);
/* runner_stop - cancels what runs and waits for the host's end. */
void runner_stop(struct runner *runner);
void runner_stopp(struct runner **runner);

bool runner_is_root(const struct runner *runner); /* the host kept root's rights */
pid_t runner_pid(const struct runner *runner);    /* the host's */
/* runner_is_alive - false: its process ended, and no command runs until the next start. */
bool runner_is_alive(const struct runner *runner);
const char *run_end_name(enum run_end end);

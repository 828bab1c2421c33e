/* runner_parts.h - what the files of the runner share and nobody else sees.
 *
 * Owner: runner.c. Threads: host and guard have one thread each. */
#pragma once
#include "action/runner.h"
#include "base/buf.h"

struct guard_report { /* of a run that started */
    enum run_end end;
    int status;
    int64_t took_ms, left_behind, alive, output_bytes;
    struct str head, tail;
};

/* runner_host - the host's loop over the daemon's control socket; never returns. */
void runner_host(int control, const struct runner_options *options) __attribute__((noreturn));
/* runner_guard - one run over its socket; never returns. */
void runner_guard(int socket, const struct runner_options *options) __attribute__((noreturn));

/* process_children - our direct children; the count, at most max of them in pids. Safe against reuse of a pid: only we
 * can reap them. */
size_t process_children(pid_t *pids, size_t max);

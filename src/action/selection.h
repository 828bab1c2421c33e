/* selection.h - open parameters that only the world can answer: which process, which clients.
 *
 * Owner: results live in the call's arena. Threads: any; it may block until the call's deadline. */
#pragma once
#include "action/executor.h"

/* select_process - "PID", "PID@START" or a name to PID@START of a process that lives now; empty: the one that used most
 * CPU over the last moment. Never the kernel's, pid 1, or ours. ERR_NOT_FOUND. */
err select_process(struct arena *arena, struct str text, pid_t runner, struct str *ret_text, double *ret_pid) MUST_USE;
/* process_start - its start time in ticks since boot; 0 where there is no such process. */
uint64_t process_start(pid_t pid);

/* select_idle_clients - ids, joined by commas, of normal clients that were idle for idle_seconds or longer and neither
 * subscribe, block, replicate nor are ourselves; the longest idle first. An empty selection is ERR_CONFLICT. */
err select_idle_clients(struct step_call *call, struct str instance, double idle_seconds, size_t at_most,
                        struct str *ret_ids) MUST_USE;
/* client_is_idle - the same judgement of one line of CLIENT LIST. */
bool client_is_idle(struct str line, double idle_seconds, int64_t *ret_id);

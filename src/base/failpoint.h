/* failpoint.h - places where tests make the world break: TRY(FAILPOINT("db.commit.before"));
 *
 * Owner: the process; set up once from the environment: AUSPEX_FAILPOINTS="db.commit.before=crash@3,wal.sync=error".
 * Actions: crash (SIGKILL to ourselves), error (an ERR_IO), hang (for ever), each with @N: only at the Nth hit.
 * Threads: any. Costs one load and branch where none is set. A name also counts as a declared crash point for the
 * tests. */
#pragma once
#include "base/err.h"

extern bool failpoints_armed;

#define FAILPOINT(name) (__builtin_expect(failpoints_armed, false) ? failpoint_hit(name) : NULL)

/* failpoints_setup - reads the environment variable; an unknown action ends in an ERR_INVALID. */
err failpoints_setup(const char *spec) MUST_USE;
err failpoint_hit(const char *name) MUST_USE;

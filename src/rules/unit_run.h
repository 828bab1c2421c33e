/* unit_run.h - runs unit tests of rules: their series go into an engine of their own, the rules are evaluated as time
 * goes on, and what comes of it is compared.
 *
 * Owner: the caller's. Threads: any. */
#pragma once
#include "base/buf.h"

struct unit_report {
    size_t tests, failed;
    struct buf text; /* of what failed: lines with - were expected, lines with + were found instead */
};

/* unit_run - the tests of a file. An err where they can't be run: faults of the file or of its rules. */
err unit_run(struct arena *arena, const char *path, struct unit_report *report) MUST_USE;

/* regex_fault.h - within the room: what Prometheus says of a regular expression that is none.
 *
 * Owner: nobody. Threads: any. */
#pragma once
#include "base/buf.h"

/* regex_fault - "missing closing ]: `[a`" into *out where RE2's syntax, as Go knows it, forbids the pattern; false
 * where it has nothing against it. Names of Unicode classes are not looked up. */
bool regex_fault(struct str pattern, struct buf *out);

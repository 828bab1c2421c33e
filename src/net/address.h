/* address.h - may one connect there at all? For protocols other than HTTP, whose servers live at private addresses.
 *
 * Owner: nobody. Threads: any; it blocks while the name is resolved. */
#pragma once
#include "base/str.h"

/* address_check_reachable - an operator's word is enough for loopback, private and public addresses. ERR_FORBIDDEN
 * where the name leads to an address that is none of a server's: link-local ones and those of the cloud's metadata,
 * multicast, broadcast. ERR_UNAVAILABLE where it can't be resolved, ERR_TIMEOUT. */
err address_check_reachable(struct str host, int64_t deadline_ms) MUST_USE;

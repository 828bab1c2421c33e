/* live.h - the tail of the journal for WebSockets.
 *
 * Owner: app/ starts it after the journal and stops it before the server. Threads: one of its own reads what was
 * committed, once, and hands it to every connection. */
#pragma once
#include "base/err.h"

err live_start(void) MUST_USE;
void live_stop(void);

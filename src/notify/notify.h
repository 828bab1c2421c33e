/* notify.h - tells people what matters, once: a journal reader that makes messages, and an outbox worker that sends
 * them.
 *
 * Owner: app/ starts it before the journal. Threads: notify_test from any; it blocks until the receiver answered. */
#pragma once
#include "db/db.h"
#include "notify/receivers.h"

struct notify_options {
    struct http_client *http;
    struct config *(*config)(void); /* referenced */
};
void notify_start(const struct notify_options *options);

/* notify_test - send a test message to all targets of a receiver now; the first err is returned. ERR_NOT_FOUND. */
err notify_test(struct arena *arena, struct str receiver) MUST_USE;

/* receiver.h - doors through which others send: what stands beside the collectors in the list of sources.
 *
 * Owner: the file that opens the door registers it. Threads: any.
 *
 * The file says:
 *   static struct receiver_state alertmanager_state;
 *   static const struct receiver alertmanager = { .name = "alertmanager", .kind = "webhook", .state =
 *       &alertmanager_state, .note = "...", .snippet = "..." };
 *   REGISTER(receiver, alertmanager);
 *   receiver_got(&alertmanager, alert_count); */
#pragma once
#include "base/registry.h"
#include "base/str.h"

#include <stdatomic.h>

struct receiver_state {
    _Atomic int64_t received_ms, count, failed_ms;
};

struct receiver {
    const char *name, *kind;
    const char *note;    /* one sentence: what to do */
    const char *snippet; /* to paste into the sender's configuration; "{{url}}" becomes our address */
    struct receiver_state *state;
};

/* receiver_got - so many things were taken. */
void receiver_got(const struct receiver *receiver, int64_t count);
/* receiver_refused - something came that could not be taken. */
void receiver_refused(const struct receiver *receiver);

/* notifier.h - one way to tell people: one file in src/integrations/notifiers/ that ends in its const struct and
 * registers it.
 *
 * Owner: settings belong to the configuration, the message to the call. Threads: send runs on an outside thread and may
 * block until the call's deadline. It says worked (NULL), try again (a retryable err, with Retry-After where the peer
 * gave one) or hopeless (any other err); retry, rate limit, metrics and doubles are the core's business.
 *
 * A notifier called x is configured as receivers[].x_configs[], the spelling of Alertmanager. */
#pragma once
#include "base/registry.h"
#include "model/severity.h"
#include "net/call.h"
#include "schema/schema.h"

enum message_kind { MESSAGE_OPENED, MESSAGE_APPROVAL, MESSAGE_FAILED, MESSAGE_RESOLVED, MESSAGE_TEST };

struct message {
    int kind;            /* enum message_kind */
    int64_t incident_id; /* 0: none */
    int64_t event_id;
    struct str title;              /* one line */
    struct str text;               /* a few lines of plain text; may hold anything that telemetry held */
    struct str severity, priority; /* critical, P1 */
    struct str resource;
    struct str url; /* where to read on */
    int64_t time;
};
extern const struct schema message_schema;

struct notifier {
    const char *name;
    const char *doc;
    const struct schema *settings;
    /* target - whom it tells, for lists; without secrets. */
    struct str (*target)(struct arena *arena, const void *settings);
    err (*send)(struct call *call, const void *settings, const struct message *msg);
};

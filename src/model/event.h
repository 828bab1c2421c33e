/* event.h - what was decided or changed: the rows of the journal.
 *
 * Owner: the arena they were read into, or the caller's stack. Threads: values.
 *
 * Kinds are stored: numbers and names are never reused or changed. `data` is an object with "v", the version of its
 * shape; the shapes stand in docs/format/journal.md. */
#pragma once
#include "base/str.h"

/* X(constant, number, name) */
#define EVENT_KINDS(X)                                                                                                 \
    X(EVENT_CHANGE, 1, "change") /* a deployment, restart, configuration change, seen or told */                       \
    X(EVENT_ALERT_FIRING, 10, "alert.firing")                                                                          \
    X(EVENT_ALERT_RESOLVED, 11, "alert.resolved")                                                                      \
    X(EVENT_ALERT_ACKNOWLEDGED, 12, "alert.acknowledged")                                                              \
    X(EVENT_ANOMALY_OPENED, 20, "anomaly.opened")                                                                      \
    X(EVENT_ANOMALY_CLOSED, 21, "anomaly.closed")                                                                      \
    X(EVENT_SIGNAL_RAISED, 30, "signal.raised")                                                                        \
    X(EVENT_SIGNAL_CLEARED, 31, "signal.cleared")                                                                      \
    X(EVENT_INCIDENT_OPENED, 40, "incident.opened")                                                                    \
    X(EVENT_INCIDENT_CHANGED, 41, "incident.changed") /* severity, title, members */                                   \
    X(EVENT_INCIDENT_ACKNOWLEDGED, 42, "incident.acknowledged")                                                        \
    X(EVENT_INCIDENT_RESOLVED, 43, "incident.resolved")                                                                \
    X(EVENT_INCIDENT_REOPENED, 44, "incident.reopened")                                                                \
    X(EVENT_INCIDENT_ASSIGNED, 45, "incident.assigned")                                                                \
    X(EVENT_INCIDENT_NOTE, 46, "incident.note")                                                                        \
    X(EVENT_INCIDENT_MERGED, 47, "incident.merged")                                                                    \
    X(EVENT_INCIDENT_SPLIT, 48, "incident.split")                                                                      \
    X(EVENT_RCA_COMPLETED, 50, "rca.completed")                                                                        \
    X(EVENT_EXECUTION_PROPOSED, 60, "execution.proposed") /* planned, waits for approval */                            \
    X(EVENT_EXECUTION_APPROVED, 61, "execution.approved")                                                              \
    X(EVENT_EXECUTION_REJECTED, 62, "execution.rejected")                                                              \
    X(EVENT_EXECUTION_EXPIRED, 63, "execution.expired")                                                                \
    X(EVENT_EXECUTION_STARTED, 64, "execution.started")                                                                \
    X(EVENT_EXECUTION_RAN, 65, "execution.ran")         /* the run's steps ended; verification follows */              \
    X(EVENT_EXECUTION_ENDED, 66, "execution.ended")     /* with its outcome */                                         \
    X(EVENT_EXECUTION_REFUSED, 67, "execution.refused") /* by policy, lock, cooldown, budget, STOP */                  \
    X(EVENT_EXECUTION_INTERRUPTED, 68, "execution.interrupted")                                                        \
    X(EVENT_STOP_ENGAGED, 75, "stop.engaged")                                                                          \
    X(EVENT_STOP_RELEASED, 76, "stop.released")                                                                        \
    X(EVENT_NOTIFICATION_SENT, 80, "notification.sent")                                                                \
    X(EVENT_NOTIFICATION_FAILED, 81, "notification.failed")                                                            \
    X(EVENT_SERVER_STARTED, 90, "server.started")                                                                      \
    X(EVENT_SERVER_STOPPED, 91, "server.stopped")                                                                      \
    X(EVENT_CONFIG_LOADED, 92, "config.loaded")                                                                        \
    X(EVENT_CONFIG_REJECTED, 93, "config.rejected")                                                                    \
    X(EVENT_PARKED, 94, "journal.parked") /* a reader failed three times at an event */                                \
    X(EVENT_LOGIN, 100, "auth.login")                                                                                  \
    X(EVENT_LOGIN_FAILED, 101, "auth.login_failed")                                                                    \
    X(EVENT_USER_CHANGED, 102, "auth.user_changed")                                                                    \
    X(EVENT_TOKEN_CREATED, 103, "auth.token_created")                                                                  \
    X(EVENT_TOKEN_REVOKED, 104, "auth.token_revoked")                                                                  \
    X(EVENT_CONNECTION_ADDED, 110, "connection.added")                                                                 \
    X(EVENT_CONNECTION_CHANGED, 111, "connection.changed")

enum event_kind {
#define X(constant, number, name) constant = number,
    EVENT_KINDS(X)
#undef X
};

struct event {
    int64_t id;      /* given by the journal, rising */
    int64_t time_ms; /* 0 when appended: now */
    enum event_kind kind;
    struct str subject;    /* the resource, alert, execution ... it is about: "redis:127.0.0.1:6379", "host:db1" */
    int64_t incident;      /* 0: belongs to none */
    struct str actor;      /* who: "user:kim", "token:ci", "auspex" */
    struct str reason;     /* one sentence: why */
    struct str data;       /* JSON object; "" is "{}" */
    struct str unique_key; /* "": none. A second event with the same key is silently the first one */
};

const char *event_kind_name(enum event_kind kind); /* NULL for a number that is no kind */
bool event_kind_parse(struct str name, enum event_kind *ret_kind) MUST_USE;

/* monitor.h - what the routes of /api/v1/monitor share.
 *
 * Owner: the request's arena. Threads: any. */
#pragma once
#include "api/services.h"
#include "redis/connections.h"
#include "redis/scenario.h"

/* A query or body that says which connection. */
struct which_connection {
    struct str connection;
};
extern const struct schema which_connection_schema;

/* monitor_facts - the newest facts: the doctor's where it is watched, else (and where they are old) a look of now. */
err monitor_facts(struct arena *arena, const struct connection *connection, struct redis_facts *ret_facts) MUST_USE;

/* The shapes of group C. */
struct monitor_evidence {
    struct str text, metric;
    double value;
};
struct evidence_list {
    VEC(struct monitor_evidence) evidence;
};
extern const struct schema monitor_evidence_schema;
/* monitor_add_evidence - of all causes, in their order. */
void monitor_add_evidence(struct arena *arena, const struct rca_result *result, struct evidence_list *list);

/* monitor_alerts_of - alerts of this resource that fire or are acknowledged, newest first. */
struct alert_list;
err monitor_alerts_of(struct arena *arena, struct str resource, struct alert_list *ret_list) MUST_USE;

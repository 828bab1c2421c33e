/* doctor.h - looks at every poll of every Redis, turns what is wrong into alerts, and explains it.
 *
 * Owner: app/ starts it before collecting and stops it after. Threads: doctor_observe on the collectors' threads, the
 * rest from any.
 *
 * DESIGN. The newest facts of each instance are kept (copied, bounded), so that an alert and its explanation look at
 * the same numbers. A scenario is one row (scenario.h) that says whether it holds; it becomes an alert when it begins
 * to hold and ends when it has not held for two polls. What can't be seen changes nothing: no data is never "fine". */
#pragma once
#include "db/db.h"
#include "redis/instance.h"
#include "schema/config.h"

struct doctor_options {
    struct db *db;
    struct config *(*config)(void); /* referenced; for the service that runs an instance */
};

err doctor_start(const struct doctor_options *options) MUST_USE;
void doctor_stop(void);
void doctor_observe(const struct redis_instance_state *state);
/* doctor_forget - an instance that is watched no more. */
void doctor_forget(struct str resource);

/* The newest of an instance, in the arena; false where it was never seen. */
struct redis_facts;
bool doctor_facts(struct arena *arena, struct str resource, struct redis_facts *ret_facts);

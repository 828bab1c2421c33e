/* redis_call.h - a Redis as actions see it: found in the inventory, asked for INFO fields as numbers.
 *
 * Owner: connections are the caller's until redis_call_closep. Threads: any; it may block until the call's deadline.
 */
#pragma once
#include "action/executor.h"

/* redis_call_open - connect to "HOST:PORT" or a connection's name, as the inventory knows it; over the connection that
 * is kept open for actions where there is one, since a server that is full takes no other. */
err redis_call_open(struct step_call *call, struct str instance, struct redis_client **ret_client) MUST_USE;
struct str redis_call_address(struct arena *arena, const struct redis_options *options); /* "HOST:PORT" */
void redis_call_closep(struct redis_client **client);

/* What INFO and a few CONFIG options say. ok, up, yes count as 1, err, down, no as 0. */
struct redis_facts {
    struct str info;
    double maxclients;
};
err redis_facts_read(struct step_call *call, struct redis_client *client, struct redis_facts *ret_facts) MUST_USE;
/* redis_fact - for struct criterion_scope: false where INFO has no such field. */
bool redis_fact(void *facts, struct str name, double *ret_value);
struct str redis_fact_text(const struct redis_facts *facts, struct str name); /* "" where absent */

/* redis_config_get - one named option; never one that may hold a secret. */
err redis_config_get(struct step_call *call, struct redis_client *client, struct str option,
                     struct str *ret_value) MUST_USE;

/* look_once.h - one look at an instance that nobody watches: the facts of this moment, without a past.
 *
 * Owner: the arena. Threads: any; blocks until the deadline (monotonic). */
#pragma once
#include "net/redis_client.h"
#include "redis/scenario.h"

/* look_once - that it can't be reached is a fact as well: outcome and error tell. */
void look_once(struct arena *arena, const struct redis_options *options, struct str address, int64_t deadline_ms,
               struct redis_facts *ret_facts);

/* reach.h - how to reach the Redis instances that are watched: what actions connect with.
 *
 * Owner: a table of the process; the collector adds an instance while its source is open. Threads: any. */
#pragma once
#include "net/redis_client.h"

/* redis_reach_add - by address ("127.0.0.1:6379"); the options are copied. Each add needs its remove. */
void redis_reach_add(struct str address, const struct redis_options *options);
void redis_reach_remove(struct str address);
/* redis_reach_find - "redis:HOST:PORT" or "HOST:PORT"; false for those that nobody watches. */
bool redis_reach_find(struct arena *arena, struct str instance, struct redis_options *ret_options);

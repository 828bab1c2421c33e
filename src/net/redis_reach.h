/* redis_reach.h - how to reach the Redis instances that are watched: what actions connect with.
 *
 * Owner: a table of the process; the collector adds an instance while its source is open. Threads: any. */
#pragma once
#include "net/redis_client.h"

/* redis_reach_add - by address ("127.0.0.1:6379"); the options are copied. Each add needs its remove. */
void redis_reach_add(struct str address, const struct redis_options *options);
void redis_reach_remove(struct str address);
/* redis_reach_keep - keep a second connection open for actions, since a server that is full takes no new one: called at
 * each poll, opens it where it is not, and says PING now and then. Blocks until the deadline at most. */
void redis_reach_keep(struct str address, int64_t deadline_ms);
/* redis_reach_borrow - that connection, or a new one that is not connected yet; NULL where nobody watches the instance.
 * redis_reach_return takes either back. */
struct redis_client *redis_reach_borrow(struct str instance);
void redis_reach_return(struct redis_client *client);
void redis_reach_returnp(struct redis_client **client);
/* redis_reach_find - "redis:HOST:PORT" or "HOST:PORT"; false for those that nobody watches. */
bool redis_reach_find(struct arena *arena, struct str instance, struct redis_options *ret_options);

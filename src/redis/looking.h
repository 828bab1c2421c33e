/* looking.h - replies of SLOWLOG, LATENCY and CLIENT LIST as plain rows.
 *
 * Owner: the arena given. Threads: any. Strange elements are skipped: a server may send anything. */
#pragma once
#include "redis/instance.h"

/* redis_slow_read - entries with ids above `after`, as they come (newest first); *ret_last is the highest id seen, or
 * `after`. */
void redis_slow_read(struct arena *arena, const struct resp *reply, int64_t after,
                     const struct redis_slow_entry **ret_entries, size_t *ret_count, int64_t *ret_last);
void redis_latency_read(struct arena *arena, const struct resp *reply, const struct redis_latency_event **ret_events,
                        size_t *ret_count);
void redis_clients_read(struct arena *arena, struct str text, struct redis_client_summary *ret_summary);

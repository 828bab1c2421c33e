/* event_rows.h - rows of the journal as events; private to db/.
 *
 * Owner: the arena. Threads: that of the tx. */
#pragma once
#include "db/journal.h"

/* event_rows_after - at most max events (or about max_bytes of text) with ids above `after`, ascending. */
err event_rows_after(struct tx *tx, struct arena *arena, int64_t after, size_t max, size_t max_bytes,
                     struct event_list *ret_list) MUST_USE;
err event_row_get(struct tx *tx, struct arena *arena, int64_t id, struct event *ret_event, bool *ret_found) MUST_USE;

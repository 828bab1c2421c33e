/* page.h - pages of a list, the newest first: the cursor that a reply gives and the next query brings back.
 *
 * Owner: values. Threads: any. */
#pragma once
#include "base/arena.h"
#include "base/str.h"

/* page_before - the id that a page ends before; 0 where no cursor came. ERR_INVALID for a text that is no cursor. */
err page_before(struct str cursor, int64_t *ret_id) MUST_USE;
/* page_cursor - for the reply: what follows the row `last_id`; null where the page was not full, so nothing follows. */
struct str page_cursor(struct arena *arena, size_t count, int64_t limit, int64_t last_id);

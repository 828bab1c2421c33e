/* thin.h - within the room: a chunk without the samples that were deleted.
 *
 * Owner: the thinning has the memory of its last answer. Threads: one at a time. */
#pragma once
#include "tsdb/columns.h"
#include "tsdb/deletions.h"
#include "tsdb/tier.h"

struct thinning {
    struct arena *arena;
    struct columns columns;
    struct tier_fold rows;
    struct buf chunk;
};
void thinning_clear(struct thinning *thinning);
/* thin - without the deletions of the series that came after `serial`: the same bytes where none touches them, "" where
 * nothing is left. Lives until the next call. Of rows of a tier, each `width_ms` wide (0: samples), those go that were
 * deleted from in part. */
err thin(struct thinning *thinning, const struct deletion_set *set, uint32_t series, uint64_t serial, int64_t width_ms,
         struct str chunk, struct str *ret_chunk) MUST_USE;
/* thin_columns - the same of decoded samples from index `from` on. */
void thin_columns(struct columns *columns, size_t from, const struct deletion_set *set, uint32_t series,
                  uint64_t serial);

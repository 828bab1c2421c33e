/* deletions.h - what was deleted but is still in block files: spans of time by series.
 *
 * Owner: struct blocks. Threads: any. A set is an immutable snapshot with a count. Format: docs/format/deletions.md.
 *
 * Each deletion has a serial number. A block knows the last one that its samples were taken after; later ones apply to
 * it, readers leave out what they cover, and a merge carries them out. A deletion that no block needs is forgotten. */
#pragma once
#include "base/buf.h"

struct deletions;
struct deletion_set;

/* deletions_open - of a file that may not be there yet. ERR_CORRUPT where it is damaged. */
err deletions_open(const char *path, struct deletions **ret_deletions) MUST_USE;
void deletions_close(struct deletions *deletions);
/* deletions_add - durable when it returns. */
err deletions_add(struct deletions *deletions, const uint32_t *series, size_t count, int64_t start_ms,
                  int64_t end_ms) MUST_USE;
/* deletions_serial - of the last one. */
uint64_t deletions_serial(struct deletions *deletions);
/* deletions_reach - the serial is not below this one: what blocks know of, though the file may be lost. */
void deletions_reach(struct deletions *deletions, uint64_t serial);

/* One of them; the ids are sorted. */
struct deletion {
    uint64_t serial;
    int64_t start_ms, end_ms;
    const uint32_t *series;
    size_t count;
};
/* deletions_forget - those that nobody needs. */
err deletions_forget(struct deletions *deletions, bool (*needed)(void *arg, const struct deletion *deletion),
                     void *arg) MUST_USE;

const struct deletion_set *deletions_now(struct deletions *deletions);
void deletion_set_unref(const struct deletion_set *set);
/* deletion_set_next - the first one behind `after` (NULL: the first of all) with a serial above `serial` that has the
 * series; NULL where there is none. */
const struct deletion *deletion_set_next(const struct deletion_set *set, const struct deletion *after, uint32_t series,
                                         uint64_t serial);
/* deletion_set_after - the first one behind `after` of any series. */
const struct deletion *deletion_set_after(const struct deletion_set *set, const struct deletion *after);
/* deletion_set_serial - of the last one when the snapshot was taken. */
uint64_t deletion_set_serial(const struct deletion_set *set);
/* deletion_touches - does one that came after `serial` touch this span of the series? */
bool deletion_touches(const struct deletion_set *set, uint32_t series, uint64_t serial, int64_t first_ms,
                      int64_t last_ms);

/* time.h - wall time in milliseconds since 1970 UTC; the monotonic clock for everything that waits.
 *
 * Owner: nobody. Threads: any. */
#pragma once
#include "base/buf.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS };

int64_t time_now_ms(void);
int64_t time_mono_ms(void);
int64_t time_mono_us(void);
/* time_set_wall - what time_now_ms asks instead of the kernel, for tests of clocks that jump; NULL: the kernel again.
 */
void time_set_wall(int64_t (*now_ms)(void));

/* time_add_rfc3339 - "2026-11-22T10:45:57.123Z"; milliseconds only where there are some. */
void time_add_rfc3339(struct buf *buf, int64_t time_ms);
struct str time_rfc3339(struct arena *arena, int64_t time_ms);
/* time_parse - RFC 3339 with any offset and fraction (cut to ms), or epoch seconds with fraction. Years 1..9999.
 * "0001-01-01T00:00:00Z", which Go writes for "never", is a valid time far before 1970. */
bool time_parse(struct str text, int64_t *ret_time_ms) MUST_USE;

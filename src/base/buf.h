/* buf.h - growable text with a maximum, which fails once and stays failed.
 *
 * Owner: the struct's holder; end with buf_clear, or give the bytes away with buf_take. Threads: one at a time.
 * Writers need no checks: what does not fit is dropped whole and buf_check tells, once, at the end. */
#pragma once
#include "base/str.h"

struct buf {
    char *at;
    size_t length;
    size_t room;
    size_t max;
    bool failed;
};

/* buf_init - an empty one; it never holds more than max bytes (the terminating NUL apart). No allocation yet. */
void buf_init(struct buf *buf, size_t max);
void buf_clear(struct buf *buf); /* frees; usable again, with the same maximum. Fits CLEANUP */
void buf_reset(struct buf *buf); /* empties, keeps the memory, forgets the failure */

void buf_add(struct buf *buf, struct str s);
void buf_add_bytes(struct buf *buf, const void *bytes, size_t length);
void buf_add_c(struct buf *buf, char c);
void buf_addf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_add_i64(struct buf *buf, int64_t value);
/* buf_add_double - the shortest text that reads back the same; NaN, +Inf and -Inf as Prometheus writes them. */
void buf_add_double(struct buf *buf, double value);
/* buf_reserve - room for `more` bytes to be written at buf->at + buf->length; NULL where the maximum forbids. */
char *buf_reserve(struct buf *buf, size_t more);
void buf_truncate(struct buf *buf, size_t length);

struct str buf_str(const struct buf *buf);
const char *buf_c(struct buf *buf); /* NUL-terminated, valid until the next change */
char *buf_take(struct buf *buf);    /* the bytes, NUL-terminated, for free(); the buf is empty afterwards */
/* buf_check - ERR_TOO_LARGE naming the maximum, where something was dropped. */
err buf_check(const struct buf *buf) MUST_USE;

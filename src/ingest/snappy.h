/* snappy.h - bodies in snappy's block format.
 *
 * Owner: what is unpacked belongs to the calling thread, until its next call. Threads: any, each has its own memory. */
#pragma once
#include "base/buf.h"

/* snappy_unpack - the plain bytes, which live until this thread's next snappy_unpack. The length is read first, so a
 * bomb costs nothing: ERR_TOO_LARGE above max; ERR_INVALID where it is no snappy block, or is cut short. */
err snappy_unpack(struct str packed, size_t max, struct str *ret_plain) MUST_USE;
/* snappy_let_go - the thread is done with what was unpacked: gives back what was unusually large. */
void snappy_let_go(void);
/* snappy_pack - add the packed form of `plain` to `out`; what doesn't fit fails the buf. */
void snappy_pack(struct buf *out, struct str plain);

/* frame.h - frames between the daemon and its runner processes, which are the same binary.
 *
 * Owner: the caller of buffers and descriptors. Threads: any. A frame is a length and packed values; a reader that runs
 * past the end, or is lied to about a length, stays failed and yields nothing. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"

enum { FRAME_MAX = 2 * 1024 * 1024 };

void frame_put_i64(struct buf *out, int64_t value);
void frame_put_str(struct buf *out, struct str value);

struct frame_reader {
    struct str rest;
    bool failed;
};
int64_t frame_i64(struct frame_reader *reader);
struct str frame_str(struct frame_reader *reader);

/* frame_send, frame_receive - one frame over a stream socket; the receiver waits at most timeout_ms. ERR_UNAVAILABLE
 * where the other side is gone. */
err frame_send(int fd, struct str frame) MUST_USE;
err frame_receive(int fd, struct arena *arena, int64_t timeout_ms, struct str *ret_frame) MUST_USE;

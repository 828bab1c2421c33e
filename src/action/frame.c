/* frame.c - frames between the daemon and its runner processes. */
#include "action/frame.h"

#include "base/time.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

void frame_put_i64(struct buf *out, int64_t value)
{
    buf_add_bytes(out, &value, sizeof(value));
}

void frame_put_str(struct buf *out, struct str value)
{
    frame_put_i64(out, (int64_t)value.length);
    buf_add(out, value);
}

static bool take(struct frame_reader *reader, size_t length)
{
    if (reader->failed || reader->rest.length < length) {
        reader->failed = true;
        return false;
    }
    reader->rest = str_slice(reader->rest, length, reader->rest.length);
    return true;
}

int64_t frame_i64(struct frame_reader *reader)
{
    int64_t value = 0;
    const char *at = reader->rest.at;

    if (take(reader, sizeof(value)))
        memcpy(&value, at, sizeof(value));
    return value;
}

struct str frame_str(struct frame_reader *reader)
{
    int64_t length = frame_i64(reader);
    const char *at = reader->rest.at;

    if (length < 0 || !take(reader, (size_t)length)) {
        reader->failed = true;
        return S("");
    }
    return (struct str){ at, (size_t)length };
}

static err send_bytes(int fd, const void *bytes, size_t length)
{
    const char *at = bytes;

    while (length) {
        ssize_t sent = send(fd, at, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return err_new(ERR_UNAVAILABLE, "the runner's socket: %s", strerror(errno));
        at += sent;
        length -= (size_t)sent;
    }
    return NULL;
}

err frame_send(int fd, struct str frame)
{
    uint64_t length = frame.length;

    TRY(send_bytes(fd, &length, sizeof(length)));
    return send_bytes(fd, frame.at, frame.length);
}

static err receive_bytes(int fd, void *bytes, size_t length, int64_t deadline_ms)
{
    char *at = bytes;

    while (length) {
        struct pollfd wait = { .fd = fd, .events = POLLIN };
        int64_t left = deadline_ms - time_mono_ms();
        if (left <= 0)
            return err_new(ERR_TIMEOUT, "the runner did not answer in time");
        int ready = poll(&wait, 1, left > 60000 ? 60000 : (int)left);
        if (ready == 0 || (ready < 0 && errno == EINTR))
            continue;
        ssize_t got = ready < 0 ? -1 : recv(fd, at, length, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return err_new(ERR_UNAVAILABLE, "the runner's process ended unexpectedly");
        at += got;
        length -= (size_t)got;
    }
    return NULL;
}

err frame_receive(int fd, struct arena *arena, int64_t timeout_ms, struct str *ret_frame)
{
    int64_t deadline_ms = time_mono_ms() + timeout_ms;
    uint64_t length;

    TRY(receive_bytes(fd, &length, sizeof(length), deadline_ms));
    if (length > FRAME_MAX)
        return err_new(ERR_TOO_LARGE, "a frame of %llu bytes; at most %d", (unsigned long long)length, FRAME_MAX);
    char *bytes = arena_alloc(arena, length + 1);
    TRY(receive_bytes(fd, bytes, length, deadline_ms));
    *ret_frame = (struct str){ bytes, length };
    return NULL;
}

/* buf.c - growable text. */
#include "base/buf.h"

#include "base/float_text.h"

#include "base/arena.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf){ .max = max };
}

void buf_clear(struct buf *buf)
{
    free(buf->at);
    *buf = (struct buf){ .max = buf->max };
}

void buf_reset(struct buf *buf)
{
    buf->length = 0;
    buf->failed = false;
}

char *buf_reserve(struct buf *buf, size_t more)
{
    if (buf->failed || more > buf->max || buf->length > buf->max - more) {
        buf->failed = true;
        return NULL;
    }
    size_t need = buf->length + more + 1;
    if (need > buf->room) {
        size_t room = buf->room < 64 ? 64 : buf->room;
        while (room < need)
            room += room / 2;
        char *at = realloc(buf->at, room);
        if (!at)
            out_of_memory(room);
        buf->at = at;
        buf->room = room;
    }
    return buf->at + buf->length;
}

void buf_add_bytes(struct buf *buf, const void *bytes, size_t length)
{
    char *to = buf_reserve(buf, length);

    if (!to || length == 0)
        return;
    memcpy(to, bytes, length);
    buf->length += length;
}

void buf_add(struct buf *buf, struct str s)
{
    buf_add_bytes(buf, s.at, s.length);
}

void buf_add_c(struct buf *buf, char c)
{
    buf_add_bytes(buf, &c, 1);
}

void buf_addf(struct buf *buf, const char *format, ...)
{
    char small[256];
    va_list args;

    va_start(args, format);
    int length = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    if (length < 0)
        abort(); /* only a broken format gets here */
    if ((size_t)length < sizeof(small)) {
        buf_add_bytes(buf, small, (size_t)length);
        return;
    }
    char *to = buf_reserve(buf, (size_t)length);
    if (!to)
        return;
    va_start(args, format);
    vsnprintf(to, (size_t)length + 1, format, args);
    va_end(args);
    buf->length += (size_t)length;
}

void buf_add_i64(struct buf *buf, int64_t value)
{
    char digits[24], *at = digits + sizeof(digits);
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;

    do
        *--at = (char)('0' + left % 10);
    while (left /= 10);
    if (value < 0)
        *--at = '-';
    buf_add_bytes(buf, at, (size_t)(digits + sizeof(digits) - at));
}

void buf_add_double(struct buf *buf, double value)
{
    double size = fabs(value);

    /* As printf's %g: an exponent where the digits would end left of the point, or begin far right of it. */
    if (!isfinite(value) || (size < 1e15 && value == (double)(int64_t)value)) {
        float_add_plain(buf, value);
        return;
    }
    struct float_digits d = float_digits(value);
    if (d.exponent < -4 || d.exponent >= (d.count > 15 ? d.count : 15))
        float_add_exponent(buf, value);
    else
        float_add_plain(buf, value);
}

void buf_truncate(struct buf *buf, size_t length)
{
    if (length < buf->length)
        buf->length = length;
}

struct str buf_str(const struct buf *buf)
{
    return (struct str){ buf->at ? buf->at : "", buf->length };
}

const char *buf_c(struct buf *buf)
{
    if (!buf->at)
        return "";
    buf->at[buf->length] = 0;
    return buf->at;
}

char *buf_take(struct buf *buf)
{
    char *at = buf->at ? buf->at : calloc(1, 1);

    if (!at)
        abort();
    at[buf->length] = 0;
    *buf = (struct buf){ .max = buf->max };
    return at;
}

err buf_check(const struct buf *buf)
{
    return buf->failed ? err_new(ERR_TOO_LARGE, "text is longer than %zu bytes", buf->max) : NULL;
}

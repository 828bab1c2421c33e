/* varint.h - numbers as bytes in the files of the engine: LEB128, zigzag for signed ones, little-endian for fixed ones.
 *
 * Owner: the buf that is written, the bytes that are read. Threads: values. */
#pragma once
#include "base/buf.h"

#include <string.h>

static inline uint64_t zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static inline int64_t unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static inline void put_varint(struct buf *out, uint64_t value)
{
    unsigned char bytes[10];
    size_t length = 0;

    for (; value > 127; value >>= 7)
        bytes[length++] = (unsigned char)(value | 128);
    bytes[length++] = (unsigned char)value;
    buf_add_bytes(out, bytes, length);
}

static inline void put_signed(struct buf *out, int64_t value)
{
    put_varint(out, zigzag(value));
}

static inline void put_u32(struct buf *out, uint32_t value)
{
    buf_add_bytes(out, &value, sizeof(value));
}

static inline void put_u64(struct buf *out, uint64_t value)
{
    buf_add_bytes(out, &value, sizeof(value));
}

/* What is left to read. A take beyond the end fails once, gives zeros and stays failed: check at the end. */
struct reading {
    const unsigned char *at, *end;
    bool failed;
};

static inline struct reading reading_of(struct str bytes)
{
    return (struct reading){ (const unsigned char *)bytes.at, (const unsigned char *)bytes.at + bytes.length, false };
}

static inline size_t reading_left(const struct reading *in)
{
    return (size_t)(in->end - in->at);
}

/* take_bytes - a view of the next `length` bytes; NULL and failed where there are fewer. */
static inline const unsigned char *take_bytes(struct reading *in, uint64_t length)
{
    const unsigned char *at = in->at;

    if (in->failed || length > reading_left(in)) {
        in->failed = true;
        return NULL;
    }
    in->at += length;
    return at;
}

static inline uint8_t take_byte(struct reading *in)
{
    const unsigned char *at = take_bytes(in, 1);

    return at ? *at : 0;
}

static inline uint64_t take_varint(struct reading *in)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint64_t byte = take_byte(in);
        value |= (byte & 127) << shift;
        if (byte < 128)
            return value;
    }
    in->failed = true;
    return 0;
}

static inline int64_t take_signed(struct reading *in)
{
    return unzigzag(take_varint(in));
}

static inline uint32_t take_u32(struct reading *in)
{
    const unsigned char *at = take_bytes(in, sizeof(uint32_t));
    uint32_t value = 0;

    if (at)
        memcpy(&value, at, sizeof(value));
    return value;
}

static inline uint64_t take_u64(struct reading *in)
{
    const unsigned char *at = take_bytes(in, sizeof(uint64_t));
    uint64_t value = 0;

    if (at)
        memcpy(&value, at, sizeof(value));
    return value;
}

static inline struct str take_str(struct reading *in)
{
    uint64_t length = take_varint(in);
    const unsigned char *at = take_bytes(in, length);

    return at ? (struct str){ (const char *)at, (size_t)length } : S("");
}

static inline void put_str(struct buf *out, struct str text)
{
    put_varint(out, text.length);
    buf_add(out, text);
}

/* protobuf.h - messages in Protocol Buffers' wire format: read field by field, and written for answers.
 *
 * Owner: the caller; fields are views of the message. Threads: values.
 *
 *   struct protobuf in = protobuf_of(message);
 *   for (struct protobuf_field field; protobuf_next(&in, &field);)
 *       switch (PROTOBUF_KEY(field.number, field.wire)) {
 *       case PROTOBUF_KEY(1, WIRE_BYTES): name = field.bytes; break;
 *       }
 *   TRY(protobuf_check(&in, "Label"));
 *
 * DESIGN. Nothing is allocated and nobody recurses here: a message within a message is a field's bytes, read by another
 * struct protobuf, so depth is bounded by the caller's own code. A field of an unexpected wire type has a key that no
 * case names, so it is skipped, as unknown fields are. Groups are refused: no protocol that we speak has them. */
#pragma once
#include "base/buf.h"

#include <string.h>

enum protobuf_wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };
#define PROTOBUF_KEY(number, wire) ((uint64_t)(number) << 3 | (wire))

struct protobuf {
    const char *at, *end;
    const char *start;
    bool broken; /* `at` stays where it went wrong */
};

struct protobuf_field {
    uint32_t number;
    enum protobuf_wire wire;
    uint64_t integer; /* WIRE_VARINT, WIRE_FIXED64, WIRE_FIXED32 */
    struct str bytes; /* WIRE_BYTES */
};

static inline struct protobuf protobuf_of(struct str message)
{
    return (struct protobuf){ .at = message.at, .end = message.at + message.length, .start = message.at };
}

/* protobuf_varint - at most ten bytes; false, and broken, where there is none. */
bool protobuf_varint_slow(struct protobuf *in, uint64_t *ret_value);
static inline bool protobuf_varint(struct protobuf *in, uint64_t *ret_value)
{
    if (in->at < in->end && !(*in->at & 0x80)) {
        *ret_value = (unsigned char)*in->at++;
        return true;
    }
    return protobuf_varint_slow(in, ret_value);
}

/* protobuf_next - the next field; false at the end, and where the message is broken. */
static inline bool protobuf_next(struct protobuf *in, struct protobuf_field *ret_field)
{
    uint64_t key, length;

    if (in->at == in->end || in->broken || !protobuf_varint(in, &key))
        return false;
    ret_field->number = (uint32_t)(key >> 3);
    ret_field->wire = (enum protobuf_wire)(key & 7);
    if (key >> 3 == 0 || key >> 32)
        goto broken;
    switch (ret_field->wire) {
    case WIRE_VARINT:
        return protobuf_varint(in, &ret_field->integer);
    case WIRE_BYTES:
        if (!protobuf_varint(in, &length))
            return false;
        if (length > (uint64_t)(in->end - in->at))
            goto broken;
        ret_field->bytes = (struct str){ in->at, (size_t)length };
        in->at += length;
        return true;
    case WIRE_FIXED64:
        if (in->end - in->at < 8)
            goto broken;
        memcpy(&ret_field->integer, in->at, 8);
        in->at += 8;
        return true;
    case WIRE_FIXED32:
        if (in->end - in->at < 4)
            goto broken;
        ret_field->integer = 0;
        memcpy(&ret_field->integer, in->at, 4);
        in->at += 4;
        return true;
    }
broken:
    in->broken = true;
    return false;
}

/* protobuf_check - ERR_INVALID naming the message and the byte where it is broken. */
err protobuf_check(const struct protobuf *in, const char *message) MUST_USE;

static inline int64_t protobuf_zigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}
static inline double protobuf_double(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* The values of a repeated number, which may come packed (one field of bytes) or one by one. `wire` is that of a single
 * value; a field of neither kind has no values.
 *
 *   for (struct protobuf_numbers it = protobuf_numbers(&field, WIRE_VARINT); protobuf_number(&it, &value);) ... */
struct protobuf_numbers {
    struct protobuf packed;
    enum protobuf_wire wire;
    bool single;
    uint64_t value;
};
struct protobuf_numbers protobuf_numbers(const struct protobuf_field *field, enum protobuf_wire wire);
bool protobuf_number(struct protobuf_numbers *numbers, uint64_t *ret_value);

/* ---- writing: little-endian machines, as everywhere in this program ---- */

void protobuf_put_varint(struct buf *out, uint32_t number, uint64_t value);
void protobuf_put_double(struct buf *out, uint32_t number, double value);
void protobuf_put_bytes(struct buf *out, uint32_t number, struct str bytes);
/* protobuf_begin, protobuf_end - a message within: what is added between them. `ret` is for protobuf_end. */
size_t protobuf_begin(struct buf *out, uint32_t number);
void protobuf_end(struct buf *out, size_t begun);
/* protobuf_add_varint - without a key: for packed lists and frames. */
void protobuf_add_varint(struct buf *out, uint64_t value);

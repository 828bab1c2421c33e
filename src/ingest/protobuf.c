/* protobuf.c - the parts of the wire format that are not on the hot path; source: protobuf.dev, "Encoding". */
#include "ingest/protobuf.h"

enum { VARINT_BYTES_MAX = 10 };

bool protobuf_varint_slow(struct protobuf *in, uint64_t *ret_value)
{
    uint64_t value = 0;
    const char *at = in->at;

    for (int i = 0; i < VARINT_BYTES_MAX && at < in->end; i++) {
        uint64_t byte = (unsigned char)*at++;
        if (i == VARINT_BYTES_MAX - 1 && byte > 1)
            break;
        value |= (byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) {
            in->at = at;
            *ret_value = value;
            return true;
        }
    }
    in->broken = true;
    return false;
}

err protobuf_check(const struct protobuf *in, const char *message)
{
    if (!in->broken)
        return NULL;
    return err_new(ERR_INVALID, "the protobuf message %s is broken at its byte %zu of %zu", message,
                   (size_t)(in->at - in->start), (size_t)(in->end - in->start));
}

struct protobuf_numbers protobuf_numbers(const struct protobuf_field *field, enum protobuf_wire wire)
{
    struct protobuf_numbers numbers = { .wire = wire };

    if (field->wire == wire) {
        numbers.single = true;
        numbers.value = field->integer;
    } else if (field->wire == WIRE_BYTES) {
        numbers.packed = protobuf_of(field->bytes);
    }
    return numbers;
}

bool protobuf_number(struct protobuf_numbers *numbers, uint64_t *ret_value)
{
    struct protobuf *in = &numbers->packed;
    size_t width = numbers->wire == WIRE_FIXED64 ? 8 : 4;

    if (numbers->single) {
        numbers->single = false;
        *ret_value = numbers->value;
        return true;
    }
    if (in->at == in->end || in->broken)
        return false;
    if (numbers->wire == WIRE_VARINT)
        return protobuf_varint(in, ret_value);
    if ((size_t)(in->end - in->at) < width) {
        in->broken = true;
        return false;
    }
    *ret_value = 0;
    memcpy(ret_value, in->at, width);
    in->at += width;
    return true;
}

static size_t varint_write(char *at, uint64_t value)
{
    size_t length = 0;

    while (value >= 0x80) {
        at[length++] = (char)(value | 0x80);
        value >>= 7;
    }
    at[length++] = (char)value;
    return length;
}

void protobuf_add_varint(struct buf *out, uint64_t value)
{
    char bytes[VARINT_BYTES_MAX];

    buf_add_bytes(out, bytes, varint_write(bytes, value));
}

void protobuf_put_varint(struct buf *out, uint32_t number, uint64_t value)
{
    protobuf_add_varint(out, PROTOBUF_KEY(number, WIRE_VARINT));
    protobuf_add_varint(out, value);
}

void protobuf_put_double(struct buf *out, uint32_t number, double value)
{
    protobuf_add_varint(out, PROTOBUF_KEY(number, WIRE_FIXED64));
    buf_add_bytes(out, &value, sizeof(value));
}

void protobuf_put_bytes(struct buf *out, uint32_t number, struct str bytes)
{
    protobuf_add_varint(out, PROTOBUF_KEY(number, WIRE_BYTES));
    protobuf_add_varint(out, bytes.length);
    buf_add(out, bytes);
}

size_t protobuf_begin(struct buf *out, uint32_t number)
{
    protobuf_add_varint(out, PROTOBUF_KEY(number, WIRE_BYTES));
    return out->length;
}

void protobuf_end(struct buf *out, size_t begun)
{
    char length[VARINT_BYTES_MAX];
    size_t content = out->length - begun;
    size_t width = varint_write(length, content);

    if (!buf_reserve(out, width))
        return;
    memmove(out->at + begun + width, out->at + begun, content);
    memcpy(out->at + begun, length, width);
    out->length += width;
}

/* chunk_frame.c - the head of a chunk. */
#include "tsdb/chunk_frame.h"

enum { LENGTH_BYTES_MAX = 10 };

size_t frame_begin(struct buf *out, unsigned kind, size_t count, int64_t first_ms, int64_t last_ms)
{
    buf_add_c(out, (char)kind);
    size_t place = out->length;
    put_varint(out, count);
    put_signed(out, first_ms);
    put_varint(out, (uint64_t)last_ms - (uint64_t)first_ms);
    return place;
}

/* The length goes in between, once it is known. */
void frame_end(struct buf *out, size_t place)
{
    unsigned char length[LENGTH_BYTES_MAX];
    size_t length_bytes = 0;

    if (out->failed)
        return;
    size_t bytes = out->length - place, rest = bytes;
    for (; rest > 127; rest >>= 7)
        length[length_bytes++] = (unsigned char)(rest | 128);
    length[length_bytes++] = (unsigned char)rest;
    if (!buf_reserve(out, length_bytes))
        return;
    memmove(out->at + place + length_bytes, out->at + place, bytes);
    memcpy(out->at + place, length, length_bytes);
    out->length += length_bytes;
}

bool frame_take(struct reading *in, unsigned *ret_kind, struct chunk_head *ret_head)
{
    const unsigned char *from = in->at;
    unsigned kind = take_byte(in), what = kind & FRAME_MASK;
    uint64_t length = take_varint(in);

    if (in->failed || (what != FRAME_SAMPLES && what != FRAME_TIER) || length > reading_left(in) ||
        length > UINT32_MAX / 2)
        return false;
    in->end = in->at + length;
    uint64_t count = take_varint(in);
    int64_t first = take_signed(in);
    uint64_t span = take_varint(in);
    if (in->failed || count == 0 || count > CHUNK_SAMPLES_MAX || span > (uint64_t)INT64_MAX - (uint64_t)first)
        return false;
    *ret_kind = kind;
    *ret_head = (struct chunk_head){
        .bytes = (uint32_t)(in->end - from),
        .count = (uint32_t)count,
        .first_ms = first,
        .last_ms = (int64_t)((uint64_t)first + span),
    };
    return true;
}

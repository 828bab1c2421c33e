/* stream.c - tokens of samples, packed and read back. */
#include "tsdb/stream.h"

#include <stdlib.h>
#include <string.h>

enum { REPEAT_MAX = 128, TOKEN_BYTES_MAX = 1 + 10 + 8, ROOM_FIRST = 16, CONTROL = 0x80 };

static uint64_t bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static double value_of(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static struct chunk *chunk_new(int64_t time_ms, double value)
{
    struct chunk *chunk = malloc(sizeof(*chunk) + ROOM_FIRST);

    if (!chunk)
        abort();
    *chunk = (struct chunk){
        .first_ms = time_ms,
        .last_ms = time_ms,
        .first_bits = bits_of(value),
        .last_bits = bits_of(value),
        .count = 1,
        .room = ROOM_FIRST,
        .repeat_at = UINT16_MAX,
    };
    return chunk;
}

static struct chunk *chunk_resize(struct chunk *chunk, size_t room)
{
    chunk = realloc(chunk, sizeof(*chunk) + room);
    if (!chunk)
        abort();
    chunk->room = (uint16_t)room;
    return chunk;
}

static size_t token_write(unsigned char *out, uint64_t xor, int64_t step_change)
{
    unsigned lead = xor? (unsigned)__builtin_clzll(xor) / 8 : 0;
    unsigned trail = xor? (unsigned)__builtin_ctzll(xor) / 8 : 8;
    unsigned length = 8 - lead - trail;
    uint64_t zigzag = ((uint64_t)step_change << 1) ^ (uint64_t)(step_change >> 63);
    size_t n = 0;

    out[n++] = (unsigned char)(CONTROL | lead << 4 | length);
    for (; zigzag >= 0x80; zigzag >>= 7)
        out[n++] = (unsigned char)(zigzag | 0x80);
    out[n++] = (unsigned char)zigzag;
    for (unsigned i = 0; i < length; i++)
        out[n++] = (unsigned char)(xor >> (8 * (trail + i)));
    return n;
}

/* The address of the pointer to the last chunk, for one that moves. The list is short: a handful of chunks. */
static struct chunk **last_link(struct stream *stream)
{
    struct chunk **link = &stream->first;

    while (*link != stream->last)
        link = &(*link)->next;
    return link;
}

static struct chunk *last_with_room(struct stream *stream, size_t need)
{
    if (stream->last->used + need > stream->last->room) {
        struct chunk **link = last_link(stream);
        size_t room = stream->last->room < ROOM_FIRST ? ROOM_FIRST : stream->last->room;
        while (room < stream->last->used + need)
            room *= 2;
        stream->last = *link = chunk_resize(stream->last, room);
    }
    return stream->last;
}

static void append_to_last(struct stream *stream, int64_t time_ms, double value)
{
    struct chunk *chunk = stream->last;
    int64_t step_ms = time_ms - chunk->last_ms;
    uint64_t bits = bits_of(value);

    if (bits == chunk->last_bits && step_ms == chunk->step_ms) {
        if (chunk->repeat_at != UINT16_MAX && chunk->bytes[chunk->repeat_at] < REPEAT_MAX - 1) {
            chunk->bytes[chunk->repeat_at]++;
        } else {
            chunk = last_with_room(stream, 1);
            chunk->repeat_at = chunk->used;
            chunk->bytes[chunk->used++] = 0;
        }
    } else {
        unsigned char token[TOKEN_BYTES_MAX];
        size_t length = token_write(token, bits ^ chunk->last_bits, step_ms - chunk->step_ms);
        chunk = last_with_room(stream, length);
        memcpy(chunk->bytes + chunk->used, token, length);
        chunk->used = (uint16_t)(chunk->used + length);
        chunk->repeat_at = UINT16_MAX;
    }
    chunk->step_ms = step_ms;
    chunk->last_ms = time_ms;
    chunk->last_bits = bits;
    chunk->count++;
}

void stream_append(struct stream *stream, int64_t time_ms, double value, int64_t span_ms)
{
    struct chunk *last = stream->last;

    if (last && last->used + TOKEN_BYTES_MAX <= CHUNK_BYTES_MAX && time_ms - last->first_ms <= span_ms) {
        append_to_last(stream, time_ms, value);
        return;
    }
    struct chunk *chunk = chunk_new(time_ms, value);
    if (last) {
        struct chunk **link = last_link(stream);
        *link = chunk_resize(last, last->used);
        (*link)->next = chunk;
    } else {
        stream->first = chunk;
    }
    stream->last = chunk;
}

size_t stream_expire(struct stream *stream, int64_t before_ms)
{
    size_t dropped = 0;

    while (stream->first && stream->first->last_ms < before_ms) {
        struct chunk *gone = stream->first;
        stream->first = gone->next;
        dropped += gone->count;
        free(gone);
    }
    if (!stream->first)
        stream->last = NULL;
    return dropped;
}

size_t stream_cut(struct stream *stream, int64_t after_ms)
{
    struct chunk **link = &stream->first;
    struct chunk *last = NULL;
    size_t dropped = 0;

    while (*link && (*link)->last_ms <= after_ms) {
        last = *link;
        link = &(*link)->next;
    }
    for (struct chunk *it = *link, *next; it; it = next) {
        next = it->next;
        dropped += it->count;
        free(it);
    }
    *link = NULL;
    stream->last = last;
    return dropped;
}

void stream_clear(struct stream *stream)
{
    stream_cut(stream, INT64_MIN);
}

size_t stream_count(const struct stream *stream, int64_t start_ms, int64_t end_ms)
{
    size_t count = 0;

    for (const struct chunk *it = stream->first; it; it = it->next)
        if (it->last_ms >= start_ms && it->first_ms <= end_ms)
            count += it->count;
    return count;
}

struct cursor {
    const struct chunk *chunk;
    size_t at;       /* offset of the next token */
    unsigned repeat; /* samples that the last token still gives */
    int64_t time_ms, step_ms;
    uint64_t bits;
};

/* cursor_next - step to the next sample; false at the end, and at a token that is cut off. */
static bool cursor_next(struct cursor *c)
{
    const struct chunk *chunk = c->chunk;

    if (c->repeat > 0) {
        c->repeat--;
    } else if (c->at >= chunk->used) {
        return false;
    } else if (chunk->bytes[c->at] < CONTROL) {
        c->repeat = chunk->bytes[c->at++];
    } else {
        unsigned char control = chunk->bytes[c->at++];
        unsigned lead = control >> 4 & 7, length = control & 15;
        uint64_t zigzag = 0, xor = 0;
        unsigned shift = 0;
        if (lead + length > 8)
            return false;
        for (;; shift += 7) {
            if (c->at >= chunk->used || shift > 63)
                return false;
            zigzag |= (uint64_t)(chunk->bytes[c->at] & 0x7f) << shift;
            if (!(chunk->bytes[c->at++] & 0x80))
                break;
        }
        if (c->at + length > chunk->used)
            return false;
        for (unsigned i = 0; i < length; i++)
            xor |= (uint64_t)chunk->bytes[c->at++] << (8 * (8 - lead - length + i));
        c->step_ms = (int64_t)((uint64_t)c->step_ms + ((zigzag >> 1) ^ -(zigzag & 1)));
        c->bits ^= xor;
    }
    c->time_ms = (int64_t)((uint64_t)c->time_ms + (uint64_t)c->step_ms);
    return true;
}

static struct cursor cursor_of(const struct chunk *chunk)
{
    return (struct cursor){ .chunk = chunk, .time_ms = chunk->first_ms, .bits = chunk->first_bits };
}

size_t stream_read(const struct stream *stream, int64_t start_ms, int64_t end_ms, struct sample *ret_samples)
{
    size_t n = 0;

    for (const struct chunk *it = stream->first; it && it->first_ms <= end_ms; it = it->next) {
        struct cursor c = cursor_of(it);
        uint32_t left = it->count; /* never more than stream_count promised, whatever the tokens say */
        if (it->last_ms < start_ms)
            continue;
        do {
            if (c.time_ms > end_ms)
                break;
            if (c.time_ms >= start_ms)
                ret_samples[n++] = (struct sample){ c.time_ms, value_of(c.bits) };
        } while (--left && cursor_next(&c));
    }
    return n;
}

bool chunk_is_safe(const struct chunk *chunk)
{
    return chunk->count >= 1 && chunk->count <= 1 + (uint32_t)chunk->used * REPEAT_MAX &&
           chunk->first_ms <= chunk->last_ms &&
           (chunk->repeat_at == UINT16_MAX ||
            (chunk->repeat_at < chunk->used && chunk->bytes[chunk->repeat_at] < CONTROL));
}

bool chunk_is_sound(const struct chunk *chunk)
{
    struct cursor c = cursor_of(chunk);
    uint32_t count = 1;

    for (int64_t before = c.time_ms; cursor_next(&c); before = c.time_ms, count++)
        if (c.time_ms <= before)
            return false;
    return chunk_is_safe(chunk) && c.at == chunk->used && count == chunk->count && c.time_ms == chunk->last_ms &&
           c.bits == chunk->last_bits && c.step_ms == chunk->step_ms;
}

void stream_adopt(struct stream *stream, struct chunk *chunk)
{
    chunk->next = NULL;
    if (stream->last)
        stream->last->next = chunk;
    else
        stream->first = chunk;
    stream->last = chunk;
}

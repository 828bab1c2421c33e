/* pieces.c - a slab that only grows, with a chain of what was given back. */
#include "tsdb/pieces.h"

#include <string.h>

void pieces_init(struct pieces *pieces)
{
    *pieces = (struct pieces){ 0 };
    stable_init(&pieces->stable, sizeof(struct piece));
}

void pieces_clear(struct pieces *pieces)
{
    stable_clear(&pieces->stable);
    pieces_init(pieces);
}

uint32_t piece_take(struct pieces *pieces)
{
    uint32_t index = pieces->free;

    pieces->used++;
    if (index) {
        struct piece *piece = piece_at(pieces, index);
        pieces->free = piece->next;
        *piece = (struct piece){ 0 };
        return index;
    }
    index = ++pieces->made;
    stable_reserve(&pieces->stable, index);
    return index;
}

void pieces_give(struct pieces *pieces, uint32_t first)
{
    uint32_t last = first;

    if (!first)
        return;
    pieces->used--;
    for (uint32_t next; (next = piece_at(pieces, last)->next); last = next)
        pieces->used--;
    piece_at(pieces, last)->next = pieces->free;
    pieces->free = first;
}

uint32_t pieces_store(struct pieces *pieces, struct str bytes)
{
    uint32_t first = piece_take(pieces), last = first;

    for (size_t at = 0; at < bytes.length; at += PIECE_BYTES) {
        size_t length = bytes.length - at < PIECE_BYTES ? bytes.length - at : PIECE_BYTES;
        if (at) {
            uint32_t next = piece_take(pieces);
            piece_at(pieces, last)->next = next;
            last = next;
        }
        memcpy(piece_at(pieces, last)->bytes, bytes.at + at, length);
    }
    return first;
}

void pieces_load(const struct pieces *pieces, uint32_t first, size_t from, size_t length, struct buf *out)
{
    char *to = buf_reserve(out, length);

    if (!to)
        return;
    out->length += length;
    while (length) {
        const struct piece *piece = piece_at(pieces, first);
        if (from < PIECE_BYTES) {
            size_t part = PIECE_BYTES - from < length ? PIECE_BYTES - from : length;
            memcpy(to, piece->bytes + from, part);
            to += part;
            length -= part;
            from = 0;
        } else {
            from -= PIECE_BYTES;
        }
        first = piece->next;
    }
}

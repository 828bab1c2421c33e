/* pieces.h - within the room: memory for samples in pieces of 64 bytes (a cache line), chained, so that nothing
 * fragments.
 *
 * Owner: a shard of the head. Threads: under the shard's lock. */
#pragma once
#include "base/buf.h"
#include "tsdb/stable.h"

enum { PIECE_BYTES = 60 };

struct piece {
    uint32_t next; /* 0: the last one */
    unsigned char bytes[PIECE_BYTES];
};

struct pieces {
    struct stable stable;
    uint32_t made, free, used; /* free: head of the chain of unused ones */
};

static inline struct piece *piece_at(const struct pieces *pieces, uint32_t piece)
{
    return stable_at(&pieces->stable, piece);
}

void pieces_init(struct pieces *pieces);
void pieces_clear(struct pieces *pieces);
uint32_t piece_take(struct pieces *pieces);              /* zeroed */
void pieces_give(struct pieces *pieces, uint32_t first); /* a whole chain; 0 is fine */
/* pieces_store - a chain that holds these bytes. pieces_load - `length` bytes of one, from byte `from` on. */
uint32_t pieces_store(struct pieces *pieces, struct str bytes);
void pieces_load(const struct pieces *pieces, uint32_t first, size_t from, size_t length, struct buf *out);

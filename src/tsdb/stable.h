/* stable.h - a growable array whose elements never move, so that they are read without its lock.
 *
 * Owner: the holder of the struct. Threads: one grows it; any may read elements that were published to them. */
#pragma once
#include "base/lang.h"

#include <stdatomic.h>

enum { STABLE_FIRST_LOG2 = 10, STABLE_SEGMENTS = 23 };

/* Segment k holds 1024 << k elements: mapped memory, zero and not resident until it is touched. */
struct stable {
    size_t size; /* of an element */
    _Atomic(unsigned char *) segments[STABLE_SEGMENTS];
};

/* stable_at - the element; its segment must have been reserved. */
static inline void *stable_at(const struct stable *stable, uint32_t index)
{
    uint64_t place = (uint64_t)index + (1u << STABLE_FIRST_LOG2);
    unsigned log2 = 63 - (unsigned)__builtin_clzll(place);

    return atomic_load_explicit(&stable->segments[log2 - STABLE_FIRST_LOG2], memory_order_acquire) +
           (place - (1ull << log2)) * stable->size;
}

void stable_init(struct stable *stable, size_t size);
void stable_clear(struct stable *stable);
/* stable_reserve - the element exists afterwards. */
void stable_reserve(struct stable *stable, uint32_t index);
/* stable_run - the first index, from `index` on, where `count` (at most 1024) elements lie side by side; reserved. */
uint32_t stable_run(struct stable *stable, uint32_t index, uint32_t count);

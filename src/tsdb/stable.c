/* stable.c - segments of doubling size, mapped when they are first needed. */
#include "tsdb/stable.h"

#include <sys/mman.h>

#include "base/arena.h"

enum { HUGE_FROM_BYTES = 4 << 20 }; /* smaller segments would waste more than their pages cost */

static size_t segment_bytes(const struct stable *stable, unsigned segment)
{
    return stable->size << (segment + STABLE_FIRST_LOG2);
}

void stable_init(struct stable *stable, size_t size)
{
    *stable = (struct stable){ .size = size };
}

void stable_clear(struct stable *stable)
{
    for (unsigned i = 0; i < STABLE_SEGMENTS; i++)
        if (stable->segments[i])
            munmap(stable->segments[i], segment_bytes(stable, i));
    stable_init(stable, stable->size);
}

static unsigned segment_of(uint32_t index, uint32_t *ret_offset)
{
    uint64_t place = (uint64_t)index + (1u << STABLE_FIRST_LOG2);
    unsigned log2 = 63 - (unsigned)__builtin_clzll(place);

    *ret_offset = (uint32_t)(place - (1ull << log2));
    return log2 - STABLE_FIRST_LOG2;
}

void stable_reserve(struct stable *stable, uint32_t index)
{
    uint32_t offset;
    unsigned segment = segment_of(index, &offset);
    size_t bytes = segment_bytes(stable, segment);

    if (stable->segments[segment])
        return;
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        out_of_memory(bytes);
    if (bytes >= HUGE_FROM_BYTES)
        madvise(at, bytes, MADV_HUGEPAGE);
    atomic_store_explicit(&stable->segments[segment], at, memory_order_release);
}

uint32_t stable_run(struct stable *stable, uint32_t index, uint32_t count)
{
    uint32_t offset;
    unsigned segment = segment_of(index, &offset);
    uint32_t rest = (1u << (segment + STABLE_FIRST_LOG2)) - offset;

    if (rest < count)
        index += rest;
    stable_reserve(stable, index);
    return index;
}

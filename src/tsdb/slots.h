/* slots.h - an open-addressed table from hashes to numbers; what the numbers stand for is compared by the caller.
 *
 * Owner: the holder of the struct. Threads: its lock is the caller's. */
#pragma once
#include "base/lang.h"

struct slot {
    uint32_t hash;
    uint32_t index; /* 0: free */
};

struct slots {
    struct slot *at;
    uint32_t mask; /* one less than their number, a power of two */
    uint32_t count, removed;
};

void slots_clear(struct slots *slots);
/* slots_add - `index` is not 0, and is not there yet. */
void slots_add(struct slots *slots, uint32_t hash, uint32_t index);
void slots_remove(struct slots *slots, uint32_t hash, uint32_t index);

/* slots_next - the next number under this hash, 0 where there is no more. Start with *at = hash:
 * for (uint32_t at = hash, i; (i = slots_next(slots, hash, &at));) */
static inline uint32_t slots_next(const struct slots *slots, uint32_t hash, uint32_t *at)
{
    if (!slots->at)
        return 0;
    for (;;) {
        const struct slot *slot = &slots->at[(*at)++ & slots->mask];
        if (slot->index == 0)
            return 0;
        if (slot->hash == hash && slot->index != UINT32_MAX)
            return slot->index;
    }
}

/* slots.c - linear probing; at most four fifths full, so that a probe is a cache line or two. */
#include "tsdb/slots.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/arena.h"

enum { SLOTS_FIRST = 1024, SLOT_REMOVED = -1, HUGE_FROM_BYTES = 4 << 20 };

static struct slot *slots_map(uint32_t count)
{
    size_t bytes = count * sizeof(struct slot);
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED)
        out_of_memory(bytes);
    if (bytes >= HUGE_FROM_BYTES)
        madvise(at, bytes, MADV_HUGEPAGE);
    return at;
}

void slots_clear(struct slots *slots)
{
    if (slots->at)
        munmap(slots->at, ((size_t)slots->mask + 1) * sizeof(struct slot));
    *slots = (struct slots){ 0 };
}

static void slots_put(struct slots *slots, uint32_t hash, uint32_t index)
{
    uint32_t at = hash;

    while (slots->at[at & slots->mask].index)
        at++;
    slots->at[at & slots->mask] = (struct slot){ hash, index };
    slots->count++;
}

static void slots_rebuild(struct slots *slots, uint32_t size)
{
    struct slots before = *slots;

    *slots = (struct slots){ .at = slots_map(size), .mask = size - 1 };
    for (uint32_t i = 0; before.at && i <= before.mask; i++)
        if (before.at[i].index && before.at[i].index != (uint32_t)SLOT_REMOVED)
            slots_put(slots, before.at[i].hash, before.at[i].index);
    slots_clear(&before);
}

void slots_add(struct slots *slots, uint32_t hash, uint32_t index)
{
    uint64_t size = slots->at ? (uint64_t)slots->mask + 1 : 0;

    if (((uint64_t)slots->count + slots->removed + 1) * 5 > size * 4) {
        uint64_t wanted = SLOTS_FIRST;
        while (((uint64_t)slots->count + 1) * 5 > wanted * 4)
            wanted *= 2;
        slots_rebuild(slots, (uint32_t)wanted);
    }
    slots_put(slots, hash, index);
}

void slots_remove(struct slots *slots, uint32_t hash, uint32_t index)
{
    uint32_t at = hash;

    while (slots->at[at & slots->mask].index != index)
        at++;
    slots->at[at & slots->mask].index = (uint32_t)SLOT_REMOVED;
    slots->count--;
    slots->removed++;
}

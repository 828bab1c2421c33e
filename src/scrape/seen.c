/* seen.c - open addressing by the hash of the line's bytes. */
#include "scrape/seen.h"

#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS_FIRST = 64, ROUNDS_KEPT = 10 };

struct seen {
    struct seen_series *slots;
    size_t mask, used;
    uint32_t round;     /* starts at 2: 0 is never, and nothing ended before the first */
    VEC(uint32_t) left; /* series of before the last reset */
};

static struct seen_series *slots_new(size_t count)
{
    struct seen_series *slots = calloc(count, sizeof(*slots));

    if (!slots)
        out_of_memory(count * sizeof(*slots));
    return slots;
}

struct seen *seen_new(void)
{
    struct seen *seen = calloc(1, sizeof(*seen));

    if (!seen)
        out_of_memory(sizeof(*seen));
    seen->slots = slots_new(SLOTS_FIRST);
    seen->mask = SLOTS_FIRST - 1;
    seen->round = 1;
    return seen;
}

void seen_free(struct seen *seen)
{
    vec_clear(&seen->left);
    free(seen->slots);
    free(seen);
}

void seen_begin(struct seen *seen)
{
    seen->round++;
}

static struct seen_series *slot_of(struct seen_series *slots, size_t mask, uint64_t hash)
{
    size_t at = (size_t)hash & mask;

    while (slots[at].hash && slots[at].hash != hash)
        at = (at + 1) & mask;
    return &slots[at];
}

/* rebuild - into a table of this many slots, without what was not there for long. */
static void rebuild(struct seen *seen, size_t count)
{
    struct seen_series *slots = slots_new(count);

    seen->used = 0;
    for (size_t i = 0; i <= seen->mask; i++) {
        const struct seen_series *old = &seen->slots[i];
        if (!old->hash || (old->series != SEEN_DROPPED && old->round + ROUNDS_KEPT < seen->round))
            continue;
        *slot_of(slots, count - 1, old->hash) = *old;
        seen->used++;
    }
    free(seen->slots);
    seen->slots = slots;
    seen->mask = count - 1;
}

struct seen_series *seen_get(struct seen *seen, struct str series)
{
    uint64_t hash = str_hash(series) | 1;

    if (seen->used * 4 >= (seen->mask + 1) * 3) {
        rebuild(seen, seen->mask + 1);
        if (seen->used * 2 >= seen->mask + 1)
            rebuild(seen, (seen->mask + 1) * 2);
    }
    struct seen_series *slot = slot_of(seen->slots, seen->mask, hash);
    if (!slot->hash) {
        *slot = (struct seen_series){ .hash = hash };
        seen->used++;
    }
    return slot;
}

void seen_mark(struct seen *seen, struct seen_series *series)
{
    series->round = seen->round;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* end_left - series of before a reset that no line became again. */
static void end_left(struct seen *seen, void (*ended)(void *arg, uint32_t series), void *arg)
{
    VEC(uint32_t) here = { 0 };

    for (size_t i = 0; i <= seen->mask; i++)
        if (seen->slots[i].hash && seen->slots[i].round == seen->round)
            *vec_push(&here, NULL) = seen->slots[i].series;
    if (here.count)
        qsort(here.at, here.count, sizeof(*here.at), by_number);
    for (size_t i = 0; i < seen->left.count; i++)
        if (!here.count || !bsearch(&seen->left.at[i], here.at, here.count, sizeof(*here.at), by_number))
            ended(arg, seen->left.at[i]);
    vec_clear(&here);
    vec_clear(&seen->left);
}

static bool was_there(const struct seen_series *slot, uint32_t round)
{
    return slot->hash && slot->series && slot->series != SEEN_DROPPED && slot->round && slot->round == round;
}

void seen_end(struct seen *seen, void (*ended)(void *arg, uint32_t series), void *arg)
{
    for (size_t i = 0; i <= seen->mask; i++)
        if (was_there(&seen->slots[i], seen->round - 1))
            ended(arg, seen->slots[i].series);
    if (seen->left.count)
        end_left(seen, ended, arg);
}

void seen_reset(struct seen *seen)
{
    for (size_t i = 0; i <= seen->mask; i++)
        if (was_there(&seen->slots[i], seen->round))
            *vec_push(&seen->left, NULL) = seen->slots[i].series;
    memset(seen->slots, 0, (seen->mask + 1) * sizeof(*seen->slots));
    seen->used = 0;
}

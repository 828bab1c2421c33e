/* arena.c - blocks in a list, the newest serves; large pieces get a block of their own. */
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_FIRST = 4096 - 64, BLOCK_MAX = 256 * 1024 };

struct block {
    struct block *next;
    size_t size;
    size_t used;
    _Alignas(max_align_t) unsigned char bytes[];
};

struct deferred {
    struct deferred *next;
    void (*run)(void *object);
    void *object;
};

struct arena {
    size_t budget;
    size_t used;          /* of all blocks, what was handed out */
    struct block *blocks; /* newest first; the last one is the first made */
    struct deferred *deferred;
};

void out_of_memory(size_t bytes)
{
    char text[160];
    int length = snprintf(text, sizeof(text),
                          "auspex: out of memory: %zu bytes could not be had; give it more (MemoryMax, ulimit -v); "
                          "nothing acknowledged is lost\n",
                          bytes);
    ssize_t ignored = write(STDERR_FILENO, text, (size_t)length);

    (void)ignored;
    abort();
}

static struct block *block_new(size_t size)
{
    struct block *block = malloc(sizeof(*block) + size);

    if (!block)
        out_of_memory(size);
    *block = (struct block){ .size = size };
    return block;
}

struct arena *arena_new(size_t budget_bytes)
{
    struct arena *arena = malloc(sizeof(*arena));

    if (!arena)
        out_of_memory(sizeof(*arena));
    *arena = (struct arena){ .budget = budget_bytes, .blocks = block_new(BLOCK_FIRST) };
    return arena;
}

static void run_deferred(struct arena *arena)
{
    while (arena->deferred) {
        struct deferred *d = arena->deferred;
        arena->deferred = d->next; /* first, as run may defer again */
        d->run(d->object);
    }
}

void arena_reset(struct arena *arena)
{
    run_deferred(arena);
    while (arena->blocks->next) {
        struct block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
    arena->blocks->used = 0;
    arena->used = 0;
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    arena_reset(arena);
    free(arena->blocks);
    free(arena);
}

void arena_freep(struct arena **arena)
{
    arena_free(*arena);
}

/* add_block - room for `need` bytes. A piece larger than half of the largest block stands alone, behind the newest, so
 * that the newest's free end stays in use. */
static struct block *add_block(struct arena *arena, size_t need)
{
    if (need > BLOCK_MAX / 2 && arena->blocks->next) {
        struct block *alone = block_new(need);
        alone->next = arena->blocks->next;
        arena->blocks->next = alone;
        return alone;
    }
    size_t size = arena->blocks->size * 2 > BLOCK_MAX ? BLOCK_MAX : arena->blocks->size * 2;
    struct block *block = block_new(need > size ? need : size);
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    struct block *block = arena->blocks;

    if (size > SIZE_MAX / 2)
        abort();
    size = (size + align - 1) & ~(align - 1);
    if (block->size - block->used < size)
        block = add_block(arena, size);
    void *piece = block->bytes + block->used;
    block->used += size;
    arena->used += size;
    return memset(piece, 0, size);
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        abort();
    return arena_alloc(arena, bytes);
}

err arena_check(const struct arena *arena)
{
    if (arena->used <= arena->budget)
        return NULL;
    return err_new(ERR_TOO_LARGE, "this would take more than %zu bytes of memory", arena->budget);
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}

void arena_defer(struct arena *arena, void (*run)(void *object), void *object)
{
    struct deferred *d = arena_alloc(arena, sizeof(*d));

    *d = (struct deferred){ arena->deferred, run, object };
    arena->deferred = d;
}

/* arena.h - memory with a lifetime that has a name: a request, a query, a scrape, a step.
 *
 * Owner: who called arena_new; all of it goes at arena_free. Threads: one at a time.
 *
 * The budget is soft, so that callers need no check at each allocation: memory is always given, and the arena
 * remembers that it is over. Whoever loops over input asks arena_check at each turn; overrun is so bounded by one turn.
 */
#pragma once
#include "base/err.h"

struct arena;

struct arena *arena_new(size_t budget_bytes);
void arena_free(struct arena *arena); /* NULL is fine */
void arena_freep(struct arena **arena);
/* out_of_memory - says so and ends the process: everything acknowledged is on the disk, and a restart is clean. */
void out_of_memory(size_t bytes) __attribute__((noreturn));

/* arena_alloc - zeroed, aligned for anything, never NULL (out of memory ends the process). */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((malloc, returns_nonnull));
/* arena_array - the same for count * size, which may not overflow. */
void *arena_array(struct arena *arena, size_t count, size_t size) __attribute__((malloc, returns_nonnull));
/* arena_check - ERR_TOO_LARGE once the budget has been passed. */
err arena_check(const struct arena *arena) MUST_USE;
size_t arena_used(const struct arena *arena);
/* arena_defer - call run(object) when the arena is freed, latest first: for what an arena's user opened. */
void arena_defer(struct arena *arena, void (*run)(void *object), void *object);
/* arena_reset - as new, keeping its first block. */
void arena_reset(struct arena *arena);

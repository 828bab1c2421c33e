/* vec.h - a growable array of any type: `VEC(struct label) labels = { 0 };`
 *
 * Owner: the holder of the struct; memory is an arena's where one is given, else malloc's until vec_clear.
 * Threads: one at a time. Elements move when it grows: keep indices, not pointers. */
#pragma once
#include "base/arena.h"

#define VEC(type)                                                                                                      \
    struct {                                                                                                           \
        type *at;                                                                                                      \
        size_t count;                                                                                                  \
        size_t room;                                                                                                   \
    }

/* vec_push - append one zeroed element and return its address: *vec_push(&v, arena) = x. `arena` may be NULL (malloc).
 */
#define vec_push(v, arena)                                                                                             \
    (vec_grow((void **)&(v)->at, &(v)->room, (v)->count, sizeof(*(v)->at), (arena)), &(v)->at[(v)->count++])

/* vec_clear - for those without an arena. */
#define vec_clear(v)                                                                                                   \
    do {                                                                                                               \
        free((v)->at);                                                                                                 \
        (v)->at = NULL;                                                                                                \
        (v)->count = (v)->room = 0;                                                                                    \
    } while (0)

void vec_grow(void **at, size_t *room, size_t count, size_t size, struct arena *arena);

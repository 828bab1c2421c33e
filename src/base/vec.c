/* vec.c - growth of typed arrays: doubling, so that pushing is amortised constant. */
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

void vec_grow(void **at, size_t *room, size_t count, size_t size, struct arena *arena)
{
    if (count < *room) {
        memset((char *)*at + count * size, 0, size);
        return;
    }
    size_t more = *room ? *room * 2 : 8;
    void *grown = arena ? arena_array(arena, more, size) : calloc(more, size);
    if (!grown)
        abort();
    if (count)
        memcpy(grown, *at, count * size);
    if (!arena)
        free(*at);
    *at = grown;
    *room = more;
}

/* random.c - the kernel's generator. */
#include "base/random.h"

#include "base/arena.h"

#include <stdlib.h>
#include <sys/random.h>

void random_bytes(void *bytes, size_t length)
{
    unsigned char *at = bytes;

    while (length) {
        ssize_t got = getrandom(at, length, 0);
        if (got < 0)
            abort();
        at += got;
        length -= (size_t)got;
    }
}

uint64_t random_u64(void)
{
    uint64_t value;

    random_bytes(&value, sizeof(value));
    return value;
}

struct str random_token(struct arena *arena, size_t length)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    char *text = arena_alloc(arena, length + 1);

    for (size_t i = 0; i < length;) {
        unsigned char byte;
        random_bytes(&byte, 1);
        if (byte < 248) /* 4 * 62: no letter is likelier than another */
            text[i++] = letters[byte % 62];
    }
    return (struct str){ text, length };
}

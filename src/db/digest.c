/* digest.c - SHA-256 by OpenSSL. */
#include "db/digest.h"

#include "base/arena.h"

#include <openssl/evp.h>
#include <stdlib.h>

void digest(struct str text, unsigned char ret_hash[DIGEST_BYTES])
{
    unsigned length = 0;

    if (EVP_Digest(text.length ? text.at : "", text.length, ret_hash, &length, EVP_sha256(), NULL) != 1 ||
        length != DIGEST_BYTES)
        abort(); /* a libcrypto without SHA-256 is no libcrypto */
}

struct str digest_hex(struct arena *arena, const unsigned char *hash, size_t bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *text = arena_alloc(arena, bytes * 2 + 1);

    for (size_t i = 0; i < bytes; i++) {
        text[2 * i] = digits[hash[i] >> 4];
        text[2 * i + 1] = digits[hash[i] & 15];
    }
    return (struct str){ text, bytes * 2 };
}

/* digest.c - SHA-256 by OpenSSL. */
#include "base/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct digest digest_of(struct str text)
{
    struct digest digest;
    unsigned length = 0;

    if (EVP_Digest(text.length ? text.at : "", text.length, digest.bytes, &length, EVP_sha256(), NULL) != 1 ||
        length != DIGEST_BYTES)
        abort(); /* a libcrypto without SHA-256 is no libcrypto */
    return digest;
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

struct str digest_hex_of(struct arena *arena, struct str text)
{
    struct digest digest = digest_of(text);

    return digest_hex(arena, digest.bytes, DIGEST_BYTES);
}

/* digest.c - SHA-256 of secrets. They have 128 bits and more, so a fast hash without salt is enough. */
#include "auth/digest.h"

#include <openssl/sha.h>

struct digest digest_of(struct str secret)
{
    struct digest digest;

    SHA256((const unsigned char *)secret.at, secret.length, digest.bytes);
    return digest;
}

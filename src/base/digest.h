/* digest.h - SHA-256, the one hash that is stored: of plans, of the audit trail, of secrets, of migrations.
 *
 * Owner: values, or the arena given. Threads: any. Hides OpenSSL. */
#pragma once
#include "base/arena.h"
#include "base/str.h"

enum { DIGEST_BYTES = 32 };

struct digest {
    unsigned char bytes[DIGEST_BYTES];
};

struct digest digest_of(struct str text);
/* digest_hex - the first `bytes` of a hash in lower-case hexadecimal. */
struct str digest_hex(struct arena *arena, const unsigned char *hash, size_t bytes);
/* digest_hex_of - all of the hash of a text. */
struct str digest_hex_of(struct arena *arena, struct str text);

/* digest.h - SHA-256, the one hash that is stored; private to db/.
 *
 * Owner: nobody. Threads: any. Hides OpenSSL. */
#pragma once
#include "base/str.h"

enum { DIGEST_BYTES = 32 };

void digest(struct str text, unsigned char ret_hash[DIGEST_BYTES]);
/* digest_hex - the first `bytes` of a hash in lower-case hexadecimal. */
struct str digest_hex(struct arena *arena, const unsigned char *hash, size_t bytes);

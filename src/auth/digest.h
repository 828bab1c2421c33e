/* digest.h - SHA-256 of a secret, which is all that is kept of it.
 *
 * Owner: values. Threads: any. */
#pragma once
#include "base/str.h"

struct digest {
    unsigned char bytes[32];
};

struct digest digest_of(struct str secret);

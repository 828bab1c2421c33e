/* random.h - bytes that nobody can guess, and names made of them.
 *
 * Owner: the kernel. Threads: any. */
#pragma once
#include "base/str.h"

void random_bytes(void *bytes, size_t length); /* getrandom; ends the process where the kernel has none */
uint64_t random_u64(void);
/* random_token - length characters of [A-Za-z0-9], 5.95 bits each: 22 are more than 128 bits. */
struct str random_token(struct arena *arena, size_t length);

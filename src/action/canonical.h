/* canonical.h - one text for one JSON value, and its SHA-256.
 *
 * Owner: the arena given. Threads: any. */
#pragma once
#include "base/json.h"

enum { HASH_LENGTH = 64 };

/* canonical_write - objects sorted by key, no blanks, numbers in their shortest form. */
void canonical_write(struct json_writer *w, const struct json *json);
struct str sha256_hex(struct arena *arena, struct str text);

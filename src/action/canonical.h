/* canonical.h - one text for one JSON value.
 *
 * Owner: the arena given. Threads: any. */
#pragma once
#include "base/json.h"

/* canonical_write - objects sorted by key, no blanks, numbers in their shortest form. */
void canonical_write(struct json_writer *w, const struct json *json);

/* mask.h - what a command printed, made fit to be stored and shown: UTF-8, without secrets.
 *
 * Owner: results live in the arena given. Threads: any. Masked: the secrets given (also where the text begins or ends
 * in the middle of one), values after words such as password= or token:, Authorization headers, passwords in URLs, PEM
 * private keys. */
#pragma once
#include "base/arena.h"
#include "base/str.h"

struct str mask_text(struct arena *arena, struct str text, const struct str *secrets, size_t count);

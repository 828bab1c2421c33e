/* seal.h - secrets at rest: AES-256-GCM under a key of their own each, derived from the master key of the data folder.
 *
 * Owner: the master key is read at start into memory of the process. Threads: any, after seal_open.
 *
 * A sealed value is "v1:" and base64 of salt (16) || nonce (12) || ciphertext || tag (16). The key of a record is
 * HKDF-SHA-256 of the master key with the record's salt (RFC 5869); table, row and column are authenticated with it, so
 * a sealed value that is moved to another place does not open. */
#pragma once
#include "base/str.h"

/* seal_open - read FOLDER/master.key (0400, 32 bytes), or make it where there is none. */
err seal_open(const char *folder) MUST_USE;

struct seal_place {
    const char *table, *column;
    struct str row;
};

err seal(struct arena *arena, const struct seal_place *place, struct str secret, struct str *ret_sealed) MUST_USE;
/* unseal - ERR_CORRUPT where it was changed, moved, or sealed under another master key. */
err unseal(struct arena *arena, const struct seal_place *place, struct str sealed, struct str *ret_secret) MUST_USE;

/* idempotency.h - answers that were given, kept for a day under the Idempotency-Key that the client sent.
 *
 * Owner: texts live in the arena given. Threads: that of the tx. */
#pragma once
#include "db/db.h"

enum { IDEMPOTENCY_KEY_BYTES = 255, IDEMPOTENCY_KEEP_MS = 24 * 3600 * 1000 };

struct idempotency_answer {
    struct str body_hash; /* of the request that was answered, whatever the caller hashes with: another body under the
                             same key is the client's mistake, which the caller tells */
    int status;           /* 0: reserved, the answer is not known yet */
    struct str content_type, location;
    struct str body;
    int64_t created_ms;
};

/* idempotency_get - false in *ret_found where the principal never used the key, or longer ago than a day. */
err idempotency_get(struct tx *tx, struct arena *arena, struct str principal, struct str key,
                    struct idempotency_answer *ret_answer, bool *ret_found) MUST_USE;
/* idempotency_put - an answer, or with status 0 a reservation, which an answer replaces. ERR_CONFLICT where the key has
 * an answer already, or is reserved already; created_ms is set here. */
err idempotency_put(struct tx *tx, struct str principal, struct str key,
                    const struct idempotency_answer *answer) MUST_USE;
/* idempotency_drop - a reservation that came to nothing: the key is free again. */
err idempotency_drop(struct tx *tx, struct str principal, struct str key) MUST_USE;
/* idempotency_expire - at most `max` answers older than a day. */
err idempotency_expire(struct tx *tx, int max, int64_t *ret_removed) MUST_USE;

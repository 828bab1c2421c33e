/* idempotency_store.h - keeps what was answered under an Idempotency-Key in the database.
 *
 * Owner: app/ sets http_idempotency to it. Threads: any. */
#pragma once
#include "net/idempotency.h"

extern const struct idempotency_store idempotency_store;

/* redis_samples.h - INFO as samples with redis_exporter's names.
 *
 * Owner: the batch. Threads: the source's. */
#pragma once
#include "ingest/batch.h"
#include "redis/instance.h"

void redis_samples_add(struct batch *out, const struct redis_instance_state *state);

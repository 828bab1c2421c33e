/* systemd.h - units as samples, apart from the bus that they come over.
 *
 * Owner: the batch. Threads: the source's. */
#pragma once
#include "ingest/batch.h"

struct systemd_unit {
    struct str name, load, active, sub;
};

/* systemd_add_unit - its states, itself as a resource where it is a service that is not inactive; counted in counts:
 * active, activating, deactivating, inactive, failed. */
void systemd_add_unit(struct batch *out, struct str host, const struct systemd_unit *unit, int64_t counts[5]);
void systemd_add_counts(struct batch *out, const int64_t counts[5]);

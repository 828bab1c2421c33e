/* otlp_labels.h - the labels that the attributes of a resource and of its points become; inside ingest/ only.
 *
 * Owner: results stand in the arena. Threads: one request is one thread's. */
#pragma once
#include "ingest/otlp_append.h"

struct otlp_target {
    struct str job, instance; /* "" where the resource doesn't say */
    struct label *promoted;
    size_t promoted_count;
};

/* otlp_target_of - who sends: service.name, service.namespace and service.instance.id, and what was asked to be on
 * every series. ERR_INVALID where an attribute can't be a label. */
err otlp_target_of(struct arena *arena, const struct otlp_settings *settings, const struct otlp_attributes *resource,
                   struct otlp_target *ret_target) MUST_USE;
/* otlp_point_labels - of all series of a point, without __name__. Keys that become the same name are one label, their
 * values in the order of the keys with ";" between them. */
err otlp_point_labels(struct arena *arena, const struct otlp_target *target, const struct otlp_attributes *attributes,
                      struct labels *ret_labels) MUST_USE;
/* otlp_info_labels - of target_info; none (count 0) where there is nothing to tell or nobody to tell it of. */
err otlp_info_labels(struct arena *arena, const struct otlp_settings *settings, const struct otlp_target *target,
                     const struct otlp_attributes *resource, struct labels *ret_labels) MUST_USE;
/* otlp_series_labels - of one series: with its name, and with one more label where `name` is not empty. */
struct labels otlp_series_labels(struct arena *arena, struct labels point, struct str metric, struct str suffix,
                                 struct label more);

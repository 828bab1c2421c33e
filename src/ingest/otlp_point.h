/* otlp_point.h - one data point as samples; inside ingest/ only.
 *
 * Owner: the request that walks its points. Threads: one. */
#pragma once
#include "ingest/otlp_labels.h"

/* What is common to the series of one point. */
struct otlp_place {
    const struct otlp_appending *to;
    struct otlp_refusals *refusals;
    struct otlp_target target;
    struct str metric; /* the name in Prometheus' words */
    const struct otlp_point *point;
    struct labels labels;
    int64_t time_ms, start_ms;
    bool stale;
    bool begin; /* the first of a delta series: a zero goes in front */
    bool refused;
};

/* otlp_append_point - place->point, of a metric whose kind and temporality are known. */
void otlp_append_point(struct otlp_place *place, const struct otlp_metric *metric);
/* otlp_refuse - not all of the point is stored; once a point. */
void otlp_refuse(struct otlp_place *place, const char *why);
bool otlp_has_temporality(const struct otlp_metric *metric);

/* otlp_append.h - an OTLP export request as samples of series.
 *
 * Owner: the caller owns all of it. Threads: any; an append belongs to one.
 * Rules: the OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility", as Prometheus' own receiver takes
 * them (docs/configuration, section `otlp`). */
#pragma once
#include "ingest/otlp.h"
#include "ingest/otlp_delta.h"
#include "schema/config.h"
#include "tsdb/tsdb.h"

struct otlp_settings {
    VEC(struct str) promote_resource_attributes;
    bool keep_identifying_resource_attributes;
    int64_t delta_series_max;
};
extern const struct config_section otlp_section; /* key `otlp` */

struct otlp_appending {
    struct arena *arena;
    struct append *append;
    const struct otlp_settings *settings;
    struct delta_turn *turn;
};

struct otlp_refusals {
    uint64_t points; /* of which not everything was stored */
    struct str why;  /* of the first */
};

/* otlp_append - every point that can be stored is; the others are counted. ERR_TOO_LARGE past the arena's budget. */
err otlp_append(const struct otlp_appending *to, const struct otlp_request *request,
                struct otlp_refusals *ret_refusals) MUST_USE;

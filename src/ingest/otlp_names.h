/* otlp_names.h - names of OTLP's metrics and attributes as Prometheus has them.
 *
 * Owner: results stand in the arena. Threads: any.
 * The strategy is UnderscoreEscapingWithSuffixes of Prometheus' configuration `otlp`, with its defaults; source: the
 * OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility", sections on metric points and metadata. */
#pragma once
#include "ingest/otlp.h"

/* otlp_metric_name - with unit and type as suffixes: "http.server.duration" in "ms" is
 * http_server_duration_milliseconds. Empty where nothing is left of it. */
struct str otlp_metric_name(struct arena *arena, const struct otlp_metric *metric);
/* otlp_unit - the unit in Prometheus' words: "By/s" is bytes_per_second. */
struct str otlp_unit(struct arena *arena, struct str unit);
/* otlp_label_name - empty where nothing but underscores is left of it. */
struct str otlp_label_name(struct arena *arena, struct str key);

/* batch.h - what one scrape of one source brought: samples of one moment, and the resources that were seen.
 *
 * Owner: the core that runs the source; everything lives in the scrape's arena. Threads: the one that collects.
 *
 *   batch_gauge(out, "node_load1", "1m load average.", load, NULL);
 *   batch_counter(out, "node_cpu_seconds_total", "Seconds by mode.", seconds, "cpu", cpu, "mode", "idle", NULL);
 *
 * Labels are pairs of NUL-terminated texts, ended by NULL; they and the name must live as long as the arena. job and
 * instance are put in by the batch. What is not there is not emitted: no sample is how absence is said. */
#pragma once
#include "model/series_source.h"
#include "topology/topology.h"

struct batch {
    struct arena *arena;
    int64_t time_ms;
    struct str job, instance;
    struct str source; /* its name */
    VEC(struct sample_in) samples;
    VEC(struct metric_meta) metas; /* of the samples, in their order: metas.at[i] belongs to samples.at[i] */
    VEC(struct resource_seen) resources;
    size_t samples_max; /* further ones are dropped and counted */
    size_t dropped;
    struct str absent; /* why there is nothing to collect here; empty: there is */
    struct str note;
};

struct batch batch_make(struct arena *arena, int64_t time_ms, struct str job, struct str instance);

void batch_gauge(struct batch *out, const char *name, const char *help, double value, ...) __attribute__((sentinel));
void batch_counter(struct batch *out, const char *name, const char *help, double value, ...) __attribute__((sentinel));
/* batch_untyped - where the original exporter says untyped. */
void batch_untyped(struct batch *out, const char *name, const char *help, double value, ...) __attribute__((sentinel));
/* batch_add - the same with labels in an array. */
void batch_add(struct batch *out, enum metric_kind kind, const char *name, const char *help, double value,
               const struct label *labels, size_t count);
/* batch_resource - something that can fail was seen; texts must live as long as the arena. */
void batch_resource(struct batch *out, const struct resource_seen *resource);
/* batch_absent - this host has nothing of the kind: shown as the source's state, once, and no error. */
void batch_absent(struct batch *out, const char *why);
/* batch_note - one sentence shown beside a source that works ("37 processes of other users were not seen"). */
void batch_note(struct batch *out, struct str note);
/* batch_write - in Prometheus' text format, in the order they came. */
void batch_write(struct buf *out, const struct batch *batch);

/* series_source.h - series, wherever they are kept: our own store today, a remote engine tomorrow, the same to all
 * above.
 *
 * Owner: app/ makes the source; what is selected lives in the caller's arena. Threads: any, concurrently. */
#pragma once
#include "model/labels.h"

struct sample {
    int64_t time_ms;
    double value;
};

struct series {
    struct labels labels;         /* with __name__ */
    const struct sample *samples; /* by time, strictly rising */
    size_t count;
};

struct series_list {
    struct series *at;
    size_t count;
};

enum metric_kind { KIND_UNKNOWN, KIND_COUNTER, KIND_GAUGE, KIND_HISTOGRAM, KIND_SUMMARY, KIND_INFO };

struct metric_meta {
    struct str name, help, unit;
    enum metric_kind kind;
};

struct series_source;

struct series_source_ops {
    /* select - all series that match, each with its samples in [start_ms, end_ms], sorted by labels. */
    err (*select)(struct series_source *source, struct arena *arena, const struct matcher *matchers, size_t count,
                  int64_t start_ms, int64_t end_ms, struct series_list *ret_list);
    err (*meta)(struct series_source *source, struct arena *arena, struct str name, struct metric_meta *ret_meta);
};

struct series_source {
    const struct series_source_ops *ops;
};

/* Where samples go. One call is one batch of one origin, all or nothing durable as the store promises. */
struct sample_in {
    struct labels labels; /* with __name__ */
    int64_t time_ms;
    double value;
};

struct sample_sink;
struct sample_sink_ops {
    /* append - older than the newest of its series, or a repeat: dropped and counted. Borrowed, copied as needed. */
    err (*append)(struct sample_sink *sink, const struct sample_in *samples, size_t count);
    void (*describe)(struct sample_sink *sink, const struct metric_meta *meta);
};
struct sample_sink {
    const struct sample_sink_ops *ops;
};

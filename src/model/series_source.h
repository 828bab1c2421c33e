/* series_source.h - series, wherever they are kept: our own store, a remote engine, the same to all above.
 *
 * Owner: app/ makes the source. A set belongs to who opened it and ends in series_set_close; its arena must live as
 * long. Threads: a source may be asked by any thread at once; a set belongs to one thread at a time. */
#pragma once
#include "model/labels.h"

#include <string.h>

struct histogram; /* model/histogram.h */

/* The bits of the NaN that says: the series ended here. Every other NaN is a value. */
#define STALE_NAN_BITS 0x7ff0000000000002ULL
static inline bool value_is_stale(double value) /* bit-exact */
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits == STALE_NAN_BITS;
}
double value_stale(void);

/* The samples of one series, by time, strictly rising, in columns. */
struct samples {
    const int64_t *times; /* ms */
    const double *values;
    const struct histogram *const *histograms; /* NULL: all are floats; else the i-th is a histogram where not NULL */
    const int64_t *starts;                     /* start timestamps, 0 where unknown; NULL: all unknown */
    size_t count;
};

struct series_query {
    const struct matcher *matchers; /* all must match; none: everything */
    size_t matcher_count;
    int64_t start_ms, end_ms; /* both included */
    size_t series_max;        /* more is ERR_RANGE; 0: no limit */
    int64_t deadline_ms;      /* monotonic; 0: none. ERR_TIMEOUT past it */
    bool labels_only; /* nobody will read samples; series whose samples are only near the span may be among them */
    /* Hints for engines elsewhere; may be 0 and empty. */
    int64_t step_ms, range_ms;
    struct str function;
};

struct series_set;
struct series_set_ops {
    /* labels - of one series, with __name__, sorted by name. The array lives until the next call on this set, the texts
     * as long as the set. */
    struct labels (*labels)(struct series_set *set, size_t index);
    /* read - its samples within the query's span. They live until the next read on this set. Cheapest in rising order
     * of index. */
    err (*read)(struct series_set *set, size_t index, struct samples *ret_samples);
    void (*close)(struct series_set *set); /* may be NULL */
};

struct series_set {
    const struct series_set_ops *ops;
    size_t count;
    VEC(struct str) warnings; /* an answer that may be partial says why; in the arena of the set */
};
void series_set_close(struct series_set *set); /* NULL is fine */
void series_set_closep(struct series_set **set);

enum metric_kind {
    KIND_UNKNOWN,
    KIND_COUNTER,
    KIND_GAUGE,
    KIND_HISTOGRAM,
    KIND_SUMMARY,
    KIND_INFO,
    KIND_GAUGE_HISTOGRAM,
    KIND_STATESET,
};
const char *metric_kind_name(enum metric_kind kind); /* as /api/v1/metadata says it: "counter", "unknown" */

struct metric_meta {
    struct str name, help, unit;
    enum metric_kind kind;
};
struct metric_meta_list {
    struct metric_meta *at;
    size_t count;
};
struct str_list {
    struct str *at;
    size_t count;
};

struct exemplar {
    struct labels labels;
    int64_t time_ms;
    double value;
};
struct exemplar_series {
    struct labels labels; /* of the series, with __name__ */
    struct exemplar *at;
    size_t count;
};
struct exemplar_list {
    struct exemplar_series *at;
    size_t count;
};

struct series_source;
struct series_source_ops {
    err (*open)(struct series_source *source, struct arena *arena, const struct series_query *query,
                struct series_set **ret_set);
    /* label_names, label_values - of the series that match, sorted, unique; at most `max` of them (0: all). */
    err (*label_names)(struct series_source *source, struct arena *arena, const struct series_query *query, size_t max,
                       struct str_list *ret_names);
    err (*label_values)(struct series_source *source, struct arena *arena, struct str name,
                        const struct series_query *query, size_t max, struct str_list *ret_values);
    /* meta - of one metric; ERR_NOT_FOUND. metas - of all, by name (or of `name`, where not empty). */
    err (*meta)(struct series_source *source, struct arena *arena, struct str name, struct metric_meta *ret_meta);
    err (*metas)(struct series_source *source, struct arena *arena, struct str name, struct metric_meta_list *ret_list);
    err (*exemplars)(struct series_source *source, struct arena *arena, const struct series_query *query,
                     struct exemplar_list *ret_list);
};

struct series_source {
    const struct series_source_ops *ops;
};

/* For those who want a few series whole. */
struct sample {
    int64_t time_ms;
    double value;
};
struct series {
    struct labels labels;         /* with __name__ */
    const struct sample *samples; /* by time, strictly rising; floats only, stale markers left out */
    size_t count;
};
struct series_list {
    struct series *at;
    size_t count;
};
/* series_select - all series that match and have a sample in [start_ms, end_ms], sorted by labels, in the arena. */
err series_select(struct series_source *source, struct arena *arena, const struct matcher *matchers, size_t count,
                  int64_t start_ms, int64_t end_ms, struct series_list *ret_list) MUST_USE;
/* series_set_of_list - a set over what is already in the arena: for sources that get everything in one answer. */
struct series_set *series_set_of_list(struct arena *arena, struct series_list list);

/* Where samples go. One call is one batch of one origin. */
struct sample_in {
    struct labels labels; /* with __name__ */
    int64_t time_ms;
    double value;
    int64_t start_ms;                  /* 0: unknown */
    const struct histogram *histogram; /* instead of the value; NULL: a float */
};

struct sample_sink;
struct sample_sink_ops {
    /* append - durable when it returns NULL, as far as the store promises. What single samples do wrong (too far in
     * the future, too many series) is counted, and the others are stored. Borrowed, copied as needed. */
    err (*append)(struct sample_sink *sink, const struct sample_in *samples, size_t count);
    void (*describe)(struct sample_sink *sink, const struct metric_meta *meta);
    /* note - an exemplar of a series. */
    void (*note)(struct sample_sink *sink, struct labels series, const struct exemplar *exemplar);
};
struct sample_sink {
    const struct sample_sink_ops *ops;
};

/* metric.h - counters and gauges about ourselves, shown at /metrics in Prometheus' text format.
 *
 * Owner: the file that declares one. Threads: any. Units stand in the name, counters end in _total; all are prefixed
 * auspex_ when written. One line declares:   METRIC(COUNTER, http_requests_total, "Requests answered.", "code"); */
#pragma once
#include "base/buf.h"
#include "base/registry.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE };
enum { METRIC_LABEL_VALUES_MAX = 64 };

struct metric_state;

struct metric {
    const char *name;
    const char *doc;
    const char *label; /* name of its one label; NULL: it has none */
    enum metric_type type;
    struct metric_state *state;
};

/* METRIC(type, name, doc, label) - declares and registers a metric that this file then uses by &name; label is NULL or
 * the name of the only label. */
#define METRIC(type, name, doc, label)                                                                                 \
    static struct metric_state name##_state;                                                                           \
    static const struct metric name = { #name, doc, label, METRIC_##type, &name##_state };                             \
    REGISTER(metric, name)

/* For metrics without a label. Values are doubles; adding is one atomic operation. */
void metric_add(const struct metric *metric, double value);
void metric_set(const struct metric *metric, double value);
/* For those with one: the 65th value of a label is counted under "other". */
void metric_add_for(const struct metric *metric, struct str value_of_label, double value);
void metric_set_for(const struct metric *metric, struct str value_of_label, double value);

/* metrics_write - all registered ones, sorted by name. */
void metrics_write(struct buf *out);

struct metric_cell {
    char *label;
    _Atomic double value;
};
struct metric_state {
    _Atomic double value;
    _Atomic size_t count;
    struct metric_cell cells[METRIC_LABEL_VALUES_MAX + 1];
};

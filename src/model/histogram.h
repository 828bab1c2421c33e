/* histogram.h - native histograms: sparse buckets on exponential or custom bounds, counts as floats.
 *
 * Owner: the arena that they were made in; immutable once they are visible to others. Threads: values.
 * Semantics are Prometheus' (docs/specs/native_histograms), arithmetic included; bucket lists hold one count per bucket
 * of the spans, absolute, not deltas. */
#pragma once
#include "base/json.h"
#include "base/vec.h"

/* A run of neighbouring buckets: `offset` empty ones after the run before (the first: from index 0), then `length`. */
struct histogram_span {
    int32_t offset;
    uint32_t length;
};

enum { HISTOGRAM_SCHEMA_MIN = -4, HISTOGRAM_SCHEMA_MAX = 8, HISTOGRAM_CUSTOM = -53 };
enum counter_reset { RESET_UNKNOWN, RESET_YES, RESET_NO, RESET_GAUGE };

struct histogram_side {
    const struct histogram_span *spans;
    size_t span_count;
    const double *counts;
    size_t count;
};

struct histogram {
    int32_t schema;
    enum counter_reset hint;
    bool integral; /* came as integers: encoded as such, computed alike */
    double zero_threshold, zero_count;
    double count, sum;
    struct histogram_side positive, negative;
    const double *bounds; /* HISTOGRAM_CUSTOM: upper bounds, rising; the last bucket reaches to +Inf */
    size_t bound_count;
};

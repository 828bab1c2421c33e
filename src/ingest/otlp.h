/* otlp.h - what an OTLP export request of metrics holds, decoded from protobuf or JSON.
 *
 * Owner: the arena that it was decoded into; texts may be views of the body. Threads: values.
 * Source: opentelemetry-proto, metrics/v1/metrics.proto and collector/metrics/v1. */
#pragma once
#include "model/labels.h"

/* Attributes have their values as text already: strings as they are, numbers and bools as written, lists and maps as
 * JSON, bytes in base64. */
struct otlp_attributes {
    struct label *at;
    size_t count, room;
};

struct otlp_numbers {
    double *at;
    size_t count, room;
};

struct otlp_exemplar {
    uint64_t time_ns;
    double value;
    struct str trace_id, span_id; /* lower-case hexadecimal; "" where absent or zero */
    struct otlp_attributes attributes;
};

struct otlp_buckets {
    int32_t offset;
    struct otlp_numbers counts;
};

enum { OTLP_NO_RECORDED_VALUE = 1 }; /* bit of flags */

/* One data point of any kind; each kind uses its members. */
struct otlp_point {
    uint64_t start_ns, time_ns, flags;
    struct otlp_attributes attributes;
    double value;                       /* gauge, sum */
    bool has_value, has_sum;            /* histograms may come without a sum */
    double count, sum;                  /* histograms, summaries */
    struct otlp_numbers counts, bounds; /* histogram: per bucket; summary: values at quantiles (in bounds) */
    int32_t scale;                      /* exponential histogram, as the next three */
    double zero_count, zero_threshold;
    struct otlp_buckets positive, negative;
    VEC(struct otlp_exemplar) exemplars;
};

enum otlp_kind { OTLP_NO_KIND, OTLP_GAUGE, OTLP_SUM, OTLP_HISTOGRAM, OTLP_EXPONENTIAL, OTLP_SUMMARY };
enum otlp_temporality { OTLP_UNSPECIFIED, OTLP_DELTA, OTLP_CUMULATIVE };

struct otlp_metric {
    struct str name, description, unit;
    enum otlp_kind kind;
    uint64_t temporality;
    bool monotonic;
    VEC(struct otlp_point) points;
};

struct otlp_scope {
    VEC(struct otlp_metric) metrics;
};

struct otlp_resource {
    struct otlp_attributes attributes;
    VEC(struct otlp_scope) scopes;
};

struct otlp_request {
    VEC(struct otlp_resource) resources;
};

enum { OTLP_DEPTH_MAX = 16 }; /* of lists and maps within an attribute */

/* otlp_read_protobuf, otlp_read_json - ERR_INVALID where it is none; ERR_TOO_LARGE past the arena's budget. Unknown
 * fields are ignored. */
err otlp_read_protobuf(struct arena *arena, struct str body, struct otlp_request *ret_request) MUST_USE;
err otlp_read_json(struct arena *arena, struct str body, struct otlp_request *ret_request) MUST_USE;

/* otlp_double_text - as Go's encoding/json writes it: plain digits from 1e-6 up to 1e21. */
struct str otlp_double_text(struct arena *arena, double value);
/* otlp_plain_double_text - never with an exponent: as the labels le and quantile are written. */
struct str otlp_plain_double_text(struct arena *arena, double value);

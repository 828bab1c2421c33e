/* histogram.h - native histograms: sparse buckets on exponential or custom bounds, counts as floats.
 *
 * Owner: the arena that they were made in; immutable once they are visible to others. Threads: values.
 * Semantics are Prometheus' (docs/specs/native_histograms), arithmetic included; bucket lists hold one count per bucket
 * of the spans, absolute, not deltas. Neighbours: histogram_bucket.h walks the buckets, histogram_sum.h adds them up,
 * histogram_stat.h asks what they say. */
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
    bool integral; /* came as integers: stored as such, computed alike */
    double zero_threshold, zero_count;
    double count, sum; /* sum: the stale marker's bits say that the series ended here */
    struct histogram_side positive, negative;
    const double *bounds; /* HISTOGRAM_CUSTOM: upper bounds, rising; the last bucket reaches to +Inf */
    size_t bound_count;
};

bool histogram_is_custom(const struct histogram *histogram);
bool histogram_is_stale(const struct histogram *histogram);
struct histogram *histogram_copy(struct arena *arena, const struct histogram *histogram); /* deep */

/* histogram_validate - ERR_INVALID with Prometheus' words: spans that don't fit the buckets, negative counts, bounds
 * that don't rise, an unknown schema, integers that don't add up. Everything else here may only be asked of histograms
 * whose shape is sound (histogram_check_shape). */
err histogram_validate(const struct histogram *histogram) MUST_USE;
/* histogram_check_shape - the part of it that keeps everybody within bounds: counts may be any. */
err histogram_check_shape(const struct histogram *histogram) MUST_USE;
/* histogram_compact - the same without empty buckets and needless spans. */
const struct histogram *histogram_compact(struct arena *arena, const struct histogram *histogram);
/* histogram_reduce - in a coarser schema; it may be up to 52 before, and need not be sound: what can't be reduced comes
 * back as it is, and histogram_validate refuses it. */
const struct histogram *histogram_reduce(struct arena *arena, const struct histogram *histogram, int32_t schema);
/* histogram_equal - the same layout and the same bits; hints don't count. */
bool histogram_equal(const struct histogram *a, const struct histogram *b);
bool histogram_bounds_equal(const double *a, size_t a_count, const double *b, size_t b_count);

/* histogram_reset - whether the counter started again between the two: a count fell, a bucket is gone, the resolution
 * rose. Hints shortcut. */
bool histogram_reset(const struct histogram *current, const struct histogram *previous);
/* histogram_hint_after - the hint under which a sample is kept when it follows `previous` (NULL: it is the first) in
 * its series. */
enum counter_reset histogram_hint_after(const struct histogram *previous, const struct histogram *current);

/* histogram_parse - of "{{schema:1 count:5 sum:12 offset:-1 buckets:[2 3]}}", as rule tests write it: schema, count,
 * sum, z_bucket, z_bucket_w, custom_values, buckets, offset, n_buckets, n_offset, counter_reset_hint. */
err histogram_parse(struct arena *arena, struct str text, const struct histogram **ret_histogram) MUST_USE;
/* histogram_json - as Prometheus' API answers it: {"count":"..","sum":"..","buckets":[[rule,"lower","upper","n"]]}. */
void histogram_json(struct json_writer *w, const struct histogram *histogram);
/* histogram_text - "{count:3, sum:5, [-0.001,0.001]:2, (0.5,1]:1}", for people and count_values. */
void histogram_text(struct buf *out, const struct histogram *histogram);

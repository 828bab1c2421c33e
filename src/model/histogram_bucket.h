/* histogram_bucket.h - the buckets of a native histogram, one by one, with their bounds.
 *
 * Owner: a walk stands on its user's stack and points into the histogram. Threads: values. */
#pragma once
#include "model/histogram.h"

struct bucket {
    double lower, upper, count;
    bool lower_inclusive, upper_inclusive;
    int32_t index; /* within the schema; of no meaning for the zero bucket */
};

/* histogram_bound - the upper bound of a bucket of positive values, schema HISTOGRAM_SCHEMA_MIN to _MAX. */
double histogram_bound(int32_t index, int32_t schema);
/* histogram_index - the index in a coarser schema. */
int32_t histogram_index(int32_t index, int32_t from_schema, int32_t to_schema);

/* A place in the spans of one side. */
struct side_walk {
    const struct histogram_side *side;
    size_t span, bucket; /* both count what was passed; backwards: what is left */
    uint32_t in_span;
    int32_t index;
    bool backwards;
};
struct side_walk side_walk(const struct histogram_side *side, bool backwards); /* forwards: away from zero */
bool side_walk_next(struct side_walk *walk, int32_t *ret_index, double *ret_count);

/* Buckets of one sign, away from zero, as they are in the histogram. */
struct bucket_walk {
    const struct histogram *histogram;
    struct side_walk sides[2]; /* the second: of a walk over all */
    unsigned state;
    bool descending, all;
    bool uncut; /* the user's: neighbours of the zero bucket may overlap it */
};
struct bucket_walk bucket_walk_positive(const struct histogram *histogram);
struct bucket_walk bucket_walk_negative(const struct histogram *histogram);
/* bucket_walk_all - every bucket from the lowest (descending: from the highest), the zero bucket among them if it has
 * observations; neighbours of the zero bucket are cut at its edge. */
struct bucket_walk bucket_walk_all(const struct histogram *histogram, bool descending);
bool bucket_walk_next(struct bucket_walk *walk, struct bucket *ret_bucket);

/* bucket_fraction_below - what part of the bucket's width is below `value`, which lies within its finite bounds:
 * linearly, or on the logarithmic scale that exponential buckets have. */
double bucket_fraction_below(const struct bucket *bucket, double value, bool linear);
double bucket_log2(double value);

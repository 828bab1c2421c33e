/* histogram_sum.h - arithmetic of native histograms: a running sum that adapts its layout to what is added.
 *
 * Owner: the holder of the struct; memory is the arena's. Threads: one at a time.
 *
 * Histograms of different schemas meet in the coarser one, different zero buckets in one that holds both, different
 * custom bounds in those they share. Every number keeps what rounding took from it beside it (Neumaier, "Rundungs-
 * fehleranalyse einiger Verfahren zur Summation endlicher Summen", 1974); histogram_sum_settle adds it. Prometheus does
 * so in aggregations; rate() and operators are plain. */
#pragma once
#include "base/kahan.h"
#include "model/histogram.h"

/* What an operation has to tell; 0 is: nothing. */
enum {
    HISTOGRAM_INCOMPATIBLE = 1, /* custom with exponential buckets: nothing was done */
    HISTOGRAM_COLLISION = 2,    /* one says the counter was reset, the other that it was not */
    HISTOGRAM_RECONCILED = 4,   /* custom bounds differed */
};

/* The buckets of one side that are there, by index. */
struct tally {
    int32_t *indexes;
    struct kahan *counts;
    size_t count, room;
};

struct histogram_sum {
    struct arena *arena;
    int32_t schema;
    enum counter_reset hint;
    bool plain; /* the caller's: keep nothing of what rounding takes */
    bool added; /* there is something to settle */
    double zero_threshold;
    struct kahan zero_count, count, sum;
    struct tally positive, negative, scratch;
    const double *bounds;
    size_t bound_count;
};

/* histogram_sum_begin - equal to `first`; the arena gives what it needs. The memory of what it held before is used
 * again: begin with { 0 }. */
void histogram_sum_begin(struct histogram_sum *sum, struct arena *arena, const struct histogram *first);
void histogram_sum_copy(struct histogram_sum *sum, const struct histogram_sum *from);
unsigned histogram_sum_add(struct histogram_sum *sum, const struct histogram *other);
unsigned histogram_sum_subtract(struct histogram_sum *sum, const struct histogram *other);
void histogram_sum_settle(struct histogram_sum *sum);
void histogram_sum_multiply(struct histogram_sum *sum, double factor); /* negative: a gauge */
void histogram_sum_divide(struct histogram_sum *sum, double divisor);  /* by 0 no bucket is left */
void histogram_sum_reduce(struct histogram_sum *sum, int32_t schema);  /* to a coarser one */
bool histogram_sum_overflows(const struct histogram_sum *sum);         /* something in it is infinite */
/* histogram_sum_result - as a histogram in `arena`, empty buckets included. histogram_sum_compact: without. */
const struct histogram *histogram_sum_result(const struct histogram_sum *sum, struct arena *arena);
const struct histogram *histogram_sum_compact(const struct histogram_sum *sum, struct arena *arena);

/* histogram_zero_within - what a zero bucket that reaches to *threshold, at least the histogram's own, would count;
 * *threshold grows where it cuts a bucket with something in it. */
double histogram_zero_within(const struct histogram *histogram, double *threshold);

/* The mean of many: from their sum as long as that doesn't overflow, then a running mean. */
struct histogram_mean {
    struct histogram_sum sum, next;
    double count;
    double reach; /* no number in the sum is beyond it */
    bool running;
};
void histogram_mean_begin(struct histogram_mean *mean, struct arena *arena, const struct histogram *first);
unsigned histogram_mean_add(struct histogram_mean *mean, const struct histogram *other);
/* histogram_mean_settle - the mean then stands in mean->sum; nothing may be added any more. */
void histogram_mean_settle(struct histogram_mean *mean);

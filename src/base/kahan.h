/* kahan.h - sums of many floats that lose next to nothing: Neumaier's variant of Kahan's summation (ZAMM 54, 1974).
 *
 * Owner: values. Threads: any. The steps and their order are Prometheus', so that sums agree to the last bit; they need
 * products that are rounded before they are added (no fused multiply-add).
 *
 * Two sums at once (struct kahan_pair) go without a branch: what an addition loses is found by Knuth's TwoSum (The Art
 * of Computer Programming 2, 4.2.2), which is the same number, since both are exact - as long as nothing is infinite or
 * NaN. Callers look at the end and add again, one by one, where that wasn't so. */
#pragma once
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct kahan {
    double sum, lost; /* the true sum is nearest to sum + lost */
};

static inline void kahan_add(struct kahan *kahan, double value)
{
    double sum = kahan->sum + value;

    if (isinf(sum))
        kahan->lost = 0;
    else if (fabs(kahan->sum) >= fabs(value))
        kahan->lost += (kahan->sum - sum) + value;
    else
        kahan->lost += (value - sum) + kahan->sum;
    kahan->sum = sum;
}

static inline double kahan_total(struct kahan kahan)
{
    return isinf(kahan.sum) ? kahan.sum : kahan.sum + kahan.lost;
}

typedef double double_pair __attribute__((vector_size(16)));

struct kahan_pair {
    double_pair sum, lost;
};

static inline void kahan_pair_add(struct kahan_pair *kahan, double_pair value)
{
    double_pair sum = kahan->sum + value, added = sum - kahan->sum;

    kahan->lost += (kahan->sum - (sum - added)) + (value - added);
    kahan->sum = sum;
}

/* kahan_pair_joined - what both summed together. */
static inline struct kahan kahan_pair_joined(const struct kahan_pair *kahan)
{
    struct kahan joined = { kahan->sum[0], kahan->lost[0] + kahan->lost[1] };

    kahan_add(&joined, kahan->sum[1]);
    return joined;
}

/* double_pair_at - of two neighbours in memory. */
static inline double_pair double_pair_at(const double *values)
{
    double_pair pair;

    memcpy(&pair, values, sizeof(pair));
    return pair;
}

static inline double_pair double_pair_magnitude(double_pair pair)
{
    return (double_pair){ fabs(pair[0]), fabs(pair[1]) };
}

/* kahan_sum - of a column. Values at even and odd places are summed apart and joined, which is the one difference from
 * Prometheus' order; false where an addition might overflow or a value is none, and nothing was summed. */
static inline bool kahan_sum(const double *values, size_t count, struct kahan *ret_sum)
{
    struct kahan_pair sum = { 0 };
    double_pair magnitude = { 0 };
    size_t i = 0;

    for (; i + 2 <= count; i += 2) {
        double_pair pair = double_pair_at(values + i);
        magnitude += double_pair_magnitude(pair);
        kahan_pair_add(&sum, pair);
    }
    double_pair last = { i < count ? values[i] : 0, 0 };
    magnitude += double_pair_magnitude(last);
    kahan_pair_add(&sum, last);
    *ret_sum = kahan_pair_joined(&sum);
    return magnitude[0] + magnitude[1] < 0x1p1020; /* so no sum in any order overflows */
}

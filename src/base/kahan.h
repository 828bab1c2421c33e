/* kahan.h - sums of many floats that lose next to nothing: Neumaier's variant of Kahan's summation (ZAMM 54, 1974).
 *
 * Owner: values. Threads: any. The steps and their order are Prometheus', so that sums agree to the last bit; they need
 * products that are rounded before they are added (no fused multiply-add). */
#pragma once
#include <math.h>

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

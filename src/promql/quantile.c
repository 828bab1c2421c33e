/* quantile.c - quantiles by selection: only the two values that count are put in their places. */
#include "promql/quantile.h"

#include <math.h>

static void swap(double *a, double *b)
{
    double was = *a;

    *a = *b;
    *b = was;
}

/* select_rank - reorder so that values[rank] is what sorting would put there, with nothing greater before it and
 * nothing less behind it. Hoare's FIND (CACM 4, 1961); no NaNs. */
static void select_rank(double *values, ptrdiff_t count, ptrdiff_t rank)
{
    ptrdiff_t low = 0, high = count - 1;

    while (low < high) {
        double pivot = values[rank];
        ptrdiff_t up = low, down = high;
        while (up <= down) {
            while (values[up] < pivot)
                up++;
            while (values[down] > pivot)
                down--;
            if (up <= down)
                swap(&values[up++], &values[down--]);
        }
        if (down < rank)
            low = up;
        if (rank < up)
            high = down;
    }
}

double quantile_of(double q, double *values, size_t count)
{
    size_t nans = 0;

    if (count == 0 || isnan(q))
        return NAN;
    if (q < 0)
        return -INFINITY;
    if (q > 1)
        return INFINITY;
    for (size_t i = 0; i < count; i++)
        if (isnan(values[i]))
            swap(&values[i], &values[nans++]);
    double rank = q * (double)(count - 1);
    size_t lower = (size_t)floor(rank), upper = lower + 1 < count ? lower + 1 : count - 1;
    double weight = rank - floor(rank);
    if (lower < nans)
        return NAN;
    select_rank(values + nans, (ptrdiff_t)(count - nans), (ptrdiff_t)(lower - nans));
    double above = values[upper];
    for (size_t i = upper; i < count; i++)
        above = values[i] < above ? values[i] : above;
    return values[lower] * (1 - weight) + above * weight;
}

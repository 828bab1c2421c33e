/* otlp_histogram.h - histograms of OTLP as native ones, and the way back to classic buckets.
 *
 * Owner: results stand in the arena. Threads: any. */
#pragma once
#include "ingest/otlp.h"
#include "model/histogram.h"

/* otlp_explicit_histogram - explicit bounds become custom ones. ERR_INVALID where counts and bounds don't fit. */
err otlp_explicit_histogram(struct arena *arena, const struct otlp_point *point,
                            const struct histogram **ret_histogram) MUST_USE;
/* otlp_exponential_histogram - scale and offset become schema and spans; finer than schema 8 is merged into it.
 * ERR_INVALID below scale -4. */
err otlp_exponential_histogram(struct arena *arena, const struct otlp_point *point,
                               const struct histogram **ret_histogram) MUST_USE;
/* otlp_classic_counts - of a histogram with custom bounds: how many are in each bucket, bound_count + 1 of them. */
double *otlp_classic_counts(struct arena *arena, const struct histogram *histogram);

/* hint_reader.h - within the room: what the samples of one series say of counter resets, as a query sees it.
 *
 * Owner: whoever reads the series; what hints_read returns lives until its next call. Threads: the one that evaluates.
 */
#pragma once
#include "model/histogram.h"
#include "promql/eval.h"

struct hint_reader {
    struct evaluation *ev;
    bool counts_only;
    struct histogram *copies;
    const struct histogram **histograms;
    size_t room;
};

/* hint_reader_make - for a selector of the query. What only histogram_count, histogram_sum and histogram_avg read comes
 * without buckets, so its hints tell of resets; all others look for themselves, and a sample after a reset says:
 * unknown. Answers depend on it where gauges are taken for counters, or custom bounds differ. */
struct hint_reader hint_reader_make(struct evaluation *ev, const struct expr *selector);
/* hints_read - set the hints of a series' histograms by what comes before each of them; take buckets away. */
void hints_read(struct hint_reader *reader, struct samples *samples);

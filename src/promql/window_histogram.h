/* window_histogram.h - within the room: steps that functions over windows of histograms are made of, with what they
 * have to tell.
 *
 * Owner: sums live as long as the evaluation, results in the window's arena. Threads: the one that evaluates. */
#pragma once
#include "model/histogram_sum.h"
#include "promql/window.h"

/* window_sum - one to begin, in memory that the next call of a function uses again. */
struct histogram_sum *window_sum(const struct window *window, bool plain);
/* window_add, window_subtract - false where a custom and an exponential histogram met, which was said. */
bool window_add(const struct window *window, struct histogram_sum *sum, const struct histogram *other);
bool window_subtract(const struct window *window, struct histogram_sum *sum, const struct histogram *other);
/* window_result - the sum, as a gauge, as the window's result. */
enum presence window_result(struct window *window, struct histogram_sum *sum);
/* window_mixes_buckets - whether samples from `first` on have custom and exponential buckets. */
bool window_mixes_buckets(const struct window *window, size_t first, size_t end);

void window_warn_mixed_buckets(const struct window *window);
void window_warn_no_counter(const struct window *window);
void window_warn_no_gauge(const struct window *window);
void window_note_reconciled(const struct window *window, const char *operation);

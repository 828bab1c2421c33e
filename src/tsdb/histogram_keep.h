/* histogram_keep.h - copies of native histograms in one block of memory.
 *
 * Owner: the caller, who ends histogram_keep's with free(); the arena for the other. Threads: any. */
#pragma once
#include "model/histogram.h"

struct histogram *histogram_keep(const struct histogram *histogram);
struct histogram *histogram_keep_in(struct arena *arena, const struct histogram *histogram);

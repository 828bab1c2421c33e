/* histogram_draw_test.h - random histograms for tests.
 *
 * Owner: the arena. Threads: any. */
#pragma once
#include "model/histogram.h"

/* draw_histogram - sound, of any schema, some buckets empty; custom: over one of a few sets of bounds. */
const struct histogram *draw_histogram(struct arena *arena, uint64_t *seed, bool custom);
/* draw_grown - the same with more in some buckets. */
const struct histogram *draw_grown(struct arena *arena, uint64_t *seed, const struct histogram *from);

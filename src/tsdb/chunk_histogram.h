/* chunk_histogram.h - within the room: the part of a chunk that holds histograms, alone or among floats.
 *
 * Owner: the caller. Threads: any. */
#pragma once
#include "model/histogram.h"
#include "model/series_source.h"
#include "tsdb/varint.h"

void put_histograms(struct buf *out, const struct samples *samples);
/* take_histograms - histograms in the arena and NULL for floats, whose values are set (those of histograms to 0). */
void take_histograms(struct reading *in, struct arena *arena, size_t count, const struct histogram **ret_histograms,
                     double *ret_values);

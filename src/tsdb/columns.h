/* columns.h - growing columns of samples, which decoders append to.
 *
 * Owner: the struct's holder; columns_clear frees. Histograms are borrowed. Threads: one at a time. */
#pragma once
#include "model/series_source.h"

struct columns {
    int64_t *times;
    double *values;
    const struct histogram **histograms; /* NULL until the first one */
    int64_t *starts;                     /* NULL until the first one */
    size_t count, room;
};

void columns_clear(struct columns *columns); /* frees; usable again. Fits CLEANUP */
/* columns_reset - empties, keeps the memory; histograms and starts are as if there never were any. */
void columns_reset(struct columns *columns);
void columns_reserve(struct columns *columns, size_t more);
/* columns_need_histograms, columns_need_starts - make the column, zeros so far; from then on who appends fills it. */
void columns_need_histograms(struct columns *columns);
void columns_need_starts(struct columns *columns);
/* columns_push - one sample; histogram may be NULL, start_ms 0. */
void columns_push(struct columns *columns, int64_t time_ms, int64_t start_ms, double value,
                  const struct histogram *histogram);
/* columns_settle - sort what was appended from `from` on by time; of samples of one time the last one stays. */
void columns_settle(struct columns *columns, size_t from);
struct samples columns_samples(const struct columns *columns);

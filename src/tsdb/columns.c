/* columns.c - growing columns of samples. */
#include "tsdb/columns.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

static void *resized(void *at, size_t count, size_t size)
{
    void *grown = realloc(at, count * size);

    if (!grown)
        out_of_memory(count * size);
    return grown;
}

void columns_clear(struct columns *columns)
{
    free(columns->times);
    free(columns->values);
    free(columns->histograms);
    free(columns->starts);
    *columns = (struct columns){ 0 };
}

void columns_reset(struct columns *columns)
{
    free(columns->histograms);
    free(columns->starts);
    columns->histograms = NULL;
    columns->starts = NULL;
    columns->count = 0;
}

void columns_reserve(struct columns *columns, size_t more)
{
    size_t room = columns->room ? columns->room : 256;

    if (columns->count + more <= columns->room)
        return;
    while (room < columns->count + more)
        room *= 2;
    columns->times = resized(columns->times, room, sizeof(*columns->times));
    columns->values = resized(columns->values, room, sizeof(*columns->values));
    if (columns->histograms)
        columns->histograms = resized(columns->histograms, room, sizeof(*columns->histograms));
    if (columns->starts)
        columns->starts = resized(columns->starts, room, sizeof(*columns->starts));
    columns->room = room;
}

void columns_need_histograms(struct columns *columns)
{
    if (columns->histograms)
        return;
    columns_reserve(columns, 1);
    columns->histograms = resized(NULL, columns->room, sizeof(*columns->histograms));
    for (size_t i = 0; i < columns->count; i++)
        columns->histograms[i] = NULL;
}

void columns_need_starts(struct columns *columns)
{
    if (columns->starts)
        return;
    columns_reserve(columns, 1);
    columns->starts = resized(NULL, columns->room, sizeof(*columns->starts));
    memset(columns->starts, 0, columns->count * sizeof(*columns->starts));
}

void columns_push(struct columns *columns, int64_t time_ms, int64_t start_ms, double value,
                  const struct histogram *histogram)
{
    columns_reserve(columns, 1);
    if (histogram)
        columns_need_histograms(columns);
    if (start_ms)
        columns_need_starts(columns);
    columns->times[columns->count] = time_ms;
    columns->values[columns->count] = value;
    if (columns->histograms)
        columns->histograms[columns->count] = histogram;
    if (columns->starts)
        columns->starts[columns->count] = start_ms;
    columns->count++;
}

struct samples columns_samples(const struct columns *columns)
{
    return (struct samples){ columns->times, columns->values, columns->histograms, columns->starts, columns->count };
}

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

/* order_by_time - a stable merge sort of places, bottom up. */
static uint32_t *order_by_time(const int64_t *times, size_t count, uint32_t *places, uint32_t *spare)
{
    for (size_t i = 0; i < count; i++)
        places[i] = (uint32_t)i;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t at = 0; at < count; at += 2 * width) {
            size_t left = at, middle = at + width < count ? at + width : count;
            size_t right = middle, end = at + 2 * width < count ? at + 2 * width : count;
            for (size_t i = at; i < end; i++) {
                bool from_left = left < middle && (right == end || times[places[left]] <= times[places[right]]);
                spare[i] = from_left ? places[left++] : places[right++];
            }
        }
        uint32_t *sorted = spare;
        spare = places;
        places = sorted;
    }
    return places;
}

void columns_settle(struct columns *columns, size_t from)
{
    size_t count = columns->count - from;
    bool rising = true;

    for (size_t i = from + 1; i < columns->count && rising; i++)
        rising = columns->times[i - 1] < columns->times[i];
    if (rising)
        return;
    uint32_t *memory = calloc(2 * count, sizeof(*memory));
    if (!memory)
        out_of_memory(2 * count * sizeof(*memory));
    const uint32_t *order = order_by_time(columns->times + from, count, memory, memory + count);
    struct columns settled = { 0 };
    columns_reserve(&settled, columns->room);
    for (size_t i = 0; i < from; i++)
        columns_push(&settled, columns->times[i], columns->starts ? columns->starts[i] : 0, columns->values[i],
                     columns->histograms ? columns->histograms[i] : NULL);
    for (size_t i = 0; i < count; i++) {
        size_t at = from + order[i];
        if (i + 1 < count && columns->times[from + order[i + 1]] == columns->times[at])
            continue;
        columns_push(&settled, columns->times[at], columns->starts ? columns->starts[at] : 0, columns->values[at],
                     columns->histograms ? columns->histograms[at] : NULL);
    }
    free(memory);
    columns_clear(columns);
    *columns = settled;
}

struct samples columns_samples(const struct columns *columns)
{
    return (struct samples){ columns->times, columns->values, columns->histograms, columns->starts, columns->count };
}

/* histogram_keep.c - copies of histograms in one block of memory. */
#include <stdlib.h>
#include <string.h>

#include "model/histogram.h"
#include "tsdb/histogram_keep.h"
#include "tsdb/series.h"

struct layout {
    size_t spans[2], counts[2], bounds, bytes;
};

static struct layout layout_of(const struct histogram *histogram)
{
    const struct histogram_side *sides[] = { &histogram->positive, &histogram->negative };
    struct layout layout = { .bytes = sizeof(*histogram) };

    for (int i = 0; i < 2; i++) {
        layout.counts[i] = layout.bytes;
        layout.bytes += sides[i]->count * sizeof(*sides[i]->counts);
    }
    layout.bounds = layout.bytes;
    layout.bytes += histogram->bound_count * sizeof(*histogram->bounds);
    for (int i = 0; i < 2; i++) {
        layout.spans[i] = layout.bytes;
        layout.bytes += sides[i]->span_count * sizeof(*sides[i]->spans);
    }
    return layout;
}

static const void *put(char *block, size_t at, const void *from, size_t bytes)
{
    if (bytes)
        memcpy(block + at, from, bytes);
    return bytes ? block + at : NULL;
}

static struct histogram *copy_into(char *block, const struct layout *layout, const struct histogram *histogram)
{
    struct histogram *copy = (struct histogram *)block;
    struct histogram_side *sides[] = { &copy->positive, &copy->negative };

    *copy = *histogram;
    for (int i = 0; i < 2; i++) {
        sides[i]->counts = put(block, layout->counts[i], sides[i]->counts, sides[i]->count * sizeof(*sides[i]->counts));
        sides[i]->spans =
            put(block, layout->spans[i], sides[i]->spans, sides[i]->span_count * sizeof(*sides[i]->spans));
    }
    copy->bounds = put(block, layout->bounds, copy->bounds, copy->bound_count * sizeof(*copy->bounds));
    return copy;
}

struct histogram *histogram_keep(const struct histogram *histogram)
{
    struct layout layout = layout_of(histogram);
    char *block = malloc(layout.bytes);

    if (!block)
        out_of_memory(layout.bytes);
    return copy_into(block, &layout, histogram);
}

struct histogram *histogram_keep_in(struct arena *arena, const struct histogram *histogram)
{
    struct layout layout = layout_of(histogram);

    return copy_into(arena_alloc(arena, layout.bytes), &layout, histogram);
}

static bool same(const void *a, size_t a_count, const void *b, size_t b_count, size_t size)
{
    return a_count == b_count && (a_count == 0 || memcmp(a, b, a_count * size) == 0);
}

static bool same_side(const struct histogram_side *a, const struct histogram_side *b)
{
    return same(a->spans, a->span_count, b->spans, b->span_count, sizeof(*a->spans)) &&
           same(a->counts, a->count, b->counts, b->count, sizeof(*a->counts));
}

bool histogram_is_same(const struct histogram *a, const struct histogram *b)
{
    return a->schema == b->schema && a->integral == b->integral &&
           same(&a->zero_threshold, 4, &b->zero_threshold, 4, sizeof(double)) &&
           same(a->bounds, a->bound_count, b->bounds, b->bound_count, sizeof(*a->bounds)) &&
           same_side(&a->positive, &b->positive) && same_side(&a->negative, &b->negative);
}

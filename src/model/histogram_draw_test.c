/* histogram_draw_test.c - random histograms for tests. */
#include "model/histogram_draw_test.h"

#include "base/test.h"
#include "model/histogram_bucket.h"

static uint32_t draw(uint64_t *seed, uint32_t below)
{
    return (uint32_t)(test_uniform(seed) * below) % below;
}

static double draw_count(uint64_t *seed, bool integral)
{
    uint32_t kind = draw(seed, 6);

    return kind == 0 ? 0 : kind == 1 && !integral ? test_uniform(seed) * 1e6 : draw(seed, 50);
}

static void draw_side(struct arena *arena, uint64_t *seed, struct histogram *histogram, struct histogram_side *side,
                      size_t room)
{
    struct histogram_span *spans = arena_array(arena, 4, sizeof(*spans));
    double *counts = arena_array(arena, 32, sizeof(*counts));
    bool custom = histogram->schema == HISTOGRAM_CUSTOM;

    *side = (struct histogram_side){ .spans = spans, .counts = counts };
    for (uint32_t spans_left = draw(seed, 4); spans_left && room; spans_left--) {
        struct histogram_span *span = &spans[side->span_count];
        span->offset = (int32_t)draw(seed, 3);
        span->length = draw(seed, 5);
        if (!side->span_count && !custom)
            span->offset = (int32_t)draw(seed, 40) - 20;
        if (custom && (size_t)span->offset + span->length > room)
            break;
        room -= custom ? (size_t)span->offset + span->length : 0;
        side->span_count++;
        for (uint32_t i = 0; i < span->length; i++) {
            counts[side->count] = draw_count(seed, histogram->integral);
            histogram->count += counts[side->count++];
        }
    }
}

static double lowest_bound(const struct histogram *histogram, const struct histogram_side *side)
{
    return side->count ? histogram_bound(side->spans[0].offset - 1, histogram->schema) : 1e300;
}

const struct histogram *draw_histogram(struct arena *arena, uint64_t *seed, bool custom)
{
    static const double bounds[4][4] = { { 1, 2, 5, 10 }, { 1, 2, 3, 5 }, { -3, -1, 0, 2 }, { 0.5, 2, 5, 7 } };
    static const double thresholds[] = { 0, 0.001, 0.25, 0.3, 1, 3 };
    struct histogram *histogram = arena_alloc(arena, sizeof(*histogram));

    histogram->hint = draw(seed, 4);
    histogram->integral = draw(seed, 2);
    histogram->sum = draw_count(seed, false);
    if (custom) {
        histogram->schema = HISTOGRAM_CUSTOM;
        histogram->bounds = bounds[draw(seed, 4)];
        histogram->bound_count = 4;
        draw_side(arena, seed, histogram, &histogram->positive, 5);
        return histogram;
    }
    histogram->schema = draw(seed, 2) ? (int32_t)draw(seed, 3) : (int32_t)draw(seed, 13) - 4;
    histogram->zero_threshold = thresholds[draw(seed, ARRAY_LEN(thresholds))];
    histogram->count = histogram->zero_count = draw_count(seed, histogram->integral);
    draw_side(arena, seed, histogram, &histogram->positive, SIZE_MAX);
    draw_side(arena, seed, histogram, &histogram->negative, SIZE_MAX);
    if (lowest_bound(histogram, &histogram->positive) < histogram->zero_threshold ||
        lowest_bound(histogram, &histogram->negative) < histogram->zero_threshold)
        histogram->zero_threshold = 0;
    return histogram;
}

const struct histogram *draw_grown(struct arena *arena, uint64_t *seed, const struct histogram *from)
{
    struct histogram *grown = histogram_copy(arena, from);
    double *counts = (double *)grown->positive.counts;

    for (size_t i = 0; i < grown->positive.count; i++) {
        double more = draw(seed, 3);
        counts[i] += more;
        grown->count += more;
        grown->sum += more * 1.5;
    }
    return grown;
}

TEST(drawn_histograms_are_sound)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(64 << 20);
    uint64_t seed = 3;

    for (int i = 0; i < 1000; i++)
        ASSERT_OK(histogram_validate(draw_grown(arena, &seed, draw_histogram(arena, &seed, i % 4 == 0))));
}

/* histogram_reset.c - did the counters of a histogram start again between two samples? */
#include "model/histogram_bucket.h"
#include "model/histogram_sum.h"

#include <math.h>
#include <string.h>

/* The buckets of a side in a coarser schema, those within the zero bucket left out. */
struct level {
    struct side_walk walk;
    int32_t from, to, index;
    double threshold, count;
    bool pending; /* index and count were read, and belong to the next bucket */
};

static bool level_next(struct level *level, int32_t *ret_index, double *ret_count)
{
    bool found = false;
    int32_t index;
    double count;

    for (;;) {
        if (level->pending) {
            index = level->index;
            count = level->count;
            level->pending = false;
        } else if (side_walk_next(&level->walk, &index, &count)) {
            if (level->from != level->to)
                index = histogram_index(index, level->from, level->to);
        } else {
            return found;
        }
        if (found && index != *ret_index) {
            level->index = index;
            level->count = count;
            level->pending = true;
            return true;
        }
        if (level->threshold > 0 && histogram_bound(index, level->to) <= level->threshold)
            continue;
        *ret_count = found ? *ret_count + count : count;
        *ret_index = index;
        found = true;
    }
}

static struct level level_of(const struct histogram *histogram, bool positive, double threshold, int32_t schema)
{
    return (struct level){ .walk = side_walk(positive ? &histogram->positive : &histogram->negative, false),
                           .from = histogram->schema,
                           .to = schema,
                           .threshold = histogram_is_custom(histogram) ? 0 : threshold };
}

/* Whether a bucket of `before` is gone from `now`, or has less in it. */
static bool side_fell(struct level now, struct level before)
{
    int32_t index = 0, index_before;
    double count = 0, count_before;
    bool more = level_next(&now, &index, &count);

    while (level_next(&before, &index_before, &count_before)) {
        while (more && index < index_before)
            more = level_next(&now, &index, &count);
        if (more && index == index_before ? count < count_before : count_before != 0)
            return true;
    }
    return false;
}

/* What lies between the bounds that two histograms share; `walk` stands before the first bucket not yet counted. */
struct rollup {
    const struct histogram *histogram;
    struct bucket_walk walk;
    struct bucket bucket;
    bool pending;
};

static double rollup_to(struct rollup *rollup, double bound)
{
    double total = 0;

    while (rollup->pending || bucket_walk_next(&rollup->walk, &rollup->bucket)) {
        rollup->pending = rollup->bucket.upper > bound;
        if (rollup->pending)
            break;
        total += rollup->bucket.count;
    }
    return total;
}

static bool custom_fell(const struct histogram *now, const struct histogram *before)
{
    struct rollup rollup_now = { now, bucket_walk_positive(now) };
    struct rollup rollup_before = { before, bucket_walk_positive(before) };

    for (size_t i = 0, j = 0; i <= now->bound_count && j <= before->bound_count;) {
        double bound = i < now->bound_count ? now->bounds[i] : INFINITY;
        double bound_before = j < before->bound_count ? before->bounds[j] : INFINITY;
        if (bound == bound_before) {
            double total = rollup_to(&rollup_now, bound);
            if (total < rollup_to(&rollup_before, bound))
                return true;
            i++;
            j++;
        } else if (bound < bound_before) {
            i++;
        } else {
            j++;
        }
    }
    return false;
}

static bool same_spans(const struct histogram_side *a, const struct histogram_side *b)
{
    return a->span_count == b->span_count && a->count == b->count &&
           (!a->span_count || memcmp(a->spans, b->spans, a->span_count * sizeof(*a->spans)) == 0);
}

static bool any_fell(const struct histogram_side *now, const struct histogram_side *before)
{
    for (size_t i = 0; i < now->count; i++)
        if (now->counts[i] < before->counts[i])
            return true;
    return false;
}

static bool counts_fell(const struct histogram *now, const struct histogram *before)
{
    double threshold = now->zero_threshold, zero_before;

    if (now->count < before->count)
        return true;
    if (histogram_is_custom(now)) {
        if (!histogram_is_custom(before))
            return true;
        if (!histogram_bounds_equal(now->bounds, now->bound_count, before->bounds, before->bound_count))
            return custom_fell(now, before);
    }
    if (now->schema == before->schema && now->zero_threshold == before->zero_threshold &&
        same_spans(&now->positive, &before->positive) && same_spans(&now->negative, &before->negative))
        return now->zero_count < before->zero_count || any_fell(&now->positive, &before->positive) ||
               any_fell(&now->negative, &before->negative);
    if (now->schema > before->schema || now->zero_threshold < before->zero_threshold)
        return true;
    zero_before = histogram_zero_within(before, &threshold);
    if (threshold != now->zero_threshold || now->zero_count < zero_before)
        return true;
    threshold = now->zero_threshold;
    return side_fell(level_of(now, true, threshold, now->schema), level_of(before, true, threshold, now->schema)) ||
           side_fell(level_of(now, false, threshold, now->schema), level_of(before, false, threshold, now->schema));
}

bool histogram_reset(const struct histogram *current, const struct histogram *previous)
{
    if (current->hint == RESET_YES || current->hint == RESET_NO)
        return current->hint == RESET_YES;
    return counts_fell(current, previous);
}

enum counter_reset histogram_hint_after(const struct histogram *previous, const struct histogram *current)
{
    if (current->hint == RESET_GAUGE || current->hint == RESET_YES)
        return current->hint;
    if (!previous || previous->hint == RESET_GAUGE)
        return RESET_UNKNOWN;
    if (histogram_is_stale(current))
        return RESET_NO;
    if (histogram_is_stale(previous))
        return RESET_UNKNOWN;
    if (current->count < previous->count)
        return RESET_YES;
    if (current->schema != previous->schema || current->zero_threshold != previous->zero_threshold)
        return RESET_UNKNOWN;
    if (!histogram_bounds_equal(current->bounds, current->bound_count, previous->bounds, previous->bound_count))
        return RESET_YES;
    return counts_fell(current, previous) ? RESET_YES : RESET_NO;
}

/* histogram_sum.c - sums, differences and multiples of native histograms.
 *
 * DESIGN. A side is two arrays, the indexes of its buckets and their counts, so adding a histogram of the same layout
 * is one pass, and another layout one merge; spans are made once, at the end. What is added goes through `scratch`, in
 * the sum's schema and freed of what its zero bucket holds. */
#include "model/histogram_sum.h"

#include "model/histogram_bucket.h"

#include <math.h>
#include <string.h>

static void add_both(struct kahan *to, struct kahan other)
{
    kahan_add(to, other.sum);
    if (other.lost != 0)
        kahan_add(to, other.lost);
}

static void tally_reserve(struct tally *tally, struct arena *arena, size_t count)
{
    struct tally larger = { .count = tally->count, .room = count + count / 4 + 4 };

    if (count <= tally->room)
        return;
    larger.indexes = arena_array(arena, larger.room, sizeof(*larger.indexes));
    larger.counts = arena_array(arena, larger.room, sizeof(*larger.counts));
    if (tally->count) {
        memcpy(larger.indexes, tally->indexes, tally->count * sizeof(*larger.indexes));
        memcpy(larger.counts, tally->counts, tally->count * sizeof(*larger.counts));
    }
    *tally = larger;
}

static void tally_fill(struct tally *tally, struct arena *arena, const struct histogram_side *side)
{
    struct side_walk walk = side_walk(side, false);
    int32_t index;
    double count;

    tally->count = 0;
    tally_reserve(tally, arena, side->count);
    while (side_walk_next(&walk, &index, &count)) {
        tally->indexes[tally->count] = index;
        tally->counts[tally->count++] = (struct kahan){ count, 0 };
    }
}

static void tally_copy(struct tally *tally, struct arena *arena, const struct tally *from)
{
    tally->count = 0;
    tally_reserve(tally, arena, from->count);
    tally->count = from->count;
    if (from->count) {
        memcpy(tally->indexes, from->indexes, from->count * sizeof(*from->indexes));
        memcpy(tally->counts, from->counts, from->count * sizeof(*from->counts));
    }
}

static void tally_forget(struct tally *tally)
{
    for (size_t i = 0; i < tally->count; i++)
        tally->counts[i].lost = 0;
}

static void tally_reduce(struct tally *tally, int32_t from, int32_t to)
{
    size_t kept = 0;

    for (size_t i = 0; i < tally->count; i++) {
        int32_t index = histogram_index(tally->indexes[i], from, to);
        if (kept && tally->indexes[kept - 1] == index) {
            add_both(&tally->counts[kept - 1], tally->counts[i]);
            continue;
        }
        tally->indexes[kept] = index;
        tally->counts[kept++] = tally->counts[i];
    }
    tally->count = kept;
}

/* Forget the first buckets. */
static void tally_cut(struct tally *tally, size_t buckets)
{
    if (!buckets)
        return;
    tally->count -= buckets;
    memmove(tally->indexes, tally->indexes + buckets, tally->count * sizeof(*tally->indexes));
    memmove(tally->counts, tally->counts + buckets, tally->count * sizeof(*tally->counts));
}

static size_t tally_missing(const struct tally *tally, const struct tally *other)
{
    size_t missing = 0, at = 0;

    for (size_t i = 0; i < other->count; i++) {
        while (at < tally->count && tally->indexes[at] < other->indexes[i])
            at++;
        missing += at == tally->count || tally->indexes[at] != other->indexes[i];
    }
    return missing;
}

static void tally_merge(struct tally *tally, struct arena *arena, const struct tally *other)
{
    size_t missing = tally_missing(tally, other), at = tally->count, from = other->count, to;

    tally_reserve(tally, arena, tally->count + missing);
    tally->count += missing;
    /* From the end, so that each bucket moves once, to where nothing waits any more. */
    for (to = tally->count; from > 0; to--) {
        if (at > 0 && tally->indexes[at - 1] > other->indexes[from - 1]) {
            at--;
            tally->indexes[to - 1] = tally->indexes[at];
            tally->counts[to - 1] = tally->counts[at];
        } else if (at > 0 && tally->indexes[at - 1] == other->indexes[from - 1]) {
            struct kahan sum = tally->counts[--at];
            add_both(&sum, other->counts[--from]);
            tally->indexes[to - 1] = tally->indexes[at];
            tally->counts[to - 1] = sum;
        } else {
            from--;
            tally->indexes[to - 1] = other->indexes[from];
            tally->counts[to - 1] = other->counts[from];
        }
    }
}

/* keep_bounds - a copy, as a sum outlives what was added to it. */
static void keep_bounds(struct histogram_sum *sum, const struct histogram *first)
{
    size_t bytes = first->bound_count * sizeof(*first->bounds);
    double *bounds;

    if (sum->bounds && histogram_bounds_equal(sum->bounds, sum->bound_count, first->bounds, first->bound_count))
        return;
    bounds = bytes ? arena_alloc(sum->arena, bytes) : NULL;
    if (bytes)
        memcpy(bounds, first->bounds, bytes);
    sum->bounds = bounds;
    sum->bound_count = first->bound_count;
}

void histogram_sum_begin(struct histogram_sum *sum, struct arena *arena, const struct histogram *first)
{
    sum->arena = arena;
    sum->added = false;
    sum->schema = first->schema;
    sum->hint = first->hint;
    sum->zero_threshold = first->zero_threshold;
    sum->zero_count = (struct kahan){ first->zero_count, 0 };
    sum->count = (struct kahan){ first->count, 0 };
    sum->sum = (struct kahan){ first->sum, 0 };
    keep_bounds(sum, first);
    tally_fill(&sum->positive, arena, &first->positive);
    tally_fill(&sum->negative, arena, &first->negative);
}

void histogram_sum_copy(struct histogram_sum *sum, const struct histogram_sum *from)
{
    struct histogram_sum copy = *from;

    copy.positive = sum->positive;
    copy.negative = sum->negative;
    copy.scratch = sum->scratch;
    tally_copy(&copy.positive, from->arena, &from->positive);
    tally_copy(&copy.negative, from->arena, &from->negative);
    *sum = copy;
}

void histogram_sum_reduce(struct histogram_sum *sum, int32_t schema)
{
    if (schema >= sum->schema)
        return;
    tally_reduce(&sum->positive, sum->schema, schema);
    tally_reduce(&sum->negative, sum->schema, schema);
    sum->schema = schema;
}

/* The threshold that a side asks for: beyond the bucket that the one given cuts, where something is in that. */
static double side_edge(const struct histogram_side *side, int32_t schema, double threshold)
{
    struct side_walk walk = side_walk(side, false);
    int32_t index;
    double count;

    while (side_walk_next(&walk, &index, &count)) {
        double upper = histogram_bound(index, schema);
        if (upper > threshold)
            return count != 0 && histogram_bound(index - 1, schema) < threshold ? upper : threshold;
    }
    return threshold;
}

static void side_within(const struct histogram_side *side, int32_t schema, double threshold, struct kahan *zero_count)
{
    struct side_walk walk = side_walk(side, false);
    int32_t index;
    double count;

    while (side_walk_next(&walk, &index, &count) && histogram_bound(index - 1, schema) < threshold)
        kahan_add(zero_count, count);
}

static struct kahan zero_within(const struct histogram *histogram, double *threshold)
{
    struct kahan zero_count = { histogram->zero_count, 0 };
    double before;

    if (*threshold == histogram->zero_threshold)
        return zero_count;
    do {
        before = *threshold;
        *threshold = side_edge(&histogram->positive, histogram->schema, *threshold);
        *threshold = side_edge(&histogram->negative, histogram->schema, *threshold);
    } while (*threshold != before);
    side_within(&histogram->positive, histogram->schema, *threshold, &zero_count);
    side_within(&histogram->negative, histogram->schema, *threshold, &zero_count);
    return zero_count;
}

double histogram_zero_within(const struct histogram *histogram, double *threshold)
{
    return zero_within(histogram, threshold).sum;
}

/* The same for a sum, whose buckets move. */
static double tally_edge(const struct tally *tally, int32_t schema, double threshold)
{
    for (size_t i = 0; i < tally->count; i++) {
        double upper = histogram_bound(tally->indexes[i], schema);
        if (upper > threshold)
            return tally->counts[i].sum != 0 && histogram_bound(tally->indexes[i] - 1, schema) < threshold ? upper
                                                                                                           : threshold;
    }
    return threshold;
}

static void tally_swallow(struct tally *tally, int32_t schema, double threshold, struct kahan *zero_count)
{
    size_t within = 0, kept = 0;

    while (within < tally->count && histogram_bound(tally->indexes[within] - 1, schema) < threshold)
        add_both(zero_count, tally->counts[within++]);
    tally_cut(tally, within);
    for (size_t i = 0; i < tally->count; i++) {
        if (tally->counts[i].sum == 0 && tally->counts[i].lost == 0)
            continue;
        tally->indexes[kept] = tally->indexes[i];
        tally->counts[kept++] = tally->counts[i];
    }
    tally->count = kept;
}

static void widen_zero(struct histogram_sum *sum, double threshold)
{
    double before;

    do {
        before = threshold;
        threshold = tally_edge(&sum->positive, sum->schema, threshold);
        threshold = tally_edge(&sum->negative, sum->schema, threshold);
    } while (threshold != before);
    sum->zero_threshold = threshold;
    tally_swallow(&sum->positive, sum->schema, threshold, &sum->zero_count);
    tally_swallow(&sum->negative, sum->schema, threshold, &sum->zero_count);
}

/* One zero bucket for both; returns what the other counts in it. */
static struct kahan reconcile_zero(struct histogram_sum *sum, const struct histogram *other)
{
    struct kahan zero_count = { other->zero_count, 0 };
    double threshold = other->zero_threshold;

    while (threshold != sum->zero_threshold) {
        if (sum->zero_threshold > threshold) {
            threshold = sum->zero_threshold;
            zero_count = zero_within(other, &threshold);
        }
        if (threshold > sum->zero_threshold)
            widen_zero(sum, threshold);
    }
    return zero_count;
}

/* Gauges win over counters, not knowing over knowing. */
static unsigned join_hints(struct histogram_sum *sum, enum counter_reset other)
{
    if (sum->hint == other || sum->hint == RESET_GAUGE)
        return 0;
    if (other == RESET_GAUGE) {
        sum->hint = RESET_GAUGE;
        return 0;
    }
    if (sum->hint == RESET_UNKNOWN)
        return 0;
    sum->hint = RESET_UNKNOWN;
    return other == RESET_UNKNOWN ? 0 : HISTOGRAM_COLLISION;
}

static void tally_negate(struct tally *tally)
{
    for (size_t i = 0; i < tally->count; i++) {
        tally->counts[i].sum = -tally->counts[i].sum;
        tally->counts[i].lost = -tally->counts[i].lost;
    }
}

/* tally_matches - whether both have the same buckets, which is the rule. */
static bool tally_matches(const struct tally *tally, const struct histogram_side *side)
{
    const int32_t *next = tally->indexes;
    int32_t index = 0;

    if (tally->count != side->count)
        return false;
    for (size_t i = 0; i < side->span_count; i++) {
        index += side->spans[i].offset;
        for (uint32_t k = 0; k < side->spans[i].length; k++)
            if (*next++ != index++)
                return false;
    }
    return true;
}

static void add_matching(struct tally *tally, const struct histogram_side *side, double sign)
{
    for (size_t i = 0; i < side->count; i++)
        kahan_add(&tally->counts[i], sign * side->counts[i]);
}

static void add_side(struct histogram_sum *sum, struct tally *tally, const struct histogram_side *side, int32_t schema,
                     bool negate)
{
    size_t within = 0;

    if (!side->count)
        return;
    if (schema == sum->schema && tally_matches(tally, side) &&
        (schema == HISTOGRAM_CUSTOM || histogram_bound(tally->indexes[0], schema) > sum->zero_threshold)) {
        add_matching(tally, side, negate ? -1 : 1);
        return;
    }
    tally_fill(&sum->scratch, sum->arena, side);
    if (schema > sum->schema)
        tally_reduce(&sum->scratch, schema, sum->schema);
    if (sum->plain)
        tally_forget(&sum->scratch);
    while (schema != HISTOGRAM_CUSTOM && within < sum->scratch.count &&
           histogram_bound(sum->scratch.indexes[within], sum->schema) <= sum->zero_threshold)
        within++;
    tally_cut(&sum->scratch, within);
    if (negate)
        tally_negate(&sum->scratch);
    tally_merge(tally, sum->arena, &sum->scratch);
}

/* The bounds that both have. */
static const double *intersect(struct arena *arena, const struct histogram_sum *sum, const struct histogram *other,
                               size_t *ret_count)
{
    size_t most = sum->bound_count < other->bound_count ? sum->bound_count : other->bound_count, count = 0;
    double *shared = most ? arena_array(arena, most, sizeof(*shared)) : NULL;

    for (size_t i = 0, j = 0; i < sum->bound_count && j < other->bound_count;) {
        if (sum->bounds[i] == other->bounds[j]) {
            shared[count++] = sum->bounds[i++];
            j++;
        } else if (sum->bounds[i] < other->bounds[j]) {
            i++;
        } else {
            j++;
        }
    }
    *ret_count = count;
    return count ? shared : NULL;
}

/* Pour buckets into those of the shared bounds; `into` has one more of them than bounds. */
static void pour(struct kahan *into, const double *shared, size_t shared_count, const struct tally *tally,
                 const double *bounds, size_t bound_count)
{
    size_t target = 0;

    for (size_t i = 0; i < tally->count; i++) {
        size_t index = (size_t)tally->indexes[i];
        while (target < shared_count && (index >= bound_count || shared[target] < bounds[index]))
            target++;
        add_both(&into[target], tally->counts[i]);
    }
}

static void add_other_bounds(struct histogram_sum *sum, const struct histogram *other, bool negate)
{
    size_t count;
    const double *shared = intersect(sum->arena, sum, other, &count);
    struct kahan *into = arena_array(sum->arena, count + 1, sizeof(*into));

    pour(into, shared, count, &sum->positive, sum->bounds, sum->bound_count);
    tally_fill(&sum->scratch, sum->arena, &other->positive);
    if (negate)
        tally_negate(&sum->scratch);
    pour(into, shared, count, &sum->scratch, other->bounds, other->bound_count);
    sum->positive.count = 0;
    tally_reserve(&sum->positive, sum->arena, count + 1);
    for (size_t i = 0; i <= count; i++) {
        if (into[i].sum == 0 && into[i].lost == 0)
            continue;
        sum->positive.indexes[sum->positive.count] = (int32_t)i;
        sum->positive.counts[sum->positive.count++] = into[i];
    }
    sum->bounds = shared;
    sum->bound_count = count;
}

static unsigned combine(struct histogram_sum *sum, const struct histogram *other, bool negate)
{
    bool custom = sum->schema == HISTOGRAM_CUSTOM;
    double sign = negate ? -1 : 1;
    struct kahan zero_count = { 0 };
    unsigned told;

    if (custom != histogram_is_custom(other))
        return HISTOGRAM_INCOMPATIBLE;
    told = join_hints(sum, other->hint);
    sum->added = true;
    if (!custom)
        zero_count = reconcile_zero(sum, other);
    kahan_add(&sum->zero_count, sign * zero_count.sum);
    kahan_add(&sum->zero_count, sum->plain ? 0 : sign * zero_count.lost);
    kahan_add(&sum->count, sign * other->count);
    kahan_add(&sum->sum, sign * other->sum);
    if (custom && !histogram_bounds_equal(sum->bounds, sum->bound_count, other->bounds, other->bound_count)) {
        add_other_bounds(sum, other, negate);
        return told | HISTOGRAM_RECONCILED;
    }
    histogram_sum_reduce(sum, other->schema);
    add_side(sum, &sum->positive, &other->positive, other->schema, negate);
    add_side(sum, &sum->negative, &other->negative, other->schema, negate);
    return told;
}

static unsigned add(struct histogram_sum *sum, const struct histogram *other, bool negate)
{
    unsigned told = combine(sum, other, negate);

    if (sum->plain) {
        sum->zero_count.lost = sum->count.lost = sum->sum.lost = 0;
        tally_forget(&sum->positive);
        tally_forget(&sum->negative);
    }
    return told;
}

unsigned histogram_sum_add(struct histogram_sum *sum, const struct histogram *other)
{
    return add(sum, other, false);
}

unsigned histogram_sum_subtract(struct histogram_sum *sum, const struct histogram *other)
{
    return add(sum, other, true);
}

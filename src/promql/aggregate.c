/* aggregate.c - aggregations that keep a running number a group and step, and the choice of those that keep more.
 *
 * DESIGN. A series is added to the row of its group and forgotten; a row has a few columns of numbers, one entry a
 * step. So memory grows with the groups and steps, not with the series. */
#include "model/histogram_sum.h"
#include "promql/label_set.h"
#include "promql/streams.h"

#include <math.h>
#include <string.h>

/* What a group has seen at a step. */
enum {
    SEEN = 1,
    SEEN_FLOAT = 2,
    SEEN_HISTOGRAM = 4,
    INCOMPATIBLE = 8, /* exponential and custom buckets: no result */
    RUNNING_MEAN = 16,
    RESET_SEEN = 32,
    NO_RESET_SEEN = 64,
};

struct group {
    struct labels labels;
    bool drop_name;
    unsigned char *seen;
    double *value; /* sum, smallest, largest, sum of squared differences */
    double *lost;  /* by rounding, of sums; of deviations the mean */
    double *mean, *count;
    struct histogram_sum **sums; /* NULL: no histograms so far */
    struct histogram_mean **means;
};

struct aggregate {
    struct stream stream;
    const struct expr *expr, *inner;
    enum aggregation op;
    struct stream *input;
    struct label_choice choice;
    struct label_table table;
    VEC(struct group) groups;
    bool read, ignored; /* ignored: an info says that histograms were */
    size_t next;
    struct column column;
};

static struct group *group_of(struct aggregate *aggregate, struct labels labels)
{
    struct arena *arena = aggregate->stream.ev->arena;
    size_t index = label_table_put_choice(&aggregate->table, &aggregate->choice, labels);
    size_t steps = aggregate->stream.grid->steps;

    if (index < aggregate->groups.count)
        return &aggregate->groups.at[index];
    struct group *group = vec_push(&aggregate->groups, arena);
    group->labels = aggregate->table.at[index];
    group->seen = arena_array(arena, steps, 1);
    group->value = arena_array(arena, steps, sizeof(double));
    enum aggregation op = aggregate->op;
    if (op == AGG_SUM || op == AGG_AVG || op == AGG_STDDEV || op == AGG_STDVAR)
        group->lost = arena_array(arena, steps, sizeof(double));
    if (op == AGG_AVG || op == AGG_STDDEV || op == AGG_STDVAR) {
        group->count = arena_array(arena, steps, sizeof(double));
        group->mean = arena_array(arena, steps, sizeof(double));
    }
    for (size_t step = 0; op == AGG_SUM && step < steps; step++)
        group->value[step] = -0.0; /* to which anything may be added and stays what it is */
    return group;
}

static bool all_floats(const unsigned char *present, size_t steps)
{
    const uint64_t floats = 0x0101010101010101u * POINT_FLOAT;
    size_t i = 0;

    for (; i + 8 <= steps; i += 8) {
        uint64_t eight;
        memcpy(&eight, present + i, 8);
        if (eight != floats)
            return false;
    }
    for (; i < steps; i++)
        if (present[i] != POINT_FLOAT)
            return false;
    return true;
}

/* sum_add - Neumaier's step as base/kahan.h has it, without a branch, so that it can be done for several steps at once.
 */
static inline void sum_add(double *sum, double *lost, double value)
{
    double old = *sum, now = old + value;
    double larger = fabs(old) >= fabs(value) ? old : value, smaller = fabs(old) >= fabs(value) ? value : old;
    double more = *lost + ((larger - now) + smaller);

    *lost = fabs(now) > __DBL_MAX__ ? 0 : more;
    *sum = now;
}

static void sum_whole(double *restrict sum, double *restrict lost, const double *restrict values, size_t steps)
{
    for (size_t step = 0; step < steps; step++)
        sum_add(&sum[step], &lost[step], values[step]);
}

static void mean_add(struct group *group, size_t step, double value)
{
    double count = ++group->count[step];

    if (count == 1) {
        group->value[step] = group->mean[step] = value;
        group->lost[step] = 0;
        return;
    }
    if (!(group->seen[step] & RUNNING_MEAN)) {
        double sum = group->value[step], lost = group->lost[step];
        sum_add(&sum, &lost, value);
        if (!isinf(sum)) {
            group->value[step] = sum;
            group->lost[step] = lost;
            return;
        }
        /* The sum would overflow: from here on the mean runs. */
        group->seen[step] |= RUNNING_MEAN;
        group->mean[step] = group->value[step] / (count - 1);
        group->lost[step] /= count - 1;
    }
    double part = (count - 1) / count, mean = part * group->mean[step], lost = part * group->lost[step];
    sum_add(&mean, &lost, value / count);
    group->mean[step] = mean;
    group->lost[step] = lost;
}

/* deviation_add - Welford's method (Technometrics 4, 1962). */
static void deviation_add(struct group *group, size_t step, double value)
{
    double count = ++group->count[step];

    if (count == 1) {
        group->value[step] = isnan(value) || isinf(value) ? NAN : 0;
        group->mean[step] = value;
        return;
    }
    double delta = value - group->mean[step];
    group->mean[step] += delta / count;
    group->value[step] += delta * (value - group->mean[step]);
}

static void float_add(struct aggregate *aggregate, struct group *group, size_t step, double value)
{
    bool first = !(group->seen[step] & SEEN);

    switch (aggregate->op) {
    case AGG_SUM:
        sum_add(&group->value[step], &group->lost[step], value);
        break;
    case AGG_AVG:
        mean_add(group, step, value);
        break;
    case AGG_COUNT:
        group->value[step]++;
        break;
    case AGG_MIN:
        if (first || value < group->value[step] || isnan(group->value[step]))
            group->value[step] = value;
        break;
    case AGG_MAX:
        if (first || value > group->value[step] || isnan(group->value[step]))
            group->value[step] = value;
        break;
    case AGG_STDDEV:
    case AGG_STDVAR:
        deviation_add(group, step, value);
        break;
    default:
        group->value[step] = 1;
    }
    group->seen[step] |= SEEN | SEEN_FLOAT;
}

static unsigned sum_histogram(struct aggregate *aggregate, struct group *group, size_t step,
                              const struct histogram *histogram)
{
    struct arena *arena = aggregate->stream.ev->arena;
    size_t steps = aggregate->stream.grid->steps;

    if (aggregate->op == AGG_SUM) {
        if (!group->sums)
            group->sums = arena_array(arena, steps, sizeof(struct histogram_sum *));
        if (group->sums[step])
            return histogram_sum_add(group->sums[step], histogram);
        group->sums[step] = arena_alloc(arena, sizeof(struct histogram_sum));
        histogram_sum_begin(group->sums[step], arena, histogram);
        return 0;
    }
    if (!group->means)
        group->means = arena_array(arena, steps, sizeof(struct histogram_mean *));
    if (group->means[step])
        return histogram_mean_add(group->means[step], histogram);
    group->means[step] = arena_alloc(arena, sizeof(struct histogram_mean));
    histogram_mean_begin(group->means[step], arena, histogram);
    return 0;
}

static void histogram_add(struct aggregate *aggregate, struct group *group, size_t step, struct labels labels,
                          const struct histogram *histogram)
{
    struct evaluation *ev = aggregate->stream.ev;

    if (aggregate->op == AGG_COUNT || aggregate->op == AGG_GROUP) {
        float_add(aggregate, group, step, 1);
        return;
    }
    if (aggregate->op != AGG_SUM && aggregate->op != AGG_AVG) {
        if (!aggregate->ignored)
            annotate_info(ev, aggregate->inner, "ignored histogram in %s aggregation", aggregation_name(aggregate->op));
        aggregate->ignored = true;
        return;
    }
    unsigned char *seen = &group->seen[step];
    if (*seen & INCOMPATIBLE)
        return;
    bool floats_only = (*seen & SEEN) && !(*seen & SEEN_HISTOGRAM);
    *seen |= SEEN | SEEN_HISTOGRAM;
    if (floats_only)
        return; /* a mix, of which nothing will come */
    *seen |= histogram->hint == RESET_YES ? RESET_SEEN : histogram->hint == RESET_NO ? NO_RESET_SEEN : 0;
    unsigned told = sum_histogram(aggregate, group, step, histogram);
    if (told & HISTOGRAM_INCOMPATIBLE) {
        *seen |= INCOMPATIBLE;
        annotate_warning(ev, aggregate->inner,
                         "vector contains a mix of histograms with exponential and custom buckets schemas for metric "
                         "name \"%.*s\"",
                         STR_ARG(labels_name(labels)));
    }
    if (told & HISTOGRAM_RECONCILED)
        annotate_info(ev, aggregate->inner, "mismatched custom buckets were reconciled during aggregation");
}

static void add(struct aggregate *aggregate, const struct column *column)
{
    struct group *group = group_of(aggregate, column->labels);
    size_t steps = aggregate->stream.grid->steps;

    group->drop_name |= column->drop_name;
    if (aggregate->op == AGG_SUM && all_floats(column->present, steps)) {
        sum_whole(group->value, group->lost, column->values, steps);
        for (size_t step = 0; step < steps; step++)
            group->seen[step] |= SEEN | SEEN_FLOAT;
        return;
    }
    for (size_t step = 0; step < steps; step++)
        if (column->present[step] == POINT_HISTOGRAM)
            histogram_add(aggregate, group, step, column->labels, column->histograms[step]);
        else if (column->present[step] == POINT_FLOAT && !(group->seen[step] & INCOMPATIBLE))
            float_add(aggregate, group, step, column->values[step]);
}

static const struct histogram *histogram_result(const struct group *group, size_t step, struct arena *arena)
{
    struct histogram_sum *sum;

    if (group->sums) {
        sum = group->sums[step];
        histogram_sum_settle(sum);
    } else {
        histogram_mean_settle(group->means[step]);
        sum = &group->means[step]->sum;
    }
    return histogram_sum_compact(sum, arena);
}

static double float_result(const struct aggregate *aggregate, const struct group *group, size_t step)
{
    switch (aggregate->op) {
    case AGG_SUM:
        return group->value[step] + group->lost[step];
    case AGG_AVG:
        if (group->seen[step] & RUNNING_MEAN)
            return group->mean[step] + group->lost[step];
        return group->value[step] / group->count[step] + group->lost[step] / group->count[step];
    case AGG_STDVAR:
        return group->value[step] / group->count[step];
    case AGG_STDDEV:
        return sqrt(group->value[step] / group->count[step]);
    default:
        return group->value[step];
    }
}

/* finish - the row of a group as a column; false where it has no point. */
static bool finish(struct aggregate *aggregate, const struct group *group)
{
    struct evaluation *ev = aggregate->stream.ev;
    struct column *column = &aggregate->column;
    bool any = false;

    *column = (struct column){
        .labels = group->labels, .drop_name = group->drop_name, .values = column->values, .present = column->present
    };
    for (size_t step = 0; step < aggregate->stream.grid->steps; step++) {
        unsigned char seen = group->seen[step];
        column->present[step] = POINT_NONE;
        if (!(seen & SEEN))
            continue;
        if ((seen & SEEN_FLOAT) && (seen & SEEN_HISTOGRAM)) {
            annotate_warning(ev, aggregate->inner, "encountered a mix of histograms and floats for aggregation");
            continue;
        }
        if (seen & INCOMPATIBLE)
            continue;
        if ((seen & RESET_SEEN) && (seen & NO_RESET_SEEN))
            annotate_warning(ev, aggregate->inner, "conflicting counter resets during histogram aggregation");
        any = true;
        column->present[step] = seen & SEEN_HISTOGRAM ? POINT_HISTOGRAM : POINT_FLOAT;
        if (!(seen & SEEN_HISTOGRAM)) {
            column->values[step] = float_result(aggregate, group, step);
            continue;
        }
        column_histograms(ev, aggregate->stream.grid, column);
        column->histograms[step] = histogram_result(group, step, ev->arena);
    }
    return any;
}

static err aggregate_next(struct stream *stream, struct column **ret_column)
{
    struct aggregate *aggregate = (struct aggregate *)stream;
    struct column *column;

    while (!aggregate->read) {
        TRY(stream_next(aggregate->input, &column));
        if (column)
            add(aggregate, column);
        aggregate->read = !column;
    }
    *ret_column = NULL;
    while (!*ret_column && aggregate->next < aggregate->groups.count)
        if (finish(aggregate, &aggregate->groups.at[aggregate->next++]))
            *ret_column = &aggregate->column;
    return NULL;
}

err aggregate_open(struct evaluation *ev, const struct grid *grid, const struct expr *expr, struct stream **ret_stream)
{
    static const struct stream_ops ops = { .next = aggregate_next };
    enum aggregation op = expr->aggregate.op;

    if (op == AGG_COUNT_VALUES)
        return count_values_open(ev, grid, expr, ret_stream);
    if (op == AGG_QUANTILE)
        return quantile_open(ev, grid, expr, ret_stream);
    if (op == AGG_TOPK || op == AGG_BOTTOMK || op == AGG_LIMITK || op == AGG_LIMIT_RATIO)
        return pick_open(ev, grid, expr, ret_stream);
    struct aggregate *aggregate = stream_make(ev, grid, sizeof(*aggregate), &ops);
    aggregate->expr = expr;
    aggregate->inner = expr->aggregate.expr;
    aggregate->op = op;
    aggregate->choice =
        label_choice_make(ev->arena, expr->aggregate.labels, expr->aggregate.label_count, expr->aggregate.without);
    aggregate->table.arena = ev->arena;
    aggregate->column = *column_new(ev, grid);
    TRY(stream_open(ev, grid, expr->aggregate.expr, &aggregate->input));
    *ret_stream = &aggregate->stream;
    return NULL;
}

/* answer.c - columns and samples as an answer: names gone, sorted, points of equal label sets in one series. */
#include "promql/answer.h"

#include "model/histogram.h"
#include "promql/range_source.h"

#include <stdlib.h>
#include <string.h>

static struct point point_at(struct arena *arena, const struct column *column, size_t step, int64_t time_ms)
{
    bool is_histogram = column->present[step] == POINT_HISTOGRAM;

    return (struct point){ .time_ms = time_ms,
                           .value = is_histogram ? 0 : column->values[step],
                           .histogram = is_histogram ? histogram_copy(arena, column->histograms[step]) : NULL };
}

/* answer_add - a column, with its name gone where it should; nothing where it has no point. */
static err answer_add(struct answer *answer, struct evaluation *ev, const struct grid *grid,
                      const struct column *column)
{
    size_t count = 0;

    for (size_t step = 0; step < grid->steps; step++)
        count += column->present[step] != POINT_NONE;
    if (!count)
        return NULL;
    struct result_series series = { .points = arena_array(answer->arena, count, sizeof(struct point)) };
    struct labels labels = column->drop_name ? labels_drop_name(ev->arena, column->labels) : column->labels;
    series.labels = labels_copy(answer->arena, labels);
    for (size_t step = 0; step < grid->steps; step++)
        if (column->present[step])
            series.points[series.count++] = point_at(answer->arena, column, step, grid_time(grid, step));
    *vec_push(&answer->series, answer->arena) = series;
    return NULL;
}

static int by_labels(const void *a, const void *b)
{
    return labels_cmp(((const struct result_series *)a)->labels, ((const struct result_series *)b)->labels);
}

/* join - two series that became equal when their names went, as one; they may not have a point at the same time. */
static err join(struct arena *arena, struct result_series *to, const struct result_series *from)
{
    struct point *points = arena_array(arena, to->count + from->count, sizeof(*points));
    size_t left = 0, right = 0, count = 0;

    while (left < to->count || right < from->count) {
        bool from_left =
            right == from->count || (left < to->count && to->points[left].time_ms <= from->points[right].time_ms);
        if (left < to->count && right < from->count && to->points[left].time_ms == from->points[right].time_ms)
            return err_new(ERR_RANGE, "vector cannot contain metrics with the same labelset");
        points[count++] = from_left ? to->points[left++] : from->points[right++];
    }
    to->points = points;
    to->count = count;
    return NULL;
}

static err join_equal(struct arena *arena, struct result_series *at, size_t *count)
{
    size_t kept = 0;

    for (size_t i = 0; i < *count; i++) {
        if (kept && labels_eq(at[kept - 1].labels, at[i].labels))
            TRY(join(arena, &at[kept - 1], &at[i]));
        else
            at[kept++] = at[i];
    }
    *count = kept;
    return NULL;
}

/* settle - sort a matrix; in a vector, which keeps its order, look for equal label sets in a sorted copy. */
static err settle(struct answer *answer, bool matrix)
{
    size_t count = answer->series.count;
    struct result_series *at = answer->series.at;

    if (count < 2)
        return NULL;
    if (!matrix) {
        at = arena_array(answer->arena, count, sizeof(*at));
        memcpy(at, answer->series.at, count * sizeof(*at));
    }
    qsort(at, count, sizeof(*at), by_labels);
    TRY(join_equal(answer->arena, at, &count));
    answer->series.count = matrix ? count : answer->series.count;
    return NULL;
}

err answer_stream(struct answer *answer, struct evaluation *ev, const struct expr *expr, bool matrix)
{
    struct stream *stream;
    struct column *column;

    TRY(stream_open(ev, &ev->grid, expr, &stream));
    for (;;) {
        TRY(stream_next(stream, &column));
        if (!column)
            break;
        TRY(answer_add(answer, ev, &ev->grid, column));
    }
    return settle(answer, matrix);
}

/* Samples that a range shows at its ends, where they were asked for by `anchored` or `smoothed`. */
struct extended {
    size_t first, end; /* those that lie within */
    double left, right;
};

static double between(const struct run *run, size_t left, int64_t time_ms)
{
    return run->values[left] + (run->values[left + 1] - run->values[left]) * (double)(time_ms - run->times[left]) /
                                   (double)(run->times[left + 1] - run->times[left]);
}

/* extend - false where nothing of the series reaches into the range. */
static bool extend(const struct run *run, int64_t start, int64_t end, bool smoothed, struct extended *ret_extended)
{
    size_t first = 0, last = run->count - 1;

    while (first + 1 < last && run->times[first + 1] <= start)
        first++;
    if (smoothed)
        for (size_t i = last; i-- > 0 && run->times[i] >= end;)
            last = i;
    if (run->times[last] <= start)
        return false;
    *ret_extended = (struct extended){
        .first = run->times[first] <= start ? first + 1 : first,
        .end = run->times[last] >= end ? last : last + 1,
        .left = smoothed && run->times[first] < start ? between(run, first, start) : run->values[first],
        .right = smoothed && last && run->times[last] > end ? between(run, last - 1, end) : run->values[last],
    };
    return true;
}

static err add_extended(struct answer *answer, const struct run *run, int64_t start, int64_t end, bool smoothed,
                        struct result_series *ret_series)
{
    struct point *points = ret_series->points = arena_array(answer->arena, run->count + 2, sizeof(*points));
    struct extended extended;

    if (run->histograms)
        return err_new(ERR_RANGE, "%s modifier is not supported with histograms", smoothed ? "smoothed" : "anchored");
    if (!run->count || !extend(run, start, end, smoothed, &extended))
        return NULL;
    points[ret_series->count++] = (struct point){ .time_ms = start, .value = extended.left };
    for (size_t i = extended.first; i < extended.end; i++)
        points[ret_series->count++] = (struct point){ .time_ms = run->times[i], .value = run->values[i] };
    points[ret_series->count++] = (struct point){ .time_ms = end, .value = extended.right };
    return NULL;
}

static void add_samples(struct answer *answer, const struct run *run, int64_t start, int64_t end,
                        struct result_series *ret_series)
{
    struct point *points = ret_series->points = arena_array(answer->arena, run->count, sizeof(*points));

    for (size_t i = 0; i < run->count; i++) {
        const struct histogram *histogram = run->histograms ? run->histograms[i] : NULL;
        if (run->times[i] <= start || run->times[i] > end)
            continue;
        points[ret_series->count++] =
            (struct point){ .time_ms = run->times[i],
                            .value = histogram ? 0 : run->values[i],
                            .histogram = histogram ? histogram_copy(answer->arena, histogram) : NULL };
    }
}

err answer_ranges(struct answer *answer, struct evaluation *ev, const struct expr *expr)
{
    struct range_source source;
    struct run run;

    TRY(range_source_open(ev, &ev->grid, expr, &source));
    int64_t end = moment_time(&source.moment, &ev->grid, 0), start = time_plus(end, -source.range_ms);
    for (;;) {
        struct result_series series = { 0 };
        TRY(range_source_next(&source, &run));
        if (!run.times)
            break;
        if (source.before_ms)
            TRY(add_extended(answer, &run, start, end, source.after_ms > 0, &series));
        else
            add_samples(answer, &run, start, end, &series);
        series.labels =
            labels_copy(answer->arena, run.drop_name ? labels_drop_name(ev->arena, run.labels) : run.labels);
        if (series.count)
            *vec_push(&answer->series, answer->arena) = series;
        TRY(evaluation_check(ev));
    }
    return settle(answer, true);
}

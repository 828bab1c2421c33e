/* query.c - one evaluation, from its limits to its answer. */
#include "base/time.h"
#include "model/histogram.h"
#include "promql/annotate.h"
#include "promql/range_source.h"

#include <stdlib.h>
#include <string.h>

enum { POINTS_MAX = 11000 };

struct answer {
    struct arena *arena; /* of the caller */
    VEC(struct result_series) series;
};

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
    ev->stats.peak_bytes += count * sizeof(struct point);
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

static err answer_stream(struct answer *answer, struct evaluation *ev, const struct grid *grid, const struct expr *expr,
                         bool matrix)
{
    struct stream *stream;
    struct column *column;

    TRY(stream_open(ev, grid, expr, &stream));
    for (;;) {
        TRY(stream_next(stream, &column));
        if (!column)
            break;
        TRY(answer_add(answer, ev, grid, column));
    }
    return settle(answer, matrix);
}

/* answer_ranges - samples as they are kept, or at the steps of a subquery. */
static err answer_ranges(struct answer *answer, struct evaluation *ev, const struct expr *expr)
{
    struct range_source source;
    struct run run;

    TRY(range_source_open(ev, &ev->grid, expr, &source));
    int64_t end = moment_time(&source.moment, &ev->grid, 0), start = time_plus(end, -source.range_ms);
    for (;;) {
        TRY(range_source_next(&source, &run));
        if (!run.times)
            break;
        struct result_series series = { .points = arena_array(answer->arena, run.count, sizeof(struct point)) };
        for (size_t i = 0; i < run.count; i++) {
            const struct histogram *histogram = run.histograms ? run.histograms[i] : NULL;
            if (run.times[i] <= start || run.times[i] > end)
                continue;
            series.points[series.count++] =
                (struct point){ .time_ms = run.times[i],
                                .value = histogram ? 0 : run.values[i],
                                .histogram = histogram ? histogram_copy(answer->arena, histogram) : NULL };
        }
        series.labels =
            labels_copy(answer->arena, run.drop_name ? labels_drop_name(ev->arena, run.labels) : run.labels);
        if (series.count)
            *vec_push(&answer->series, answer->arena) = series;
        TRY(evaluation_check(ev));
    }
    return settle(answer, true);
}

static err evaluate(struct evaluation *ev, struct query_result *ret_result)
{
    const struct query *query = ev->query;
    const struct expr *expr = expr_bare((struct expr *)query->expr);
    struct answer answer = { .arena = query->arena };

    if (query->step_ms > 0) {
        ret_result->type = TYPE_MATRIX;
        TRY(answer_stream(&answer, ev, &ev->grid, expr, true));
    } else if (expr->type == TYPE_STRING) {
        ret_result->type = TYPE_STRING;
        ret_result->text = str_copy(query->arena, expr->text);
    } else if (expr->type == TYPE_MATRIX) {
        ret_result->type = TYPE_MATRIX;
        TRY(answer_ranges(&answer, ev, expr));
    } else {
        ret_result->type = expr->type;
        TRY(answer_stream(&answer, ev, &ev->grid, expr, false));
    }
    ret_result->at = answer.series.at;
    ret_result->count = answer.series.count;
    return NULL;
}

/* query_grid - its steps, if there are not too many. */
static err query_grid(const struct query *query, struct grid *ret_grid)
{
    size_t points_max = query->limits && query->limits->points_max ? query->limits->points_max : POINTS_MAX;

    *ret_grid = (struct grid){ .start_ms = query->start_ms, .step_ms = query->step_ms, .steps = 1 };
    if (query->step_ms <= 0)
        return NULL;
    if (query->expr->type != TYPE_SCALAR && query->expr->type != TYPE_VECTOR)
        return err_new(ERR_INVALID, "invalid expression type \"%s\" for range query, must be Scalar or instant Vector",
                       value_type_name(query->expr->type));
    if (query->end_ms < query->start_ms)
        return err_new(ERR_INVALID, "end timestamp must not be before start time");
    uint64_t steps = ((uint64_t)query->end_ms - (uint64_t)query->start_ms) / (uint64_t)query->step_ms + 1;
    if (steps > points_max)
        return err_hint(err_new(ERR_INVALID, "exceeded maximum resolution of %zu points per timeseries", points_max),
                        "try decreasing the query resolution (?step=XX)");
    ret_grid->steps = (size_t)steps;
    return NULL;
}

err promql_query(const struct query *query, struct query_result *ret_result)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(SIZE_MAX);
    int64_t started = time_mono_us();
    struct evaluation ev = { .query = query, .arena = arena, .annotations = annotations_new(arena) };

    *ret_result = (struct query_result){ 0 };
    ev.delayed_names = query->features->delayed_name_removal;
    TRY(query_grid(query, &ev.grid));
    err e = evaluate(&ev, ret_result);
    selections_close(&ev);
    annotations_list(ev.annotations, query->arena, query->text, &ret_result->warnings, &ret_result->infos);
    ret_result->stats = ev.stats;
    ret_result->stats.time_us = time_mono_us() - started;
    return e;
}

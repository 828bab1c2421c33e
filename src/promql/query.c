/* query.c - one evaluation, from its limits to its answer. */
#include "base/time.h"
#include "promql/annotate.h"
#include "promql/answer.h"

enum { POINTS_MAX = 11000 };

static err evaluate(struct evaluation *ev, struct query_result *ret_result)
{
    const struct query *query = ev->query;
    const struct expr *expr = expr_bare((struct expr *)query->expr);
    struct answer answer = { .arena = query->arena };

    if (query->step_ms > 0) {
        ret_result->type = TYPE_MATRIX;
        TRY(answer_stream(&answer, ev, expr, true));
    } else if (expr->type == TYPE_STRING) {
        ret_result->type = TYPE_STRING;
        ret_result->text = str_copy(query->arena, expr->text);
    } else if (expr->type == TYPE_MATRIX) {
        ret_result->type = TYPE_MATRIX;
        TRY(answer_ranges(&answer, ev, expr));
    } else {
        ret_result->type = expr->type;
        TRY(answer_stream(&answer, ev, expr, false));
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
    struct evaluation ev = {
        .query = query, .arena = arena, .annotations = annotations_new(arena), .answer_before = arena_used(query->arena)
    };

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

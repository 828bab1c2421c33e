/* range_source.c - samples for windows: of series as they are kept, or of a subquery evaluated over all its steps once.
 */
#include "promql/range_source.h"

#include "model/histogram.h"

#include <string.h>

enum { LOOKBACK_MS = 5 * 60 * 1000, SUBQUERY_STEP_MS = 60 * 1000, SUBQUERY_STEPS_MAX = 10000000 };

/* subquery_grid - the steps at absolute multiples of the subquery's own step that any window sees; 0 steps where there
 * are none. Division truncates, as Prometheus' does, which shows before 1970 only. */
static err subquery_grid(const struct range_source *source, const struct grid *outer, struct grid *ret_grid)
{
    const struct query *query = source->ev->query;
    int64_t step = query->subquery_step_ms ? query->subquery_step_ms : SUBQUERY_STEP_MS;

    if (source->arg->subquery.step.given)
        TRY(length_ms(source->ev, &source->arg->subquery.step, false, &step));
    int64_t from = time_plus(moment_time(&source->moment, outer, 0), -source->range_ms);
    int64_t to = moment_time(&source->moment, outer, outer->steps - 1);
    int64_t start = from / step * step;
    if (start <= from)
        start += step;
    *ret_grid = (struct grid){ .start_ms = start, .step_ms = step };
    if (to < start)
        return NULL;
    uint64_t steps = ((uint64_t)to - (uint64_t)start) / (uint64_t)step + 1;
    if (steps > SUBQUERY_STEPS_MAX)
        return err_hint(err_new(ERR_RANGE, "a subquery would be evaluated at %llu points, more than %d",
                                (unsigned long long)steps, SUBQUERY_STEPS_MAX),
                        "give it a larger step, [range:step], or a shorter range");
    ret_grid->steps = steps;
    return NULL;
}

static err open_selector(struct range_source *source, const struct grid *grid)
{
    const struct query *query = source->ev->query;
    int64_t lookback = query->lookback_ms ? query->lookback_ms : LOOKBACK_MS;
    bool anchored = source->arg->selector.anchored, smoothed = source->arg->selector.smoothed;

    source->before_ms = anchored || smoothed ? lookback : 0;
    source->after_ms = smoothed ? lookback : 0;
    int64_t first = moment_time(&source->moment, grid, 0), last = moment_time(&source->moment, grid, grid->steps - 1);
    return selection_open(source->ev, grid, source->arg, time_plus(first, 1 - source->range_ms - source->before_ms),
                          time_plus(last, source->after_ms), source->range_ms, &source->set);
}

err range_source_open(struct evaluation *ev, const struct grid *grid, const struct expr *arg,
                      struct range_source *ret_source)
{
    struct range_source *source = ret_source;
    bool is_subquery = arg->kind == EXPR_SUBQUERY;

    *source = (struct range_source){ .ev = ev, .arg = arg };
    TRY(moment_of(ev, is_subquery ? &arg->subquery.mods : &arg->selector.mods, &source->moment));
    TRY(length_ms(ev, is_subquery ? &arg->subquery.range : &arg->selector.range, false, &source->range_ms));
    if (!is_subquery)
        source->hints = hint_reader_make(ev, arg);
    if (!is_subquery)
        return open_selector(source, grid);
    TRY(subquery_grid(source, grid, &source->steps));
    return source->steps.steps ? stream_open(ev, &source->steps, arg->subquery.expr, &source->inner) : NULL;
}

static void make_room(struct range_source *source, size_t count, bool histograms, bool starts)
{
    struct arena *arena = source->ev->arena;

    if (count > source->room) {
        source->room = count * 2;
        source->times = arena_array(arena, source->room, sizeof(*source->times));
        source->values = arena_array(arena, source->room, sizeof(*source->values));
        source->histograms = NULL;
        source->starts = NULL;
    }
    if (histograms && !source->histograms)
        source->histograms = arena_array(arena, source->room, sizeof(*source->histograms));
    if (starts && !source->starts)
        source->starts = arena_array(arena, source->room, sizeof(*source->starts));
}

static bool ends_series(const struct samples *samples, size_t i)
{
    bool histogram = samples->histograms && samples->histograms[i];

    return value_is_stale(histogram ? samples->histograms[i]->sum : samples->values[i]);
}

static struct run run_of_samples(struct range_source *source, const struct samples *samples)
{
    size_t stale = 0, kept = 0;

    for (size_t i = 0; i < samples->count; i++)
        stale += ends_series(samples, i);
    if (!stale)
        return (struct run){ .times = samples->times,
                             .values = samples->values,
                             .histograms = samples->histograms,
                             .starts = samples->starts,
                             .count = samples->count };
    make_room(source, samples->count, samples->histograms != NULL, samples->starts != NULL);
    for (size_t i = 0; i < samples->count; i++) {
        if (ends_series(samples, i))
            continue;
        source->times[kept] = samples->times[i];
        source->values[kept] = samples->values[i];
        if (samples->histograms)
            source->histograms[kept] = samples->histograms[i];
        if (samples->starts)
            source->starts[kept] = samples->starts[i];
        kept++;
    }
    return (struct run){ .times = source->times,
                         .values = source->values,
                         .histograms = samples->histograms ? source->histograms : NULL,
                         .starts = samples->starts ? source->starts : NULL,
                         .count = kept };
}

/* without_hint - what one point said of the point before it holds no more between points of a subquery. */
static const struct histogram *without_hint(struct arena *arena, const struct histogram *histogram)
{
    if (histogram->hint != RESET_YES && histogram->hint != RESET_NO)
        return histogram;
    struct histogram *copy = arena_alloc(arena, sizeof(*copy));
    *copy = *histogram;
    copy->hint = RESET_UNKNOWN;
    return copy;
}

static struct run run_of_column(struct range_source *source, const struct column *column)
{
    size_t count = 0;

    make_room(source, source->steps.steps, column->histograms != NULL, false);
    for (size_t step = 0; step < source->steps.steps; step++) {
        if (column->present[step] == POINT_NONE)
            continue;
        source->times[count] = grid_time(&source->steps, step);
        source->values[count] = column->values[step];
        if (column->histograms)
            source->histograms[count] = column->present[step] == POINT_HISTOGRAM
                                            ? without_hint(source->ev->arena, column->histograms[step])
                                            : NULL;
        count++;
    }
    return (struct run){ .labels = column->labels,
                         .drop_name = column->drop_name,
                         .times = source->times,
                         .values = source->values,
                         .histograms = column->histograms ? source->histograms : NULL,
                         .count = count };
}

err range_source_next(struct range_source *source, struct run *ret_run)
{
    struct samples samples;
    struct column *column = NULL;

    *ret_run = (struct run){ 0 };
    if (source->set) {
        while (source->next < source->set->count) {
            size_t index = source->next++;
            TRY(selection_read(source->ev, source->set, index, &samples));
            if (!samples.count)
                continue;
            hints_read(&source->hints, &samples);
            *ret_run = run_of_samples(source, &samples);
            ret_run->labels = source->set->ops->labels(source->set, index);
            return NULL;
        }
        return NULL;
    }
    if (source->inner)
        TRY(stream_next(source->inner, &column));
    if (column)
        *ret_run = run_of_column(source, column);
    return NULL;
}

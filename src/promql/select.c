/* select.c - selectors of instant vectors: at each step the newest sample of the lookback, unless the series ended. */
#include "model/histogram.h"
#include "promql/annotate.h"
#include "promql/hint_reader.h"
#include "promql/streams.h"

#include <math.h>

enum { LOOKBACK_MS = 5 * 60 * 1000, SERIES_MAX = 1000000 };

struct open_set {
    struct open_set *next;
    struct series_set *set;
};

err length_ms(const struct evaluation *ev, const struct span_of_time *span, bool may_be_negative, int64_t *ret_ms)
{
    const struct query *query = ev->query;

    return span_resolve(span, query->step_ms, query->end_ms - query->start_ms, may_be_negative, ret_ms);
}

err moment_of(const struct evaluation *ev, const struct modifiers *mods, struct moment *ret_moment)
{
    *ret_moment = (struct moment){ .fixed = mods->at != AT_NONE };
    if (mods->at == AT_TIME)
        ret_moment->at_ms = mods->at_ms;
    else if (mods->at == AT_START)
        ret_moment->at_ms = ev->query->start_ms;
    else if (mods->at == AT_END)
        ret_moment->at_ms = ev->query->end_ms;
    return length_ms(ev, &mods->offset, true, &ret_moment->offset_ms);
}

int64_t moment_time(const struct moment *moment, const struct grid *grid, size_t step)
{
    return time_plus(moment->fixed ? moment->at_ms : grid_time(grid, step), -moment->offset_ms);
}

struct ticks moment_ticks(const struct moment *moment, const struct grid *grid)
{
    int64_t first = moment_time(moment, grid, 0), last = moment_time(moment, grid, grid->steps - 1);
    bool moves = !moment->fixed && last - first == (int64_t)(grid->steps - 1) * grid->step_ms;

    return (struct ticks){ .time = first, .step = moves ? grid->step_ms : 0 };
}

err selection_open(struct evaluation *ev, const struct grid *grid, const struct expr *selector, int64_t start_ms,
                   int64_t end_ms, int64_t range_ms, struct series_set **ret_set)
{
    const struct query *query = ev->query;
    uint64_t series_max = query->limits && query->limits->series_max ? query->limits->series_max : SERIES_MAX;
    struct series_query ask = {
        .matchers = selector->selector.matchers,
        .matcher_count = selector->selector.matcher_count,
        .start_ms = start_ms,
        .end_ms = end_ms,
        .series_max = series_max,
        .deadline_ms = query->deadline_ms,
        .step_ms = grid->steps > 1 ? grid->step_ms : 0,
        .range_ms = range_ms,
    };
    struct open_set *open = arena_alloc(ev->arena, sizeof(*open));

    TRY(query->source->ops->open(query->source, ev->arena, &ask, &open->set));
    open->next = ev->sets;
    ev->sets = open;
    for (size_t i = 0; i < open->set->warnings.count; i++)
        annotate_source(ev, open->set->warnings.at[i]);
    ev->stats.series += open->set->count;
    if (ev->stats.series > series_max)
        return err_hint(err_new(ERR_RANGE, "the query selects more than %llu series", (unsigned long long)series_max),
                        "narrow its selectors, or raise the limit of series a query");
    *ret_set = open->set;
    return NULL;
}

void selections_close(struct evaluation *ev)
{
    for (struct open_set *it = ev->sets; it; it = it->next)
        series_set_close(it->set);
    ev->sets = NULL;
}

err selection_read(struct evaluation *ev, struct series_set *set, size_t index, struct samples *ret_samples)
{
    TRY(set->ops->read(set, index, ret_samples));
    ev->stats.samples += ret_samples->count;
    return NULL;
}

struct selector_stream {
    struct stream stream;
    enum selected what;
    struct series_set *set;
    size_t next;
    struct moment moment;
    int64_t lookback_ms;
    struct column column;
    const struct histogram **histograms;
    struct hint_reader hints;
};

/* put - the sample as the point of a step; false where it ends the series. */
static bool put(struct selector_stream *from, const struct samples *samples, size_t index, size_t step)
{
    const struct histogram *histogram = samples->histograms ? samples->histograms[index] : NULL;
    struct column *column = &from->column;

    if (value_is_stale(histogram ? histogram->sum : samples->values[index]))
        return false;
    if (from->what == SELECT_VALUES && histogram) {
        column->histograms[step] = histogram;
        column->present[step] = POINT_HISTOGRAM;
        return true;
    }
    column->present[step] = POINT_FLOAT;
    if (from->what == SELECT_VALUES)
        column->values[step] = samples->values[index];
    else if (from->what == SELECT_TIMES)
        column->values[step] = (double)samples->times[index] / 1000;
    else
        column->values[step] = samples->starts && samples->starts[index] ? (double)samples->starts[index] / 1000 : NAN;
    return true;
}

/* walk - the points of one series; false where it has none. */
static bool walk(struct selector_stream *from, const struct samples *samples)
{
    const struct grid *grid = from->stream.grid;
    struct column *column = &from->column;
    bool plain = from->what == SELECT_VALUES && !samples->histograms, any = false;
    struct ticks ticks = moment_ticks(&from->moment, grid);
    size_t passed = 0; /* samples at or before the step */

    for (size_t step = 0; step < grid->steps; step++, ticks.time += ticks.step) {
        while (passed < samples->count && samples->times[passed] <= ticks.time)
            passed++;
        column->present[step] = POINT_NONE;
        if (!passed || ticks.time - samples->times[passed - 1] >= from->lookback_ms)
            continue;
        if (plain) {
            double value = samples->values[passed - 1];
            column->values[step] = value;
            column->present[step] = value_is_stale(value) ? POINT_NONE : POINT_FLOAT;
            any |= column->present[step];
        } else {
            any |= put(from, samples, passed - 1, step);
        }
    }
    return any;
}

static err selector_next(struct stream *stream, struct column **ret_column)
{
    struct selector_stream *from = (struct selector_stream *)stream;

    *ret_column = NULL;
    while (from->next < from->set->count) {
        struct samples samples;
        size_t index = from->next++;

        TRY(selection_read(stream->ev, from->set, index, &samples));
        hints_read(&from->hints, &samples);
        if (samples.histograms && !from->histograms)
            from->histograms = arena_array(stream->ev->arena, stream->grid->steps, sizeof(*from->histograms));
        from->column.histograms = samples.histograms ? from->histograms : NULL;
        if (!samples.count || !walk(from, &samples)) {
            TRY(evaluation_check(stream->ev));
            continue;
        }
        from->column.labels = from->set->ops->labels(from->set, index);
        from->column.drop_name = false;
        *ret_column = &from->column;
        return NULL;
    }
    return NULL;
}

err selector_open(struct evaluation *ev, const struct grid *grid, const struct expr *selector, enum selected what,
                  struct stream **ret_stream)
{
    static const struct stream_ops ops = { .next = selector_next };

    if (selector->selector.smoothed && what == SELECT_VALUES)
        return smooth_open(ev, grid, selector, ret_stream);
    struct selector_stream *from = stream_make(ev, grid, sizeof(*from), &ops);

    from->what = what;
    from->hints = hint_reader_make(ev, selector);
    from->lookback_ms = ev->query->lookback_ms ? ev->query->lookback_ms : LOOKBACK_MS;
    TRY(moment_of(ev, &selector->selector.mods, &from->moment));
    int64_t first = moment_time(&from->moment, grid, 0), last = moment_time(&from->moment, grid, grid->steps - 1);
    TRY(selection_open(ev, grid, selector, time_plus(first, 1 - from->lookback_ms), last, 0, &from->set));
    from->column = *column_new(ev, grid);
    *ret_stream = &from->stream;
    return NULL;
}

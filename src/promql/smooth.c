/* smooth.c - instant selectors with `smoothed`: between two samples the value lies on the line through them. */
#include "model/histogram_sum.h"
#include "promql/range_source.h"

struct smooth {
    struct stream stream;
    const struct expr *selector;
    struct range_source source;
    struct arena *results; /* histograms of the column that was handed out last */
    struct column column;
    const struct histogram **histograms;
};

/* between - the histogram on the line from one to the other; NULL, and noted, where the two don't fit. A counter that
 * was reset in between began at zero. */
static const struct histogram *between(struct smooth *smooth, struct labels labels, const struct histogram *left,
                                       const struct histogram *right, double part)
{
    struct evaluation *ev = smooth->stream.ev;
    struct histogram_sum sum = { .plain = true };
    bool gauges = left->hint == RESET_GAUGE && right->hint == RESET_GAUGE;

    if (histogram_is_custom(left) != histogram_is_custom(right)) {
        annotate_warning(ev, smooth->selector,
                         "vector contains a mix of histograms with exponential and custom buckets schemas for metric "
                         "name \"%.*s\"",
                         STR_ARG(labels_name(labels)));
        return NULL;
    }
    histogram_sum_begin(&sum, smooth->results, right);
    if (!gauges && histogram_reset(right, left)) {
        histogram_sum_multiply(&sum, part);
        return histogram_sum_result(&sum, smooth->results);
    }
    if (histogram_sum_subtract(&sum, left) & HISTOGRAM_RECONCILED)
        annotate_info(ev, smooth->selector, "mismatched custom buckets were reconciled during subtraction");
    histogram_sum_multiply(&sum, part);
    if (histogram_sum_add(&sum, left) & HISTOGRAM_RECONCILED)
        annotate_info(ev, smooth->selector, "mismatched custom buckets were reconciled during addition");
    return histogram_sum_result(&sum, smooth->results);
}

static const struct histogram *carried(struct smooth *smooth, const struct histogram *histogram)
{
    struct histogram *copy = histogram_copy(smooth->results, histogram);

    copy->hint = RESET_UNKNOWN;
    return copy;
}

/* put - the point of a step: `next` is the first sample of the window at its time or after it, or the window's end. */
static void put(struct smooth *smooth, const struct run *run, size_t step, size_t first, size_t next, size_t end)
{
    int64_t time = moment_time(&smooth->source.moment, smooth->stream.grid, step);
    struct column *column = &smooth->column;
    bool exact = next < end && run->times[next] == time;
    size_t at = exact ? next : next - 1;

    if (!exact && next == first)
        return; /* the series begins later */
    double part =
        exact || next == end ? 0 : (double)(time - run->times[at]) / (double)(run->times[next] - run->times[at]);
    if (!run->histograms || !run->histograms[at]) {
        double from = run->values[at];
        column->values[step] = exact || next == end
                                   ? from
                                   : from + (run->values[next] - from) * (double)(time - run->times[at]) /
                                                (double)(run->times[next] - run->times[at]);
        column->present[step] = POINT_FLOAT;
        return;
    }
    const struct histogram *histogram = run->histograms[at];
    if (!exact)
        histogram = next == end ? carried(smooth, histogram)
                                : between(smooth, run->labels, histogram, run->histograms[next], part);
    smooth->histograms[step] = histogram;
    column->present[step] = histogram ? POINT_HISTOGRAM : POINT_NONE;
}

static void walk(struct smooth *smooth, const struct run *run)
{
    const struct range_source *source = &smooth->source;
    size_t first = 0, next = 0, end = 0, histograms = 0;

    for (size_t step = 0; step < smooth->stream.grid->steps; step++) {
        int64_t time = moment_time(&source->moment, smooth->stream.grid, step);
        for (; end < run->count && run->times[end] <= time + source->after_ms; end++)
            histograms += run->histograms && run->histograms[end];
        for (; first < end && run->times[first] <= time - source->before_ms; first++)
            histograms -= run->histograms && run->histograms[first];
        next = next < first ? first : next;
        while (next < end && run->times[next] < time)
            next++;
        smooth->column.present[step] = POINT_NONE;
        if (first == end)
            continue;
        if (histograms && histograms < end - first)
            annotate_warning(smooth->stream.ev, smooth->selector,
                             "encountered a mix of histograms and floats for metric name \"%.*s\"",
                             STR_ARG(labels_name(run->labels)));
        else
            put(smooth, run, step, first, next, end);
    }
}

static err smooth_next(struct stream *stream, struct column **ret_column)
{
    struct smooth *smooth = (struct smooth *)stream;
    struct run run;

    *ret_column = NULL;
    TRY(range_source_next(&smooth->source, &run));
    if (!run.times)
        return NULL;
    if (run.histograms) {
        arena_reset(smooth->results);
        if (!smooth->histograms)
            smooth->histograms = arena_array(stream->ev->arena, stream->grid->steps, sizeof(*smooth->histograms));
    }
    walk(smooth, &run);
    smooth->column.labels = run.labels;
    smooth->column.drop_name = false;
    smooth->column.histograms = run.histograms ? smooth->histograms : NULL;
    *ret_column = &smooth->column;
    return NULL;
}

err smooth_open(struct evaluation *ev, const struct grid *grid, const struct expr *selector, struct stream **ret_stream)
{
    static const struct stream_ops ops = { .next = smooth_next };
    struct smooth *smooth = stream_make(ev, grid, sizeof(*smooth), &ops);

    smooth->selector = selector;
    smooth->results = scratch_arena(ev);
    TRY(range_source_open(ev, grid, selector, &smooth->source));
    smooth->column = *column_new(ev, grid);
    *ret_stream = &smooth->stream;
    return NULL;
}

/* aggregate_values.c - quantile and count_values: aggregations that need to see each value. */
#include "base/float_text.h"
#include "model/histogram.h"
#include "promql/label_set.h"
#include "promql/quantile.h"
#include "promql/quote.h"
#include "promql/streams.h"

#include <math.h>
#include <string.h>

/* ---- quantile ---- */

struct numbers {
    double *at;
    uint32_t count, room;
};

struct quantile_group {
    struct numbers *steps;
    bool drop_name;
};

static void number_add(struct arena *arena, struct numbers *numbers, double value)
{
    if (numbers->count == numbers->room) {
        uint32_t room = numbers->room ? numbers->room * 2 : 8;
        double *at = arena_array(arena, room, sizeof(*at));
        if (numbers->count)
            memcpy(at, numbers->at, numbers->count * sizeof(*at));
        numbers->at = at;
        numbers->room = room;
    }
    numbers->at[numbers->count++] = value;
}

static void warn_quantile(struct evaluation *ev, const struct expr *param, double value)
{
    annotate_warning(ev, param, "quantile value should be between 0 and 1, got %.*s",
                     STR_ARG(number_text(ev->arena, value)));
}

static void check_quantiles(struct evaluation *ev, const struct grid *grid, const struct expr *param, const double *q)
{
    double low = INFINITY, high = -INFINITY;
    bool nan = false;

    for (size_t step = 0; step < grid->steps; step++) {
        nan |= isnan(q[step]);
        low = fmin(low, q[step]);
        high = fmax(high, q[step]);
    }
    if (nan)
        warn_quantile(ev, param, NAN);
    if (high > 1)
        warn_quantile(ev, param, high);
    if (low < 0)
        warn_quantile(ev, param, low);
}

err quantile_open(struct evaluation *ev, const struct grid *grid, const struct expr *expr, struct stream **ret_stream)
{
    struct label_choice choice =
        label_choice_make(ev->arena, expr->aggregate.labels, expr->aggregate.label_count, expr->aggregate.without);
    struct label_table table = { .arena = ev->arena };
    VEC(struct quantile_group) groups = { 0 };
    struct column_list list;
    struct stream *input;
    struct column *column;
    const double *q;
    bool ignored = false;

    TRY(scalar_column(ev, grid, expr->aggregate.param, &q));
    TRY(stream_open(ev, grid, expr->aggregate.expr, &input));
    for (;;) {
        TRY(stream_next(input, &column));
        if (!column)
            break;
        size_t index = label_table_put_choice(&table, &choice, column->labels);
        if (index >= groups.count)
            vec_push(&groups, ev->arena)->steps = arena_array(ev->arena, grid->steps, sizeof(struct numbers));
        groups.at[index].drop_name |= column->drop_name;
        for (size_t step = 0; step < grid->steps; step++)
            if (column->present[step] == POINT_FLOAT)
                number_add(ev->arena, &groups.at[index].steps[step], column->values[step]);
            else
                ignored |= column->present[step] == POINT_HISTOGRAM;
    }
    if (ignored)
        annotate_info(ev, expr->aggregate.expr, "ignored histogram in quantile aggregation");
    check_quantiles(ev, grid, expr->aggregate.param, q);
    list = (struct column_list){ arena_array(ev->arena, groups.count, sizeof(*list.at)), groups.count };
    for (size_t i = 0; i < groups.count; i++) {
        list.at[i] = column_new(ev, grid);
        list.at[i]->labels = table.at[i];
        list.at[i]->drop_name = groups.at[i].drop_name;
        for (size_t step = 0; step < grid->steps; step++) {
            struct numbers *numbers = &groups.at[i].steps[step];
            list.at[i]->present[step] = numbers->count ? POINT_FLOAT : POINT_NONE;
            list.at[i]->values[step] = quantile_of(q[step], numbers->at, numbers->count);
        }
    }
    *ret_stream = stream_of_columns(ev, grid, list);
    return NULL;
}

/* ---- count_values ---- */

static struct str value_text(struct arena *arena, double value)
{
    struct buf out CLEANUP(buf_clear) = { 0 };

    buf_init(&out, 1024);
    float_add_plain(&out, value);
    return str_copy(arena, buf_str(&out));
}

struct value_counts {
    struct evaluation *ev;
    const struct grid *grid;
    struct label_choice choice;
    struct str label;
    struct label_table table;
    VEC(struct column *) columns;
};

static struct column *column_of(struct value_counts *counts, struct labels labels, struct str value)
{
    struct labels with = labels_with(counts->ev->arena, labels, counts->label, value);
    size_t index = label_table_put_choice(&counts->table, &counts->choice, with);

    if (index < counts->columns.count)
        return counts->columns.at[index];
    struct column *column = column_new(counts->ev, counts->grid);
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): just put there
    column->labels = counts->table.at[index];
    *vec_push(&counts->columns, counts->ev->arena) = column;
    return column;
}

static void count_point(struct column *to, size_t step)
{
    to->present[step] = POINT_FLOAT;
    to->values[step]++;
}

/* same_bits - the same number, or the same NaN. */
static bool same_bits(double a, double b)
{
    uint64_t x, y;

    memcpy(&x, &a, sizeof(x));
    memcpy(&y, &b, sizeof(y));
    return x == y;
}

static void count_series(struct value_counts *counts, const struct column *column)
{
    struct column *to = NULL;
    double last = 0;

    for (size_t step = 0; step < counts->grid->steps; step++) {
        if (column->present[step] == POINT_HISTOGRAM) {
            struct buf text CLEANUP(buf_clear) = { 0 };
            buf_init(&text, 1 << 20);
            histogram_text(&text, column->histograms[step]);
            to = NULL;
            count_point(column_of(counts, column->labels, str_copy(counts->ev->arena, buf_str(&text))), step);
        } else if (column->present[step]) {
            double value = column->values[step];
            if (!to || !same_bits(last, value))
                to = column_of(counts, column->labels, value_text(counts->ev->arena, value));
            last = value;
            count_point(to, step);
        }
    }
}

static err bad_label(struct str label)
{
    struct buf text CLEANUP(buf_clear) = { 0 };

    buf_init(&text, 4096);
    quote_add(&text, label);
    return err_new(ERR_RANGE, "invalid label name %s", buf_c(&text));
}

err count_values_open(struct evaluation *ev, const struct grid *grid, const struct expr *expr,
                      struct stream **ret_stream)
{
    struct str label = expr_bare(expr->aggregate.param)->text;
    size_t count = expr->aggregate.label_count;
    struct str *names = arena_array(ev->arena, count + 1, sizeof(*names));
    struct value_counts counts = { .ev = ev, .grid = grid, .label = label, .table = { .arena = ev->arena } };
    struct stream *input;
    struct column *column;

    if (!label.length || !str_is_utf8(label))
        return bad_label(label);
    if (count)
        memcpy(names, expr->aggregate.labels, count * sizeof(*names));
    if (!expr->aggregate.without)
        names[count++] = label;
    counts.choice = label_choice_make(ev->arena, names, count, expr->aggregate.without);
    TRY(stream_open(ev, grid, expr->aggregate.expr, &input));
    for (;;) {
        TRY(stream_next(input, &column));
        if (!column)
            break;
        count_series(&counts, column);
    }
    *ret_stream = stream_of_columns(ev, grid, (struct column_list){ counts.columns.at, counts.columns.count });
    return NULL;
}

/* functions_histogram.c - what histograms say of the values that they counted: histogram_quantile, histogram_quantiles,
 * histogram_fraction.
 *
 * DESIGN. All series are read before the first answer, as buckets of a histogram come in any order. What a group's
 * buckets are at a step is put into one array that is used again; answers are made a column at a time. */
#include "model/histogram_stat.h"
#include "promql/function.h"
#include "promql/histogram_groups.h"
#include "promql/label_set.h"

#include <math.h>

struct histogram_stream {
    struct stream stream;
    struct histogram_groups groups;
    size_t next; /* of the groups */
    struct column *column;
    /* histogram_quantile: [0] is q; histogram_fraction: the two bounds. */
    const double *args[2];
    bool fraction;
};

/* note_nan - what observations of NaN, which are in no bucket, did to a result. */
static void note_nan(struct histogram_groups *groups, const struct histogram_group *group, const char *what)
{
    struct str name = histogram_group_name(groups, group);

    if (name.length)
        annotate_info(groups->ev, groups->vector, "%s for metric name \"%.*s\"", what, STR_ARG(name));
    else
        annotate_info(groups->ev, groups->vector, "%s", what);
}

static double native_quantile(struct histogram_groups *groups, const struct histogram_group *group,
                              const struct histogram *native, double q)
{
    enum nan_effect effect = NAN_NONE;
    double value = histogram_quantile(native, q, &effect);

    if (effect == NAN_IS_THE_RESULT)
        note_nan(groups, group, "input to histogram_quantile has NaN observations, result is NaN");
    if (effect == NAN_SKEWS)
        note_nan(groups, group, "input to histogram_quantile has NaN observations, result is skewed higher");
    return value;
}

/* quantile_at - POINT_NONE where the group has nothing at the step. */
static enum presence quantile_at(struct histogram_groups *groups, const struct histogram_group *group, size_t step,
                                 double q, double *ret_value)
{
    struct classic_repair repair;
    const struct histogram *native;
    size_t count;
    enum presence presence = histogram_group_at(groups, group, step, &count, &native);

    if (presence == POINT_NONE)
        return POINT_NONE;
    if (presence == POINT_HISTOGRAM) {
        *ret_value = native_quantile(groups, group, native, q);
        return POINT_FLOAT;
    }
    *ret_value = classic_quantile(q, groups->buckets, count, &repair);
    if (repair.forced)
        annotate_forced_monotonicity(groups->ev, groups->vector, histogram_group_name(groups, group),
                                     grid_time(groups->grid, step), repair.min_bound, repair.max_bound,
                                     repair.max_diff);
    return POINT_FLOAT;
}

static enum presence fraction_at(struct histogram_groups *groups, const struct histogram_group *group, size_t step,
                                 double lower, double upper, double *ret_value)
{
    enum nan_effect effect = NAN_NONE;
    const struct histogram *native;
    size_t count;
    enum presence presence = histogram_group_at(groups, group, step, &count, &native);

    if (presence == POINT_NONE)
        return POINT_NONE;
    if (presence == POINT_FLOAT)
        *ret_value = classic_fraction(lower, upper, groups->buckets, count);
    else
        *ret_value = histogram_fraction(native, lower, upper, &effect);
    if (effect != NAN_NONE)
        note_nan(groups, group,
                 "input to histogram_fraction has NaN observations, which are excluded from all fractions");
    return POINT_FLOAT;
}

static err histogram_next(struct stream *stream, struct column **ret_column)
{
    struct histogram_stream *histograms = (struct histogram_stream *)stream;
    struct histogram_groups *groups = &histograms->groups;

    *ret_column = NULL;
    if (histograms->next == groups->count)
        return NULL;
    const struct histogram_group *group = &groups->at[histograms->next++];
    struct column *column = histograms->column;
    column->labels = group->labels;
    column->drop_name = true;
    for (size_t i = 0; i < stream->grid->steps; i++) {
        double first = histograms->args[0][i];
        column->present[i] =
            (unsigned char)(histograms->fraction
                                ? fraction_at(groups, group, i, first, histograms->args[1][i], &column->values[i])
                                : quantile_at(groups, group, i, first, &column->values[i]));
    }
    *ret_column = column;
    return NULL;
}

/* histograms_open - the stream of the groups of a call's vector. */
static err histograms_open(struct evaluation *ev, const struct grid *grid, const struct expr *call, size_t vector,
                           struct histogram_stream **ret_stream)
{
    static const struct stream_ops ops = { .next = histogram_next };
    struct histogram_stream *stream = stream_make(ev, grid, sizeof(*stream), &ops);

    TRY(histogram_groups_read(ev, grid, call, vector, &stream->groups));
    stream->column = column_new(ev, grid);
    *ret_stream = stream;
    return NULL;
}

/* warn_of_quantile - where it is no share, at any step. */
static void warn_of_quantile(struct evaluation *ev, const struct grid *grid, const struct expr *place, const double *q)
{
    for (size_t i = 0; i < grid->steps; i++)
        if ((isnan(q[i]) || q[i] < 0 || q[i] > 1) && (i == 0 || q[i] != q[i - 1]))
            annotate_warning(ev, place, "quantile value should be between 0 and 1, got %.*s",
                             STR_ARG(number_text(ev->arena, q[i])));
}

static err histogram_quantile_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                                   struct stream **ret_stream)
{
    struct histogram_stream *stream;

    TRY(histograms_open(ev, grid, call, 1, &stream));
    TRY(scalar_column(ev, grid, call->call.args[0], &stream->args[0]));
    warn_of_quantile(ev, grid, call->call.args[0], stream->args[0]);
    return stream_named(&stream->stream, ret_stream);
}

static err histogram_fraction_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                                   struct stream **ret_stream)
{
    struct histogram_stream *stream;

    TRY(histograms_open(ev, grid, call, 2, &stream));
    TRY(scalar_column(ev, grid, call->call.args[0], &stream->args[0]));
    TRY(scalar_column(ev, grid, call->call.args[1], &stream->args[1]));
    stream->fraction = true;
    return stream_named(&stream->stream, ret_stream);
}

/* The columns of histogram_quantiles: one a group and a value that a quantile had. */
struct quantile_columns {
    struct histogram_groups groups;
    struct str label;
    struct label_table table;
    struct column_list list;
    size_t room;
};

/* column_of_quantile - where an answer for the group and q belongs. */
static struct column *column_of_quantile(struct quantile_columns *columns, const struct histogram_group *group,
                                         double q)
{
    struct evaluation *ev = columns->groups.ev;
    struct str text = number_text(ev->arena, q);
    bool whole = isfinite(q) && str_find(text, S("."), 0) == SIZE_MAX && str_find(text, S("e"), 0) == SIZE_MAX;
    struct labels labels = labels_with(ev->arena, group->labels, columns->label,
                                       whole ? str_printf(ev->arena, "%.*s.0", STR_ARG(text)) : text);
    size_t index = label_table_put(&columns->table, labels);

    if (index < columns->list.count)
        return columns->list.at[index];
    vec_grow((void **)&columns->list.at, &columns->room, columns->list.count, sizeof(struct column *), ev->arena);
    struct column *column = columns->list.at[columns->list.count++] = column_new(ev, columns->groups.grid);
    column->labels = labels;
    column->drop_name = true;
    return column;
}

/* fill_quantiles - all answers of one group for one quantile argument. */
static err fill_quantiles(struct quantile_columns *columns, const struct histogram_group *group, const double *q)
{
    struct column *column = NULL;

    for (size_t i = 0; i < columns->groups.grid->steps; i++) {
        double value;
        if (quantile_at(&columns->groups, group, i, q[i], &value) == POINT_NONE)
            continue;
        if (!column || i == 0 || (q[i] != q[i - 1] && !(isnan(q[i]) && isnan(q[i - 1]))))
            column = column_of_quantile(columns, group, q[i]);
        if (column->present[i])
            return err_new(ERR_RANGE, "vector cannot contain metrics with the same labelset");
        column->present[i] = POINT_FLOAT;
        column->values[i] = value;
    }
    return NULL;
}

static err histogram_quantiles_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                                    struct stream **ret_stream)
{
    struct quantile_columns columns = { .label = expr_bare(call->call.args[1])->text, .table = { .arena = ev->arena } };
    const double *q;

    TRY(histogram_groups_read(ev, grid, call, 0, &columns.groups));
    for (size_t argument = 2; argument < call->call.count; argument++) {
        TRY(scalar_column(ev, grid, call->call.args[argument], &q));
        warn_of_quantile(ev, grid, call->call.args[argument], q);
        for (size_t i = 0; i < columns.groups.count; i++) {
            TRY(evaluation_check(ev));
            TRY(fill_quantiles(&columns, &columns.groups.at[i], q));
        }
    }
    return stream_named(stream_of_columns(ev, grid, columns.list), ret_stream);
}

static const struct function function_histogram_quantile = {
    .name = "histogram_quantile",
    .doc = "The quantile, 0 to 1, of the observations that histograms counted.",
    .args = { TYPE_SCALAR, TYPE_VECTOR },
    .arg_count = 2,
    .result = TYPE_VECTOR,
    .open = histogram_quantile_open,
};
REGISTER(function, function_histogram_quantile);

static const struct function function_histogram_fraction = {
    .name = "histogram_fraction",
    .doc = "The fraction of the observations of histograms between a lower and an upper value.",
    .args = { TYPE_SCALAR, TYPE_SCALAR, TYPE_VECTOR },
    .arg_count = 3,
    .result = TYPE_VECTOR,
    .open = histogram_fraction_open,
};
REGISTER(function, function_histogram_fraction);

static const struct function function_histogram_quantiles = {
    .name = "histogram_quantiles",
    .doc = "Several quantiles at once, each under its value in the label given: (vector, label, quantiles...).",
    .args = { TYPE_VECTOR, TYPE_STRING, TYPE_SCALAR, TYPE_SCALAR },
    .arg_count = 4,
    .variadic = 8,
    .optional = 1,
    .result = TYPE_VECTOR,
    .experimental = true,
    .open = histogram_quantiles_open,
};
REGISTER(function, function_histogram_quantiles);

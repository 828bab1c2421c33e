/* functions_sort.c - the order of an instant answer: sort, sort_desc, sort_by_label, sort_by_label_desc. */
#include "promql/function.h"
#include "promql/natural_order.h"
#include "promql/streams.h"

#include <math.h>
#include <stdlib.h>

/* by_value - NaN is last in both directions. */
static int by_value(const void *a, const void *b, void *sign)
{
    const struct column *one = *(struct column *const *)a, *other = *(struct column *const *)b;
    double x = one->values[0] * *(double *)sign, y = other->values[0] * *(double *)sign;

    if (isnan(x) || isnan(y))
        return !!isnan(x) - !!isnan(y);
    return (x > y) - (x < y);
}

struct label_order {
    const struct str *names;
    size_t count;
    int sign;
};

static int by_label(const void *a, const void *b, void *order)
{
    const struct column *one = *(struct column *const *)a, *other = *(struct column *const *)b;
    const struct label_order *by = order;

    for (size_t i = 0; i < by->count; i++) {
        struct str x = labels_get(one->labels, by->names[i]), y = labels_get(other->labels, by->names[i]);
        if (!str_eq(x, y))
            return natural_before(x, y) ? -by->sign : by->sign;
    }
    return labels_cmp(one->labels, other->labels) * by->sign;
}

/* warn_in_range - a range's answer is in the order of labels, whatever was sorted. True where it is a range. */
static bool warn_in_range(struct evaluation *ev, const struct grid *grid, const struct expr *call)
{
    if (grid->steps > 1)
        annotate_warning(ev, call, "sort is ineffective for range queries since results are always ordered by labels");
    return grid->steps > 1;
}

static err sort_values(struct evaluation *ev, const struct grid *grid, const struct expr *call, double sign,
                       struct stream **ret_stream)
{
    struct column_list list;
    struct stream *input;
    size_t kept = 0;

    warn_in_range(ev, grid, call);
    TRY(stream_open(ev, grid, call->call.args[0], &input));
    TRY(columns_read(input, &list));
    for (size_t i = 0; i < list.count; i++) {
        size_t floats = 0;
        for (size_t step = 0; step < grid->steps; step++) {
            if (list.at[i]->present[step] == POINT_HISTOGRAM)
                list.at[i]->present[step] = POINT_NONE;
            floats += list.at[i]->present[step] == POINT_FLOAT;
        }
        if (floats)
            list.at[kept++] = list.at[i];
    }
    list.count = kept;
    if (grid->steps == 1 && list.count)
        qsort_r(list.at, list.count, sizeof(list.at[0]), by_value, &sign);
    *ret_stream = stream_of_columns(ev, grid, list);
    return NULL;
}

static err sort_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                     struct stream **ret_stream)
{
    return sort_values(ev, grid, call, 1, ret_stream);
}

static err sort_desc_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                          struct stream **ret_stream)
{
    return sort_values(ev, grid, call, -1, ret_stream);
}

static err sort_labels(struct evaluation *ev, const struct grid *grid, const struct expr *call, int sign,
                       struct stream **ret_stream)
{
    struct label_order order = { .count = call->call.count - 1, .sign = sign };
    struct str *names = arena_array(ev->arena, call->call.count, sizeof(*names));
    struct column_list list;
    struct stream *input;

    TRY(stream_open(ev, grid, call->call.args[0], &input));
    if (warn_in_range(ev, grid, call)) {
        *ret_stream = input;
        return NULL;
    }
    for (size_t i = 0; i < order.count; i++)
        names[i] = expr_bare(call->call.args[i + 1])->text;
    order.names = names;
    TRY(columns_read(input, &list));
    if (list.count)
        qsort_r(list.at, list.count, sizeof(list.at[0]), by_label, &order);
    *ret_stream = stream_of_columns(ev, grid, list);
    return NULL;
}

static err sort_by_label_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                              struct stream **ret_stream)
{
    return sort_labels(ev, grid, call, 1, ret_stream);
}

static err sort_by_label_desc_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                                   struct stream **ret_stream)
{
    return sort_labels(ev, grid, call, -1, ret_stream);
}

static const struct function function_sort = {
    .name = "sort",
    .doc = "The vector in ascending order of its values; of instant queries only.",
    .args = { TYPE_VECTOR },
    .arg_count = 1,
    .result = TYPE_VECTOR,
    .keeps_name = true,
    .open = sort_open,
};
REGISTER(function, function_sort);

static const struct function function_sort_desc = {
    .name = "sort_desc",
    .doc = "The vector in descending order of its values; of instant queries only.",
    .args = { TYPE_VECTOR },
    .arg_count = 1,
    .result = TYPE_VECTOR,
    .keeps_name = true,
    .open = sort_desc_open,
};
REGISTER(function, function_sort_desc);

static const struct function function_sort_by_label = {
    .name = "sort_by_label",
    .doc = "The vector in the natural order of the labels given; of instant queries only.",
    .args = { TYPE_VECTOR, TYPE_STRING },
    .arg_count = 2,
    .variadic = -1,
    .optional = 1,
    .result = TYPE_VECTOR,
    .experimental = true,
    .keeps_name = true,
    .open = sort_by_label_open,
};
REGISTER(function, function_sort_by_label);

static const struct function function_sort_by_label_desc = {
    .name = "sort_by_label_desc",
    .doc = "The vector in the reverse natural order of the labels given; of instant queries only.",
    .args = { TYPE_VECTOR, TYPE_STRING },
    .arg_count = 2,
    .variadic = -1,
    .optional = 1,
    .result = TYPE_VECTOR,
    .experimental = true,
    .keeps_name = true,
    .open = sort_by_label_desc_open,
};
REGISTER(function, function_sort_by_label_desc);

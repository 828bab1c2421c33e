/* histogram_groups.c - which series of a vector are buckets of the same histogram. */
#include "promql/histogram_groups.h"

#include "promql/label_set.h"

#include <stdlib.h>

static bool column_has(const struct column *column, const struct grid *grid, enum presence what)
{
    for (size_t i = 0; i < grid->steps; i++)
        if (column->present[i] == what)
            return true;
    return false;
}

/* for_name - ` for metric name "x"`, where there is a name to tell. */
static struct str for_name(struct evaluation *ev, struct labels labels)
{
    struct str name = labels_name(labels);

    if (!ev->delayed_names || name.length == 0)
        return S("");
    return str_printf(ev->arena, " for metric name \"%.*s\"", STR_ARG(name));
}

static struct histogram_group *group_of(struct histogram_groups *groups, struct label_table *table,
                                        struct labels labels)
{
    size_t index = label_table_put(table, labels);

    if (index == groups->count) {
        vec_grow((void **)&groups->at, &groups->room, groups->count, sizeof(*groups->at), groups->ev->arena);
        groups->at[groups->count++] = (struct histogram_group){ .labels = labels };
    }
    return &groups->at[index];
}

static void add_bucket(struct histogram_groups *groups, struct label_table *table, const struct column *column)
{
    struct str le = labels_get(column->labels, S("le"));
    struct arena *arena = groups->ev->arena;
    double bound;

    if (!str_to_double(le, &bound)) {
        annotate_warning(groups->ev, groups->vector,
                         "bucket label \"le\" is missing or has a malformed value of \"%.*s\"%.*s", STR_ARG(le),
                         STR_ARG(for_name(groups->ev, column->labels)));
        return;
    }
    struct histogram_group *group = group_of(groups, table, labels_with(arena, column->labels, S("le"), S("")));
    vec_grow((void **)&group->rows, &group->row_room, group->row_count, sizeof(*group->rows), arena);
    group->rows[group->row_count++] = (struct bucket_row){ bound, column };
}

static int by_bound(const void *a, const void *b)
{
    const struct bucket_row *one = a, *other = b;

    return (one->bound > other->bound) - (one->bound < other->bound);
}

err histogram_groups_read(struct evaluation *ev, const struct grid *grid, const struct expr *call, size_t argument,
                          struct histogram_groups *ret_groups)
{
    struct histogram_groups groups = { .ev = ev, .grid = grid, .call = call, .vector = call->call.args[argument] };
    struct label_table table = { .arena = ev->arena };
    struct column_list list;
    struct stream *input;
    size_t most = 0;

    TRY(stream_open(ev, grid, groups.vector, &input));
    TRY(columns_read(input, &list));
    for (size_t i = 0; i < list.count; i++) {
        TRY(evaluation_check(ev));
        if (column_has(list.at[i], grid, POINT_FLOAT))
            add_bucket(&groups, &table, list.at[i]);
        if (column_has(list.at[i], grid, POINT_HISTOGRAM))
            group_of(&groups, &table, list.at[i]->labels)->native = list.at[i];
    }
    for (size_t i = 0; i < groups.count; i++) {
        struct histogram_group *group = &groups.at[i];
        if (group->row_count)
            qsort(group->rows, group->row_count, sizeof(*group->rows), by_bound);
        most = group->row_count > most ? group->row_count : most;
    }
    groups.buckets = arena_array(ev->arena, most, sizeof(*groups.buckets));
    *ret_groups = groups;
    return NULL;
}

enum presence histogram_group_at(struct histogram_groups *groups, const struct histogram_group *group, size_t step,
                                 size_t *ret_bucket_count, const struct histogram **ret_native)
{
    size_t count = 0;

    for (size_t i = 0; i < group->row_count; i++) {
        const struct column *column = group->rows[i].column;
        if (column->present[step] == POINT_FLOAT)
            groups->buckets[count++] = (struct classic_bucket){ group->rows[i].bound, column->values[step] };
    }
    *ret_bucket_count = count;
    *ret_native = NULL;
    if (!group->native || group->native->present[step] != POINT_HISTOGRAM)
        return count ? POINT_FLOAT : POINT_NONE;
    if (count) {
        annotate_warning(groups->ev, groups->vector, "vector contains a mix of classic and native histograms%.*s",
                         STR_ARG(for_name(groups->ev, group->labels)));
        return POINT_NONE;
    }
    *ret_native = group->native->histograms[step];
    return POINT_HISTOGRAM;
}

struct str histogram_group_name(const struct histogram_groups *groups, const struct histogram_group *group)
{
    return groups->ev->delayed_names ? labels_name(group->labels) : S("");
}

/* names.c - names that go: at the end of the evaluation, or where a function takes them away. */
#include "promql/label_set.h"
#include "promql/streams.h"

static size_t first_step(const struct grid *grid, const struct column *column)
{
    size_t step = 0;

    while (step < grid->steps && !column->present[step])
        step++;
    return step;
}

/* columns_merge - of columns with equal labels one is made; they may not meet at a step. */
err columns_merge(struct evaluation *ev, const struct grid *grid, struct column_list *list)
{
    struct label_table table = { .arena = ev->arena };
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++) {
        struct column *from = list->at[i];
        size_t index = label_table_put(&table, from->labels);
        if (index == kept) {
            list->at[kept++] = from;
            continue;
        }
        struct column *to = list->at[index];
        if (first_step(grid, from) < first_step(grid, to)) /* whose name it is, Prometheus asks the first point */
            to->drop_name = from->drop_name;
        if (from->histograms)
            column_histograms(ev, grid, to);
        for (size_t step = 0; step < grid->steps; step++) {
            if (!from->present[step])
                continue;
            if (to->present[step])
                return err_new(ERR_RANGE, "vector cannot contain metrics with the same labelset");
            to->present[step] = from->present[step];
            to->values[step] = from->values[step];
            if (from->histograms)
                to->histograms[step] = from->histograms[step];
        }
    }
    list->count = kept;
    return NULL;
}

struct nameless {
    struct stream stream;
    struct stream *input;
    struct column_list list;
    bool read;
    size_t next;
};

static err nameless_next(struct stream *stream, struct column **ret_column)
{
    struct nameless *nameless = (struct nameless *)stream;

    if (!nameless->read) {
        TRY(columns_read(nameless->input, &nameless->list));
        for (size_t i = 0; i < nameless->list.count; i++) {
            struct column *column = nameless->list.at[i];
            if (column->drop_name)
                column->labels = labels_drop_name(stream->ev->arena, column->labels);
            column->drop_name = false;
        }
        TRY(columns_merge(stream->ev, stream->grid, &nameless->list));
        nameless->read = true;
    }
    *ret_column = nameless->next < nameless->list.count ? nameless->list.at[nameless->next++] : NULL;
    return NULL;
}

err stream_named(struct stream *stream, struct stream **ret_stream)
{
    static const struct stream_ops ops = { .next = nameless_next };

    *ret_stream = stream;
    if (stream->ev->delayed_names)
        return NULL;
    struct nameless *nameless = stream_make(stream->ev, stream->grid, sizeof(*nameless), &ops);
    nameless->input = stream;
    *ret_stream = &nameless->stream;
    return NULL;
}

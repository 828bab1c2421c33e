/* mapped.c - streams that change each column of another by itself. */
#include "promql/mapped.h"

#include <string.h>

static err mapped_next(struct stream *stream, struct column **ret_column)
{
    struct mapped *mapped = (struct mapped *)stream;
    struct column *column;

    TRY(stream_next(mapped->input, &column));
    *ret_column = column;
    if (!column)
        return NULL;
    mapped->apply(mapped, column);
    column->histograms = NULL;
    column->drop_name = true;
    return NULL;
}

err mapped_open(const struct mapped *like, struct stream *input, struct stream **ret_stream)
{
    static const struct stream_ops ops = { .next = mapped_next };
    struct mapped *mapped = stream_make(input->ev, input->grid, sizeof(*mapped), &ops);

    mapped->input = input;
    mapped->apply = like->apply;
    mapped->how = like->how;
    memcpy(mapped->args, like->args, sizeof(mapped->args));
    return stream_named(&mapped->stream, ret_stream);
}

struct stream *single_open(struct evaluation *ev, const struct grid *grid, const double *values)
{
    struct column **at = arena_alloc(ev->arena, sizeof(*at));

    *at = column_new(ev, grid);
    memcpy((*at)->values, values, grid->steps * sizeof(*values));
    memset((*at)->present, POINT_FLOAT, grid->steps);
    return stream_of_columns(ev, grid, (struct column_list){ at, 1 });
}

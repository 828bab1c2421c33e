/* set_operation.c - and, unless, or: of the right side only the steps count at which a group of labels is there. */
#include "promql/label_set.h"
#include "promql/streams.h"

#include <string.h>

/* Which groups are present at which steps. */
struct presence_table {
    struct label_choice choice;
    struct label_table groups;
    VEC(unsigned char *) present; /* a byte a step, by group */
};

struct filtered {
    struct stream stream;
    struct stream *left;
    struct presence_table right;
    bool unless;
};

static void mark(struct presence_table *table, const struct grid *grid, const struct column *column)
{
    size_t group = label_table_put_choice(&table->groups, &table->choice, column->labels);

    if (group == table->present.count)
        *vec_push(&table->present, table->groups.arena) = arena_array(table->groups.arena, grid->steps, 1);
    for (size_t step = 0; step < grid->steps; step++)
        table->present.at[group][step] |= column->present[step] != POINT_NONE;
}

static const unsigned char *presence_of(struct presence_table *table, const struct column *column)
{
    size_t group = label_table_find_choice(&table->groups, &table->choice, column->labels);

    return group == SIZE_MAX ? NULL : table->present.at[group];
}

static struct presence_table table_make(struct evaluation *ev, const struct vector_matching *matching)
{
    return (struct presence_table){ .choice = label_choice_make(ev->arena, matching->labels, matching->label_count,
                                                                !matching->on),
                                    .groups = { .arena = ev->arena } };
}

static err filtered_next(struct stream *stream, struct column **ret_column)
{
    struct filtered *filtered = (struct filtered *)stream;

    TRY(stream_next(filtered->left, ret_column));
    struct column *column = *ret_column;
    if (!column)
        return NULL;
    const unsigned char *right = presence_of(&filtered->right, column);
    for (size_t step = 0; step < stream->grid->steps; step++)
        if ((right && right[step]) == filtered->unless)
            column->present[step] = POINT_NONE;
    return NULL;
}

/* either - both sides must be known: a series of the left may go on where one of the right with the same labels began.
 */
static err either(struct evaluation *ev, const struct grid *grid, const struct expr *expr, struct stream **ret_stream)
{
    struct presence_table left = table_make(ev, expr->binary.matching);
    struct column_list lists[2], all;
    struct stream *stream;

    TRY(stream_open(ev, grid, expr->binary.left, &stream));
    TRY(columns_read(stream, &lists[0]));
    TRY(stream_open(ev, grid, expr->binary.right, &stream));
    TRY(columns_read(stream, &lists[1]));
    all.count = lists[0].count + lists[1].count;
    all.at = arena_array(ev->arena, all.count, sizeof(*all.at));
    for (size_t i = 0; i < lists[0].count; i++) {
        all.at[i] = lists[0].at[i];
        mark(&left, grid, all.at[i]);
    }
    for (size_t i = 0; i < lists[1].count; i++) {
        struct column *column = all.at[lists[0].count + i] = lists[1].at[i];
        const unsigned char *taken = presence_of(&left, column);
        for (size_t step = 0; taken && step < grid->steps; step++)
            if (taken[step])
                column->present[step] = POINT_NONE;
    }
    TRY(columns_merge(ev, grid, &all));
    *ret_stream = stream_of_columns(ev, grid, all);
    return NULL;
}

err set_operation_open(struct evaluation *ev, const struct grid *grid, const struct expr *expr,
                       struct stream **ret_stream)
{
    static const struct stream_ops ops = { .next = filtered_next };
    struct stream *right;
    struct column *column;

    if (expr->binary.op == OP_OR)
        return either(ev, grid, expr, ret_stream);
    struct filtered *filtered = stream_make(ev, grid, sizeof(*filtered), &ops);
    filtered->unless = expr->binary.op == OP_UNLESS;
    filtered->right = table_make(ev, expr->binary.matching);
    TRY(stream_open(ev, grid, expr->binary.right, &right));
    for (;;) {
        TRY(stream_next(right, &column));
        if (!column)
            break;
        mark(&filtered->right, grid, column);
    }
    TRY(stream_open(ev, grid, expr->binary.left, &filtered->left));
    *ret_stream = &filtered->stream;
    return NULL;
}

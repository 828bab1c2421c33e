/* match.c - arithmetic and comparison of two vectors whose series find each other by labels.
 *
 * DESIGN. The "one" side (the right one, with group_right the left one) is read whole and put into groups by the labels
 * that matter; the other side passes by, series after series, and each of its points looks for a partner of its group
 * at the same step. Points land in columns found by the labels of the result, as several series may take turns in one.
 * What is wrong is wrong at a step; Prometheus goes step by step, so of several errors the earliest step's is told. */
#include "promql/label_set.h"
#include "promql/quote.h"
#include "promql/streams.h"

#include <string.h>

/* One-side series of equal matching labels; at most one of them may be present at a step. */
struct match_group {
    VEC(struct column *) ones;
    unsigned char *taken;   /* one of them is present at the step */
    unsigned char *matched; /* a result was made at the step */
};

struct match_result {
    struct column *column;
    unsigned char *inserted; /* made at the step, even where a comparison dropped it; many-to-one only */
    size_t group;
};

struct collision {
    const struct column *later, *earlier;
};

struct match {
    struct evaluation *ev;
    const struct grid *grid;
    const struct expr *expr;
    const struct vector_matching *matching;
    bool swapped; /* the left side is the one; fill values stay where they are, as in Prometheus */
    const double *fill_one, *fill_many;
    struct label_choice choice;
    struct label_table groups, labels;
    VEC(struct match_group) group;
    VEC(struct match_result) results;
    unsigned char *many_present;  /* any series of the many side, by step */
    struct collision *collisions; /* NULL: none; by step */
    size_t until;                 /* steps from here on need no answer: one side's duplicates are an error there */
    size_t problem_step;          /* SIZE_MAX: none */
    const char *problem;
    struct label *scratch;
    size_t scratch_room;
};

static void note_problem(struct match *match, size_t step, const char *problem)
{
    if (step < match->problem_step) {
        match->problem_step = step;
        match->problem = problem;
    }
}

static size_t group_put(struct match *match, struct labels labels)
{
    size_t index = label_table_put_choice(&match->groups, &match->choice, labels);

    if (index == match->group.count) {
        struct match_group *group = vec_push(&match->group, match->ev->arena);
        group->taken = arena_array(match->ev->arena, match->grid->steps, 1);
        group->matched = arena_array(match->ev->arena, match->grid->steps, 1);
    }
    return index;
}

static const struct column *present_at(const struct match_group *group, size_t step)
{
    for (size_t i = 0; i < group->ones.count; i++)
        if (group->ones.at[i]->present[step])
            return group->ones.at[i];
    return NULL;
}

static void add_one(struct match *match, struct column *column)
{
    size_t index = group_put(match, column->labels);
    struct match_group *group = &match->group.at[index];

    for (size_t step = 0; step < match->grid->steps; step++) {
        if (!column->present[step])
            continue;
        if (group->taken[step]) {
            if (!match->collisions)
                match->collisions = arena_array(match->ev->arena, match->grid->steps, sizeof(*match->collisions));
            if (!match->collisions[step].later)
                match->collisions[step] = (struct collision){ column, present_at(group, step) };
        }
        group->taken[step] = 1;
    }
    *vec_push(&group->ones, match->ev->arena) = column;
}

static bool changes_meaning(enum operator op)
{
    return op >= OP_ADD && op <= OP_ATAN2;
}

static bool is_listed(const struct str *names, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(names[i], name))
            return true;
    return false;
}

/* result_labels - of a pair: the many side's, less what matching leaves out, plus what group_left(...) includes. */
static struct labels result_labels(struct match *match, struct labels many, struct labels one)
{
    const struct vector_matching *matching = match->matching;
    bool drop =
        changes_meaning(match->expr->binary.op) || (match->expr->binary.returns_bool && !match->ev->delayed_names);
    size_t room = many.count + matching->include_count, count = 0;

    if (room > match->scratch_room) {
        match->scratch_room = room * 2;
        match->scratch = arena_array(match->ev->arena, match->scratch_room, sizeof(*match->scratch));
    }
    for (size_t i = 0; i < many.count; i++) {
        struct str name = many.at[i].name;
        if (drop && (str_eq(name, S("__name__")) || str_eq(name, S("__type__")) || str_eq(name, S("__unit__"))))
            continue;
        if (matching->cardinality == ONE_TO_ONE &&
            is_listed(matching->labels, matching->label_count, name) != matching->on)
            continue;
        if (!is_listed(matching->include, matching->include_count, name))
            match->scratch[count++] = many.at[i];
    }
    if (!matching->include_count)
        return (struct labels){ match->scratch, count };
    for (size_t i = 0; i < matching->include_count; i++)
        match->scratch[count++] = (struct label){ matching->include[i], labels_get(one, matching->include[i]) };
    return labels_make(match->ev->arena, match->scratch, count);
}

static struct match_result *result_put(struct match *match, size_t group, struct labels labels)
{
    size_t index = label_table_put(&match->labels, labels);

    if (index == match->results.count) {
        struct match_result *result = vec_push(&match->results, match->ev->arena);
        result->column = column_new(match->ev, match->grid);
        result->column->labels = match->labels.at[index];
        result->column->drop_name = match->expr->binary.returns_bool;
        result->group = group;
        if (match->matching->cardinality != ONE_TO_ONE)
            result->inserted = arena_array(match->ev->arena, match->grid->steps, 1);
    }
    return &match->results.at[index];
}

/* insert - the result of a pair at a step, unless it was there already. */
static void insert(struct match *match, size_t group_index, struct match_result *result, size_t step,
                   struct operand value, bool keep)
{
    struct match_group *group = &match->group.at[group_index];
    struct column *column = result->column;

    if (!result->inserted && group->matched[step])
        note_problem(match, step,
                     "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)");
    else if (result->inserted && result->inserted[step] && result->group == group_index)
        note_problem(match, step, "multiple matches for labels: grouping labels must ensure unique matches");
    group->matched[step] = 1;
    if (result->inserted)
        result->inserted[step] = 1;
    if (!keep)
        return;
    if (column->present[step])
        note_problem(match, step, "vector cannot contain metrics with the same labelset");
    if (value.histogram)
        column_histograms(match->ev, match->grid, column);
    column->present[step] = value.histogram ? POINT_HISTOGRAM : POINT_FLOAT;
    column->values[step] = value.value;
    if (column->histograms)
        column->histograms[step] = value.histogram;
}

static struct operand point_of(const struct column *column, size_t step)
{
    return (struct operand){ .value = column->values[step],
                             .histogram = column->present[step] == POINT_HISTOGRAM ? column->histograms[step] : NULL };
}

/* A series of the many side, or what stands for it, and its partner. */
struct pair {
    size_t group;
    struct labels many, one;
    struct match_result *result; /* found when the first point needs it */
};

static void operate(struct match *match, struct pair *pair, size_t step, struct operand many, struct operand one)
{
    const struct expr *expr = match->expr;
    struct operand value;
    enum verdict verdict = point_operate(match->ev, expr, match->ev->arena, match->swapped ? one : many,
                                         match->swapped ? many : one, &value);

    if (verdict == VERDICT_NO_RESULT)
        return;
    if (expr->binary.returns_bool)
        value = (struct operand){ .value = verdict == VERDICT_KEEP };
    if (!pair->result)
        pair->result = result_put(match, pair->group, result_labels(match, pair->many, pair->one));
    insert(match, pair->group, pair->result, step, value, verdict == VERDICT_KEEP || expr->binary.returns_bool);
}

static struct labels chosen(struct match *match, struct labels labels)
{
    return label_choice_of(&match->choice, labels, arena_array(match->ev->arena, labels.count, sizeof(struct label)));
}

/* pass - a series of the many side. */
static void pass(struct match *match, const struct column *many)
{
    for (size_t step = 0; step < match->until; step++)
        match->many_present[step] |= many->present[step];
    for (size_t step = 0; match->collisions && step < match->until; step++)
        if (match->collisions[step].later && match->many_present[step])
            match->until = step;
    size_t steps = match->until;
    size_t index = match->fill_one ? group_put(match, many->labels)
                                   : label_table_find_choice(&match->groups, &match->choice, many->labels);
    if (index == SIZE_MAX)
        return;
    for (size_t i = 0; i < match->group.at[index].ones.count; i++) {
        const struct column *one = match->group.at[index].ones.at[i];
        struct pair pair = { .group = index, .many = many->labels, .one = one->labels };
        for (size_t step = 0; step < steps; step++)
            if (many->present[step] && one->present[step])
                operate(match, &pair, step, point_of(many, step), point_of(one, step));
    }
    if (!match->fill_one)
        return;
    struct pair pair = { .group = index, .many = many->labels, .one = chosen(match, many->labels) };
    for (size_t step = 0; step < steps; step++)
        if (many->present[step] && !match->group.at[index].taken[step])
            operate(match, &pair, step, point_of(many, step), (struct operand){ .value = *match->fill_one });
}

/* fill_unmatched - the one side's points that nobody asked for meet the fill value. */
static void fill_unmatched(struct match *match)
{
    for (size_t index = 0; index < match->group.count; index++)
        for (size_t i = 0; i < match->group.at[index].ones.count; i++) {
            const struct column *one = match->group.at[index].ones.at[i];
            struct pair pair = { .group = index, .many = chosen(match, one->labels), .one = one->labels };
            for (size_t step = 0; step < match->until; step++)
                if (one->present[step] && !match->group.at[index].matched[step])
                    operate(match, &pair, step, (struct operand){ .value = *match->fill_many }, point_of(one, step));
        }
}

/* write_labels - as Prometheus' errors show them: {__name__="m", a="b"}. */
static void write_labels(struct buf *out, struct labels labels)
{
    buf_add_c(out, '{');
    for (size_t i = 0; i < labels.count; i++) {
        if (i)
            buf_add(out, S(", "));
        label_name_add(out, labels.at[i].name);
        buf_add_c(out, '=');
        quote_add(out, labels.at[i].value);
    }
    buf_add_c(out, '}');
}

static err duplicate_error(struct match *match, const struct collision *collision)
{
    bool in_order = labels_cmp(collision->earlier->labels, collision->later->labels) < 0;
    const struct column *first = in_order ? collision->earlier : collision->later;
    const struct column *second = in_order ? collision->later : collision->earlier;
    struct buf text CLEANUP(buf_clear) = { 0 };

    buf_init(&text, 1 << 16);
    buf_add(&text, S("found duplicate series for the match group "));
    write_labels(&text, chosen(match, collision->later->labels));
    buf_addf(&text, " on the %s hand-side of the operation: [", match->swapped ? "left" : "right");
    write_labels(&text, first->labels);
    buf_add(&text, S(", "));
    write_labels(&text, second->labels);
    buf_add(&text, S("];many-to-many matching not allowed: matching labels must be unique on one side"));
    return err_new(ERR_RANGE, "%s", buf_c(&text));
}

/* first_problem - the error of the earliest step. */
static err first_problem(struct match *match)
{
    if (match->until < match->grid->steps && match->until <= match->problem_step)
        return duplicate_error(match, &match->collisions[match->until]);
    return match->problem ? err_new(ERR_RANGE, "%s", match->problem) : NULL;
}

static err run(struct match *match, const struct expr *one, const struct expr *many)
{
    struct column_list ones;
    struct column *column;
    struct stream *stream;

    TRY(stream_open(match->ev, match->grid, one, &stream));
    TRY(columns_read(stream, &ones));
    for (size_t i = 0; i < ones.count; i++)
        add_one(match, ones.at[i]);
    match->until = match->grid->steps;
    bool fills = match->fill_one || match->fill_many; /* else nobody looks where the other side has nothing */
    for (size_t step = 0; match->collisions && fills && step < match->until; step++)
        if (match->collisions[step].later)
            match->until = step;
    TRY(stream_open(match->ev, match->grid, many, &stream));
    for (;;) {
        TRY(stream_next(stream, &column));
        if (!column)
            break;
        pass(match, column);
    }
    if (match->fill_many)
        fill_unmatched(match);
    return first_problem(match);
}

err match_open(struct evaluation *ev, const struct grid *grid, const struct expr *expr, struct stream **ret_stream)
{
    const struct vector_matching *matching = expr->binary.matching;
    bool swapped = matching->cardinality == ONE_TO_MANY;
    struct match match = {
        .ev = ev,
        .grid = grid,
        .expr = expr,
        .matching = matching,
        .swapped = swapped,
        .fill_one = matching->fill_right ? &matching->fill_right_value : NULL,
        .fill_many = matching->fill_left ? &matching->fill_left_value : NULL,
        .choice = label_choice_make(ev->arena, matching->labels, matching->label_count, !matching->on),
        .groups = { .arena = ev->arena },
        .labels = { .arena = ev->arena },
        .many_present = arena_array(ev->arena, grid->steps, 1),
        .problem_step = SIZE_MAX,
    };

    TRY(run(&match, swapped ? expr->binary.left : expr->binary.right,
            swapped ? expr->binary.right : expr->binary.left));
    struct column_list list = { arena_array(ev->arena, match.results.count, sizeof(*list.at)), match.results.count };
    for (size_t i = 0; i < list.count; i++)
        list.at[i] = match.results.at[i].column;
    *ret_stream = stream_of_columns(ev, grid, list);
    return NULL;
}

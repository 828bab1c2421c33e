/* hint_reader.c - counter reset hints of a series that is read.
 *
 * DESIGN. What is stored was true when the sample came, before late ones came between. So it counts for the first
 * sample that is read only; the others are compared with their neighbour. */
#include "promql/hint_reader.h"

#include "promql/function.h"

/* What stands above a selector. */
struct above {
    bool counts; /* a function that needs no buckets */
    bool whole;  /* something that needs them, or a subquery, which finds resets between its own points */
};

static bool call_is(const struct expr *call, struct str name)
{
    return str_eq(str_of(call->call.function->name), name);
}

static struct above above_args(const struct expr *call, struct above above)
{
    above.counts |=
        call_is(call, S("histogram_count")) || call_is(call, S("histogram_sum")) || call_is(call, S("histogram_avg"));
    above.whole |= call_is(call, S("histogram_quantile")) || call_is(call, S("histogram_quantiles")) ||
                   call_is(call, S("histogram_fraction"));
    return above;
}

/* counts_only - whether the selector stands below `expr`, where no buckets are needed. */
static bool counts_only(const struct expr *expr, const struct expr *selector, struct above above)
{
    if (!expr)
        return false;
    switch (expr->kind) {
    case EXPR_SELECTOR:
        return expr == selector && above.counts && !above.whole;
    case EXPR_SUBQUERY:
        return false;
    case EXPR_CALL:
        above = above_args(expr, above);
        for (size_t i = 0; i < expr->call.count; i++)
            if (counts_only(expr->call.args[i], selector, above))
                return true;
        return false;
    case EXPR_AGGREGATE:
        return counts_only(expr->aggregate.expr, selector, above) ||
               counts_only(expr->aggregate.param, selector, above);
    case EXPR_UNARY:
        return counts_only(expr->unary.expr, selector, above);
    case EXPR_BINARY:
        above.whole |= expr->binary.op == OP_TRIM_UPPER || expr->binary.op == OP_TRIM_LOWER;
        return counts_only(expr->binary.left, selector, above) || counts_only(expr->binary.right, selector, above);
    case EXPR_PAREN:
        return counts_only(expr->paren, selector, above);
    default:
        return false;
    }
}

struct hint_reader hint_reader_make(struct evaluation *ev, const struct expr *selector)
{
    return (struct hint_reader){ .ev = ev, .counts_only = counts_only(ev->query->expr, selector, (struct above){ 0 }) };
}

/* hint_of - what the sample says where the one before it was `previous`, as both are stored. */
static enum counter_reset hint_of(const struct hint_reader *reader, const struct histogram *histogram,
                                  const struct histogram *previous)
{
    struct histogram unsure = *histogram;
    enum counter_reset hint = histogram->hint;

    if (previous) {
        unsure.hint = hint == RESET_GAUGE ? RESET_GAUGE : RESET_UNKNOWN;
        hint = histogram_hint_after(previous, &unsure);
    }
    if (reader->counts_only && previous && hint != RESET_GAUGE && !histogram_is_stale(previous))
        return histogram_reset(&unsure, previous) ? RESET_YES : RESET_NO; /* other buckets alone are none */
    return hint == RESET_YES ? RESET_UNKNOWN : hint;
}

void hints_read(struct hint_reader *reader, struct samples *samples)
{
    const struct histogram *previous = NULL;

    if (!samples->histograms)
        return;
    if (reader->room < samples->count) {
        reader->room = samples->count * 2;
        reader->copies = arena_array(reader->ev->arena, reader->room, sizeof(*reader->copies));
        reader->histograms = arena_array(reader->ev->arena, reader->room, sizeof(*reader->histograms));
    }
    for (size_t i = 0; i < samples->count; i++) {
        const struct histogram *stored = samples->histograms[i];
        struct histogram *copy = &reader->copies[i];
        reader->histograms[i] = stored ? copy : NULL;
        if (!stored)
            continue;
        if (reader->counts_only)
            *copy = (struct histogram){ .schema = stored->schema, .count = stored->count, .sum = stored->sum };
        else
            *copy = *stored;
        copy->hint = hint_of(reader, stored, previous);
        previous = stored;
    }
    samples->histograms = reader->histograms;
}

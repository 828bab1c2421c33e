/* histogram_point.c - operators on native histograms, with what they have to tell. */
#include "promql/histogram_point.h"

#include "model/histogram_stat.h"
#include "model/histogram_sum.h"

const struct histogram *histogram_scaled(struct arena *arena, const struct histogram *histogram, double factor)
{
    struct histogram_sum sum = { .plain = true };

    histogram_sum_begin(&sum, arena, histogram);
    histogram_sum_multiply(&sum, factor);
    return histogram_sum_result(&sum, arena);
}

static const struct histogram *scaled_compact(struct arena *arena, const struct histogram *histogram, enum operator op,
                                              double factor)
{
    struct histogram_sum sum = { .plain = true };

    histogram_sum_begin(&sum, arena, histogram);
    if (op == OP_MUL)
        histogram_sum_multiply(&sum, factor);
    else
        histogram_sum_divide(&sum, factor);
    return histogram_sum_compact(&sum, arena);
}

/* add - left plus or minus right. A collision of counter resets leaves no result. */
static enum verdict add(struct evaluation *ev, const struct expr *expr, struct arena *arena, struct operand left,
                        struct operand right, struct operand *ret_result)
{
    bool subtract = expr->binary.op == OP_SUB;
    const char *operation = subtract ? "subtraction" : "addition";
    struct histogram_sum sum = { .plain = true };

    histogram_sum_begin(&sum, arena, left.histogram);
    unsigned told = subtract ? histogram_sum_subtract(&sum, right.histogram) : histogram_sum_add(&sum, right.histogram);
    if (told & HISTOGRAM_INCOMPATIBLE) {
        annotate_warning(ev, expr, "incompatible bucket layout encountered for binary operator %s",
                         operator_text(expr->binary.op));
        return VERDICT_FAILED;
    }
    if (told & HISTOGRAM_COLLISION) {
        annotate_warning(ev, expr, "conflicting counter resets during histogram %s", operation);
        return VERDICT_FAILED;
    }
    if (told & HISTOGRAM_RECONCILED)
        annotate_info(ev, expr, "mismatched custom buckets were reconciled during %s", operation);
    if (subtract)
        sum.hint = RESET_GAUGE;
    ret_result->histogram = histogram_sum_compact(&sum, arena);
    return VERDICT_KEEP;
}

static enum verdict with_float(const struct expr *expr, struct arena *arena, struct operand left, struct operand right,
                               struct operand *ret_result)
{
    enum operator op = expr->binary.op;

    if (!left.histogram) {
        if (op != OP_MUL)
            return VERDICT_NO_RESULT;
        ret_result->histogram = scaled_compact(arena, right.histogram, op, left.value);
    } else if (op == OP_MUL || op == OP_DIV) {
        ret_result->histogram = scaled_compact(arena, left.histogram, op, right.value);
    } else if (op == OP_TRIM_UPPER || op == OP_TRIM_LOWER) {
        ret_result->histogram = histogram_trim(arena, left.histogram, right.value, op == OP_TRIM_UPPER);
    } else {
        return VERDICT_NO_RESULT;
    }
    return VERDICT_KEEP;
}

enum verdict histogram_operate(struct evaluation *ev, const struct expr *expr, struct arena *arena, struct operand left,
                               struct operand right, struct operand *ret_result)
{
    if (!left.histogram || !right.histogram)
        return with_float(expr, arena, left, right, ret_result);
    switch (expr->binary.op) {
    case OP_ADD:
    case OP_SUB:
        return add(ev, expr, arena, left, right, ret_result);
    case OP_EQ:
    case OP_NE:
        ret_result->histogram = left.histogram;
        return histogram_equal(left.histogram, right.histogram) == (expr->binary.op == OP_EQ) ? VERDICT_KEEP
                                                                                              : VERDICT_DROP;
    default:
        return VERDICT_NO_RESULT;
    }
}

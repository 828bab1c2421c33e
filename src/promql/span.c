/* span.c - what a length of time is in a query: arithmetic over its step and range. */
#include "promql/ast.h"

#include <math.h>

int64_t span_ms(double seconds)
{
    double ms = seconds * 1000, nearest = round(ms);

    /* 1.001 s is 1000.9999999999999 ms in floats. */
    if (fabs(ms - nearest) <= fabs(ms) * 4e-16 + 1e-7)
        ms = nearest;
    return ms >= 0x1p63 ? INT64_MAX : ms <= -0x1p63 ? INT64_MIN : (int64_t)ms;
}

static err refuse(const struct expr *expr, const char *why)
{
    return err_new(ERR_RANGE, "%u:%u: %s", expr->from, expr->to, why);
}

/* length_of - seconds. */
static err length_of(const struct expr *expr, double step, double range, double *ret_seconds)
{
    double left = 0, right = 0;

    if (expr->kind == EXPR_NUMBER) {
        *ret_seconds = expr->number;
        return NULL;
    }
    if (expr->duration.left)
        TRY(length_of(expr->duration.left, step, range, &left));
    if (expr->duration.right)
        TRY(length_of(expr->duration.right, step, range, &right));
    switch (expr->duration.kind) {
    case DURATION_STEP:
        *ret_seconds = step;
        return NULL;
    case DURATION_RANGE:
        *ret_seconds = range;
        return NULL;
    case DURATION_MIN_OF:
        *ret_seconds = isnan(left) || isnan(right) ? NAN : fmin(left, right);
        return NULL;
    case DURATION_MAX_OF:
        *ret_seconds = isnan(left) || isnan(right) ? NAN : fmax(left, right);
        return NULL;
    case DURATION_OPERATOR:
        break;
    }
    switch (expr->duration.op) {
    case OP_ADD:
        *ret_seconds = left + right;
        return NULL;
    case OP_SUB:
        *ret_seconds = left - right;
        return NULL;
    case OP_MUL:
        *ret_seconds = left * right;
        return NULL;
    case OP_DIV:
        *ret_seconds = left / right;
        return right == 0 ? refuse(expr, "division by zero") : NULL;
    case OP_MOD:
        *ret_seconds = fmod(left, right);
        return right == 0 ? refuse(expr, "modulo by zero") : NULL;
    case OP_POW:
        *ret_seconds = pow(left, right);
        return NULL;
    default:
        return err_new(ERR_INTERNAL, "a duration with the operator '%s'", operator_text(expr->duration.op));
    }
}

err span_resolve(const struct span_of_time *span, int64_t step_ms, int64_t range_ms, bool may_be_negative,
                 int64_t *ret_ms)
{
    double seconds;

    *ret_ms = span->ms;
    if (!span->expr)
        return NULL;
    TRY(length_of(span->expr, (double)step_ms / 1e3, (double)range_ms / 1e3, &seconds));
    if (!isfinite(seconds))
        return refuse(span->expr, "duration is NaN or infinite");
    if (seconds <= 0 && !may_be_negative)
        return refuse(span->expr, "duration must be greater than 0");
    if (seconds > 0x1p63 / 1e9 || seconds < -0x1p63 / 1e9)
        return refuse(span->expr, "duration is out of range");
    *ret_ms = (int64_t)(seconds * 1000);
    return NULL;
}

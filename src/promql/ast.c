/* ast.c - the names of what stands in a tree. */
#include "promql/ast.h"

const char *value_type_name(enum value_type type)
{
    static const char *const names[] = {
        [TYPE_NONE] = "none",           [TYPE_SCALAR] = "scalar", [TYPE_VECTOR] = "instant vector",
        [TYPE_MATRIX] = "range vector", [TYPE_STRING] = "string",
    };

    return names[type];
}

const char *operator_text(enum operator op)
{
    static const char *const texts[] = {
        [OP_NONE] = "", [OP_ADD] = "+",         [OP_SUB] = "-",         [OP_MUL] = "*",         [OP_DIV] = "/",
        [OP_MOD] = "%", [OP_POW] = "^",         [OP_EQ] = "==",         [OP_ATAN2] = "atan2",   [OP_NE] = "!=",
        [OP_LT] = "<",  [OP_LE] = "<=",         [OP_GT] = ">",          [OP_GE] = ">=",         [OP_AND] = "and",
        [OP_OR] = "or", [OP_UNLESS] = "unless", [OP_TRIM_UPPER] = "</", [OP_TRIM_LOWER] = ">/",
    };

    return texts[op];
}

const char *aggregation_name(enum aggregation aggregation)
{
    static const char *const names[] = {
        [AGG_SUM] = "sum",
        [AGG_AVG] = "avg",
        [AGG_COUNT] = "count",
        [AGG_MIN] = "min",
        [AGG_MAX] = "max",
        [AGG_GROUP] = "group",
        [AGG_STDDEV] = "stddev",
        [AGG_STDVAR] = "stdvar",
        [AGG_TOPK] = "topk",
        [AGG_BOTTOMK] = "bottomk",
        [AGG_COUNT_VALUES] = "count_values",
        [AGG_QUANTILE] = "quantile",
        [AGG_LIMITK] = "limitk",
        [AGG_LIMIT_RATIO] = "limit_ratio",
    };

    return names[aggregation];
}

struct expr *expr_bare(struct expr *expr)
{
    while (expr->kind == EXPR_PAREN)
        expr = expr->paren;
    return expr;
}

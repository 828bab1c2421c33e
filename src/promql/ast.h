/* ast.h - a PromQL expression as a tree: what the parser makes and the evaluator walks.
 *
 * Owner: the arena of the parse. Threads: immutable once parsed, so any number of evaluations may share one tree. */
#pragma once
#include "model/labels.h"

enum value_type { TYPE_NONE, TYPE_SCALAR, TYPE_VECTOR, TYPE_MATRIX, TYPE_STRING };
const char *
value_type_name(enum value_type type); /* "scalar", "instant vector", "range vector", "string" as in errors */

enum expr_kind {
    EXPR_NUMBER,
    EXPR_STRING,
    EXPR_SELECTOR, /* an instant vector, or with .range a range vector */
    EXPR_SUBQUERY,
    EXPR_CALL,
    EXPR_AGGREGATE,
    EXPR_UNARY,
    EXPR_BINARY,
    EXPR_PAREN,
    EXPR_DURATION, /* within a span of time only, never a value */
};

enum operator{
    OP_NONE,
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_MOD,
    OP_POW,
    OP_ATAN2,
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_AND,
    OP_OR,
    OP_UNLESS,
    OP_TRIM_UPPER, /* </ : native histograms, experimental */
    OP_TRIM_LOWER, /* >/ */
};
const char *operator_text(enum operator op);

/* What an EXPR_DURATION does: with two operands (OP_ADD to OP_POW, the smaller or larger of two), with the right one
 * alone (a sign), or with none. */
enum duration_kind { DURATION_OPERATOR, DURATION_STEP, DURATION_RANGE, DURATION_MIN_OF, DURATION_MAX_OF };

enum aggregation {
    AGG_SUM,
    AGG_AVG,
    AGG_COUNT,
    AGG_MIN,
    AGG_MAX,
    AGG_GROUP,
    AGG_STDDEV,
    AGG_STDVAR,
    AGG_TOPK,
    AGG_BOTTOMK,
    AGG_COUNT_VALUES,
    AGG_QUANTILE,
    AGG_LIMITK,
    AGG_LIMIT_RATIO,
};
const char *aggregation_name(enum aggregation aggregation);

/* A length of time: literal milliseconds, or an expression over step(), range() and numbers that is worked out when the
 * query's span is known (experimental duration expressions). */
struct span_of_time {
    int64_t ms;
    struct expr *expr; /* EXPR_DURATION; NULL: ms counts */
    bool given;
};
/* span_ms - whole milliseconds of seconds that were written as a literal; what is below is cut off. */
int64_t span_ms(double seconds);
/* span_resolve - its milliseconds in a query of this step and range (0 and 0: an instant query). ERR_RANGE "12:14:
 * division by zero" where it is nothing that can be waited for, as Prometheus says it. */
err span_resolve(const struct span_of_time *span, int64_t step_ms, int64_t range_ms, bool may_be_negative,
                 int64_t *ret_ms) MUST_USE;

enum at_kind { AT_NONE, AT_TIME, AT_START, AT_END };

/* Modifiers that selectors and subqueries share. */
struct modifiers {
    struct span_of_time offset; /* may be negative */
    enum at_kind at;
    int64_t at_ms;
};

enum cardinality { ONE_TO_ONE, MANY_TO_ONE, ONE_TO_MANY, MANY_TO_MANY };

struct vector_matching {
    enum cardinality cardinality;
    bool on; /* on(labels), else ignoring(labels) */
    struct str *labels;
    size_t label_count;
    struct str *include; /* of group_left(...), group_right(...) */
    size_t include_count;
    bool fill_left, fill_right; /* experimental fill(), fill_left(), fill_right() */
    double fill_left_value, fill_right_value;
};

struct function; /* promql/function.h */

struct expr {
    enum expr_kind kind;
    enum value_type type;
    bool is_duration;  /* a number that was written as 5m */
    uint16_t depth;    /* of the tree below, at most PROMQL_DEPTH_MAX */
    uint32_t from, to; /* bytes of the query's text, to exclusive */
    union {
        double number;
        struct str text;
        struct {
            struct str name;          /* as written before the braces; "" where only matchers name it */
            struct matcher *matchers; /* the one of __name__ included */
            size_t matcher_count;
            struct span_of_time range;
            struct modifiers mods;
            bool anchored, smoothed; /* experimental */
        } selector;
        struct {
            struct expr *expr;
            struct span_of_time range, step; /* step not given: the default interval */
            struct modifiers mods;
        } subquery;
        struct {
            const struct function *function;
            struct expr **args;
            size_t count;
        } call;
        struct {
            enum aggregation op;
            struct expr *expr;
            struct expr *param; /* NULL where it takes none */
            bool without;
            bool grouped; /* by () or without () was written */
            struct str *labels;
            size_t label_count;
        } aggregate;
        struct {
            enum operator op; /* OP_ADD, OP_SUB */
            struct expr *expr;
        } unary;
        struct {
            enum operator op;
            struct expr *left, *right;
            bool returns_bool;
            struct vector_matching *matching; /* of two vectors, else NULL */
        } binary;
        struct expr *paren;
        struct {
            enum duration_kind kind;
            enum operator op;
            struct expr *left, *right; /* numbers (in seconds) and durations; left is NULL with a sign */
            bool wrapped;              /* in parentheses */
        } duration;
    };
};

/* expr_bare - without the parentheses around it. */
struct expr *expr_bare(struct expr *expr);

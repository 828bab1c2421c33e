/* criterion.h - "did it help?" as an expression over the latest samples, with three answers.
 *
 * Owner: results live in the arena given. Threads: any.
 *
 *   redis_memory_used_bytes{instance="{{instance}}"} / redis_memory_max_bytes{instance="{{instance}}"} < 0.9
 *
 * One or more comparisons (< <= > >= == !=) joined by `and`, `or`; each side is arithmetic (+ - * / parentheses, floor,
 * ceil, round, abs, min, max) over numbers, {{parameters}} and names. A name is what the scope's `name` knows, else a
 * metric with optional matchers (= != =~ !~), of which the latest sample counts. {{parameter}} is replaced after
 * parsing, as a value: nothing in it can become syntax. Several series match: the one that carries a parameter's value
 * as a label, else no answer. No sample, an old one, NaN or a division by zero: no answer. */
#pragma once
#include "model/series_source.h"

/* One parameter with the value that it has in a plan. */
struct argument {
    struct str name, text; /* text as it is written into commands */
    double number;         /* NaN where it is none */
};

struct criterion_scope {
    struct series_source *series; /* NULL: no metrics */
    int64_t now_ms;
    int64_t not_before_ms; /* samples older than this say nothing, such as those from before the run */
    const struct argument *arguments;
    size_t argument_count;
    bool (*name)(void *arg, struct str name, double *ret_value); /* may be NULL */
    void *name_arg;
};

enum { CRITERION_STALE_MS = 5 * 60 * 1000, CRITERION_TEXT_MAX = 4096 };
enum criterion_answer { CRITERION_NO, CRITERION_YES, CRITERION_UNKNOWN };

struct criterion_result {
    enum criterion_answer answer;
    double value;   /* the left side of the comparison that decided; NaN where unknown */
    struct str why; /* "0.93 < 0.9 does not hold", "no sample of redis_up" */
};

/* criterion_check - is it one? ERR_INVALID names the character. Parameters must be among `arguments`. */
err criterion_check(struct str text, const struct argument *arguments, size_t count) MUST_USE;
err criterion_ask(struct arena *arena, struct str text, const struct criterion_scope *scope,
                  struct criterion_result *ret_result) MUST_USE;
/* criterion_number - arithmetic alone; ERR_UNAVAILABLE where a value is missing. */
err criterion_number(struct arena *arena, struct str text, const struct criterion_scope *scope,
                     double *ret_value) MUST_USE;

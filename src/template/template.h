/* template.h - Go's text/template, as Prometheus and Alertmanager use it for texts of alerts.
 *
 * Owner: a parsed template lives in its arena and may be run any number of times. Threads: immutable once parsed.
 *
 * Understood: text, {{ pipelines }}, trim markers, comments, if, else, with, range, break, continue, variables,
 * define, template, block, parentheses, fields and methods of values, Go's built-in functions, and those that the
 * caller registers. A run is bounded in steps, depth and output, so that a template that loops ends with an error. */
#pragma once
#include "template/value.h"

struct template;
struct template_run;

/* One function of templates. A pipeline's value is its last argument. */
struct template_function {
    const char *name;
    int least, most; /* arguments; most -1: any number */
    err (*call)(struct template_run *run, const struct value *args, size_t count, struct value *ret_value);
};

/* Ends with a row without name. */
extern const struct template_function template_builtins[];       /* and, or, not, eq, len, index, printf, ... */
extern const struct template_function template_text_functions[]; /* title, toUpper, match, humanize, stripPort, ... */

enum { TEMPLATE_TEXT_MAX = 1 << 20, TEMPLATE_SETS_MAX = 4 };

struct template_options {
    const char *name;                                        /* of the text, in errors */
    const struct template_function *sets[TEMPLATE_SETS_MAX]; /* beside the built-in ones; NULL-terminated or full */
    const char *const *variables; /* names, without the $, that every run gives; NULL-terminated; may be NULL */
};

/* template_parse - ERR_INVALID "NAME:3: ..." where it is no template. Later texts add to the definitions of `base`
 * (may be NULL), as files of templates do. */
err template_parse(struct arena *arena, struct str text, const struct template_options *options,
                   const struct template *base, struct template **ret_template) MUST_USE;

struct template_variable {
    const char *name; /* without the $ */
    struct value value;
};

struct template_scope {
    struct value dot;
    const struct template_variable *variables;
    size_t variable_count;
    void *arg;      /* for the caller's functions */
    size_t out_max; /* bytes of output; 0: 64 KiB */
};

/* template_run - ERR_RANGE with name and line where it fails. */
err template_run(const struct template *template, struct arena *arena, const struct template_scope *scope,
                 struct str *ret_text) MUST_USE;

struct arena *template_run_arena(struct template_run *run);
void *template_run_arg(struct template_run *run);
/* template_give - what a function wrote is its value. ERR_TOO_LARGE where it did not fit. */
err template_give(struct template_run *run, const struct buf *out, struct value *ret_value) MUST_USE;
/* template_call - the named template with this dot: for functions that include one. */
err template_call(struct template_run *run, struct str name, struct value dot, struct str *ret_text) MUST_USE;

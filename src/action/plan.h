/* plan.h - exactly what would be done: commands, targets, checks, rollback, and the hash by which it is approved.
 *
 * Owner: the arena given. Threads: any. plan_make looks at the world and may block until the call's deadline; it
 * changes nothing. What runs later is read from the plan's text alone, so what was approved is what happens. */
#pragma once
#include "action/arguments.h"
#include "action/catalogue.h"
#include "action/executor.h"

struct plan_step {
    const struct executor *executor;
    struct planned_step planned;
    bool after_failure;
    int64_t timeout_ms;
};

/* A check as planned: expr, or a step that answers it. */
struct plan_check {
    struct str expr; /* empty: step */
    struct plan_step step;
};

struct plan {
    struct str action, doc;
    int64_t class;
    bool root, new_privileges, irreversible;
    struct arguments arguments;
    VEC(struct str) targets;
    VEC(struct plan_step) steps;
    VEC(struct plan_step) rollback;
    VEC(struct plan_check) precheck;
    struct plan_check verify;
    struct duration within, settle, every;
    int64_t samples;
    struct str json; /* canonical: keys sorted, no blanks */
    struct str hash; /* SHA-256 of it, 64 hex digits */
};

/* plan_make - call->arguments, class, root are set from the action. ERR_INVALID, ERR_RANGE: parameters; ERR_NOT_FOUND,
 * ERR_CONFLICT, ERR_FORBIDDEN: what was planned makes no sense, or is not allowed. */
err plan_make(struct step_call *call, const struct action_def *def, const struct json *parameters,
              struct plan *ret_plan) MUST_USE;
/* plan_read - from its text, which must have that hash. ERR_CORRUPT. */
err plan_read(struct arena *arena, struct str json, struct str hash, struct plan *ret_plan) MUST_USE;
/* plan_display - the steps as one line: quoted words, joined by && or ||. */
struct str plan_display(struct arena *arena, const struct plan *plan);
struct str plan_verification(struct arena *arena, const struct plan *plan); /* for people */
/* plan_quote - a command as a person would type it. */
struct str plan_quote(struct arena *arena, const struct str *argv, size_t argc);

/* plan_admit - for struct runner_options: is this run a command of an action of the catalogue (admit_arg: struct
 * plan_rules), with exactly its words and rights, under the hash that the plan has? */
struct plan_rules {
    const struct catalogue *catalogue;
    const struct str *new_privileges; /* ids of actions that the administrator allowed them */
    size_t new_privileges_count;
};
err plan_admit(const void *rules, struct arena *arena, struct run_spec *spec) MUST_USE;

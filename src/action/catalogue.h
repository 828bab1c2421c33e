/* catalogue.h - what can be done: the declared actions, from content/actions and the files of `actions.files`.
 *
 * Owner: catalogue_load's caller; immutable afterwards, and then forked with the runner's host, which checks runs
 * against its own copy. Threads: any. Format: docs/actions.md. */
#pragma once
#include "base/json.h"
#include "base/vec.h"
#include "schema/schema.h"

struct executor;

enum parameter_type {
    PARAMETER_REDIS_INSTANCE,
    PARAMETER_SYSTEMD_UNIT,
    PARAMETER_PROCESS,
    PARAMETER_CLIENT_IDS,
    PARAMETER_ENUM,
    PARAMETER_NUMBER,
    PARAMETER_INTEGER,
    PARAMETER_DURATION,
    PARAMETER_URL,
    PARAMETER_STRING,
};
const char *parameter_type_name(enum parameter_type type);

struct parameter {
    struct str name, doc;
    int type;
    const struct json *def; /* NULL: none, then it must be given, or is found out (process, client_ids) */
    double min, max;        /* NaN: no bound; durations in seconds */
    VEC(struct str) values; /* of an enum */
    struct str pattern;     /* of a string: the whole of it must match */
};

struct step_def {
    const struct executor *executor;
    const void *settings; /* by the executor's schema */
    bool after_failure;   /* `when: failed`: runs only if the step before failed, and makes up for it */
    struct duration timeout;
};

/* One question with three answers: an expression, or a step of an executor that answers it. */
struct check_def {
    struct str expr;
    struct step_def step; /* where expr is empty */
};

struct verify_def {
    struct check_def check;
    struct duration within, settle, every;
    int64_t samples; /* so many times in a row */
};

struct action_def {
    struct str id, doc;
    int64_t class;
    VEC(struct parameter) parameters;
    VEC(struct str) targets; /* names of parameters, or TARGET_THIS_HOST */
    VEC(struct check_def) precheck;
    VEC(struct step_def) run;
    struct verify_def verify;
    VEC(struct step_def) rollback;
    bool irreversible, root, new_privileges;
    struct duration timeout, cooldown;
    int64_t max_targets;
    struct str file;
};

struct catalogue;

/* Among the targets of an action: the host that auspex runs on. */
#define TARGET_THIS_HOST "this_host"

enum { ACTIONS_MAX = 500, STEPS_MAX = 16, PARAMETERS_MAX = 16 };

/* catalogue_load - the embedded ones, then the files; an id of a file replaces the embedded action of that id, in two
 * files it is an error. All faults at once, as "file:line:column: what". */
err catalogue_load(const struct str *files, size_t count, struct catalogue **ret_catalogue) MUST_USE;
void catalogue_free(struct catalogue *catalogue);
void catalogue_freep(struct catalogue **catalogue);

size_t catalogue_count(const struct catalogue *catalogue);
const struct action_def *catalogue_at(const struct catalogue *catalogue, size_t index); /* sorted by id */
const struct action_def *catalogue_find(const struct catalogue *catalogue, struct str id);

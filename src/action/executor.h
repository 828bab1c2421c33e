/* executor.h - one way to do a step of an action, or to ask whether it helped.
 *
 * Owner: each executor is one file under integrations/executors/ that ends in its REGISTER(executor, x); its name is
 * the key of its steps in the catalogue. Threads: the caller's; calls may block until their deadline. What plan()
 * resolves is stored, hashed and approved, and is all that run() gets: it decides nothing anew. */
#pragma once
#include "action/criterion.h"
#include "action/runner.h"
#include "base/registry.h"
#include "net/call.h"
#include "net/redis_client.h"
#include "schema/schema.h"

struct action_def;

/* What is known of the world; app/ fills it in. */
struct action_inventory {
    void *arg;
    /* redis - how to reach "redis:HOST:PORT", or a connection by name; ERR_NOT_FOUND for those that nobody declared. */
    err (*redis)(void *arg, struct arena *arena, struct str id, struct redis_options *ret_options);
    /* service - the unit that runs a server's service; ERR_NOT_FOUND. */
    err (*service)(void *arg, struct arena *arena, struct str server, struct str *ret_unit);
    /* group - how many members the group of a target has, and how many of them are sick; 0: unknown. */
    err (*group)(void *arg, struct arena *arena, struct str target, int64_t *ret_members, int64_t *ret_sick);
};

/* Where a step happens. */
struct step_call {
    struct arena *arena;
    int64_t deadline_ms; /* monotonic */
    struct runner *runner;
    struct http_client *http;
    struct series_source *series;
    const struct action_inventory *inventory;
    const struct argument *arguments;
    size_t argument_count;
    const struct pair *trusted_urls; /* of the configuration */
    size_t trusted_url_count;
    struct run_permit permit;
    const struct action_def *def; /* NULL where only an approved plan is at hand */
    int64_t class;
    int64_t not_before_ms; /* of samples that may answer */
    bool root, new_privileges;
};

/* A step as planned. */
struct planned_step {
    struct str display;     /* for people and the plan: "CONFIG SET maxmemory 120" */
    const struct str *argv; /* of commands; NULL: it is a call */
    size_t argc;
    struct str target;   /* "redis:127.0.0.1:6379", "host:db1" */
    struct str resolved; /* JSON object: all that run() needs */
};

struct step_outcome {
    enum criterion_answer answer; /* YES: done, or it holds */
    double value;
    struct str detail;
    struct str head, tail; /* output */
    bool truncated;
    int64_t alive;  /* processes that could not be killed */
    bool cancelled; /* the daemon stops: nobody knows how far it came */
};

struct executor {
    const char *name; /* key in the catalogue */
    const char *doc;
    struct schema settings;
    /* check - when the catalogue is loaded: templates name parameters that there are. */
    err (*check)(const void *settings, const struct argument *arguments, size_t count);
    /* argv - the exact command for these parameters; pure, and asked again by the runner's guard. NULL: no command. */
    err (*argv)(struct arena *arena, const void *settings, const struct argument *arguments, size_t count,
                const struct str **ret_argv, size_t *ret_argc);
    /* plan - resolve. `earlier` are the planned steps of the run, for a rollback that restores what they keep. Changes
     * nothing. */
    err (*plan)(struct step_call *call, const void *settings, const struct planned_step *earlier, size_t earlier_count,
                struct planned_step *ret_step);
    /* run - do what was resolved. An err means that it did not work, or for a check that it has no answer. */
    err (*run)(struct step_call *call, const struct json *resolved, const struct planned_step *step,
               struct step_outcome *ret_outcome);
};

/* executor_trusts_url - whether the administrator wrote it: it stands in the catalogue or the configuration. */
bool executor_trusts_url(const struct step_call *call, struct str url);
const struct executor *executor_find(struct str name);
/* executor_runs_command - what executors of commands share: the runner's outcome as a step's. */
err executor_run_command(struct step_call *call, const struct planned_step *step,
                         struct step_outcome *ret_outcome) MUST_USE;

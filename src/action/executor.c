/* executor.c - finds executors, and what those of commands share. */
#include "action/executor.h"

#include "action/catalogue.h"
#include "base/time.h"

#include <string.h>

const struct executor *executor_find(struct str name)
{
    FOR_EACH_REGISTERED (executor, it)
        if (str_eq(name, str_of(it->name)))
            return it;
    return NULL;
}

bool executor_trusts_url(const struct step_call *call, struct str url)
{
    for (size_t i = 0; i < call->trusted_url_count; i++)
        if (str_eq(call->trusted_urls[i].value, url))
            return true;
    for (size_t i = 0; call->def && i < call->def->parameters.count; i++)
        if (str_eq(json_str_or(call->def->parameters.at[i].def, S("")), url))
            return true;
    return false;
}

static struct str last_line(struct str text)
{
    struct str last = S("");

    for (struct str rest = text, line; rest.at;) {
        line = str_trim(str_cut(rest, '\n', &rest));
        if (line.length)
            last = line;
    }
    return str_utf8_head(last, 300);
}

err executor_run_command(struct step_call *call, const struct planned_step *step, struct step_outcome *ret_outcome)
{
    struct run_outcome outcome;
    struct run_spec spec = {
        .argv = step->argv,
        .argc = step->argc,
        .timeout_ms = call->deadline_ms - time_mono_ms(),
        .root = call->root,
        .new_privileges = call->new_privileges,
        .permit = call->permit,
    };

    if (!call->runner)
        return err_new(ERR_UNAVAILABLE, "this process runs no commands");
    if (spec.timeout_ms < 1)
        return err_new(ERR_TIMEOUT, "no time is left for %.*s", STR_ARG(step->display));
    TRY(runner_run(call->runner, call->arena, &spec, &outcome));
    *ret_outcome = (struct step_outcome){
        .answer = outcome.end == RUN_EXITED && outcome.status == 0 ? CRITERION_YES : CRITERION_NO,
        .value = outcome.status,
        .head = outcome.head,
        .tail = outcome.tail,
        .truncated = outcome.truncated,
        .alive = outcome.alive,
        .cancelled = outcome.end == RUN_CANCELLED,
    };
    struct str said = last_line(outcome.tail.length ? outcome.tail : outcome.head);
    const char *how = outcome.end == RUN_EXITED      ? "exit status"
                      : outcome.end == RUN_SIGNALLED ? "ended by signal"
                      : outcome.end == RUN_TIMED_OUT ? "stopped at its timeout, signal"
                                                     : "cancelled, signal";
    ret_outcome->detail = str_printf(call->arena, "%.*s: %s %d%s%.*s", STR_ARG(step->argv[0]), how, outcome.status,
                                     said.length ? ": " : "", STR_ARG(said));
    return NULL;
}

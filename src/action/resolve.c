/* resolve.c - arguments against the world. */
#include "action/arguments.h"
#include "action/redis_call.h"
#include "action/selection.h"

#include <math.h>

enum { CLIENTS_AT_MOST = 100 };

static err resolve_clients(struct step_call *call, const struct action_def *def, const struct arguments *arguments,
                           struct argument *argument)
{
    double idle_seconds = 60, at_most = CLIENTS_AT_MOST;
    struct str instance = S("");

    for (size_t i = 0; i < def->parameters.count; i++) {
        const struct parameter *parameter = &def->parameters.at[i];
        if (parameter->type == PARAMETER_REDIS_INSTANCE)
            instance = arguments->at[i].text;
        else if (parameter->type == PARAMETER_DURATION && str_eq(parameter->name, S("idle")))
            idle_seconds = arguments->at[i].number;
        else if (parameter->type == PARAMETER_INTEGER && str_eq(parameter->name, S("at_most")))
            at_most = arguments->at[i].number;
    }
    return select_idle_clients(call, instance, idle_seconds, (size_t)at_most, &argument->text);
}

err arguments_resolve(struct step_call *call, const struct action_def *def, struct arguments *arguments)
{
    pid_t runner = call->runner ? runner_pid(call->runner) : 0;

    for (size_t i = 0; i < def->parameters.count; i++) {
        struct argument *argument = &arguments->at[i];
        struct redis_options options = { 0 };
        switch ((enum parameter_type)def->parameters.at[i].type) {
        case PARAMETER_REDIS_INSTANCE:
            if (!call->inventory || !call->inventory->redis)
                return err_new(ERR_NOT_FOUND, "no Redis is known here");
            TRY(err_hint(call->inventory->redis(call->inventory->arg, call->arena, argument->text, &options),
                         "actions touch only instances that are monitored or configured"));
            argument->text = redis_call_address(call->arena, &options);
            break;
        case PARAMETER_PROCESS:
            TRY(select_process(call->arena, argument->text, runner, &argument->text, &argument->number));
            break;
        case PARAMETER_CLIENT_IDS:
            if (!argument->text.at)
                TRY(resolve_clients(call, def, arguments, argument));
            break;
        default:
            break;
        }
    }
    return NULL;
}

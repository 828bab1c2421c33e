/* view.c - what the API shows of actions, one table of fields each. */
#include "action/view.h"

#include "action/room.h"
#include "base/time.h"

#include <math.h>

static const struct field step_fields[] = {
    STRING(struct plan_step_view, display, .doc = "What a person would type."),
    STRINGS(struct plan_step_view, argv, .doc = "The exact words of a command; empty for a call."),
    STRING(struct plan_step_view, call, .flags = F_NULLABLE | F_OMIT, .doc = "The exact call, where it is no command."),
    STRING(struct plan_step_view, target, .doc = "What it acts upon."),
    { 0 },
};
static const struct schema step_schema = SCHEMA(struct plan_step_view, step_fields);

static const struct field plan_fields[] = {
    LIST(struct plan_view, steps, .schema = &step_schema, .doc = "What runs, in order."),
    STRING(struct plan_view, verification, .doc = "What must hold afterwards."),
    LIST(struct plan_view, rollback, .schema = &step_schema, .doc = "What runs where it does not."),
    INT(struct plan_view, class, .doc = "0 reads, 1 reversible, 2 affects a service, 3 destructive."),
    STRING(struct plan_view, hash, .doc = "SHA-256 of the whole plan: what is approved."),
    BOOL(struct plan_view, irreversible, .doc = "It can't be undone."),
    STRINGS(struct plan_view, targets, .doc = "Everything that it acts upon."),
    { 0 },
};
const struct schema plan_view_schema = SCHEMA(struct plan_view, plan_fields, .doc = "Exactly what would be done.");

static const struct field check_fields[] = {
    TIME(struct check_view, time, .doc = "When it was asked."),
    DOUBLE(struct check_view, value, .flags = F_NULLABLE, .doc = "What was seen."),
    ANY(struct check_view, ok, .flags = F_NULLABLE, .doc = "true, false, or null where nobody can tell."),
    STRING(struct check_view, why, .doc = "In words."),
    { 0 },
};
static const struct schema check_schema = SCHEMA(struct check_view, check_fields);

static const struct field verification_fields[] = {
    STRING(struct verification_view, outcome, .flags = F_NULLABLE, .doc = "fixed, not_fixed or cannot_tell."),
    STRING(struct verification_view, detail, .flags = F_NULLABLE, .doc = "In words."),
    LIST(struct verification_view, checks, .schema = &check_schema, .doc = "Each time that it was asked."),
    { 0 },
};
const struct schema verification_view_schema = SCHEMA(struct verification_view, verification_fields);

static const struct field output_fields[] = {
    STRING(struct output_view, head, .doc = "How the output began."),
    STRING(struct output_view, tail, .doc = "How it ended, where it was cut."),
    BOOL(struct output_view, truncated, .doc = "The middle is missing."),
    { 0 },
};
const struct schema output_view_schema = SCHEMA(struct output_view, output_fields);

static const struct field execution_fields[] = {
    INT(struct execution_view, execution_id, .doc = "Its number."),
    STRING(struct execution_view, action, .doc = "Which action."),
    STRING(struct execution_view, state,
           .doc = "pending_approval, approved, running, verifying, fixed, not_fixed, "
                  "cannot_tell, rolling_back, rolled_back, failed, refused, expired, "
                  "interrupted."),
    INT(struct execution_view, incident_id, .flags = F_NULLABLE, .doc = "The incident that it is for."),
    STRINGS(struct execution_view, targets, .doc = "What it acts upon."),
    STRING(struct execution_view, requested_by, .doc = "Who asked for it."),
    STRING(struct execution_view, approved_by, .flags = F_NULLABLE, .doc = "Who approved it."),
    TIME(struct execution_view, created_at, .doc = "When it was proposed."),
    TIME(struct execution_view, started_at, .flags = F_NULLABLE, .doc = "When its first step began."),
    TIME(struct execution_view, ended_at, .flags = F_NULLABLE, .doc = "When it was over."),
    OPTIONAL(struct execution_view, plan, .schema = &plan_view_schema, .flags = F_NULLABLE, .doc = "Its plan."),
    OPTIONAL(struct execution_view, verification, .schema = &verification_view_schema, .flags = F_NULLABLE,
             .doc = "Whether it helped."),
    OPTIONAL(struct execution_view, output, .schema = &output_view_schema, .flags = F_NULLABLE,
             .doc = "What its steps said."),
    STRING(struct execution_view, reason, .flags = F_NULLABLE, .doc = "Why it was proposed, refused, or ended so."),
    ANY(struct execution_view, parameters, .flags = F_NULLABLE, .doc = "Values of its parameters."),
    { 0 },
};
const struct schema execution_view_schema = SCHEMA(
    struct execution_view, execution_fields, .doc = "One run of an action, from its proposal to its verified end.");

static const struct field approval_fields[] = {
    INT(struct approval_view, id, .doc = "Its number, which is the execution's."),
    INT(struct approval_view, execution_id, .doc = "What waits for it."),
    STRING(struct approval_view, action, .doc = "Which action."),
    INT(struct approval_view, incident_id, .flags = F_NULLABLE, .doc = "The incident that it is for."),
    STRING(struct approval_view, hash, .doc = "What is approved: the plan's hash."),
    STRING(struct approval_view, requested_by, .doc = "Who asked for it; somebody else approves."),
    STRING(struct approval_view, reason, .flags = F_NULLABLE, .doc = "Why it was proposed."),
    OPTIONAL(struct approval_view, plan, .schema = &plan_view_schema, .flags = F_NULLABLE, .doc = "What would run."),
    STRING(struct approval_view, state, .doc = "pending, approved, rejected or expired."),
    TIME(struct approval_view, expires_at, .flags = F_NULLABLE, .doc = "When it is too late."),
    BOOL(struct approval_view, self, .doc = "You asked for it yourself."),
    { 0 },
};
const struct schema approval_view_schema = SCHEMA(struct approval_view, approval_fields, .doc = "A plan that waits.");

static const struct field parameter_fields[] = {
    STRING(struct parameter_view, name, .doc = "Its name."),
    STRING(struct parameter_view, type,
           .doc = "redis_instance, systemd_unit, process, client_ids, enum, number, integer, "
                  "duration, url or string."),
    STRING(struct parameter_view, doc, .flags = F_NULLABLE, .doc = "What it is."),
    BOOL(struct parameter_view, required, .doc = "It must be given."),
    DOUBLE(struct parameter_view, min, .flags = F_NULLABLE, .doc = "Smallest value."),
    DOUBLE(struct parameter_view, max, .flags = F_NULLABLE, .doc = "Largest value."),
    ANY(struct parameter_view, def, .name = "default", .flags = F_NULLABLE, .doc = "Where none is given."),
    STRINGS(struct parameter_view, values, .doc = "Of an enum."),
    { 0 },
};
static const struct schema parameter_schema = SCHEMA(struct parameter_view, parameter_fields);

static const struct field action_fields[] = {
    STRING(struct action_view, id, .doc = "Its id."),
    STRING(struct action_view, doc, .doc = "What it does."),
    INT(struct action_view, class, .doc = "0 reads, 1 reversible, 2 affects a service, 3 destructive."),
    LIST(struct action_view, parameters, .schema = &parameter_schema, .doc = "What it needs to know."),
    STRING(struct action_view, trust, .doc = "observe, suggest, approve or auto."),
    STRING(struct action_view, trust_reason, .doc = "Why it is trusted that far."),
    BOOL(struct action_view, irreversible, .doc = "It can't be undone."),
    BOOL(struct action_view, root, .doc = "It needs root."),
    BOOL(struct action_view, available, .doc = "It can run here."),
    STRING(struct action_view, unavailable_reason, .flags = F_NULLABLE, .doc = "Why it can't."),
    { 0 },
};
const struct schema action_view_schema = SCHEMA(struct action_view, action_fields, .doc = "A declared action.");

#define UNSET ((struct str){ NULL, 0 })

static struct plan_step_view step_view(const struct plan_step *step)
{
    struct plan_step_view view = { .display = step->planned.display, .target = step->planned.target, .call = UNSET };

    if (step->planned.argv) {
        view.argv.at = (struct str *)step->planned.argv;
        view.argv.count = step->planned.argc;
    } else {
        view.call = step->planned.display;
    }
    return view;
}

err plan_view(struct arena *arena, const struct plan *plan, struct plan_view *ret_view)
{
    *ret_view = (struct plan_view){
        .verification = plan_verification(arena, plan),
        .class = plan->class,
        .hash = plan->hash,
        .irreversible = plan->irreversible,
    };
    for (size_t i = 0; i < plan->steps.count; i++)
        *vec_push(&ret_view->steps, arena) = step_view(&plan->steps.at[i]);
    for (size_t i = 0; i < plan->rollback.count; i++)
        *vec_push(&ret_view->rollback, arena) = step_view(&plan->rollback.at[i]);
    for (size_t i = 0; i < plan->targets.count; i++)
        *vec_push(&ret_view->targets, arena) = plan->targets.at[i];
    return NULL;
}

static err view_verification(struct arena *arena, struct str text, struct verification_view **ret)
{
    const struct json *json;

    *ret = NULL;
    if (!text.length)
        return NULL;
    TRY(json_parse(arena, text, &json));
    struct verification_view *view = arena_alloc(arena, sizeof(*view));
    view->outcome = json_str_or(json_get(json, S("outcome")), UNSET);
    view->detail = json_str_or(json_get(json, S("detail")), UNSET);
    const struct json *checks = json_get(json, S("checks"));
    for (size_t i = 0; checks && checks->type == JSON_ARRAY && i < checks->array.count; i++) {
        const struct json *item = checks->array.items[i];
        struct check_view *check = vec_push(&view->checks, arena);
        if (!time_parse(json_str_or(json_get(item, S("time")), S("")), &check->time))
            check->time = 0;
        check->value = json_number_or(json_get(item, S("value")), NAN);
        check->ok = json_get(item, S("ok"));
        check->why = json_str_or(json_get(item, S("why")), S(""));
    }
    *ret = view;
    return NULL;
}

static err view_output(struct arena *arena, struct str text, struct output_view **ret)
{
    const struct json *json;

    *ret = NULL;
    if (!text.length)
        return NULL;
    TRY(json_parse(arena, text, &json));
    *ret = arena_alloc(arena, sizeof(**ret));
    (*ret)->head = json_str_or(json_get(json, S("head")), S(""));
    (*ret)->tail = json_str_or(json_get(json, S("tail")), S(""));
    (*ret)->truncated = json_bool_or(json_get(json, S("truncated")), false);
    return NULL;
}

err execution_view(struct arena *arena, const struct execution_row *row, struct execution_view *ret_view)
{
    struct plan plan;
    const struct json *json;

    TRY(plan_read(arena, row->plan, row->hash, &plan));
    TRY(json_parse(arena, row->plan, &json));
    *ret_view = (struct execution_view){
        .execution_id = row->id,
        .action = row->action,
        .state = str_of(execution_state_name(row->state)),
        .incident_id = row->incident ? row->incident : INT64_MIN,
        .requested_by = row->requested_by,
        .approved_by = row->approved_by.length ? row->approved_by : UNSET,
        .created_at = row->created_ms,
        .started_at = row->started_ms,
        .ended_at = row->ended_ms,
        .reason = row->reason.length ? row->reason : UNSET,
        .plan = arena_alloc(arena, sizeof(struct plan_view)),
        .parameters = json_get(json, S("parameters")),
    };
    TRY(plan_view(arena, &plan, ret_view->plan));
    for (size_t i = 0; i < plan.targets.count; i++)
        *vec_push(&ret_view->targets, arena) = plan.targets.at[i];
    TRY(view_verification(arena, row->verification, &ret_view->verification));
    return view_output(arena, row->output, &ret_view->output);
}

err approval_view(struct arena *arena, const struct execution_row *row, struct str me, struct approval_view *ret_view)
{
    struct plan plan;

    TRY(plan_read(arena, row->plan, row->hash, &plan));
    *ret_view = (struct approval_view){
        .id = row->id,
        .execution_id = row->id,
        .action = row->action,
        .incident_id = row->incident ? row->incident : INT64_MIN,
        .hash = row->hash,
        .requested_by = row->requested_by,
        .reason = row->reason.length ? row->reason : UNSET,
        .plan = arena_alloc(arena, sizeof(struct plan_view)),
        .expires_at = row->expires_ms,
        .self = str_eq(row->requested_by, me),
        .state = row->state == EXECUTION_PENDING_APPROVAL                          ? S("pending")
                 : row->state == EXECUTION_EXPIRED                                 ? S("expired")
                 : row->state == EXECUTION_REFUSED && row->approved_by.length == 0 ? S("rejected")
                                                                                   : S("approved"),
    };
    return plan_view(arena, &plan, ret_view->plan);
}

/* Why none of the host's rights or executors would do; empty where they do. */
static struct str why_not(struct arena *arena, const struct action_def *def)
{
    struct config *config CLEANUP(config_unrefp) = NULL;
    const struct action_settings *settings = room_settings(&config);
    const struct runner *runner = action_room->options.runner;
    bool allowed = !def->new_privileges;

    for (size_t i = 0; i < settings->allow_new_privileges.count; i++)
        allowed |= str_eq(settings->allow_new_privileges.at[i], def->id);
    if (!allowed)
        return S("it needs new privileges; an administrator allows them in actions.allow_new_privileges");
    if (def->root && (!runner || !runner_is_root(runner)))
        return S("it needs root, and auspex was not started as root");
    (void)arena;
    return UNSET;
}

err action_view(struct arena *arena, const struct action_def *def, struct action_view *ret_view)
{
    struct trust trust;

    TRY(action_trust(arena, def->id, &trust));
    *ret_view = (struct action_view){
        .id = def->id,
        .doc = def->doc,
        .class = def->class,
        .trust = str_of(trust_name(trust.level)),
        .trust_reason = trust.why,
        .irreversible = def->irreversible,
        .root = def->root,
        .unavailable_reason = why_not(arena, def),
    };
    ret_view->available = !ret_view->unavailable_reason.at;
    for (size_t i = 0; i < def->parameters.count; i++) {
        const struct parameter *parameter = &def->parameters.at[i];
        struct parameter_view *view = vec_push(&ret_view->parameters, arena);
        *view = (struct parameter_view){
            .name = parameter->name,
            .type = str_of(parameter_type_name((enum parameter_type)parameter->type)),
            .doc = parameter->doc.length ? parameter->doc : UNSET,
            .min = parameter->min,
            .max = parameter->max,
            .def = parameter->def,
            .required =
                !parameter->def && parameter->type != PARAMETER_PROCESS && parameter->type != PARAMETER_CLIENT_IDS,
        };
        view->values.at = parameter->values.at;
        view->values.count = parameter->values.count;
    }
    return NULL;
}

static const struct field stop_view_fields[] = {
    BOOL(struct stop_view, engaged, .doc = "Nothing starts."),
    STRING(struct stop_view, reason, .flags = F_NULLABLE, .doc = "Why."),
    STRING(struct stop_view, actor, .flags = F_NULLABLE, .doc = "Who said so."),
    TIME(struct stop_view, since, .flags = F_NULLABLE, .doc = "Since when."),
    { 0 },
};
const struct schema stop_view_schema = SCHEMA(struct stop_view, stop_view_fields, .doc = "The red switch.");

struct stop_view stop_view(const struct stop_state *state)
{
    return (struct stop_view){
        .engaged = state->engaged,
        .reason = state->since_ms ? state->reason : UNSET,
        .actor = state->since_ms ? state->actor : UNSET,
        .since = state->since_ms,
    };
}

/* plan.c - makes plans, and reads them back. */
#include "action/plan.h"

#include "action/canonical.h"
#include "base/digest.h"
#include "base/time.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PLAN_MAX = 1024 * 1024 };

struct str plan_quote(struct arena *arena, const struct str *argv, size_t argc)
{
    struct buf out CLEANUP(buf_clear) = { 0 };

    buf_init(&out, PLAN_MAX);
    for (size_t i = 0; i < argc; i++) {
        bool plain = argv[i].length > 0;
        for (size_t k = 0; k < argv[i].length; k++)
            plain &= isalnum((unsigned char)argv[i].at[k]) || strchr("-_./:=@%+,", argv[i].at[k]);
        if (i)
            buf_add_c(&out, ' ');
        if (plain) {
            buf_add(&out, argv[i]);
            continue;
        }
        buf_add_c(&out, '\'');
        for (size_t k = 0; k < argv[i].length; k++)
            buf_add(&out, argv[i].at[k] == '\'' ? S("'\\''") : str_slice(argv[i], k, k + 1));
        buf_add_c(&out, '\'');
    }
    return str_copy(arena, buf_str(&out));
}

static err plan_step(struct step_call *call, const struct step_def *def, const struct plan *plan, struct plan_step *ret)
{
    struct planned_step earlier[STEPS_MAX];

    for (size_t i = 0; i < plan->steps.count; i++)
        earlier[i] = plan->steps.at[i].planned;
    *ret = (struct plan_step){ .executor = def->executor,
                               .after_failure = def->after_failure,
                               .timeout_ms = def->timeout.ms };
    ret->planned.target = plan->targets.at[0];
    TRY(def->executor->plan(call, def->settings, earlier, plan->steps.count, &ret->planned));
    if (ret->planned.argv)
        ret->planned.display = plan_quote(call->arena, ret->planned.argv, ret->planned.argc);
    return NULL;
}

static err plan_one_check(struct step_call *call, const struct check_def *def, const struct plan *plan,
                          struct plan_check *ret)
{
    *ret = (struct plan_check){ .expr = def->expr };
    return def->expr.length ? NULL : plan_step(call, &def->step, plan, &ret->step);
}

/* Fixed, non-empty, no more than allowed, each once. */
static err fix_targets(struct step_call *call, const struct action_def *def, struct plan *plan)
{
    for (size_t i = 0; i < def->targets.count; i++) {
        struct str target = S("");
        TRY(arguments_target(call->arena, def, &plan->arguments, def->targets.at[i], &target));
        bool twice = false;
        for (size_t k = 0; k < plan->targets.count; k++)
            twice |= str_eq(plan->targets.at[k], target);
        if (target.length && !twice)
            *vec_push(&plan->targets, call->arena) = target;
    }
    if (plan->targets.count == 0)
        return err_new(ERR_CONFLICT, "action %.*s has no target: an empty selection is never 'all'", STR_ARG(def->id));
    if ((int64_t)plan->targets.count > def->max_targets)
        return err_new(ERR_CONFLICT, "%zu targets; action %.*s takes at most %lld", plan->targets.count,
                       STR_ARG(def->id), (long long)def->max_targets);
    return NULL;
}

static void write_step(struct json_writer *w, struct arena *arena, const struct plan_step *step)
{
    const struct json *resolved = NULL;

    json_begin_object(w);
    json_put_bool(w, S("after_failure"), step->after_failure);
    if (step->planned.argv) {
        json_key(w, S("argv"));
        json_begin_array(w);
        for (size_t i = 0; i < step->planned.argc; i++)
            json_add_str(w, step->planned.argv[i]);
        json_end_array(w);
    }
    json_put_str(w, S("display"), step->planned.display);
    json_put_str(w, S("executor"), str_of(step->executor->name));
    if (step->planned.resolved.length) {
        err e = json_parse(arena, step->planned.resolved, &resolved);
        err_free(e);
    }
    json_key(w, S("resolved"));
    if (resolved)
        canonical_write(w, resolved);
    else
        json_add_null(w);
    json_put_str(w, S("target"), step->planned.target);
    json_put_i64(w, S("timeout_ms"), step->timeout_ms);
    json_end_object(w);
}

static void write_check(struct json_writer *w, struct arena *arena, const struct plan_check *check)
{
    json_begin_object(w);
    if (check->expr.length) {
        json_put_str(w, S("expr"), check->expr);
    } else {
        json_key(w, S("step"));
        write_step(w, arena, &check->step);
    }
    json_end_object(w);
}

/* Keys are written sorted, so the text is canonical as it is; plan_read checks that. */
static err write_plan(struct arena *arena, const struct action_def *def, struct plan *plan)
{
    struct buf out CLEANUP(buf_clear) = { 0 };

    buf_init(&out, PLAN_MAX);
    struct json_writer w = json_writer(&out);
    json_begin_object(&w);
    json_put_str(&w, S("action"), plan->action);
    json_put_i64(&w, S("class"), plan->class);
    json_put_bool(&w, S("irreversible"), plan->irreversible);
    json_put_bool(&w, S("new_privileges"), plan->new_privileges);
    json_key(&w, S("parameters"));
    struct buf raw CLEANUP(buf_clear) = { 0 };
    const struct json *parameters;
    buf_init(&raw, PLAN_MAX);
    struct json_writer raw_writer = json_writer(&raw);
    arguments_write(&raw_writer, def, &plan->arguments);
    TRY(json_parse(arena, buf_str(&raw), &parameters));
    canonical_write(&w, parameters);
    json_key(&w, S("precheck"));
    json_begin_array(&w);
    for (size_t i = 0; i < plan->precheck.count; i++)
        write_check(&w, arena, &plan->precheck.at[i]);
    json_end_array(&w);
    json_key(&w, S("rollback"));
    json_begin_array(&w);
    for (size_t i = 0; i < plan->rollback.count; i++)
        write_step(&w, arena, &plan->rollback.at[i]);
    json_end_array(&w);
    json_put_bool(&w, S("root"), plan->root);
    json_key(&w, S("steps"));
    json_begin_array(&w);
    for (size_t i = 0; i < plan->steps.count; i++)
        write_step(&w, arena, &plan->steps.at[i]);
    json_end_array(&w);
    json_key(&w, S("targets"));
    json_begin_array(&w);
    for (size_t i = 0; i < plan->targets.count; i++)
        json_add_str(&w, plan->targets.at[i]);
    json_end_array(&w);
    json_put_i64(&w, S("v"), 1);
    json_key(&w, S("verify"));
    json_begin_object(&w);
    json_key(&w, S("check"));
    write_check(&w, arena, &plan->verify);
    json_put_i64(&w, S("every_ms"), plan->every.ms);
    json_put_i64(&w, S("samples"), plan->samples);
    json_put_i64(&w, S("settle_ms"), plan->settle.ms);
    json_put_i64(&w, S("within_ms"), plan->within.ms);
    json_end_object(&w);
    json_end_object(&w);
    TRY(buf_check(&out));
    plan->json = str_copy(arena, buf_str(&out));
    plan->hash = digest_hex_of(arena, plan->json);
    return NULL;
}

err plan_make(struct step_call *call, const struct action_def *def, const struct json *parameters,
              struct plan *ret_plan)
{
    struct plan *plan = ret_plan;

    *plan = (struct plan){
        .action = def->id,
        .doc = def->doc,
        .class = def->class,
        .root = def->root,
        .new_privileges = def->new_privileges,
        .irreversible = def->irreversible,
        .within = def->verify.within,
        .settle = def->verify.settle,
        .every = def->verify.every,
        .samples = def->verify.samples,
    };
    TRY(arguments_read(call->arena, def, parameters, &plan->arguments));
    call->def = def;
    call->class = def->class;
    call->permit.stage = S("plan");
    TRY(arguments_resolve(call, def, &plan->arguments));
    call->arguments = plan->arguments.at;
    call->argument_count = plan->arguments.count;
    TRY(fix_targets(call, def, plan));
    for (size_t i = 0; i < def->run.count; i++) {
        struct plan_step step;
        TRY(plan_step(call, &def->run.at[i], plan, &step));
        *vec_push(&plan->steps, call->arena) = step;
    }
    for (size_t i = 0; i < def->rollback.count; i++) {
        struct plan_step step;
        TRY(plan_step(call, &def->rollback.at[i], plan, &step));
        *vec_push(&plan->rollback, call->arena) = step;
    }
    for (size_t i = 0; i < def->precheck.count; i++) {
        struct plan_check check;
        TRY(plan_one_check(call, &def->precheck.at[i], plan, &check));
        *vec_push(&plan->precheck, call->arena) = check;
    }
    TRY(plan_one_check(call, &def->verify.check, plan, &plan->verify));
    return write_plan(call->arena, def, plan);
}

static err damaged(const char *what)
{
    return err_new(ERR_CORRUPT, "a stored plan is damaged: %s", what);
}

static err read_step(struct arena *arena, const struct json *json, struct plan_step *ret)
{
    const struct json *argv = json_get(json, S("argv")), *resolved = json_get(json, S("resolved"));

    *ret = (struct plan_step){
        .executor = executor_find(json_str_or(json_get(json, S("executor")), S(""))),
        .after_failure = json_bool_or(json_get(json, S("after_failure")), false),
        .timeout_ms = json_i64_or(json_get(json, S("timeout_ms")), 0),
        .planned = { .display = json_str_or(json_get(json, S("display")), S("")),
                     .target = json_str_or(json_get(json, S("target")), S("")) },
    };
    if (!ret->executor || ret->timeout_ms < 1)
        return damaged("a step names no executor");
    if (argv && argv->type == JSON_ARRAY) {
        struct str *words = arena_array(arena, argv->array.count + 1, sizeof(*words));
        for (size_t i = 0; i < argv->array.count; i++)
            words[i] = json_str_or(argv->array.items[i], S(""));
        ret->planned.argv = words;
        ret->planned.argc = argv->array.count;
    }
    if (resolved && resolved->type == JSON_OBJECT) {
        struct buf text CLEANUP(buf_clear) = { 0 };
        buf_init(&text, PLAN_MAX);
        struct json_writer w = json_writer(&text);
        canonical_write(&w, resolved);
        ret->planned.resolved = str_copy(arena, buf_str(&text));
    }
    return NULL;
}

static err read_check(struct arena *arena, const struct json *json, struct plan_check *ret)
{
    *ret = (struct plan_check){ .expr = json_str_or(json_get(json, S("expr")), S("")) };
    return ret->expr.length ? NULL : read_step(arena, json_get(json, S("step")), &ret->step);
}

static size_t items(const struct json *json, struct str key, const struct json ***ret)
{
    const struct json *list = json_get(json, key);

    if (!list || list->type != JSON_ARRAY)
        return 0;
    *ret = (const struct json **)list->array.items;
    return list->array.count;
}

/* As text and, where it is a number, as number: expressions want either. */
static void read_arguments(struct arena *arena, const struct json *json, struct arguments *ret)
{
    const struct json *object = json_get(json, S("parameters"));

    for (size_t i = 0; object && i < object->object.count && i < PARAMETERS_MAX; i++) {
        const struct json_member *member = &object->object.members[i];
        struct argument *argument = &ret->at[ret->count++];
        struct buf text CLEANUP(buf_clear) = { 0 };
        struct duration duration;
        buf_init(&text, 64);
        *argument =
            (struct argument){ member->key, json_str_or(member->value, S("")), json_number_or(member->value, NAN) };
        if (member->value->type == JSON_NUMBER) {
            buf_add_double(&text, argument->number);
            argument->text = str_copy(arena, buf_str(&text));
        } else if (duration_parse(argument->text, &duration)) {
            argument->number = (double)duration.ms / 1000;
        }
    }
}

err plan_read(struct arena *arena, struct str text, struct str hash, struct plan *ret_plan)
{
    const struct json *json, **list = NULL;
    size_t count;

    if (!str_eq(digest_hex_of(arena, text), hash))
        return damaged("its hash is another");
    TRY(json_parse(arena, text, &json));
    *ret_plan = (struct plan){
        .json = text,
        .hash = hash,
        .action = json_str_or(json_get(json, S("action")), S("")),
        .class = json_i64_or(json_get(json, S("class")), 3),
        .root = json_bool_or(json_get(json, S("root")), false),
        .new_privileges = json_bool_or(json_get(json, S("new_privileges")), false),
        .irreversible = json_bool_or(json_get(json, S("irreversible")), false),
    };
    read_arguments(arena, json, &ret_plan->arguments);
    count = items(json, S("targets"), &list);
    for (size_t i = 0; i < count; i++)
        *vec_push(&ret_plan->targets, arena) = json_str_or(list[i], S(""));
    count = items(json, S("steps"), &list);
    for (size_t i = 0; i < count; i++)
        TRY(read_step(arena, list[i], vec_push(&ret_plan->steps, arena)));
    count = items(json, S("rollback"), &list);
    for (size_t i = 0; i < count; i++)
        TRY(read_step(arena, list[i], vec_push(&ret_plan->rollback, arena)));
    count = items(json, S("precheck"), &list);
    for (size_t i = 0; i < count; i++)
        TRY(read_check(arena, list[i], vec_push(&ret_plan->precheck, arena)));
    const struct json *verify = json_get(json, S("verify"));
    TRY(read_check(arena, json_get(verify, S("check")), &ret_plan->verify));
    ret_plan->every.ms = json_i64_or(json_get(verify, S("every_ms")), 1000);
    ret_plan->samples = json_i64_or(json_get(verify, S("samples")), 1);
    ret_plan->settle.ms = json_i64_or(json_get(verify, S("settle_ms")), 0);
    ret_plan->within.ms = json_i64_or(json_get(verify, S("within_ms")), 30000);
    if (ret_plan->steps.count == 0 || ret_plan->targets.count == 0)
        return damaged("it has no steps or no targets");
    return NULL;
}

struct str plan_display(struct arena *arena, const struct plan *plan)
{
    struct buf out CLEANUP(buf_clear) = { 0 };

    buf_init(&out, PLAN_MAX);
    for (size_t i = 0; i < plan->steps.count; i++) {
        if (i)
            buf_add(&out, plan->steps.at[i].after_failure ? S(" || ") : S(" && "));
        buf_add(&out, plan->steps.at[i].planned.display);
    }
    return str_copy(arena, buf_str(&out));
}

struct str plan_verification(struct arena *arena, const struct plan *plan)
{
    struct buf out CLEANUP(buf_clear) = { 0 };
    const struct plan_check *check = &plan->verify;

    buf_init(&out, 64 * 1024);
    buf_add(&out, check->expr.length ? check->expr : check->step.planned.display);
    if (plan->samples > 1)
        buf_addf(&out, ", %lld times in a row", (long long)plan->samples);
    buf_add(&out, S(", within "));
    duration_add(&out, plan->within);
    if (plan->settle.ms) {
        buf_add(&out, S(" after "));
        duration_add(&out, plan->settle);
    }
    return str_copy(arena, buf_str(&out));
}

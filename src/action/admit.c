/* admit.c - what the runner's guard, which may be root, checks before it runs anything: it trusts its own copy of the
 * catalogue, loaded when the host was forked, and nothing that the daemon tells it. */
#include "action/plan.h"

#include "base/digest.h"

#include "action/canonical.h"
#include "action/selection.h"

#include <math.h>

static const struct step_def *find_step(const struct action_def *def, struct str stage, int64_t index)
{
    size_t at = (size_t)index;

    if (index < 0)
        return NULL;
    if (str_eq(stage, S("run")) && at < def->run.count)
        return &def->run.at[at];
    if (str_eq(stage, S("rollback")) && at < def->rollback.count)
        return &def->rollback.at[at];
    if (str_eq(stage, S("precheck")) && at < def->precheck.count && !def->precheck.at[at].expr.length)
        return &def->precheck.at[at].step;
    if (str_eq(stage, S("verify")) && at == 0 && !def->verify.check.expr.length)
        return &def->verify.check.step;
    return NULL;
}

static err refuse(const char *why)
{
    return err_hint(err_new(ERR_FORBIDDEN, "the runner refuses this command: %s", why),
                    "where the catalogue was changed, restart auspex");
}

/* Canonical: writing it again gives the same text, so no key hides behind another of the same name. */
static bool is_canonical(struct arena *arena, const struct json *json, struct str text)
{
    struct buf again CLEANUP(buf_clear) = { 0 };

    (void)arena;
    buf_init(&again, text.length + 1);
    struct json_writer w = json_writer(&again);
    canonical_write(&w, json);
    return str_eq(buf_str(&again), text);
}

err plan_admit(const void *arg, struct arena *arena, struct run_spec *spec)
{
    const struct plan_rules *rules = arg;
    const struct run_permit *permit = &spec->permit;
    const struct json *json;
    struct arguments arguments;
    const struct str *argv;
    size_t argc;

    if (!permit->plan.length || !str_eq(digest_hex_of(arena, permit->plan), permit->hash))
        return refuse("its plan does not have the hash that was approved");
    TRY(json_parse(arena, permit->plan, &json));
    if (!is_canonical(arena, json, permit->plan))
        return refuse("its plan is not canonical");
    const struct action_def *def = catalogue_find(rules->catalogue, json_str_or(json_get(json, S("action")), S("")));
    if (!def)
        return refuse("its action is not in the catalogue");
    const struct step_def *step = find_step(def, permit->stage, permit->index);
    if (!step || !step->executor->argv)
        return refuse("its action has no such command");
    TRY(arguments_read(arena, def, json_get(json, S("parameters")), &arguments));
    TRY(step->executor->argv(arena, step->settings, arguments.at, arguments.count, &argv, &argc));
    bool same = argc == spec->argc;
    for (size_t i = 0; same && i < argc; i++)
        same = str_eq(argv[i], spec->argv[i]);
    if (!same)
        return refuse("its words are not those of the action");
    for (size_t i = 0; i < def->parameters.count; i++) { /* the process of the plan, not one that has its number now */
        struct str start, text = arguments.at[i].text;
        uint64_t began;
        if (def->parameters.at[i].type != PARAMETER_PROCESS)
            continue;
        str_cut(text, '@', &start);
        if (!str_to_u64(start, &began) || process_start((pid_t)arguments.at[i].number) != began)
            return refuse("the process of the plan is gone");
    }
    bool allowed = false;
    for (size_t i = 0; i < rules->new_privileges_count; i++)
        allowed |= str_eq(rules->new_privileges[i], def->id);
    spec->root = def->root;
    spec->new_privileges = def->new_privileges && allowed;
    if (def->new_privileges && !allowed)
        return err_hint(refuse("it needs new privileges"), "name it in actions.allow_new_privileges");
    if (spec->timeout_ms > step->timeout.ms)
        spec->timeout_ms = step->timeout.ms;
    return NULL;
}

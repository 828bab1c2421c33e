/* systemd.c - start, stop, restart or reload a unit, or ask whether it is active, through systemctl. */
#include "action/arguments.h"
#include "action/executor.h"

#include "base/file.h"

#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

struct systemd {
    struct str start, stop, restart, reload, active;
};

static const struct field systemd_fields[] = {
    STRING(struct systemd, start, .max = 256, .doc = "Unit to start."),
    STRING(struct systemd, stop, .max = 256, .doc = "Unit to stop."),
    STRING(struct systemd, restart, .max = 256, .doc = "Unit to restart."),
    STRING(struct systemd, reload, .max = 256, .doc = "Unit to reload."),
    STRING(struct systemd, active, .max = 256, .doc = "As a check: is this unit active?"),
    { 0 },
};

/* The one that is set. */
static struct str unit_of(const struct systemd *systemd, const char **ret_verb, size_t *ret_count)
{
    const struct str units[] = { systemd->start, systemd->stop, systemd->restart, systemd->reload, systemd->active };
    static const char *const verbs[] = { "start", "stop", "restart", "reload", "is-active" };
    struct str unit = S("");

    *ret_count = 0;
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (units[i].length) {
            unit = units[i];
            *ret_verb = verbs[i];
            ++*ret_count;
        }
    return unit;
}

static err systemd_check(const void *settings, const struct argument *arguments, size_t count)
{
    const char *verb;
    size_t set;
    struct str unit = unit_of(settings, &verb, &set);

    if (set != 1)
        return err_new(ERR_INVALID, "exactly one of start, stop, restart, reload, active");
    return template_check(unit, arguments, count);
}

static err systemd_argv(struct arena *arena, const void *settings, const struct argument *arguments, size_t count,
                        const struct str **ret_argv, size_t *ret_argc)
{
    const char *verb = "";
    size_t set;
    struct str *argv = arena_array(arena, 4, sizeof(*argv));

    argv[0] = S("systemctl");
    TRY(template_element(arena, unit_of(settings, &verb, &set), arguments, count, &argv[3]));
    argv[1] = str_of(verb);
    argv[2] = S("--");
    *ret_argv = argv;
    *ret_argc = 4;
    return NULL;
}

/* A unit's file, or that of its template: "getty@.service" for "getty@tty1.service". */
static bool unit_exists(struct str unit)
{
    static const char *const folders[] = { "/etc/systemd/system",     "/run/systemd/system",
                                           "/run/systemd/generator",  "/usr/local/lib/systemd/system",
                                           "/usr/lib/systemd/system", "/lib/systemd/system" };
    struct str instance, name = str_cut(unit, '@', &instance);
    size_t dot = instance.at ? str_find(instance, S("."), 0) : SIZE_MAX;
    char path[600];

    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        snprintf(path, sizeof(path), "%s/%.*s", folders[i], STR_ARG(unit));
        if (file_exists(path))
            return true;
        if (dot == SIZE_MAX)
            continue;
        snprintf(path, sizeof(path), "%s/%.*s@%.*s", folders[i], STR_ARG(name),
                 STR_ARG(str_slice(instance, dot, instance.length)));
        if (file_exists(path))
            return true;
    }
    return false;
}

static err systemd_plan(struct step_call *call, const void *settings, const struct planned_step *earlier,
                        size_t earlier_count, struct planned_step *ret_step)
{
    (void)earlier, (void)earlier_count;
    TRY(systemd_argv(call->arena, settings, call->arguments, call->argument_count, &ret_step->argv, &ret_step->argc));
    if (sd_booted() <= 0)
        return err_new(ERR_CONFLICT, "this host does not run systemd, so no executor can act on unit %.*s",
                       STR_ARG(ret_step->argv[3]));
    if (!unit_exists(ret_step->argv[3]))
        return err_hint(err_new(ERR_CONFLICT, "there is no unit %.*s on this host", STR_ARG(ret_step->argv[3])),
                        "name the service of this server in the inventory");
    return NULL;
}

static err systemd_run(struct step_call *call, const struct json *resolved, const struct planned_step *step,
                       struct step_outcome *ret_outcome)
{
    (void)resolved;
    TRY(executor_run_command(call, step, ret_outcome));
    /* is-active: 0 active, 3 not; anything else is no answer. */
    if (str_eq(step->argv[1], S("is-active")) && ret_outcome->value != 0 && ret_outcome->value != 3)
        ret_outcome->answer = CRITERION_UNKNOWN;
    return NULL;
}

static const struct executor systemd = {
    .name = "systemd",
    .doc = "Start, stop, restart or reload a systemd unit, or ask whether it is active.",
    .settings = SCHEMA(struct systemd, systemd_fields),
    .check = systemd_check,
    .argv = systemd_argv,
    .plan = systemd_plan,
    .run = systemd_run,
};
REGISTER(executor, systemd);

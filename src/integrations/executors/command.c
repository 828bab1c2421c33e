/* command.c - run a program with fixed words; a parameter is always a word of its own. */
#include "action/arguments.h"
#include "action/executor.h"

struct command {
    VEC(struct str) argv;
    struct duration timeout; /* read by the catalogue */
    int output;
};

static const char *const output_words[] = { "any", "empty", NULL };

static const struct field command_fields[] = {
    STRINGS(struct command, argv, .flags = F_REQUIRED, .min = 1, .max = RUN_ARGS_MAX,
            .doc = "The program and its words; never a shell. '{{parameter}}' is one whole word."),
    DURATION(struct command, timeout, .min = 0, .max = 3600000, .doc = "Of this step; else the action's."),
    ENUM(struct command, output, .words = output_words, .def = "any",
         .doc = "empty: it must say nothing, as a search that finds nothing."),
    { 0 },
};

static err command_check(const void *settings, const struct argument *arguments, size_t count)
{
    const struct command *command = settings;

    if (command->argv.count == 0 || str_contains(command->argv.at[0], S("{{")))
        return err_new(ERR_INVALID, "argv: begins with the name of a program, which is no parameter");
    for (size_t i = 0; i < command->argv.count; i++)
        TRY(template_check(command->argv.at[i], arguments, count));
    return NULL;
}

static err command_argv(struct arena *arena, const void *settings, const struct argument *arguments, size_t count,
                        const struct str **ret_argv, size_t *ret_argc)
{
    const struct command *command = settings;
    struct str *argv = arena_array(arena, command->argv.count, sizeof(*argv));

    for (size_t i = 0; i < command->argv.count; i++)
        TRY(template_element(arena, command->argv.at[i], arguments, count, &argv[i]));
    *ret_argv = argv;
    *ret_argc = command->argv.count;
    return NULL;
}

static err command_plan(struct step_call *call, const void *settings, const struct planned_step *earlier,
                        size_t earlier_count, struct planned_step *ret_step)
{
    const struct command *command = settings;

    (void)earlier, (void)earlier_count;
    if (command->output)
        ret_step->resolved = S("{\"output\":\"empty\"}");
    return command_argv(call->arena, settings, call->arguments, call->argument_count, &ret_step->argv, &ret_step->argc);
}

static err command_run(struct step_call *call, const struct json *resolved, const struct planned_step *step,
                       struct step_outcome *ret_outcome)
{
    TRY(executor_run_command(call, step, ret_outcome));
    if (ret_outcome->answer == CRITERION_YES && ret_outcome->head.length &&
        str_eq(json_str_or(json_get(resolved, S("output")), S("")), S("empty"))) {
        ret_outcome->answer = CRITERION_NO;
        ret_outcome->detail =
            str_printf(call->arena, "it found %.*s", STR_ARG(str_trim(str_utf8_head(ret_outcome->head, 300))));
    }
    return NULL;
}

static const struct executor command = {
    .name = "command",
    .doc = "Run a program. Exit status 0 is success.",
    .settings = SCHEMA(struct command, command_fields),
    .check = command_check,
    .argv = command_argv,
    .plan = command_plan,
    .run = command_run,
};
REGISTER(executor, command);

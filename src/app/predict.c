/* predict.c - `auspex predict`: the failure models over a CSV file. */
#include "app/command.h"
#include "detect/offline.h"

static const char *const models[] = { "disk_full", "mem_leak", "cpu_spike", "error_rate", NULL };

struct predict_command {
    int model;
    double limit;
};
static const struct field predict_fields[] = {
    ENUM(struct predict_command, model, .flags = F_REQUIRED, .words = models,
         .doc = "disk_full, mem_leak, cpu_spike or error_rate."),
    DOUBLE(struct predict_command, limit, .def = "0", .min = 0, .max = 1e300,
           .doc = "The value at which the failure happens; 0: the model's own, in percent."),
    { 0 },
};
static const struct schema predict_schema = SCHEMA(struct predict_command, predict_fields);

static int predict_run(const void *options, char **words, size_t count)
{
    const struct predict_command *o = options;

    if (count != 1)
        return command_fail(err_new(ERR_INVALID, "one CSV file is wanted (- is standard input)"), EXIT_USAGE);
    struct predict_options predict = { .model = str_of(models[o->model]), .limit = o->limit, .path = words[0] };
    err e = predict_file(&predict, stdout);
    return e ? command_fail(e, EXIT_BAD) : EXIT_OK;
}

static const struct command predict = {
    .name = "predict",
    .arguments = "INPUT.csv",
    .summary = "Run a failure model over a CSV file: risk, time left and evidence, as JSON lines.",
    .options = &predict_schema,
    .run = predict_run,
};
REGISTER(command, predict);

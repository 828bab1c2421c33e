/* acting_commands.c - `auspex stop`, the red switch, and `auspex check actions FILE...`. */
#include "action/action.h"
#include "app/command.h"
#include "app/local.h"

#include <stdio.h>

struct stop_options {
    struct str reason, storage_path;
    bool off;
};

static const struct field stop_fields[] = {
    STRING(struct stop_options, reason, .def = "", .max = 1000, .doc = "Why; needed to engage it."),
    BOOL(struct stop_options, off, .doc = "Release it: actions may start again."),
    STRING(struct stop_options, storage_path, .name = "storage.path", .def = "", .max = 4000, .doc = LOCAL_FOLDER_DOC),
    { 0 },
};
static const struct schema stop_schema = SCHEMA(struct stop_options, stop_fields);

static err turn(struct tx *tx, void *arg)
{
    const struct stop_options *options = arg;

    return action_stop_write(tx, !options->off, options->reason, S("user:local"));
}

static int stop_run(const void *options, char **words, size_t count)
{
    struct stop_options o = *(const struct stop_options *)options;
    struct db *db = NULL;
    const char *folder;

    (void)words, (void)count;
    if (!o.off && !o.reason.length)
        return command_fail(err_new(ERR_INVALID, "--reason says why everything is stopped"), EXIT_USAGE);
    err e = local_folder(o.storage_path, NULL, &folder);
    if (e)
        return command_fail(e, EXIT_BAD);
    e = db_open(&(struct db_options){ .folder = folder, .shared = true }, &db);
    if (!e)
        e = db_write(db, turn, &o);
    db_close(db);
    if (e)
        return command_fail(local_hint(e), EXIT_BAD);
    printf("%s (data folder %s)\n",
           o.off ? "STOP is released: actions may start" : "STOP is engaged: nothing starts until it is released",
           folder);
    return EXIT_OK;
}

static const struct command stop = {
    .name = "stop",
    .arguments = "",
    .summary = "The red switch: no action starts until `auspex stop --off`. It survives restarts.",
    .options = &stop_schema,
    .run = stop_run,
};
REGISTER(command, stop);

static int check_run(const void *options, char **words, size_t count)
{
    struct catalogue *catalogue CLEANUP(catalogue_freep) = NULL;
    struct str *files = arena_array(command_arena(), count + 1, sizeof(*files));

    (void)options;
    if (count == 0)
        return command_fail(err_new(ERR_INVALID, "name the files to check"), EXIT_USAGE);
    for (size_t i = 0; i < count; i++)
        files[i] = str_of(words[i]);
    err e = catalogue_load(files, count, &catalogue);
    if (!e) {
        printf("%zu actions, those that are built in included\n", catalogue_count(catalogue));
        return EXIT_OK;
    }
    for (size_t i = 0; i < err_field_count(e); i++)
        fprintf(stderr, "%s\n", err_field_message(e, i));
    if (!err_field_count(e))
        fprintf(stderr, "%s\n", err_message(e));
    err_free(e);
    return EXIT_BAD;
}

static const struct command check_actions = {
    .name = "check actions",
    .arguments = "FILE...",
    .summary = "Check catalogues of actions: every fault with its place.",
    .run = check_run,
};
REGISTER(command, check_actions);

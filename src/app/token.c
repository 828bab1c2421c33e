/* token.c - `auspex token create`: works on the local data folder, beside a running server or without one. */
#include "app/command.h"
#include "app/local.h"
#include "auth/auth.h"

#include <stdio.h>

static const char *const roles[] = { "admin", "operator", "approver", "viewer", "ingest", NULL };

struct token_options {
    int role;
    struct str name, storage_path;
};

static const struct field token_fields[] = {
    ENUM(struct token_options, role, .flags = F_REQUIRED, .words = roles,
         .doc = "admin, approver, operator, viewer or ingest."),
    STRING(struct token_options, name, .def = "", .max = 64,
           .doc = "Name; one with the role and a number where none is given."),
    STRING(struct token_options, storage_path, .name = "storage.path", .def = "", .max = 4000, .doc = LOCAL_FOLDER_DOC),
    { 0 },
};
static const struct schema token_schema = SCHEMA(struct token_options, token_fields);

struct job {
    struct arena *arena;
    struct str name, token;
    enum role role;
    int64_t id;
};

static err create(struct tx *tx, void *arg)
{
    struct job *job = arg;
    int64_t last;

    if (!job->name.length) {
        TRY(tx_get_i64(tx, "SELECT coalesce(max(id), 0) FROM token", NONE, 0, &last));
        job->name = str_printf(job->arena, "%s-%lld", role_name(job->role), (long long)last + 1);
    }
    return auth_token_create(tx, job->arena, job->name, job->role, S("user:local"), &job->token, &job->id);
}

static int token_run(const void *options, char **words, size_t count)
{
    const struct token_options *o = options;
    struct job job = { .arena = command_arena(), .name = o->name };
    struct db *db = NULL;
    const char *folder;

    (void)words, (void)count;
    if (!role_parse(str_of(roles[o->role]), &job.role))
        return EXIT_USAGE;
    err e = local_folder(o->storage_path, NULL, &folder);
    if (e)
        return command_fail(e, EXIT_BAD);
    e = db_open(&(struct db_options){ .folder = folder, .shared = true }, &db);
    if (!e)
        e = db_write(db, create, &job);
    db_close(db);
    if (e)
        return command_fail(local_hint(e), EXIT_BAD);
    printf("%.*s\n", STR_ARG(job.token));
    return EXIT_OK;
}

static const struct command token_create = {
    .name = "token create",
    .arguments = "",
    .summary = "Make an API token on the local data folder and print it, once.",
    .options = &token_schema,
    .run = token_run,
};
REGISTER(command, token_create);

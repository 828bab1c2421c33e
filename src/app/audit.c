/* audit.c - `auspex audit verify`: is the trail whole? */
#include "db/audit.h"
#include "app/command.h"
#include "app/local.h"

#include <stdio.h>

struct audit_options {
    struct str storage_path, head;
};
static const struct field audit_fields[] = {
    STRING(struct audit_options, storage_path, .name = "storage.path", .def = "", .max = 4000, .doc = LOCAL_FOLDER_DOC),
    STRING(struct audit_options, head, .def = "", .max = 200,
           .doc = "A head that was exported earlier, as printed by this command: proves that nothing before it changed "
                  "or was cut off."),
    { 0 },
};
static const struct schema audit_schema = SCHEMA(struct audit_options, audit_fields);

struct job {
    const struct audit_head *exported;
    struct audit_report report;
    struct audit_head head;
};

static err verify(struct tx *tx, void *arg)
{
    struct job *job = arg;

    TRY(audit_verify(tx, job->exported, &job->report));
    return audit_head(tx, &job->head);
}

static int audit_run(const void *options, char **words, size_t count)
{
    const struct audit_options *o = options;
    struct audit_head exported;
    struct job job = { 0 };
    struct db *db = NULL;
    const char *folder;

    (void)words, (void)count;
    err e = o->head.length ? audit_head_parse(o->head, &exported) : NULL;
    if (e)
        return command_fail(e, EXIT_USAGE);
    job.exported = o->head.length ? &exported : NULL;
    e = local_folder(o->storage_path, NULL, &folder);
    if (e)
        return command_fail(e, EXIT_BAD);
    e = db_open(&(struct db_options){ .folder = folder, .read_only = true }, &db);
    if (!e)
        e = db_read(db, verify, &job);
    db_close(db);
    if (e)
        return command_fail(e, EXIT_BAD);
    if (!job.report.ok) {
        printf("bad: row %lld: %s\n", (long long)job.report.bad, job.report.problem);
        return EXIT_BAD;
    }
    printf("fine: %lld rows\nhead %s\n", (long long)job.report.rows, audit_head_text(command_arena(), &job.head).at);
    return EXIT_OK;
}

static const struct command audit = {
    .name = "audit verify",
    .arguments = "",
    .summary = "Check the chain of the audit trail: an edit, a deletion or another order is found.",
    .options = &audit_schema,
    .run = audit_run,
};
REGISTER(command, audit);

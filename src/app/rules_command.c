/* rules_command.c - auspex check rules: are these rule files, and what is in them? auspex test rules: do they do what
 * their unit tests say? */
#include "app/command.h"
#include "base/file.h"
#include "base/log.h"
#include "rules/rule_file.h"
#include "rules/unit_run.h"

#include <stdio.h>

enum { FILE_BYTES_MAX = 16 << 20, TEST_BYTES = 1 << 30, REPORT_BYTES = 16 << 20 };

static err check_file(const char *path)
{
    struct arena *arena = command_arena();
    struct rule_file file;
    struct str text;
    size_t alerts = 0, records = 0;

    TRY(file_read(arena, path, FILE_BYTES_MAX, &text));
    TRY(rule_file_parse(arena, text, path, &file));
    for (size_t i = 0; i < file.groups.count; i++)
        for (size_t j = 0; j < file.groups.at[i].rules.count; j++) {
            bool alerting = file.groups.at[i].rules.at[j].alert.length > 0;
            alerts += alerting;
            records += !alerting;
        }
    printf("%s: fine, %zu alerting and %zu recording rules in %zu groups\n", path, alerts, records, file.groups.count);
    return NULL;
}

static int check_rules_run(const void *options, char **words, size_t count)
{
    int status = EXIT_OK;

    (void)options;
    if (count == 0)
        return command_fail(err_new(ERR_INVALID, "`auspex check rules` wants files"), EXIT_USAGE);
    for (size_t i = 0; i < count; i++) {
        err e = check_file(words[i]);
        if (e)
            status = command_fail(e, EXIT_BAD);
    }
    return status;
}
static const struct command check_rules = {
    .name = "check rules", .arguments = "FILE...", .summary = "Check rule files.", .run = check_rules_run
};
REGISTER(command, check_rules);

static int test_file(const char *path)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(TEST_BYTES);
    struct unit_report report = { .text = { .max = REPORT_BYTES } };
    int status = EXIT_OK;
    err e = unit_run(arena, path, &report);

    if (report.failed)
        printf("%s: %zu of %zu tests failed\n%s", path, report.failed, report.tests, buf_c(&report.text));
    else if (!e)
        printf("%s: fine, %zu tests\n", path, report.tests);
    if (e || report.failed)
        status = EXIT_BAD;
    buf_clear(&report.text);
    return e ? command_fail(e, status) : status;
}

static int test_rules_run(const void *options, char **words, size_t count)
{
    int status = EXIT_OK;

    (void)options;
    if (count == 0)
        return command_fail(err_new(ERR_INVALID, "`auspex test rules` wants files"), EXIT_USAGE);
    log_setup(LOG_WARN, LOG_LOGFMT);
    for (size_t i = 0; i < count; i++)
        if (test_file(words[i]) != EXIT_OK)
            status = EXIT_BAD;
    return status;
}
static const struct command test_rules = {
    .name = "test rules",
    .arguments = "FILE...",
    .summary = "Run unit tests of rules, in the format of promtool.",
    .run = test_rules_run,
};
REGISTER(command, test_rules);

/* describe.c - commands that print what the program knows of itself: version, openapi, schema, default-config,
 * completion, man. */
#include "app/command.h"
#include "net/http_server.h"
#include "schema/config.h"

#include <stdio.h>
#include <unistd.h>

enum { OUTPUT_MAX = 64 * 1024 * 1024 };

static int print(struct buf *out)
{
    err e = buf_check(out);

    if (e)
        return command_fail(e, EXIT_BAD);
    fwrite(out->at, 1, out->length, stdout);
    return fflush(stdout) == 0 ? EXIT_OK : EXIT_BAD;
}

static int version_run(const void *options, char **words, size_t count)
{
    (void)options, (void)words, (void)count;
    printf("auspex %s\n", AUSPEX_VERSION);
    return EXIT_OK;
}
static const struct command version = {
    .name = "version", .arguments = "", .summary = "Print the version.", .run = version_run
};
REGISTER(command, version);

static int openapi_run(const void *options, char **words, size_t count)
{
    struct buf out CLEANUP(buf_clear);

    (void)options, (void)words, (void)count;
    buf_init(&out, OUTPUT_MAX);
    struct json_writer w = json_writer(&out);
    openapi_write(&w);
    buf_add_c(&out, '\n');
    return print(&out);
}
static const struct command openapi = {
    .name = "openapi", .arguments = "", .summary = "Print the OpenAPI 3.1 document of the API.", .run = openapi_run
};
REGISTER(command, openapi);

static int schema_run(const void *options, char **words, size_t count)
{
    struct buf out CLEANUP(buf_clear);

    (void)options, (void)words, (void)count;
    buf_init(&out, OUTPUT_MAX);
    struct json_writer w = json_writer(&out);
    config_write_schema(&w);
    buf_add_c(&out, '\n');
    return print(&out);
}
static const struct command schema = {
    .name = "schema", .arguments = "", .summary = "Print the JSON Schema of the configuration file.", .run = schema_run
};
REGISTER(command, schema);

static int default_config_run(const void *options, char **words, size_t count)
{
    struct buf out CLEANUP(buf_clear);

    (void)options, (void)words, (void)count;
    buf_init(&out, OUTPUT_MAX);
    config_write_default(&out);
    return print(&out);
}
static const struct command default_config = { .name = "default-config",
                                               .arguments = "",
                                               .summary = "Print a configuration file with every default, commented.",
                                               .run = default_config_run };
REGISTER(command, default_config);

static int config_docs_run(const void *options, char **words, size_t count)
{
    struct buf out CLEANUP(buf_clear);

    (void)options, (void)words, (void)count;
    buf_init(&out, OUTPUT_MAX);
    config_write_markdown(&out);
    return print(&out);
}
static const struct command config_docs = {
    .name = "docs config", .arguments = "", .summary = "Print docs/config.md.", .hidden = true, .run = config_docs_run
};
REGISTER(command, config_docs);

/* One word a line for bash: the commands' names with spaces, then each command's options. */
static int completion_run(const void *options, char **words, size_t count)
{
    size_t command_count;
    const struct command **all = command_list(&command_count);

    (void)options, (void)words, (void)count;
    printf("# bash completion of auspex; source it, or put it into /usr/share/bash-completion/completions/auspex\n"
           "_auspex() {\n"
           "    local current=${COMP_WORDS[COMP_CWORD]} line=\"${COMP_WORDS[*]:1:COMP_CWORD-1}\"\n"
           "    case \"$line\" in\n");
    for (size_t i = 0; i < command_count; i++) {
        const struct command *it = all[i];
        if (!it->options)
            continue;
        printf("    '%s'*) [[ $current == -* ]] && COMPREPLY=($(compgen -W '", it->name);
        for (const struct field *f = it->options->fields; f->name; f++)
            printf("--%s ", f->name);
        printf("' -- \"$current\")) && return ;;\n");
    }
    printf("    '') COMPREPLY=($(compgen -W '");
    for (size_t i = 0; i < command_count; i++) {
        const struct command *it = all[i];
        struct str rest, first = str_cut(str_of(it->name), ' ', &rest);
        printf("%.*s ", STR_ARG(first));
    }
    printf("' -- \"$current\")) && return ;;\n");
    for (size_t i = 0; i < command_count; i++) {
        const struct command *it = all[i];
        struct str rest, first = str_cut(str_of(it->name), ' ', &rest);
        if (rest.at)
            printf("    '%.*s') COMPREPLY+=($(compgen -W '%.*s' -- \"$current\")) ;;&\n", STR_ARG(first),
                   STR_ARG(rest));
    }
    printf("    esac\n    [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$current\"))\n}\ncomplete -F "
           "_auspex auspex\n");
    return EXIT_OK;
}
static const struct command completion = {
    .name = "completion", .arguments = "", .summary = "Print the completion for bash.", .run = completion_run
};
REGISTER(command, completion);

/* roff wants its backslashes, and a dot or quote that begins a line, escaped. */
static void print_roff(const char *text)
{
    if (*text == '.' || *text == '\'')
        printf("\\&");
    for (; *text; text++) {
        if (*text == '\\')
            printf("\\e");
        else if (*text == '-')
            printf("\\-");
        else
            putchar(*text);
    }
    putchar('\n');
}

static int man_run(const void *options, char **words, size_t count)
{
    size_t command_count;
    const struct command **all = command_list(&command_count);

    (void)options, (void)words, (void)count;
    printf(".TH AUSPEX 1 \"\" \"auspex %s\" \"User Commands\"\n.SH NAME\nauspex \\- sees failures coming, and prevents "
           "them\n"
           ".SH SYNOPSIS\n.B auspex\nCOMMAND [OPTIONS] [ARGUMENTS]\n.SH COMMANDS\n",
           AUSPEX_VERSION);
    for (size_t i = 0; i < command_count; i++) {
        const struct command *it = all[i];
        printf(".TP\n.B auspex %s\n", it->name);
        if (*it->arguments)
            printf(".I %s\n", it->arguments);
        printf(".br\n");
        print_roff(it->summary);
        for (const struct field *f = it->options ? it->options->fields : NULL; f && f->name; f++) {
            printf(".RS\n.TP\n.B \\-\\-");
            print_roff(f->name);
            print_roff(f->doc);
            if (f->def && *f->def) {
                printf("Default: ");
                print_roff(f->def);
            }
            printf(".RE\n");
        }
    }
    printf(".SH ENVIRONMENT\n.TP\n.B AUSPEX_URL\nServer of the client commands, default http://127.0.0.1:7171.\n"
           ".TP\n.B AUSPEX_TOKEN\nTheir token; without it the file ~/.config/auspex/token. auspex token create makes "
           "one.\n.SH EXIT STATUS\n0 success, 1 the thing asked about is bad, 2 usage.\n");
    return EXIT_OK;
}
static const struct command man = {
    .name = "man", .arguments = "", .summary = "Print the manual page (roff).", .run = man_run
};
REGISTER(command, man);

static int check_config_run(const void *options, char **words, size_t count)
{
    struct config *config CLEANUP(config_unrefp) = NULL;

    (void)options;
    if (count == 0)
        return command_fail(err_new(ERR_INVALID, "`auspex check config` wants files"), EXIT_USAGE);
    err e = config_load((const char *const *)words, count, &config);
    if (e)
        return command_fail(e, EXIT_BAD);
    printf("%zu file%s: fine\n", count, count == 1 ? "" : "s");
    return EXIT_OK;
}
static const struct command check_config = {
    .name = "check config", .arguments = "FILE...", .summary = "Check configuration files.", .run = check_config_run
};
REGISTER(command, check_config);

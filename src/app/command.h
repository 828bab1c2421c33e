/* command.h - the commands of the program, one file each: a command registers itself with its options, from which
 * parsing, help, shell completion and the manual page are made.
 *
 * Owner: rows are static const. Threads: main's. */
#pragma once
#include "base/registry.h"
#include "schema/schema.h"

enum exit_status { EXIT_OK = 0, EXIT_BAD = 1, EXIT_USAGE = 2 };

struct command {
    const char *name;      /* "token create": words as typed */
    const char *arguments; /* "FILE..." ; "" for none */
    const char *summary;
    const struct schema *options; /* each field is --name; bools are switches; NULL: none */
    bool hidden;
    /* run - options parsed; words are what is left. An err is printed and ends in EXIT_BAD, or EXIT_USAGE for
     * ERR_INVALID options. */
    int (*run)(const void *options, char **words, size_t count);
};

/* command_main - find the command in argv and run it. */
int command_main(int argc, char **argv);
/* command_list - all that are not hidden, by name. */
const struct command **command_list(size_t *ret_count);
/* command_fail - print the err for a person ("auspex: ...", hint below) and return the exit status. Takes `e`. */
int command_fail(err e, int status);
struct arena *command_arena(void); /* lives as long as the process */

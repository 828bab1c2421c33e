/* command.c - finds the command that was typed, parses its options by their table, and helps. */
#include "app/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena *command_arena(void)
{
    static struct arena *arena;

    if (!arena)
        arena = arena_new(SIZE_MAX);
    return arena;
}

/* is_named - faults of a file name their path themselves, behind file:line:column; an unknown key names its last word.
 */
static bool is_named(const char *message, const char *path)
{
    const char *dot = strrchr(path, '.');

    return strstr(message, path) || (dot && strstr(message, str_printf(command_arena(), "'%s'", dot + 1).at));
}

int command_fail(err e, int status)
{
    if (err_field_count(e) > 1) {
        for (size_t i = 0; i < err_field_count(e); i++) {
            bool named = is_named(err_field_message(e, i), err_field_path(e, i));
            fprintf(stderr, "auspex: %s%s%s\n", named ? "" : err_field_path(e, i), named ? "" : ": ",
                    err_field_message(e, i));
        }
    } else {
        fprintf(stderr, "auspex: %s\n", err_message(e));
    }
    if (err_hint_text(e))
        fprintf(stderr, "    %s\n", err_hint_text(e));
    err_free(e);
    return status;
}

/* matched_words - how many words of argv are the command's name, 0 where they are not. */
static size_t matched_words(const struct command *command, int argc, char **argv)
{
    struct str rest = str_of(command->name), word;
    size_t count = 0;

    while (rest.at) {
        word = str_cut(rest, ' ', &rest);
        if ((int)count + 1 >= argc || !str_eq(word, str_of(argv[count + 1])))
            return 0;
        count++;
    }
    return count;
}

static const struct command *find(int argc, char **argv, size_t *ret_words)
{
    const struct command *best = NULL;

    *ret_words = 0;
    FOR_EACH_REGISTERED (command, it) {
        size_t words = matched_words(it, argc, argv);
        if (words > *ret_words) {
            *ret_words = words;
            best = it;
        }
    }
    return best;
}

static const struct field *option_of(const struct command *command, struct str name)
{
    for (const struct field *f = command->options ? command->options->fields : NULL; f && f->name; f++)
        if (str_eq(name, str_of(f->name)))
            return f;
    return NULL;
}

/* Options as text pairs for the schema, and the words between them. */
struct line {
    VEC(struct pair) pairs;
    VEC(char *) words;
    bool help;
};

static err read_option(const struct command *command, char **argv, int argc, int *at, struct line *line)
{
    struct str value, name = str_cut(str_slice(str_of(argv[*at]), 2, SIZE_MAX), '=', &value);
    const struct field *field = option_of(command, name);

    if (field && !value.at) {
        if (field->type == FIELD_BOOL)
            value = S("true");
        else if (*at + 1 >= argc)
            return err_new(ERR_INVALID, "--%s wants a value", field->name);
        else
            value = str_of(argv[++*at]);
    }
    *vec_push(&line->pairs, command_arena()) = (struct pair){ name, value };
    return NULL;
}

static err read_line(const struct command *command, char **argv, int argc, int first, struct line *line)
{
    bool options_end = false;

    for (int at = first; at < argc; at++) {
        if (!options_end && strcmp(argv[at], "--") == 0)
            options_end = true;
        else if (!options_end && (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0))
            line->help = true;
        else if (!options_end && strncmp(argv[at], "--", 2) == 0)
            TRY(read_option(command, argv, argc, &at, line));
        else
            *vec_push(&line->words, command_arena()) = argv[at];
    }
    return NULL;
}

static void print_command_help(const struct command *command)
{
    printf("auspex %s%s%s%s\n    %s\n", command->name, *command->arguments ? " " : "", command->arguments,
           command->options ? " [OPTIONS]" : "", command->summary);
    for (const struct field *f = command->options ? command->options->fields : NULL; f && f->name; f++) {
        printf("\n  --%s%s\n      %s", f->name, f->type == FIELD_BOOL ? "" : " VALUE", f->doc);
        if (f->def && *f->def)
            printf(" Default: %s.", f->def);
        printf("\n");
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct command *const *)a)->name, (*(const struct command *const *)b)->name);
}

const struct command **command_list(size_t *ret_count)
{
    VEC(const struct command *) all = { 0 };

    FOR_EACH_REGISTERED (command, it)
        if (!it->hidden)
            *vec_push(&all, command_arena()) = it;
    if (all.count)
        qsort(all.at, all.count, sizeof(*all.at), by_name);
    *ret_count = all.count;
    return all.at;
}

static void print_help(void)
{
    size_t count;
    const struct command **all = command_list(&count);

    printf("auspex %s - observe, detect, predict, correlate, explain, act, verify, learn\n\n", AUSPEX_VERSION);
    for (size_t i = 0; i < count; i++)
        printf("  auspex %s%s%s\n      %s\n", all[i]->name, *all[i]->arguments ? " " : "", all[i]->arguments,
               all[i]->summary);
    printf("\nauspex COMMAND --help shows the options of a command. Those that ask a running server use AUSPEX_URL "
           "(http://127.0.0.1:7171)\nand AUSPEX_TOKEN, or the file ~/.config/auspex/token; `auspex token create` makes "
           "a token.\n");
}

static int unknown_command(int argc, char **argv)
{
    const char *nearest = NULL;
    size_t best = 4;

    FOR_EACH_REGISTERED (command, it) {
        size_t distance = argc > 1 ? str_distance(str_of(argv[1]), str_of(it->name), best) : best;
        if (distance < best && !it->hidden) {
            best = distance;
            nearest = it->name;
        }
    }
    err e = err_new(ERR_INVALID, "there is no command '%s'", argv[1]);
    if (nearest)
        return command_fail(err_hint(e, "did you mean '%s'? `auspex --help` lists all", nearest), EXIT_USAGE);
    return command_fail(err_hint(e, "`auspex --help` lists all"), EXIT_USAGE);
}

/* bad_options - every option that is wrong, as it is typed. Takes `e`. */
static int bad_options(err e, const struct command *command)
{
    for (size_t i = 0; i < err_field_count(e); i++)
        fprintf(stderr, "auspex: --%s: %s\n", err_field_path(e, i), err_field_message(e, i));
    if (!err_field_count(e))
        fprintf(stderr, "auspex: %s\n", err_message(e));
    fprintf(stderr, "    `auspex %s --help` shows its options\n", command->name);
    err_free(e);
    return EXIT_USAGE;
}

int command_main(int argc, char **argv)
{
    struct line line = { 0 };
    size_t words;

    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_help();
        return argc < 2 ? EXIT_USAGE : EXIT_OK;
    }
    const struct command *command = find(argc, argv, &words);
    if (!command)
        return unknown_command(argc, argv);
    err e = read_line(command, argv, argc, (int)words + 1, &line);
    if (e)
        return command_fail(e, EXIT_USAGE);
    if (line.help) {
        print_command_help(command);
        return EXIT_OK;
    }
    static const struct field none[] = { { 0 } };
    static const struct schema no_options = { .name = "options", .fields = none };
    const struct schema *schema = command->options ? command->options : &no_options;
    void *options = arena_alloc(command_arena(), schema->size + 1);
    e = schema_parse_pairs(&(struct schema_options){ .arena = command_arena() }, schema, line.pairs.at,
                           line.pairs.count, options);
    if (e)
        return bad_options(e, command);
    if (!*command->arguments && line.words.count)
        return command_fail(err_new(ERR_INVALID, "`auspex %s` takes no '%s'", command->name, line.words.at[0]),
                            EXIT_USAGE);
    return command->run(options, line.words.at, line.words.count);
}

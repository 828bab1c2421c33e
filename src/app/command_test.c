/* command_test.c - what holds for every command. */
#include "app/command.h"
#include "base/test.h"

#include <string.h>

TEST(commands_have_names_of_their_own_and_say_what_they_do)
{
    size_t count;
    const struct command **all = command_list(&count);

    ASSERT_TRUE(count > 15);
    for (size_t i = 0; i < count; i++) {
        ASSERT_TRUE(i == 0 || strcmp(all[i - 1]->name, all[i]->name) < 0);
        ASSERT_TRUE(str_ends(str_of(all[i]->summary), S(".")) && all[i]->run);
        for (const struct field *f = all[i]->options ? all[i]->options->fields : NULL; f && f->name; f++)
            ASSERT_TRUE(f->doc && *f->doc);
    }
}

TEST(a_command_that_is_not_there_is_usage)
{
    char *unknown[] = { (char *)"auspex", (char *)"serv", NULL },
         *extra[] = { (char *)"auspex", (char *)"version", (char *)"x", NULL };
    char *option[] = { (char *)"auspex", (char *)"status", (char *)"--jsn", NULL };

    ASSERT_EQ_INT(EXIT_USAGE, command_main(2, unknown));
    ASSERT_EQ_INT(EXIT_USAGE, command_main(3, extra));
    ASSERT_EQ_INT(EXIT_USAGE, command_main(3, option));
}

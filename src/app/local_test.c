/* local_test.c - the data folder that is meant where nobody says one. */
#include "app/command.h"
#include "app/local.h"
#include "base/file.h"
#include "base/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

static const char *place(const char *name)
{
    return str_printf(command_arena(), "%s/%s", test_folder(), name).at;
}

/* make - a folder that looks like one of a server. */
static err make(const char *folder)
{
    TRY(file_make_dirs(folder, 0700));
    TRY(file_write(str_printf(command_arena(), "%s/lock", folder).at, S("1"), 0600));
    return file_write(str_printf(command_arena(), "%s/auspex.db", folder).at, S("x"), 0600);
}

TEST(a_local_folder_that_is_named_is_taken_at_its_word)
{
    const char *folder;

    ASSERT_OK(local_folder(S("/no/such"), NULL, &folder));
    ASSERT_STR("/no/such", str_of(folder));
}

TEST(a_local_folder_is_never_made_up)
{
    const char *places[] = { place("one"), place("two"), NULL }, *folder;

    ASSERT_ERR(ERR_NOT_FOUND, "no data folder", local_folder(S(""), places, &folder));
    ASSERT_FALSE(file_exists(places[0]));
    ASSERT_OK(make(places[1]));
    ASSERT_OK(local_folder(S(""), places, &folder));
    ASSERT_STR(places[1], str_of(folder));
}

TEST(of_two_local_folders_the_one_with_a_server_is_meant)
{
    const char *places[] = { place("one"), place("two"), NULL }, *folder;

    ASSERT_OK(make(places[0]));
    ASSERT_OK(make(places[1]));
    ASSERT_ERR(ERR_CONFLICT, "more than one", local_folder(S(""), places, &folder));
    int lock = open(str_printf(command_arena(), "%s/lock", places[0]).at, O_RDONLY | O_CLOEXEC);
    ASSERT_EQ_INT(0, flock(lock, LOCK_EX | LOCK_NB));
    ASSERT_OK(local_folder(S(""), places, &folder));
    close(lock);
    ASSERT_STR(places[0], str_of(folder));
}

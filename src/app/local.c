/* local.c - finds the data folder that commands beside a server work on. */
#include "app/local.h"

#include "app/command.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

static const char *const usual[] = { "data", "/var/lib/auspex", NULL };

/* holds_data - a folder that we may not look into counts: opening it will say why not. */
static bool holds_data(const char *folder)
{
    return access(str_printf(command_arena(), "%s/auspex.db", folder).at, F_OK) == 0 || errno == EACCES;
}

static bool is_served(const char *folder)
{
    int fd = open(str_printf(command_arena(), "%s/lock", folder).at, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return false;
    bool taken = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    close(fd);
    return taken;
}

err local_folder(struct str given, const char *const *places, const char **ret_folder)
{
    const char *held = NULL, *served = NULL;
    size_t held_count = 0;

    if (given.length) {
        *ret_folder = str_c(command_arena(), given);
        return NULL;
    }
    for (const char *const *it = places ? places : usual; *it; it++) {
        if (!holds_data(*it))
            continue;
        held = *it, held_count++;
        if (!served && is_served(*it))
            served = *it;
    }
    *ret_folder = served ? served : held;
    if (held_count == 0)
        return err_hint(err_new(ERR_NOT_FOUND, "there is no data folder here"),
                        "--storage.path says where it is; the server prints it at its start");
    if (held_count > 1 && !served)
        return err_hint(err_new(ERR_CONFLICT, "there is more than one data folder, and no server runs"),
                        "--storage.path says which is meant; a server prints its own at its start");
    return NULL;
}

err local_hint(err e)
{
    return err_hint_text(e) ? e : err_hint(e, "is --storage.path the server's data folder, and may you write to it?");
}

/* folder.c - the data folder, and whom we are once it is ours.
 *
 * Started by root, the server goes on as the user of `server.user` (auspex; nobody where there is no such user):
 * nothing that parses what comes from the network runs as root. The folder is given to that user where we made it, or
 * where it was ours before; somebody else's files never change hands. */
#include "app/acting.h"
#include "app/parts.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_empty(const char *path)
{
    return rmdir(path) == 0 && mkdir(path, 0750) == 0;
}

static err absolute(const char *path, char **ret_absolute)
{
    *ret_absolute = realpath(path, NULL);
    return *ret_absolute ? NULL : err_errno("can't resolve %s", path);
}

/* folder_user - whom to become; uid 0 where we are not root and nothing is to be done. */
struct passwd *folder_user(struct app *app)
{
    struct passwd *user = getpwnam(app->server_settings.user.length ? app->server_settings.user.at : "auspex");

    return user ? user : getpwnam("nobody");
}

/* give_to - the folder and what is in it, one level deep: we make no folders inside that others may fill. */
static err give_to(const char *path, const struct passwd *user)
{
    static const char *const ours[] = { "", "/auspex.db", "/auspex.db-wal", "/auspex.db-shm", "/lock", "/endpoint" };
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 16);

    for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
        const char *file = str_c(arena, str_printf(arena, "%s%s", path, ours[i]));
        struct stat status;
        if (lstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink > 1)
            return err_new(ERR_CONFLICT, "%s has another name elsewhere: a hard link is not given away", file);
        if (lchown(file, user->pw_uid, user->pw_gid) < 0 && errno != ENOENT)
            return err_errno("can't give %s to user %s", file, user->pw_name);
    }
    return NULL;
}

err folder_start(struct app *app)
{
    const char *path = app->options->storage_path.at;
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 16);
    struct passwd *user = geteuid() == 0 ? folder_user(app) : NULL;

    TRY(err_hint(file_make_dirs(path, 0750), "choose a folder that you may write to with --storage.path"));
    bool fresh = is_empty(path);
    TRY(absolute(path, &app->storage_path));
    bool ours = fresh || file_exists(str_c(arena, str_printf(arena, "%s/auspex.db", path)));
    if (!ours)
        return err_hint(err_new(ERR_CONFLICT, "data folder %s holds other people's files", app->storage_path),
                        "choose an empty folder, or one that does not exist yet, with --storage.path");
    if (user)
        TRY(give_to(app->storage_path, user));
    return NULL;
}

static bool reachable_by(const char *path, const struct passwd *user)
{
    /* Asked with that user's rights, for this thread alone: there is no other yet. */
    if (setegid(user->pw_gid) < 0 || seteuid(user->pw_uid) < 0)
        return false;
    bool fine = access(path, F_OK) == 0 && eaccess(path, R_OK | W_OK | X_OK) == 0;
    if (seteuid(0) < 0 || setegid(0) < 0)
        abort();
    return fine;
}

err rights_drop(struct app *app)
{
    if (geteuid() == 0) {
        struct passwd *user = folder_user(app);
        if (!user || !reachable_by(app->storage_path, user)) {
            log_warn("running as root: user %s can't reach the data folder %s; --storage.path /var/lib/auspex is a "
                     "place that it can",
                     user ? user->pw_name : "auspex", app->storage_path);
        } else if (initgroups(user->pw_name, user->pw_gid) < 0 || setgid(user->pw_gid) < 0 ||
                   setuid(user->pw_uid) < 0) {
            return err_errno("can't become user %s", user->pw_name);
        } else {
            log_info("running as user %s", user->pw_name);
        }
    }
    umask(0027);
    prctl(PR_SET_DUMPABLE, 1); /* setuid cleared it, and /proc/self would belong to root */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_errno("can't give up gaining rights");
    return NULL;
}

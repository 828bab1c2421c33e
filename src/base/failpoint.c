/* failpoint.c - broken on purpose. */
#include "base/failpoint.h"

#include "base/str.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { POINTS_MAX = 16 };
enum action { ACTION_CRASH, ACTION_ERROR, ACTION_HANG };

static struct point {
    struct str name;
    enum action action;
    int64_t only_at; /* 0: at each hit */
    _Atomic int64_t hits;
} points[POINTS_MAX];
static size_t point_count;
bool failpoints_armed;

static err parse_one(struct str text)
{
    struct str at, action, name = str_cut(text, '=', &action);
    struct point *point = &points[point_count];

    if (point_count == POINTS_MAX)
        return err_new(ERR_INVALID, "more than %d failpoints", POINTS_MAX);
    action = str_cut(action, '@', &at);
    if (str_eq(action, S("crash")))
        point->action = ACTION_CRASH;
    else if (str_eq(action, S("error")))
        point->action = ACTION_ERROR;
    else if (str_eq(action, S("hang")))
        point->action = ACTION_HANG;
    else
        return err_new(ERR_INVALID, "failpoint '%.*s' wants crash, error or hang", STR_ARG(text));
    if (at.at && !str_to_i64(at, &point->only_at))
        return err_new(ERR_INVALID, "failpoint '%.*s': what follows @ is not a number", STR_ARG(text));
    point->name = name;
    point_count++;
    return NULL;
}

err failpoints_setup(const char *spec)
{
    if (!spec || !*spec)
        return NULL;
    for (struct str rest = str_of(spec), one; rest.at;) {
        one = str_cut(rest, ',', &rest);
        TRY(parse_one(one));
    }
    failpoints_armed = true;
    return NULL;
}

err failpoint_hit(const char *name)
{
    for (size_t i = 0; i < point_count; i++) {
        struct point *point = &points[i];
        if (!str_eq(point->name, str_of(name)))
            continue;
        int64_t hit = atomic_fetch_add(&point->hits, 1) + 1;
        if (point->only_at && hit != point->only_at)
            continue;
        if (point->action == ACTION_CRASH)
            kill(getpid(), SIGKILL);
        while (point->action == ACTION_HANG)
            pause();
        return err_new(ERR_IO, "failpoint %s", name);
    }
    return NULL;
}

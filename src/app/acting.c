/* acting.c - starts and stops what acts: the runner's host, forked before rights and threads, and room action. */
#include "app/acting.h"
#include "action/action.h"
#include "api/services.h"
#include "base/log.h"
#include "redis/connections.h"
#include "topology/topology.h"

#include <pwd.h>
#include <unistd.h>

static struct runner *runner;
static struct catalogue *catalogue;
static struct plan_rules rules;
static struct config *rules_config; /* keeps what the host was forked with */

err runner_part_start(struct app *app)
{
    struct runner_options options = { .admit = plan_admit, .admit_arg = &rules };
    struct passwd *user = geteuid() == 0 ? folder_user(app) : NULL;

    rules_config = current_config();
    const struct action_settings *settings = config_get(rules_config, &actions_section);
    TRY(catalogue_load(settings->files.at, settings->files.count, &catalogue));
    rules = (struct plan_rules){ catalogue, settings->allow_new_privileges.at, settings->allow_new_privileges.count };
    if (user && user->pw_uid != 0) {
        options.drop = true;
        options.uid = user->pw_uid;
        options.gid = user->pw_gid;
    }
    return runner_start(&options, &runner);
}

void runner_part_stop(struct app *app)
{
    (void)app;
    runner_stopp(&runner);
    catalogue_freep(&catalogue);
    config_unrefp(&rules_config);
}

static err inventory_redis(void *arg, struct arena *arena, struct str id, struct redis_options *ret_options)
{
    (void)arg;
    return connections_reach(arena, id, ret_options);
}

static err inventory_service(void *arg, struct arena *arena, struct str server, struct str *ret_unit)
{
    struct config *config CLEANUP(config_unrefp) = current_config();

    (void)arg;
    *ret_unit = str_copy(arena, resource_service(config, arena, server));
    return ret_unit->length ? NULL : err_new(ERR_NOT_FOUND, "no service is known for '%.*s'", STR_ARG(server));
}

err actions_start(struct app *app)
{
    const struct action_options options = {
        .db = app->db,
        .runner = runner,
        .catalogue = catalogue,
        .http = app->http,
        .series = services.series,
        .inventory = { .redis = inventory_redis, .service = inventory_service },
        .config = current_config,
    };

    return action_start(&options);
}

void actions_stop(struct app *app)
{
    (void)app;
    action_stop();
}

err actions_run(struct app *app)
{
    (void)app;
    return NULL;
}

void actions_drain(struct app *app)
{
    (void)app;
    action_drain();
}

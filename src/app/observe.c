/* observe.c - starts and stops what looks at the world: sources of samples, and what judges them. */
#include "api/services.h"
#include "app/parts.h"
#include "base/log.h"
#include "detect/watch.h"
#include "ingest/collecting.h"
#include "redis/connections.h"
#include "redis/doctor.h"
#include "rules/rules.h"
#include "scrape/scraping.h"
#include "topology/topology.h"
#include "tsdb/tsdb.h"

#include <stdio.h>
#include <unistd.h>

err sources_start(struct app *app)
{
    struct config *config CLEANUP(config_unrefp) = current_config();
    const struct collecting_options options = {
        .config = config,
        .sink = services.samples,
        .topology = services.topology,
        .ticker = app->ticker,
        .workers = app->workers,
        .outside = app->outside,
        .http = app->http,
    };

    return collecting_start(&options, &services.collecting);
}

void sources_stop(struct app *app)
{
    (void)app;
    collecting_stop(services.collecting);
    services.collecting = NULL;
}

err prediction_start(struct app *app)
{
    const struct watch_options options = {
        .db = app->db,
        .series = services.series,
        .samples = services.samples,
        .config = current_config,
        .ticker = app->ticker,
        .pool = app->workers,
    };

    return watch_start(&options, &services.watch);
}

void prediction_stop(struct app *app)
{
    (void)app;
    watch_stop(services.watch);
    services.watch = NULL;
}

/* reload_rooms - all but the rules, which read files: going back must not read what was changed meanwhile. */
static err reload_rooms(struct config *config)
{
    TRY(scraping_reload(services.scraping, config));
    TRY(collecting_reload(services.collecting, config));
    TRY(topology_reload(services.topology, config));
    return tsdb_reload(services.tsdb, config_get(config, &storage_section));
}

err observe_reload(struct config *config)
{
    struct config *before CLEANUP(config_unrefp) = current_config();
    err e = reload_rooms(config);

    if (!e)
        e = rules_reload(services.rules, config); /* all or nothing by itself */
    if (e)
        log_err(reload_rooms(before), "can't go back to the configuration that was in force");
    return e;
}

err scraping_part_start(struct app *app)
{
    struct config *config CLEANUP(config_unrefp) = current_config();

    return scraping_start(
        &(struct scraping_options){
            .config = config, .tsdb = app->tsdb, .http = app->http, .ticker = app->ticker, .outside = app->outside },
        &services.scraping);
}

void scraping_part_stop(struct app *app)
{
    (void)app;
    scraping_stop(services.scraping);
    services.scraping = NULL;
}

err rules_part_start(struct app *app)
{
    static char host[256], url[256];
    struct config *config CLEANUP(config_unrefp) = current_config();

    gethostname(host, sizeof(host) - 1);
    struct arena *arena CLEANUP(arena_freep) = arena_new(4096);
    snprintf(url, sizeof(url), "%.*s", STR_ARG(http_server_url(arena, app->server)));
    return rules_start(&(struct rules_options){ .db = app->db,
                                                .series = services.series,
                                                .samples = services.samples,
                                                .ticker = app->ticker,
                                                .pool = app->workers,
                                                .config = config,
                                                .host = host,
                                                .external_url = str_of(url) },
                       &services.rules);
}

void rules_part_stop(struct app *app)
{
    (void)app;
    rules_stop(services.rules);
    services.rules = NULL;
}

err doctor_part_start(struct app *app)
{
    return doctor_start(&(struct doctor_options){ .db = app->db, .config = current_config });
}

void doctor_part_stop(struct app *app)
{
    (void)app;
    doctor_stop();
}

err connections_part_open(struct app *app)
{
    return connections_open(app->db, app->storage_path);
}

err connections_part_start(struct app *app)
{
    (void)app;
    return connections_start(services.collecting);
}

void connections_part_stop(struct app *app)
{
    (void)app;
    connections_stop();
}

/* observe.c - starts and stops what looks at the world: sources of samples, and what judges them. */
#include "alerts/threshold.h"
#include "api/services.h"
#include "app/parts.h"
#include "detect/watch.h"
#include "ingest/collecting.h"
#include "redis/connections.h"
#include "redis/doctor.h"
#include "topology/topology.h"

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

err observe_reload(struct config *config)
{
    TRY(collecting_reload(services.collecting, config));
    return topology_reload(services.topology, config);
}

err rules_start(struct app *app)
{
    static char host[256];

    gethostname(host, sizeof(host) - 1);
    return thresholds_start(
        &(struct thresholds_options){
            .db = app->db, .series = services.series, .ticker = app->ticker, .pool = app->workers, .host = host },
        &app->thresholds);
}

void rules_stop(struct app *app)
{
    thresholds_stop(app->thresholds);
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

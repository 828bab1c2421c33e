/* observe.c - starts and stops what looks at the world: resources, and the sources of samples. */
#include "api/services.h"
#include "app/parts.h"
#include "ingest/collecting.h"
#include "topology/topology.h"

err topology_start(struct app *app)
{
    struct config *config CLEANUP(config_unrefp) = current_config();

    TRY(topology_open(app->db, config, &services.topology));
    return NULL;
}

void topology_stop(struct app *app)
{
    (void)app;
    topology_close(services.topology);
    services.topology = NULL;
}

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

err observe_reload(struct config *config)
{
    TRY(collecting_reload(services.collecting, config));
    return topology_reload(services.topology, config);
}

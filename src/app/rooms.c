/* rooms.c - starts and stops the rooms that are made of one call each, and lends them to the route handlers. */
#include "action/action.h"
#include "api/idempotency_store.h"
#include "api/live.h"
#include "api/services.h"
#include "app/parts.h"
#include "auth/auth.h"
#include "base/log.h"
#include "base/time.h"
#include "db/outbox.h"
#include "notify/notify.h"
#include "rca/rca.h"
#include "topology/topology.h"
#include "tsdb/tsdb.h"

#include <stdlib.h>
#include <unistd.h>

enum {
    WORKER_QUEUE = 4096,
    OUTSIDE_THREADS = 64,
    OUTSIDE_QUEUE = 1024,
    SLOW_THREADS = 64,
    SLOW_QUEUE = 1024,
    OUTBOX_DRAIN_MS = 800,
    OUTBOX_CANCEL_MS = 5000,
    REQUESTS_END_MS = 20000
};

err threads_start(struct app *app)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    /* Four at least: a handler that waits for a peer (a Redis that is being connected) must not hold half of the API.
     */
    unsigned workers = cores < 4 ? 4 : cores > 64 ? 64 : (unsigned)cores;

    TRY(pool_start(&(struct pool_options){ .name = "worker", .threads = workers, .queue_max = WORKER_QUEUE },
                   &app->workers));
    TRY(pool_start(
        &(struct pool_options){
            .name = "outside", .threads = OUTSIDE_THREADS, .on_demand = true, .queue_max = OUTSIDE_QUEUE },
        &app->outside));
    TRY(pool_start(
        &(struct pool_options){ .name = "slow", .threads = SLOW_THREADS, .on_demand = true, .queue_max = SLOW_QUEUE },
        &app->slow));
    TRY(ticker_start(&app->ticker));
    services.workers = app->workers;
    services.outside = app->outside;
    services.slow = app->slow;
    services.ticker = app->ticker;
    services.storage_path = app->storage_path;
    services.config = current_config;
    services.reload = current_reload;
    services.auth_none = app->options->auth == 1;
    services.started_ms = time_now_ms();
    return NULL;
}

void threads_stop(struct app *app)
{
    ticker_stop(app->ticker);
    pool_stop(app->slow);
    pool_stop(app->outside);
    pool_stop(app->workers);
}

err http_client_start(struct app *app)
{
    const struct http_client_options options = {
        .allow = app->server_settings.outbound_allow.at,
        .allow_count = app->server_settings.outbound_allow.count,
    };

    TRY(http_client_new(&options, &app->http));
    services.http = app->http;
    return NULL;
}

void http_client_stop(struct app *app)
{
    http_client_free(app->http);
}

/* The topology lives within the database's life: closing it waits for its queued writes. */
err database_start(struct app *app)
{
    struct config *config CLEANUP(config_unrefp) = current_config();

    TRY(db_open(&(struct db_options){ .folder = app->storage_path }, &app->db));
    services.db = app->db;
    err e = topology_open(app->db, config, &services.topology);
    if (e)
        database_stop(app);
    return e;
}

void database_stop(struct app *app)
{
    topology_close(services.topology);
    services.topology = NULL;
    db_close(app->db);
}

err series_start(struct app *app)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 16);
    struct config *config CLEANUP(config_unrefp) = current_config();
    const struct tsdb_options options = {
        .folder = str_c(arena, str_printf(arena, "%s/tsdb", app->storage_path)),
        .settings = config_get(config, &storage_section),
        .ticker = app->ticker,
        .pool = app->workers,
    };

    TRY(tsdb_open(&options, &app->tsdb));
    services.tsdb = app->tsdb;
    services.series = tsdb_source(app->tsdb);
    services.samples = tsdb_sink(app->tsdb);
    return NULL;
}

void series_stop(struct app *app)
{
    tsdb_close(app->tsdb);
}

err web_start(struct app *app)
{
    const struct http_server_options options = {
        .settings = &app->server_settings,
        .workers = app->workers,
        .slow = app->slow,
        .auth_none = app->options->auth == 1,
    };

    http_idempotency = &idempotency_store;
    return http_server_start(&options, &app->server);
}

void web_stop(struct app *app)
{
    http_server_stop(app->server);
}

err requests_start(struct app *app)
{
    (void)app;
    return NULL;
}

void requests_stop(struct app *app)
{
    action_close(); /* who waits for an execution is answered now */
    if (!http_server_quiet(app->server, REQUESTS_END_MS))
        log_warn("requests that run since %d s did not end; stopping all the same", REQUESTS_END_MS / 1000);
}

err access_start(struct app *app)
{
    return auth_setup(app->db);
}

err analysis_start(struct app *app)
{
    rca_start(&(struct rca_options){ .db = app->db, .series = services.series });
    return NULL;
}

err notifications_start(struct app *app)
{
    notify_start(&(struct notify_options){ .http = app->http, .config = current_config });
    return NULL;
}

err readers_start(struct app *app)
{
    return journal_start(app->db);
}

err outbox_part_start(struct app *app)
{
    return outbox_start(app->db, app->outside);
}

void outbox_part_stop(struct app *app)
{
    outbox_stop(app->db, OUTBOX_DRAIN_MS);
    http_client_cancel(app->http); /* whoever does not answer; the message goes out again after the next start */
    outbox_stop(app->db, OUTBOX_CANCEL_MS);
}

err live_part_start(struct app *app)
{
    (void)app;
    return live_start();
}

void live_part_stop(struct app *app)
{
    (void)app;
    live_stop();
}

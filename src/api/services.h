/* services.h - the rooms that route handlers call: filled by app/ before the server starts.
 *
 * Owner: app/. Threads: any; what the members point to says its own rules. */
#pragma once
#include "db/db.h"
#include "model/series_source.h"
#include "net/http_client.h"
#include "net/route.h"
#include "schema/config.h"

struct ticker;
struct collecting;
struct rules;
struct scraping;
struct topology;
struct tsdb;
struct watch;

struct services {
    struct db *db;
    struct tsdb *tsdb; /* behind the two below */
    struct series_source *series;
    struct sample_sink *samples;
    struct http_client *http;
    struct collecting *collecting;
    struct topology *topology;
    struct watch *watch;
    struct scraping *scraping; /* NULL until it runs */
    struct rules *rules;       /* NULL until they run */
    struct ticker *ticker;
    struct pool *workers;           /* short work */
    struct pool *outside;           /* work that may block until its deadline */
    struct pool *slow;              /* handlers of .slow rows */
    struct config *(*config)(void); /* the current one, referenced: end with config_unref */
    err (*reload)(void);            /* all or nothing, see schema/config.h */
    const char *storage_path;
    int64_t started_ms;
    bool auth_none; /* --web.auth=none */
};

extern struct services services;

/* app.h - the running program: every room, in the order in which it was started.
 *
 * Owner: main's thread starts and stops all of it. Threads: the members' own rules. */
#pragma once
#include "net/http_server.h"
#include "schema/config.h"

struct db;
struct http_client;
struct ticker;
struct tsdb;

struct serve_options {
    VEC(struct str) config_files;
    struct str storage_path, listen, log_level;
    int auth, log_format;
};
extern const struct schema serve_options_schema;

struct app {
    const struct serve_options *options;
    char *storage_path; /* absolute */
    struct http_server_settings server_settings;
    struct pool *workers, *outside, *slow;
    struct ticker *ticker;
    struct timer *upkeep;
    struct db *db;
    struct tsdb *tsdb;
    struct http_client *http;
    struct http_server *server;
    int64_t started_mono_ms;
};

/* One room that runs: started in the order of the table, stopped in reverse. */
struct part {
    const char *name;
    err (*start)(struct app *app);
    void (*stop)(struct app *app); /* may be NULL */
};

/* serve_with - start all parts, call `run` until it returns, stop them. The demo uses it with a run of its own. */
int serve_with(const struct serve_options *options, int (*run)(struct app *app));

/* current.c - the configuration in force. */
err current_load(struct app *app) MUST_USE; /* first load */
struct config *current_config(void);        /* referenced */
err current_reload(void) MUST_USE;          /* all or nothing */
void current_free(struct app *app);

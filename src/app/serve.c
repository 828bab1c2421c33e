/* serve.c - `auspex serve`: starts the rooms in order, waits for a signal, stops them in reverse. */
#include "api/health.h"
#include "app/acting.h"
#include "app/app.h"
#include "app/command.h"
#include "app/parts.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/time.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum { ARENAS_MAX = 2 };

static const char *const auth_words[] = { "required", "none", NULL };
static const char *const format_words[] = { "logfmt", "json", NULL };

static const struct field serve_fields[] = {
    STRINGS(struct serve_options, config_files, .name = "config.file",
            .doc = "Configuration file; may be given several times, the files merge."),
    STRING(struct serve_options, storage_path, .name = "storage.path", .def = "data", .max = 4000,
           .doc = "Data folder."),
    STRING(
        struct serve_options, listen, .name = "web.listen-address", .def = "", .max = 300,
        .doc =
            "Address and port to listen on, 127.0.0.1:7171 where nothing else is configured; port 0 takes a free one."),
    ENUM(struct serve_options, auth, .name = "web.auth", .words = auth_words, .def = "required",
         .doc = "required, or none: everybody on this host is admin. Loopback only."),
    STRING(struct serve_options, log_level, .name = "log.level", .def = "info", .doc = "debug, info, warn or error."),
    ENUM(struct serve_options, log_format, .name = "log.format", .words = format_words, .def = "logfmt",
         .doc = "logfmt or json."),
    { 0 },
};
const struct schema serve_options_schema = SCHEMA(struct serve_options, serve_fields, .doc = "Options of serve.");

/* The program, in the order in which it starts; it stops in the reverse order. */
static const struct part parts[] = {
    { "configuration", current_load, current_free },
    { "runner", runner_part_start, runner_part_stop }, /* forks: before any thread, before rights are dropped */
    { "data folder", folder_start, NULL },
    { "rights", rights_drop, NULL },
    { "threads", threads_start, threads_stop },
    { "http client", http_client_start, http_client_stop },
    { "database", database_start, database_stop },
    { "series", series_start, series_stop },
    { "access", access_start, NULL },
    { "analysis", analysis_start, NULL },
    { "connections", connections_part_open, NULL },
    { "actions", actions_start, actions_stop },
    { "notifications", notifications_start, NULL },
    { "prediction", prediction_start, prediction_stop },
    { "web server", web_start, web_stop }, /* answers /-/healthy from here on; writes wait until we are ready */
    { "journal", readers_start, NULL },    /* readers catch up */
    { "outbox", outbox_part_start, outbox_part_stop },
    { "running actions", actions_run, actions_drain }, /* may finish while the outbox still takes their outcome */
    { "upkeep", upkeep_start, upkeep_stop },
    { "live pages", live_part_start, live_part_stop },
    { "doctor", doctor_part_start, doctor_part_stop },
    { "scraping", scraping_part_start, scraping_part_stop },
    { "rules", rules_part_start, rules_part_stop },
    { "sources", sources_start, sources_stop },
    { "connections' sources", connections_part_start, connections_part_stop },
    { "requests", requests_start, requests_stop }, /* handlers use all of the above: they end before it does */
};

static void stop_in_reverse_order(struct app *app, size_t started)
{
    while (started--)
        if (parts[started].stop)
            parts[started].stop(app);
}

static err start_all(struct app *app, size_t *ret_started)
{
    for (*ret_started = 0; *ret_started < ARRAY_LEN(parts); ++*ret_started)
        TRY(err_wrap(parts[*ret_started].start(app), "%s", parts[*ret_started].name));
    return NULL;
}

int serve_with(const struct serve_options *options, int (*run)(struct app *app))
{
    struct app app = { .options = options, .started_mono_ms = time_mono_ms() };
    enum log_level level;
    size_t started;

    if (!log_level_parse(options->log_level.at, &level))
        return command_fail(
            err_new(ERR_INVALID, "--log.level '%s' is not debug, info, warn or error", options->log_level.at),
            EXIT_USAGE);
    log_setup(level, (enum log_format)options->log_format);
    mallopt(M_ARENA_MAX, ARENAS_MAX); /* memory that one thread gave back serves the others */
    signals_block();
    err e = failpoints_setup(getenv("AUSPEX_FAILPOINTS"));
    if (e)
        return command_fail(e, EXIT_USAGE);
    e = start_all(&app, &started);
    if (e) {
        stop_in_reverse_order(&app, started);
        free(app.storage_path);
        return command_fail(e, EXIT_BAD);
    }
    e = become_ready(&app);
    int status = e ? command_fail(e, EXIT_BAD) : run(&app);
    services_set_ready(false);
    sd_notify(0, "STOPPING=1");
    stop_in_reverse_order(&app, started);
    free(app.storage_path);
    return status;
}

/* wait_for_signal - SIGTERM and SIGINT end it, SIGHUP loads the configuration again. */
static int wait_for_signal(struct app *app)
{
    sigset_t wanted;

    (void)app;
    signals_wanted(&wanted);
    for (;;) {
        int number;
        if (sigwait(&wanted, &number) != 0)
            continue;
        if (number == SIGHUP) {
            sd_notify(0, "RELOADING=1");
            log_err(current_reload(), "configuration not loaded");
            sd_notify(0, "READY=1");
            continue;
        }
        log_info("stopping on signal %d", number);
        return EXIT_OK;
    }
}

static int serve_run(const void *options, char **words, size_t count)
{
    (void)words, (void)count;
    return serve_with(options, wait_for_signal);
}

static const struct command serve = {
    .name = "serve",
    .arguments = "",
    .summary = "Run the server. With no configuration at all it watches the host that it runs on.",
    .options = &serve_options_schema,
    .run = serve_run,
};
REGISTER(command, serve);

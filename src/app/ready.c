/* ready.c - the last step of a start: say where we are, to people, to tools and to systemd. */
#include "api/health.h"
#include "api/services.h"
#include "app/parts.h"
#include "auth/auth.h"
#include "base/failpoint.h"
#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "db/journal.h"

#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

void signals_wanted(sigset_t *ret_set)
{
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGTERM);
    sigaddset(ret_set, SIGINT);
    sigaddset(ret_set, SIGHUP);
}

/* signals_block - before the first thread, so that only sigwait gets them; writing to a closed socket is an error, not
 * death. */
void signals_block(void)
{
    sigset_t wanted;

    signals_wanted(&wanted);
    sigprocmask(SIG_BLOCK, &wanted, NULL);
    signal(SIGPIPE, SIG_IGN);
}

struct started {
    struct arena *arena;
    struct str token;
};

static err journal_start_event(struct tx *tx, void *arg)
{
    struct started *started = arg;

    TRY(auth_one_time(tx, started->arena, &started->token));
    return journal_append(tx,
                          &(struct event){ .kind = EVENT_SERVER_STARTED,
                                           .subject = S("auspex"),
                                           .actor = S("auspex"),
                                           .data = S("{\"v\":1,\"version\":\"" AUSPEX_VERSION "\"}") },
                          NULL);
}

/* write_endpoint - for tools on this host: where is the server of this folder? */
static err write_endpoint(struct app *app, struct arena *arena, struct str url)
{
    const char *path = str_c(arena, str_printf(arena, "%s/endpoint", app->storage_path));

    return file_write(path, str_printf(arena, "{\"url\":\"%.*s\",\"pid\":%d}\n", STR_ARG(url), (int)getpid()), 0640);
}

static err write_start(struct app *app, struct started *started, struct str url)
{
    TRY(FAILPOINT("app.start_written"));
    TRY(write_endpoint(app, started->arena, url));
    return db_write(app->db, journal_start_event, started);
}

/* asked_to_stop - within a second. The signal stays for who waits for signals. */
static bool asked_to_stop(void)
{
    static const struct timespec second = { .tv_sec = 1 };
    sigset_t stops;

    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    return sigtimedwait(&stops, NULL, &second) > 0;
}

/* write_start_patiently - a disk that is full now is no reason to end: we are there, not ready, and say why. */
static err write_start_patiently(struct app *app, struct started *started, struct str url)
{
    err e = write_start(app, started, url);

    if (e && err_kind(e) == ERR_IO)
        log_error("not ready yet, tried again each second: %s", err_message(e));
    while (e && err_kind(e) == ERR_IO) {
        sd_notifyf(0, "STATUS=not ready: %s", err_message(e));
        err_free(e);
        e = asked_to_stop() ? err_new(ERR_UNAVAILABLE, "stopped before anything could be written")
                            : write_start(app, started, url);
    }
    return e;
}

err become_ready(struct app *app)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct started started = { .arena = arena };
    struct str url = http_server_url(arena, app->server);

    TRY(write_start_patiently(app, &started, url));
    http_server_ready(app->server);
    services_set_ready(true);
    sd_notifyf(0, "READY=1\nSTATUS=%.*s", STR_ARG(url));
    if (app->options->auth == 1) {
        log_warn("--web.auth=none: everybody who can reach this host's loopback is admin");
        printf("\n  Auspex %s\n\n  Page    %.*s/\n", AUSPEX_VERSION, STR_ARG(url));
    } else {
        printf("\n  Auspex %s\n\n  Page    %.*s/login#token=%.*s\n          (the link logs in once, within an hour)\n",
               AUSPEX_VERSION, STR_ARG(url), STR_ARG(started.token));
    }
    printf("  Data    %s\n  Port    %d (page, API, webhook)\n\n", app->storage_path, http_server_port(app->server));
    fflush(stdout);
    log_info("ready in %lld ms", (long long)(time_mono_ms() - app->started_mono_ms));
    return NULL;
}

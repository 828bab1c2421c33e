/* current.c - the configuration in force, and its replacement: all or nothing.
 *
 * A reload that fails changes nothing, tells its caller, and puts config.rejected into the journal, which raises an
 * alert. */
#include "api/services.h"
#include "app/parts.h"
#include "base/log.h"
#include "base/time.h"
#include "db/journal.h"

#include <pthread.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct config *current;
static struct app *the_app;

struct config *current_config(void)
{
    pthread_mutex_lock(&lock);
    struct config *config = config_ref(current);
    pthread_mutex_unlock(&lock);
    return config;
}

static err load(const struct serve_options *options, struct config **ret_config)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const char **files = arena_array(arena, options->config_files.count + 1, sizeof(*files));

    for (size_t i = 0; i < options->config_files.count; i++)
        files[i] = options->config_files.at[i].at;
    return config_load(files, options->config_files.count, ret_config);
}

err current_load(struct app *app)
{
    the_app = app;
    TRY(load(app->options, &current));
    app->server_settings = *(const struct http_server_settings *)config_get(current, &server_section);
    if (app->options->listen.length)
        app->server_settings.listen = app->options->listen;
    return NULL;
}

void current_free(struct app *app)
{
    (void)app;
    config_unref(current);
    current = NULL;
}

struct outcome {
    enum event_kind kind;
    const char *detail;
};

static err journal_outcome(struct tx *tx, void *arg)
{
    const struct outcome *outcome = arg;
    struct buf text CLEANUP(buf_clear);

    buf_init(&text, 1 << 20);
    struct json_writer w = json_writer(&text);
    json_begin_object(&w);
    json_put_i64(&w, S("v"), 1);
    json_put_str(&w, S("version"), S(AUSPEX_VERSION));
    json_put_str(&w, S("detail"), str_of(outcome->detail));
    json_end_object(&w);
    return journal_append(tx,
                          &(struct event){ .kind = outcome->kind,
                                           .subject = S("auspex"),
                                           .actor = S("auspex"),
                                           .reason = str_of(outcome->detail),
                                           .data = buf_str(&text) },
                          NULL);
}

static void say(enum event_kind kind, const char *detail)
{
    struct outcome outcome = { kind, detail };

    log_err(db_write(services.db, journal_outcome, &outcome),
            "can't keep in the journal what became of the configuration");
}

err current_reload(void)
{
    struct config *fresh = NULL;

    err e = load(the_app->options, &fresh);
    if (!e)
        e = observe_reload(fresh);
    if (e) {
        config_unref(fresh);
        say(EVENT_CONFIG_REJECTED, err_message(e));
        if (err_kind(e) == ERR_FORBIDDEN) /* read at the start, as root perhaps */
            return err_hint(
                e,
                "the configuration that was in force stays; the server runs as user id %d now, which must be "
                "able to read its files",
                (int)geteuid());
        return err_hint(e, "the configuration that was in force stays");
    }
    pthread_mutex_lock(&lock);
    struct config *old = current;
    current = fresh;
    pthread_mutex_unlock(&lock);
    config_unref(old);
    log_info("configuration loaded");
    say(EVENT_CONFIG_LOADED, "configuration loaded");
    return NULL;
}

/* live.c - /ws/alerts: alerts, incidents, approvals and executions as they are committed.
 *
 * DESIGN. Each connection has a cursor into the journal. A commit wakes the thread; it reads from the oldest cursor on,
 * once, and sends each connection what is new to it. A connection that asks for events which retention has removed,
 * or that is further behind than BACKLOG_MAX, is told {"kind":"gap"} and starts at the end: the page then reloads its
 * lists. */
#include "api/live.h"

#include "api/event_text.h"
#include "api/services.h"
#include "base/log.h"
#include "base/metric.h"
#include "db/journal.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 200, BACKLOG_MAX = 10000 };

METRIC(GAUGE, live_connections, "WebSocket connections that follow the journal.", NULL);

struct follower {
    struct follower *next;
    struct socket *socket;
    int64_t cursor; /* the last event it has */
    struct arena *arena;
    struct str principal; /* "user:kim" */
    enum lang lang;
};

static struct live {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    struct follower *followers;
    bool running, woken;
} live = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void wake(void *arg, int64_t last_id)
{
    (void)arg, (void)last_id;
    pthread_mutex_lock(&live.lock);
    live.woken = true;
    pthread_cond_signal(&live.changed);
    pthread_mutex_unlock(&live.lock);
}

struct batch {
    struct arena *arena;
    struct journal_filter filter;
    struct event_list list;
};

static err read_batch(struct tx *tx, void *arg)
{
    struct batch *batch = arg;

    return journal_read(tx, batch->arena, &batch->filter, &batch->list);
}

static struct str message(struct arena *arena, const struct event *event, enum lang lang)
{
    struct event_row row = event_row_of(arena, event, lang);
    struct buf text CLEANUP(buf_clear);

    buf_init(&text, 1 << 20);
    struct json_writer w = json_writer(&text);
    schema_encode(&w, &event_row_schema, &row, true);
    return str_copy(arena, buf_str(&text));
}

static void say_gap_locked(struct follower *follower, int64_t last)
{
    socket_send(follower->socket, S("{\"kind\":\"gap\"}"));
    follower->cursor = last;
}

/* oldest_locked - the cursor from which to read; followers too far behind are moved to the end. */
static int64_t oldest_locked(int64_t first, int64_t last)
{
    int64_t oldest = last;

    for (struct follower *f = live.followers; f; f = f->next) {
        if (f->cursor < last && (f->cursor < first - 1 || last - f->cursor > BACKLOG_MAX))
            say_gap_locked(f, last);
        if (f->cursor < oldest)
            oldest = f->cursor;
    }
    return oldest;
}

/* lost_access - whose token was revoked, or who was deleted, by this event; empty: nobody. */
static struct str lost_access(struct arena *arena, const struct event *event)
{
    if (event->kind == EVENT_TOKEN_REVOKED)
        return str_printf(arena, "token:%.*s", STR_ARG(event->subject));
    if (event->kind == EVENT_USER_CHANGED && str_eq(event->reason, S("deleted")))
        return str_printf(arena, "user:%.*s", STR_ARG(event->subject));
    return S("");
}

/* deliver_locked - each follower gets what is after its cursor, worded in its language (worded once a language). */
static void deliver_locked(const struct batch *batch)
{
    for (size_t i = 0; i < batch->list.count; i++) {
        const struct event *event = &batch->list.at[i];
        struct str words[LANG_COUNT] = { 0 }, lost = lost_access(batch->arena, event);
        for (struct follower *f = live.followers; f; f = f->next) {
            if (f->cursor >= event->id)
                continue;
            if (!words[f->lang].at)
                words[f->lang] = message(batch->arena, event, f->lang);
            f->cursor = event->id;
            if (lost.length && str_eq(f->principal, lost))
                socket_expel(f->socket);
            else
                socket_send(f->socket, words[f->lang]);
        }
    }
}

/* drain_locked - until every follower has all that is durable. The lock is not held while the database is read. */
static void drain_locked(void)
{
    for (;;) {
        int64_t last = journal_last_id(services.db);
        int64_t from = oldest_locked(journal_first_id(services.db), last);
        if (from >= last)
            return;
        struct arena *arena CLEANUP(arena_freep) = arena_new(64 << 20);
        struct batch batch = { .arena = arena, .filter = { .after = from, .limit = BATCH } };
        pthread_mutex_unlock(&live.lock);
        err e = db_read(services.db, read_batch, &batch);
        pthread_mutex_lock(&live.lock);
        if (e || batch.list.count == 0) {
            log_err(e, "can't read the journal for live pages");
            return;
        }
        deliver_locked(&batch);
    }
}

static void *follow(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&live.lock);
    while (live.running) {
        if (!live.woken)
            pthread_cond_wait(&live.changed, &live.lock);
        live.woken = false;
        if (live.running)
            drain_locked();
    }
    pthread_mutex_unlock(&live.lock);
    return NULL;
}

err live_start(void)
{
    sigset_t all, before;

    live.running = true;
    journal_on_commit(services.db, wake, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(&live.thread, NULL, follow, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number)
        return err_new(ERR_UNAVAILABLE, "can't start the thread for live pages: %s", strerror(number));
    pthread_setname_np(live.thread, "live");
    return NULL;
}

void live_stop(void)
{
    if (!live.running)
        return;
    pthread_mutex_lock(&live.lock);
    live.running = false;
    pthread_cond_signal(&live.changed);
    pthread_mutex_unlock(&live.lock);
    pthread_join(live.thread, NULL);
}

struct follow_query {
    int64_t since;
};

static const struct field follow_query_fields[] = {
    INT(struct follow_query, since, .min = -1, .max = 1e15, .def = "-1",
        .doc = "Resume after this event; -1: from now on."),
    { 0 },
};
static const struct schema follow_query_schema = SCHEMA(struct follow_query, follow_query_fields);

static err follower_open(struct socket *socket, struct request *req, const void *query, void **ret_state)
{
    const struct follow_query *q = query;
    struct follower *follower = calloc(1, sizeof(*follower));

    if (!follower)
        abort();
    int64_t last = journal_last_id(services.db);
    follower->socket = socket_ref(socket);
    follower->cursor = q->since < 0 ? last : q->since;
    follower->lang = request_lang(req, LANG_EN);
    follower->arena = arena_new(4096);
    follower->principal = str_copy(follower->arena, request_principal(req)->name);
    pthread_mutex_lock(&live.lock);
    if (follower->cursor > last) /* of another journal: this data folder never gave that number */
        say_gap_locked(follower, last);
    follower->next = live.followers;
    live.followers = follower;
    live.woken = true;
    pthread_cond_signal(&live.changed);
    pthread_mutex_unlock(&live.lock);
    metric_add(&live_connections, 1);
    *ret_state = follower;
    return NULL;
}

static void follower_closed(struct socket *socket, void *state)
{
    (void)socket;
    pthread_mutex_lock(&live.lock);
    for (struct follower **at = &live.followers; *at; at = &(*at)->next)
        if (*at == state) {
            *at = (*at)->next;
            break;
        }
    pthread_mutex_unlock(&live.lock);
    socket_unref(((struct follower *)state)->socket);
    arena_free(((struct follower *)state)->arena);
    free(state);
    metric_add(&live_connections, -1);
}

static const struct socket_route alerts_socket = {
    .path = "/ws/alerts",
    .summary = "New and changed alerts, incidents, approvals and executions",
    .role = ROLE_VIEWER,
    .query = &follow_query_schema,
    .open = follower_open,
    .closed = follower_closed,
};
REGISTER(socket_route, alerts_socket);

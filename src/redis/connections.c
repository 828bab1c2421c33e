/* connections.c - rows of redis_connection, and the sources that run for them. */
#include "redis/connections.h"

#include "auth/seal.h"
#include "base/log.h"
#include "base/time.h"
#include "db/journal.h"
#include "net/address.h"
#include "net/redis_reach.h"
#include "redis/doctor.h"
#include "redis/info.h"

enum { CONNECT_MS = 5000, INTERVAL_S = 5, CONNECTIONS_MAX = 500, SETTINGS_MAX = 1 << 16 };

static const struct migration redis_1 = {
    .room = "redis",
    .number = 1,
    .sql = "CREATE TABLE redis_connection ("
           "  id INTEGER PRIMARY KEY, name TEXT NOT NULL, host TEXT NOT NULL, port INTEGER NOT NULL,"
           "  username TEXT NOT NULL, password TEXT NOT NULL, db INTEGER NOT NULL, tls INTEGER NOT NULL,"
           "  test INTEGER NOT NULL, interval_s INTEGER NOT NULL, watched INTEGER NOT NULL, version TEXT NOT NULL,"
           "  mode TEXT NOT NULL, role TEXT NOT NULL, since INTEGER NOT NULL) STRICT;"
           "CREATE UNIQUE INDEX redis_connection_address ON redis_connection (host, port);",
};
REGISTER(migration, redis_1);

static struct {
    struct db *db;
    struct collecting *collecting; /* NULL while the program starts and stops */
} room;

static struct str address_of(struct arena *arena, struct str host, int64_t port)
{
    return str_printf(arena, str_contains(host, S(":")) ? "[%.*s]:%d" : "%.*s:%d", STR_ARG(host), (int)port);
}

static struct seal_place place_of(struct str address)
{
    return (struct seal_place){ .table = "redis_connection", .column = "password", .row = address };
}

/* name_it - what follows from id, host and port. */
static void name_it(struct arena *arena, struct connection *c)
{
    c->address = address_of(arena, c->host, c->port);
    c->resource = str_printf(arena, "redis:%.*s", STR_ARG(c->address));
    c->key = str_printf(arena, "%lld", (long long)c->id);
    c->source = str_printf(arena, "redis-%lld", (long long)c->id);
    if (!c->name.length)
        c->name = c->address;
}

#define COLUMNS                                                                                                        \
    "id, name, host, port, username, db, tls, test, interval_s, watched, version, mode, role, since, password"
enum { COLUMN_PASSWORD = 14 };

static struct connection from_row(struct rows *rows, struct arena *arena)
{
    struct connection c = {
        .id = rows_i64(rows, 0),
        .name = rows_copy(rows, 1, arena),
        .host = rows_copy(rows, 2, arena),
        .port = rows_i64(rows, 3),
        .username = rows_copy(rows, 4, arena),
        .db = rows_i64(rows, 5),
        .tls = rows_i64(rows, 6),
        .test = rows_i64(rows, 7),
        .interval_s = rows_i64(rows, 8),
        .watched = rows_i64(rows, 9),
        .server_version = rows_copy(rows, 10, arena),
        .mode = rows_copy(rows, 11, arena),
        .role = rows_copy(rows, 12, arena),
        .since_ms = rows_i64(rows, 13),
    };

    name_it(arena, &c);
    return c;
}

/* The rows, each with its sealed password. */
struct kept {
    struct arena *arena;
    struct connection_list list;
    VEC(struct str) sealed;
};

static err kept_read(struct tx *tx, void *arg)
{
    struct kept *kept = arg;
    struct rows *rows CLEANUP(rows_closep) = NULL;

    TRY(tx_query(tx, "SELECT " COLUMNS " FROM redis_connection ORDER BY id", NONE, &rows));
    while (rows_next(rows)) {
        *vec_push(&kept->list.connections, kept->arena) = from_row(rows, kept->arena);
        *vec_push(&kept->sealed, kept->arena) = rows_copy(rows, COLUMN_PASSWORD, kept->arena);
    }
    return rows_err(rows);
}

static const struct connection *at_address(const struct connection_list *list, struct str address)
{
    for (size_t i = 0; i < list->connections.count; i++)
        if (str_eq(list->connections.at[i].address, address))
            return &list->connections.at[i];
    return NULL;
}

/* add_configured - sources of type redis that nobody connected: the configuration's. */
static void add_configured(struct arena *arena, struct connection_list *list)
{
    struct source_list sources = { 0 };

    if (room.collecting)
        collecting_list(room.collecting, arena, &sources);
    for (size_t i = 0; i < sources.count; i++) {
        const struct source_state *source = &sources.at[i];
        if (!str_eq(source->collector, S("redis")) || at_address(list, source->instance))
            continue;
        *vec_push(&list->connections, arena) = (struct connection){
            .key = source->name,
            .source = source->name,
            .name = source->name,
            .address = source->instance,
            .resource = str_printf(arena, "redis:%.*s", STR_ARG(source->instance)),
            .interval_s = (source->interval_ms + SECOND_MS - 1) / SECOND_MS,
            .watched = true,
        };
    }
}

err connections_list(struct arena *arena, struct connection_list *ret_list)
{
    struct kept kept = { .arena = arena };

    TRY(db_read(room.db, kept_read, &kept));
    *ret_list = kept.list;
    add_configured(arena, ret_list);
    return NULL;
}

static bool is_called(const struct connection *c, struct str which)
{
    return str_eq(which, c->key) || str_eq(which, c->name) || str_eq(which, c->address) || str_eq(which, c->resource);
}

err connections_find(struct arena *arena, struct str which, struct connection *ret_connection)
{
    struct connection_list list;
    err e = NULL;

    TRY(connections_list(arena, &list));
    if (!list.connections.count)
        return err_hint(err_new(ERR_NOT_FOUND, "no Redis is connected"), "POST /api/v1/monitor/connect first");
    if (!which.length && list.connections.count > 1) {
        err_add_field(&e, ERR_RANGE, "connection", "is required where several are connected");
        return e;
    }
    for (size_t i = 0; i < list.connections.count; i++) {
        *ret_connection = list.connections.at[i];
        if (!which.length || is_called(ret_connection, which))
            return NULL;
    }
    return err_new(ERR_NOT_FOUND, "no connection '%.*s'", STR_ARG(which));
}

/* start_source - the collector's settings as JSON, the password among them: it stays in memory. */
static err start_source(const struct connection *c, struct str password)
{
    struct buf settings CLEANUP(buf_clear);

    buf_init(&settings, SETTINGS_MAX);
    struct json_writer w = json_writer(&settings);
    json_begin_object(&w);
    json_put_str(&w, S("host"), c->host);
    json_put_i64(&w, S("port"), c->port);
    json_put_str(&w, S("username"), c->username);
    json_put_str(&w, S("password"), password);
    json_put_bool(&w, S("tls"), c->tls);
    json_end_object(&w);
    return collecting_add(room.collecting, &(struct source_spec){ .collector = S("redis"),
                                                                  .name = c->source,
                                                                  .interval_ms = c->interval_s * SECOND_MS,
                                                                  .settings = buf_str(&settings) });
}

static err start_kept(struct arena *arena, const struct connection *c, struct str sealed)
{
    struct seal_place place = place_of(c->address);
    struct str password;

    TRY(unseal(arena, &place, sealed, &password));
    return start_source(c, password);
}

err connections_open(struct db *db, const char *storage_path)
{
    room.db = db;
    return seal_open(storage_path);
}

err connections_start(struct collecting *collecting)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(8 << 20);
    struct kept kept = { .arena = arena };

    room.collecting = collecting;
    TRY(db_read(room.db, kept_read, &kept));
    for (size_t i = 0; i < kept.sealed.count; i++) {
        const struct connection *c = &kept.list.connections.at[i];
        if (c->watched)
            log_err(start_kept(arena, c, kept.sealed.at[i]), "Redis %.*s is not watched", STR_ARG(c->address));
    }
    return NULL;
}

void connections_stop(void)
{
    room.collecting = NULL;
}

/* in_words - the redis client's errors as the API's: that the server refuses our password, or speaks no RESP, is no
 * fault of the request. */
static err in_words(err e)
{
    if (!e || err_is_retryable(e) || err_kind(e) == ERR_REFUSED)
        return e;
    err refused = err_new(ERR_REFUSED, "%s", err_message(e));
    if (err_kind(e) == ERR_FORBIDDEN)
        refused = err_hint(refused, "give `password`, and `username` where the server has ACL users");
    err_free(e);
    return refused;
}

/* ask_who - connect and read INFO. A server that loads or runs a script is a Redis all the same; it says who it is
 * later. */
static err ask_who(struct arena *arena, const struct connection_in *in, struct connection *c)
{
    struct redis_client *client CLEANUP(redis_client_freep) = redis_client_new(&(struct redis_options){
        .host = in->host,
        .port = (int)in->port,
        .user = in->username,
        .password = in->password,
        .db = (int)in->db,
        .tls = in->tls,
        .client_name = S("auspex-monitor"),
    });
    const struct str argv[] = { S("INFO"), S("everything") };
    int64_t deadline = time_mono_ms() + CONNECT_MS;
    const struct resp *reply = NULL;
    struct redis_info info;

    c->server_version = c->mode = c->role = S("unknown");
    err e = redis_connect(client, deadline);
    if (!e)
        e = redis_command(client, arena, deadline, argv, ARRAY_LEN(argv), &reply);
    if (e && (redis_outcome(client) == REDIS_LOADING || redis_outcome(client) == REDIS_BUSY)) {
        err_free(e);
        return NULL;
    }
    TRY(in_words(e));
    if (reply->type != RESP_STRING)
        return err_new(ERR_REFUSED, "what listens at %.*s is no Redis: INFO answered no text", STR_ARG(c->address));
    e = redis_info_parse(arena, reply->text, &info);
    if (e || !info.redis_version.length) {
        err_free(e);
        return err_new(ERR_REFUSED, "what listens at %.*s is no Redis: its INFO has no redis_version",
                       STR_ARG(c->address));
    }
    c->server_version = str_utf8_scrub(arena, info.redis_version);
    c->mode = info.redis_mode.length ? str_utf8_scrub(arena, info.redis_mode) : S("standalone");
    c->role = str_eq(info.role, S("slave")) ? S("replica") : str_utf8_scrub(arena, info.role);
    return NULL;
}

static err append(struct tx *tx, const struct connection *c, enum event_kind kind, struct str actor, struct str state)
{
    struct buf data CLEANUP(buf_clear);

    buf_init(&data, SETTINGS_MAX);
    struct json_writer w = json_writer(&data);
    json_begin_object(&w);
    json_put_i64(&w, S("v"), 1);
    json_put_str(&w, S("connection"), c->key);
    json_put_str(&w, S("name"), c->name);
    json_put_str(&w, S("address"), c->address);
    json_put_str(&w, S("state"), state);
    json_end_object(&w);
    const struct event event = {
        .kind = kind, .subject = c->resource, .actor = actor, .reason = state, .data = buf_str(&data)
    };
    return journal_append(tx, &event, NULL);
}

struct add_job {
    struct arena *arena;
    struct connection *c;
    struct str sealed, actor;
    bool watch;
};

static err insert(struct tx *tx, struct add_job *job)
{
    struct connection *c = job->c;
    int64_t count;

    TRY(tx_get_i64(tx, "SELECT count(*) FROM redis_connection", NONE, 0, &count));
    if (count >= CONNECTIONS_MAX)
        return err_new(ERR_CONFLICT, "%d connections are the most", CONNECTIONS_MAX);
    TRY(tx_run(tx,
               "INSERT INTO redis_connection (name, host, port, username, password, db, tls, test, interval_s, watched,"
               " version, mode, role, since) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
               PARAMS(c->name, c->host, c->port, c->username, job->sealed, c->db, c->tls, c->test, c->interval_s,
                      c->watched, c->server_version, c->mode, c->role, tx_now_ms(tx))));
    c->id = tx_last_id(tx);
    return NULL;
}

static err update(struct tx *tx, const struct add_job *job)
{
    const struct connection *c = job->c;

    return tx_run(tx,
                  "UPDATE redis_connection SET name = ?2, username = ?3, password = ?4, db = ?5, tls = ?6, test = ?7,"
                  " watched = ?8, version = ?9, mode = ?10, role = ?11, since = ?12 WHERE id = ?1",
                  PARAMS(c->id, c->name, c->username, job->sealed, c->db, c->tls, c->test, c->watched,
                         c->server_version, c->mode, c->role, tx_now_ms(tx)));
}

static err add_write(struct tx *tx, void *arg)
{
    struct add_job *job = arg;
    struct connection *c = job->c;
    struct rows *rows CLEANUP(rows_closep) = NULL;

    c->id = 0;
    TRY(tx_query(tx, "SELECT id, interval_s, watched FROM redis_connection WHERE host = ?1 AND port = ?2",
                 PARAMS(c->host, c->port), &rows));
    if (rows_next(rows)) {
        c->id = rows_i64(rows, 0);
        c->interval_s = rows_i64(rows, 1);
        c->watched = job->watch || rows_i64(rows, 2);
    }
    TRY(rows_err(rows));
    bool known = c->id != 0;
    TRY(known ? update(tx, job) : insert(tx, job));
    c->since_ms = tx_now_ms(tx);
    name_it(job->arena, c);
    return append(tx, c, known ? EVENT_CONNECTION_CHANGED : EVENT_CONNECTION_ADDED, job->actor,
                  c->watched ? S("monitoring") : S("connected"));
}

err connections_add(struct arena *arena, const struct connection_in *in, struct connection *ret_connection)
{
    struct connection *c = ret_connection;
    struct connection_list list;

    *c = (struct connection){
        .name = in->name,
        .host = in->host,
        .port = in->port,
        .username = in->username.at ? in->username : S(""),
        .db = in->db,
        .tls = in->tls,
        .test = in->test,
        .interval_s = INTERVAL_S,
        .watched = in->watch,
    };
    name_it(arena, c);
    struct seal_place place = place_of(c->address);
    struct add_job job = { .arena = arena, .c = c, .actor = in->actor, .watch = in->watch };
    TRY(connections_list(arena, &list));
    const struct connection *there = at_address(&list, c->address);
    if (there && !there->id)
        return err_new(ERR_CONFLICT, "%.*s is watched already: it stands in the configuration as source %.*s",
                       STR_ARG(c->address), STR_ARG(there->name));
    TRY(address_check_reachable(in->host, time_mono_ms() + CONNECT_MS));
    TRY(ask_who(arena, in, c));
    TRY(seal(arena, &place, in->password.at ? in->password : S(""), &job.sealed));
    TRY(db_write(room.db, add_write, &job));
    if (!c->watched)
        return NULL;
    collecting_remove(room.collecting, c->source); /* it may have run with an old password */
    return start_source(c, in->password);
}

struct watch_job {
    struct arena *arena;
    struct connection *c;
    struct str actor, sealed;
};

static err watch_write(struct tx *tx, void *arg)
{
    struct watch_job *job = arg;
    struct connection *c = job->c;
    struct rows *rows CLEANUP(rows_closep) = NULL;

    TRY(tx_run(tx, "UPDATE redis_connection SET watched = ?2, interval_s = ?3, since = ?4 WHERE id = ?1",
               PARAMS(c->id, c->watched, c->interval_s, tx_now_ms(tx))));
    c->since_ms = tx_now_ms(tx);
    TRY(tx_query(tx, "SELECT password FROM redis_connection WHERE id = ?1", PARAMS(c->id), &rows));
    if (rows_next(rows))
        job->sealed = rows_copy(rows, 0, job->arena);
    TRY(rows_err(rows));
    return append(tx, c, EVENT_CONNECTION_CHANGED, job->actor, c->watched ? S("monitoring") : S("connected"));
}

err connections_watch(struct arena *arena, struct connection *connection, int64_t interval_s, struct str actor)
{
    struct watch_job job = { .arena = arena, .c = connection, .actor = actor };
    bool same = connection->watched == (interval_s > 0) && (!interval_s || connection->interval_s == interval_s);

    if (!connection->id)
        return err_new(ERR_CONFLICT, "%.*s stands in the configuration, in section sources: change it there",
                       STR_ARG(connection->name));
    if (same)
        return NULL;
    connection->watched = interval_s > 0;
    if (interval_s > 0)
        connection->interval_s = interval_s;
    TRY(db_write(room.db, watch_write, &job));
    collecting_remove(room.collecting, connection->source);
    if (connection->watched)
        return start_kept(arena, connection, job.sealed);
    doctor_forget(connection->resource);
    return NULL;
}

err connections_reach(struct arena *arena, struct str which, struct redis_options *ret_options)
{
    struct kept kept = { .arena = arena };

    TRY(db_read(room.db, kept_read, &kept));
    for (size_t i = 0; i < kept.sealed.count; i++) {
        const struct connection *c = &kept.list.connections.at[i];
        struct seal_place place = place_of(c->address);
        if (!is_called(c, which))
            continue;
        *ret_options = (struct redis_options){
            .host = c->host, .port = (int)c->port, .user = c->username, .db = (int)c->db, .tls = c->tls
        };
        return unseal(arena, &place, kept.sealed.at[i], &ret_options->password);
    }
    if (redis_reach_find(arena, which, ret_options))
        return NULL;
    return err_new(ERR_NOT_FOUND, "no Redis '%.*s' is connected", STR_ARG(which));
}

struct note_job {
    const struct connection *c;
    struct str actor, what, detail;
};

static err note_write(struct tx *tx, void *arg)
{
    const struct note_job *job = arg;
    struct buf data CLEANUP(buf_clear);

    buf_init(&data, SETTINGS_MAX);
    struct json_writer w = json_writer(&data);
    json_begin_object(&w);
    json_put_i64(&w, S("v"), 1);
    json_put_str(&w, S("what"), job->what);
    json_put_str(&w, S("detail"), job->detail);
    json_end_object(&w);
    const struct event event = { .kind = EVENT_CHANGE,
                                 .subject = job->c->resource,
                                 .actor = job->actor,
                                 .reason = job->detail,
                                 .data = buf_str(&data) };
    return journal_append(tx, &event, NULL);
}

err connections_note(const struct connection *connection, struct str actor, const char *what, struct str detail)
{
    struct note_job job = { connection, actor, str_of(what), detail };

    return db_write(room.db, note_write, &job);
}

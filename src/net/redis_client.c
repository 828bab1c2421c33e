/* redis_client.c - one connection to a Redis, each call within its deadline. */
#include "net/redis_client.h"

#include "base/buf.h"
#include "base/lang.h"
#include "base/time.h"
#include "net/resp.h"
#include "net/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

enum { REPLY_MAX = 16 * 1024 * 1024, ELEMENTS_MAX = 100000, COMMAND_MAX = 64 * 1024 * 1024, READ_SIZE = 16384 };

struct redis_client {
    struct arena *arena; /* the options' texts */
    struct redis_options options;
    struct wire wire;
    struct resp_reader *reader;
    enum redis_outcome outcome;
};

/* How an error reply begins, what it means, and as which err it goes up. */
static const struct meaning {
    struct str begin;
    enum redis_outcome outcome;
    enum err_kind kind;
} meanings[] = {
    { S("LOADING "), REDIS_LOADING, ERR_UNAVAILABLE },
    { S("BUSY "), REDIS_BUSY, ERR_UNAVAILABLE },
    { S("NOAUTH "), REDIS_NOAUTH, ERR_FORBIDDEN },
    { S("WRONGPASS "), REDIS_WRONGPASS, ERR_FORBIDDEN },
    { S("ERR invalid password"), REDIS_WRONGPASS, ERR_FORBIDDEN },
    { S("ERR operation not permitted"), REDIS_NOAUTH, ERR_FORBIDDEN },
    { S("NOPERM "), REDIS_NOPERM, ERR_FORBIDDEN },
    { S("MISCONF "), REDIS_MISCONF, ERR_UNAVAILABLE },
    { S("MASTERDOWN "), REDIS_MASTERDOWN, ERR_UNAVAILABLE },
    { S("READONLY "), REDIS_READONLY, ERR_REFUSED },
    { S("OOM "), REDIS_OOM, ERR_UNAVAILABLE },
    { S("ERR max number of clients"), REDIS_MAXCLIENTS, ERR_UNAVAILABLE },
    { S("ERR unknown command"), REDIS_UNKNOWN_COMMAND, ERR_REFUSED },
    { S("ERR unknown subcommand"), REDIS_UNKNOWN_COMMAND, ERR_REFUSED },
};

const char *redis_outcome_name(enum redis_outcome outcome)
{
    static const char *const names[] = {
        [REDIS_DONE] = "done",
        [REDIS_ERROR] = "error",
        [REDIS_LOADING] = "loading",
        [REDIS_BUSY] = "busy",
        [REDIS_NOAUTH] = "noauth",
        [REDIS_WRONGPASS] = "wrongpass",
        [REDIS_NOPERM] = "noperm",
        [REDIS_MISCONF] = "misconf",
        [REDIS_MASTERDOWN] = "masterdown",
        [REDIS_READONLY] = "readonly",
        [REDIS_OOM] = "oom",
        [REDIS_MAXCLIENTS] = "maxclients",
        [REDIS_UNKNOWN_COMMAND] = "unknown_command",
        [REDIS_REFUSED] = "refused",
        [REDIS_TIMED_OUT] = "timeout",
        [REDIS_CLOSED] = "closed",
        [REDIS_PROTOCOL] = "protocol_error",
    };

    return names[outcome];
}

struct redis_client *redis_client_new(const struct redis_options *options)
{
    struct redis_client *client = calloc(1, sizeof(*client));

    if (!client)
        abort();
    client->arena = arena_new(64 * 1024);
    client->options = *options;
    client->options.host = str_copy(client->arena, options->host);
    client->options.user = str_copy(client->arena, options->user);
    client->options.password = str_copy(client->arena, options->password);
    client->options.ca_file = str_copy(client->arena, options->ca_file);
    client->options.client_name = str_copy(client->arena, options->client_name);
    if (!client->options.reply_max)
        client->options.reply_max = REPLY_MAX;
    if (!client->options.elements_max)
        client->options.elements_max = ELEMENTS_MAX;
    client->wire.fd = -1;
    client->outcome = REDIS_CLOSED;
    return client;
}

void redis_disconnect(struct redis_client *client)
{
    wire_close(&client->wire);
    resp_reader_free(TAKE(client->reader));
}

void redis_client_free(struct redis_client *client)
{
    if (!client)
        return;
    redis_disconnect(client);
    arena_free(client->arena);
    free(client);
}

void redis_client_freep(struct redis_client **client)
{
    redis_client_free(*client);
}

bool redis_is_connected(const struct redis_client *client)
{
    return client->wire.fd >= 0;
}

enum redis_outcome redis_outcome(const struct redis_client *client)
{
    return client->outcome;
}

/* lost - the connection is of no more use: what it would say next belongs to nobody. */
static err lost(struct redis_client *client, enum redis_outcome outcome, err e)
{
    redis_disconnect(client);
    client->outcome = err_kind(e) == ERR_TIMEOUT ? REDIS_TIMED_OUT : outcome;
    return err_wrap(e, "Redis %.*s:%d", STR_ARG(client->options.host), client->options.port);
}

static err send_command(struct redis_client *client, const struct str *argv, size_t count, int64_t deadline_ms)
{
    struct buf out CLEANUP(buf_clear);

    buf_init(&out, COMMAND_MAX);
    buf_addf(&out, "*%zu\r\n", count);
    for (size_t i = 0; i < count; i++) {
        buf_addf(&out, "$%zu\r\n", argv[i].length);
        buf_add(&out, argv[i]);
        buf_add(&out, S("\r\n"));
    }
    TRY(buf_check(&out)); /* nothing was sent */
    for (size_t sent = 0; sent < out.length;) {
        struct iovec part = { out.at + sent, out.length - sent };
        ssize_t put = wire_write(&client->wire, &part, 1);
        if (put == WIRE_BROKEN)
            return lost(client, REDIS_CLOSED, err_new(ERR_UNAVAILABLE, "the connection broke: %s", strerror(errno)));
        if (put == WIRE_AGAIN) {
            err e = wire_wait(&client->wire, deadline_ms);
            if (e)
                return lost(client, REDIS_TIMED_OUT, e);
            continue;
        }
        sent += (size_t)put;
    }
    return NULL;
}

static err read_reply(struct redis_client *client, struct arena *arena, int64_t deadline_ms,
                      const struct resp **ret_reply)
{
    char bytes[READ_SIZE];
    size_t sum = 0;

    resp_reader_begin(client->reader, arena, client->options.elements_max);
    for (;;) {
        /* Also between reads that bring something: a server that drips must not hold us. */
        if (time_mono_ms() >= deadline_ms)
            return lost(client, REDIS_TIMED_OUT, err_new(ERR_TIMEOUT, "no whole reply in time"));
        ssize_t got = wire_read(&client->wire, bytes, sizeof(bytes));
        if (got == WIRE_AGAIN) {
            err e = wire_wait(&client->wire, deadline_ms);
            if (e)
                return lost(client, REDIS_TIMED_OUT, e);
            continue;
        }
        if (got == WIRE_BROKEN)
            return lost(client, REDIS_CLOSED, err_new(ERR_UNAVAILABLE, "the connection broke: %s", strerror(errno)));
        if (got == 0)
            return lost(client, REDIS_CLOSED, err_new(ERR_UNAVAILABLE, "closed the connection"));
        sum += (size_t)got;
        if (sum > client->options.reply_max)
            return lost(client, REDIS_PROTOCOL,
                        err_new(ERR_TOO_LARGE, "a reply of more than %zu bytes", client->options.reply_max));
        err e = resp_reader_feed(client->reader, (struct str){ bytes, (size_t)got }, ret_reply);
        if (e)
            return lost(client, REDIS_PROTOCOL, e);
        if (*ret_reply && resp_reader_has_rest(client->reader))
            return lost(client, REDIS_PROTOCOL, err_new(ERR_INVALID, "more came than was asked for"));
        if (*ret_reply)
            return NULL;
    }
}

static err error_reply(struct redis_client *client, struct str text)
{
    const struct str *host = &client->options.host;
    enum err_kind kind = ERR_REFUSED;

    client->outcome = REDIS_ERROR;
    for (size_t i = 0; i < ARRAY_LEN(meanings); i++) {
        if (!str_starts(text, meanings[i].begin))
            continue;
        client->outcome = meanings[i].outcome;
        kind = meanings[i].kind;
        break;
    }
    struct str head = str_utf8_head(text, 300);
    return err_new(kind, "Redis %.*s:%d says: %.*s", STR_ARG(*host), client->options.port, STR_ARG(head));
}

err redis_command(struct redis_client *client, struct arena *arena, int64_t deadline_ms, const struct str *argv,
                  size_t count, const struct resp **ret_reply)
{
    const struct resp *reply = NULL;

    *ret_reply = NULL;
    if (!redis_is_connected(client)) {
        client->outcome = REDIS_CLOSED;
        return err_new(ERR_UNAVAILABLE, "not connected to Redis %.*s:%d", STR_ARG(client->options.host),
                       client->options.port);
    }
    TRY(send_command(client, argv, count, deadline_ms));
    TRY(read_reply(client, arena, deadline_ms, &reply));
    if (reply->type == RESP_ERROR)
        return error_reply(client, reply->text);
    client->outcome = REDIS_DONE;
    *ret_reply = reply;
    return NULL;
}

/* greet - who we are and which database. LOADING keeps the connection: what can be asked then is the caller's
 * business. */
static err greet(struct redis_client *client, struct arena *arena, int64_t deadline_ms)
{
    const struct redis_options *options = &client->options;
    struct str number = str_printf(arena, "%d", options->db);
    const struct str auth[] = { S("AUTH"), options->user, options->password };
    const struct str old_auth[] = { S("AUTH"), options->password };
    const struct str name[] = { S("CLIENT"), S("SETNAME"), options->client_name };
    const struct str select[] = { S("SELECT"), number };
    const struct resp *reply;

    client->outcome = REDIS_DONE;
    if (options->user.length)
        TRY(redis_command(client, arena, deadline_ms, auth, ARRAY_LEN(auth), &reply));
    else if (options->password.length)
        TRY(redis_command(client, arena, deadline_ms, old_auth, ARRAY_LEN(old_auth), &reply));
    if (options->client_name.length) {
        /* A user without the right to it is served all the same. */
        err e = redis_command(client, arena, deadline_ms, name, ARRAY_LEN(name), &reply);
        if (e && (!redis_is_connected(client) || client->outcome == REDIS_MAXCLIENTS))
            return e;
        err_free(e);
        client->outcome = REDIS_DONE;
    }
    if (options->db != 0)
        TRY(redis_command(client, arena, deadline_ms, select, ARRAY_LEN(select), &reply));
    return NULL;
}

err redis_connect(struct redis_client *client, int64_t deadline_ms)
{
    const struct redis_options *options = &client->options;

    if (redis_is_connected(client))
        return NULL;
    err e = wire_connect(options->host, options->port, deadline_ms, &client->wire);
    if (!e && options->tls)
        e = wire_secure(&client->wire, options->host, options->ca_file, deadline_ms);
    if (e)
        return lost(client, REDIS_REFUSED, e);
    client->reader = resp_reader_new();
    struct arena *arena CLEANUP(arena_freep) = arena_new(64 * 1024);
    e = greet(client, arena, deadline_ms);
    if (e && client->outcome != REDIS_LOADING)
        redis_disconnect(client);
    return e;
}

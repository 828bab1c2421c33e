/* redis_call.c - connections and facts of the Redis that an action is about. */
#include "action/redis_call.h"

#include "net/redis_reach.h"

#include <math.h>
#include <string.h>

struct str redis_call_address(struct arena *arena, const struct redis_options *options)
{
    bool v6 = str_contains(options->host, S(":"));

    return str_printf(arena, v6 ? "[%.*s]:%d" : "%.*s:%d", STR_ARG(options->host), options->port);
}

err redis_call_open(struct step_call *call, struct str instance, struct redis_client **ret_client)
{
    struct redis_options options = { 0 };

    if (!call->inventory || !call->inventory->redis)
        return err_new(ERR_NOT_FOUND, "no Redis is known here");
    TRY(call->inventory->redis(call->inventory->arg, call->arena, instance, &options));
    struct str address = redis_call_address(call->arena, &options);
    struct redis_client *client CLEANUP(redis_call_closep) = redis_reach_borrow(address);
    if (!client) {
        options.client_name = S("auspex-act");
        client = redis_client_new(&options);
    }
    if (redis_is_connected(client)) { /* is it still? BUSY and the like are answers too */
        const struct str ping[] = { S("PING") };
        const struct resp *reply;
        err_free(redis_command(client, call->arena, call->deadline_ms, ping, 1, &reply));
    }
    TRY(redis_connect(client, call->deadline_ms));
    *ret_client = TAKE(client);
    return NULL;
}

void redis_call_closep(struct redis_client **client)
{
    redis_reach_returnp(client);
}

err redis_config_get(struct step_call *call, struct redis_client *client, struct str option, struct str *ret_value)
{
    const struct str get[] = { S("CONFIG"), S("GET"), option };
    const struct resp *reply;

    if (str_contains(option, S("pass")) || str_contains(option, S("auth")) || str_contains(option, S("*")))
        return err_new(ERR_FORBIDDEN, "option '%.*s' is not asked for", STR_ARG(option));
    TRY(redis_command(client, call->arena, call->deadline_ms, get, ARRAY_LEN(get), &reply));
    if (reply->type != RESP_ARRAY || reply->count != 2 || reply->items[1]->type != RESP_STRING)
        return err_new(ERR_REFUSED, "the server has no option '%.*s'", STR_ARG(option));
    *ret_value = reply->items[1]->text;
    return NULL;
}

err redis_facts_read(struct step_call *call, struct redis_client *client, struct redis_facts *ret_facts)
{
    const struct str info[] = { S("INFO"), S("all") };
    const struct resp *reply;
    struct str value;

    *ret_facts = (struct redis_facts){ .maxclients = NAN };
    TRY(redis_command(client, call->arena, call->deadline_ms, info, ARRAY_LEN(info), &reply));
    if (reply->type != RESP_STRING)
        return err_new(ERR_REFUSED, "INFO answered no text");
    ret_facts->info = reply->text;
    err e = redis_config_get(call, client, S("maxclients"), &value);
    if (!e && !str_to_double(value, &ret_facts->maxclients))
        ret_facts->maxclients = NAN;
    err_free(e); /* an ACL may forbid it; then the name has no value */
    return NULL;
}

struct str redis_fact_text(const struct redis_facts *facts, struct str name)
{
    for (struct str rest = facts->info, line; rest.at;) {
        struct str value;
        line = str_trim(str_cut(rest, '\n', &rest));
        if (str_eq(str_cut(line, ':', &value), name) && value.at)
            return value;
    }
    return S("");
}

bool redis_fact(void *arg, struct str name, double *ret_value)
{
    static const char *const words[] = { "err", "ok", "down", "up", "no", "yes" };
    const struct redis_facts *facts = arg;
    struct str text = redis_fact_text(facts, name);

    if (str_eq(name, S("maxclients"))) {
        *ret_value = facts->maxclients;
        return true;
    }
    if (!text.length)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq(text, str_of(words[i]))) {
            *ret_value = i % 2;
            return true;
        }
    if (!str_to_double(text, ret_value))
        *ret_value = NAN;
    return true;
}

/* redis_reach.c - the table of watched instances. */
#include "net/redis_reach.h"

#include "base/arena.h"

#include <pthread.h>
#include <stdlib.h>

struct reach {
    struct arena *arena; /* of this entry */
    struct str address;
    struct redis_options options;
    int count;
    struct redis_client *standing; /* for actions; not touched by others while borrowed */
    bool borrowed;
    unsigned kept; /* how often it was looked after */
    struct reach *next;
};

enum { PING_EVERY = 10 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct reach *reaches;

static void copy_options(struct arena *arena, const struct redis_options *from, struct redis_options *to)
{
    *to = *from;
    to->host = str_copy(arena, from->host);
    to->user = str_copy(arena, from->user);
    to->password = str_copy(arena, from->password);
    to->ca_file = str_copy(arena, from->ca_file);
    to->client_name = str_copy(arena, from->client_name);
}

static struct reach **find_locked(struct str address)
{
    struct reach **at = &reaches;

    while (*at && !str_eq((*at)->address, address))
        at = &(*at)->next;
    return at;
}

/* What is out of the table. A connection that is borrowed ends when it comes back. */
static void end(struct reach *reach)
{
    if (!reach->borrowed)
        redis_client_free(reach->standing);
    arena_free(reach->arena);
}

static struct str address_of(struct str instance)
{
    return str_starts(instance, S("redis:")) ? str_slice(instance, 6, instance.length) : instance;
}

void redis_reach_add(struct str address, const struct redis_options *options)
{
    struct arena *arena = arena_new(16 * 1024);
    struct reach *reach = arena_alloc(arena, sizeof(*reach));

    reach->arena = arena;
    reach->address = str_copy(arena, address);
    reach->count = 1;
    copy_options(arena, options, &reach->options);
    reach->options.client_name = S("auspex-act");
    reach->standing = redis_client_new(&reach->options);
    pthread_mutex_lock(&lock);
    struct reach **at = find_locked(address), *old = *at;
    if (old) { /* the newer one counts: a password may have changed */
        reach->count += old->count;
        *at = old->next;
    }
    reach->next = reaches;
    reaches = reach;
    pthread_mutex_unlock(&lock);
    if (old)
        end(old);
}

void redis_reach_remove(struct str address)
{
    struct reach *gone = NULL;

    pthread_mutex_lock(&lock);
    struct reach **at = find_locked(address);
    if (*at && --(*at)->count == 0) {
        gone = *at;
        *at = gone->next;
    }
    pthread_mutex_unlock(&lock);
    if (gone)
        end(gone);
}

bool redis_reach_find(struct arena *arena, struct str instance, struct redis_options *ret_options)
{
    pthread_mutex_lock(&lock);
    const struct reach *reach = *find_locked(address_of(instance));
    if (reach)
        copy_options(arena, &reach->options, ret_options);
    pthread_mutex_unlock(&lock);
    return reach != NULL;
}

struct redis_client *redis_reach_borrow(struct str instance)
{
    struct redis_client *client = NULL;

    pthread_mutex_lock(&lock);
    struct reach *reach = *find_locked(address_of(instance));
    if (reach && !reach->borrowed) {
        reach->borrowed = true;
        client = reach->standing;
    } else if (reach) {
        client = redis_client_new(&reach->options);
    }
    pthread_mutex_unlock(&lock);
    return client;
}

void redis_reach_return(struct redis_client *client)
{
    bool ours = false;

    pthread_mutex_lock(&lock);
    for (struct reach *reach = reaches; reach && client; reach = reach->next)
        if (reach->borrowed && reach->standing == client) {
            reach->borrowed = false;
            ours = true;
        }
    pthread_mutex_unlock(&lock);
    if (!ours)
        redis_client_free(client);
}

void redis_reach_returnp(struct redis_client **client)
{
    redis_reach_return(*client);
    *client = NULL;
}

void redis_reach_keep(struct str address, int64_t deadline_ms)
{
    struct redis_client *client = NULL;
    bool ping = false;

    pthread_mutex_lock(&lock);
    struct reach *reach = *find_locked(address);
    if (reach && !reach->borrowed) {
        reach->borrowed = true;
        client = reach->standing;
        ping = reach->kept++ % PING_EVERY == 0;
    }
    pthread_mutex_unlock(&lock);
    if (!client)
        return;
    if (!redis_is_connected(client)) {
        err_free(redis_connect(client, deadline_ms)); /* the poll says what is wrong with the server */
    } else if (ping) {
        struct arena *arena CLEANUP(arena_freep) = arena_new(16 * 1024);
        const struct str words[] = { S("PING") };
        const struct resp *reply;
        err_free(redis_command(client, arena, deadline_ms, words, 1, &reply));
    }
    redis_reach_return(client);
}

/* reach.c - the table of watched instances. */
#include "redis/reach.h"

#include "base/arena.h"

#include <pthread.h>
#include <stdlib.h>

struct reach {
    struct arena *arena; /* of this entry */
    struct str address;
    struct redis_options options;
    int count;
    struct reach *next;
};

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

void redis_reach_add(struct str address, const struct redis_options *options)
{
    struct arena *arena = arena_new(16 * 1024);
    struct reach *reach = arena_alloc(arena, sizeof(*reach));

    reach->arena = arena;
    reach->address = str_copy(arena, address);
    reach->count = 1;
    copy_options(arena, options, &reach->options);
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
        arena_free(old->arena);
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
        arena_free(gone->arena);
}

bool redis_reach_find(struct arena *arena, struct str instance, struct redis_options *ret_options)
{
    if (str_starts(instance, S("redis:")))
        instance = str_slice(instance, 6, instance.length);
    pthread_mutex_lock(&lock);
    const struct reach *reach = *find_locked(instance);
    if (reach)
        copy_options(arena, &reach->options, ret_options);
    pthread_mutex_unlock(&lock);
    return reach != NULL;
}

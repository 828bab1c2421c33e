/* resolve.c - name to addresses with a deadline, which getaddrinfo does not have. */
#include "net/wire.h"

#include "base/lang.h"
#include "base/time.h"

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Shared by the asker and the thread that asks the resolver; the last of the two frees it. */
struct lookup {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    int holders;
    bool done;
    int code;
    struct addrinfo *found;
    char host[256];
    char port[8];
};

static int ask(const struct lookup *lookup, int flags, struct addrinfo **ret_found)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV };

    return getaddrinfo(lookup->host, lookup->port, &hints, ret_found);
}

static void release(struct lookup *lookup)
{
    pthread_mutex_lock(&lookup->lock);
    bool last = --lookup->holders == 0;
    pthread_mutex_unlock(&lookup->lock);
    if (!last)
        return;
    if (lookup->found)
        freeaddrinfo(lookup->found);
    pthread_mutex_destroy(&lookup->lock);
    pthread_cond_destroy(&lookup->ended);
    free(lookup);
}

static void *serve(void *arg)
{
    struct lookup *lookup = arg;
    struct addrinfo *found = NULL;
    int code = ask(lookup, 0, &found);

    pthread_mutex_lock(&lookup->lock);
    lookup->code = code;
    lookup->found = found;
    lookup->done = true;
    pthread_cond_signal(&lookup->ended);
    pthread_mutex_unlock(&lookup->lock);
    release(lookup);
    return NULL;
}

static bool wait_for(struct lookup *lookup, int64_t deadline_ms)
{
    struct timespec until = { .tv_sec = deadline_ms / 1000, .tv_nsec = deadline_ms % 1000 * 1000000 };
    int code = 0;

    pthread_mutex_lock(&lookup->lock);
    while (!lookup->done && code == 0)
        code = pthread_cond_timedwait(&lookup->ended, &lookup->lock, &until);
    bool done = lookup->done;
    pthread_mutex_unlock(&lookup->lock);
    return done;
}

static err start(struct lookup *lookup)
{
    pthread_attr_t attributes;
    pthread_condattr_t clock;
    pthread_t thread;

    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&lookup->lock, NULL);
    pthread_cond_init(&lookup->ended, &clock);
    pthread_condattr_destroy(&clock);
    lookup->holders = 2;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    int code = pthread_create(&thread, &attributes, serve, lookup);
    pthread_attr_destroy(&attributes);
    if (code == 0)
        return NULL;
    lookup->holders = 1;
    return err_new(ERR_UNAVAILABLE, "can't start a thread to resolve %s: %s", lookup->host, strerror(code));
}

static size_t copy_addresses(const struct addrinfo *found, struct address ret_addresses[ADDRESSES_MAX])
{
    size_t count = 0;

    for (const struct addrinfo *it = found; it && count < ADDRESSES_MAX; it = it->ai_next) {
        if (it->ai_addrlen > sizeof(ret_addresses[0].at))
            continue;
        memcpy(&ret_addresses[count].at, it->ai_addr, it->ai_addrlen);
        ret_addresses[count++].length = it->ai_addrlen;
    }
    return count;
}

err resolve_host(struct str host, int port, int64_t deadline_ms, struct address ret_addresses[ADDRESSES_MAX],
                 size_t *ret_count)
{
    struct lookup *lookup = calloc(1, sizeof(*lookup));
    err e = NULL;

    if (!lookup)
        abort();
    if (host.length == 0 || host.length >= sizeof(lookup->host) || memchr(host.at, 0, host.length)) {
        free(lookup);
        return err_new(ERR_INVALID, "'%.*s' is not a host name", (int)(host.length < 80 ? host.length : 80), host.at);
    }
    memcpy(lookup->host, host.at, host.length);
    snprintf(lookup->port, sizeof(lookup->port), "%d", port);
    if (ask(lookup, AI_NUMERICHOST, &lookup->found) == 0) { /* an address: no thread needed */
        *ret_count = copy_addresses(lookup->found, ret_addresses);
        freeaddrinfo(lookup->found);
        free(lookup);
        return NULL;
    }
    e = start(lookup);
    if (!e && !wait_for(lookup, deadline_ms))
        e = err_new(ERR_TIMEOUT, "no answer from the name servers for %s in time", lookup->host);
    else if (!e && lookup->code != 0)
        e = err_new(ERR_UNAVAILABLE, "can't resolve %s: %s", lookup->host, gai_strerror(lookup->code));
    else if (!e)
        *ret_count = copy_addresses(lookup->found, ret_addresses);
    release(lookup);
    return e;
}

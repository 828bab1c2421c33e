/* ticker.c - timers. A linear scan finds the next: there are dozens of timers, not thousands. */
#include "base/ticker.h"

#include "base/time.h"
#include "base/vec.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct timer {
    struct ticker *ticker;
    struct timer_options options;
    int64_t due_ms; /* monotonic; INT64_MAX: never again */
    bool queued;    /* its job waits or runs */
    bool stopping;
    uint64_t skipped;
};

struct ticker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    VEC(struct timer *) timers;
    bool stopping;
};

static void run_timer(void *arg)
{
    struct timer *timer = arg;
    struct ticker *ticker = timer->ticker;

    timer->options.run(timer->options.arg);
    pthread_mutex_lock(&ticker->lock);
    timer->queued = false;
    pthread_cond_broadcast(&ticker->changed);
    pthread_mutex_unlock(&ticker->lock);
}

static void fire_locked(struct timer *timer, int64_t now)
{
    /* Turns that were missed (a suspended machine) are not made up for. */
    timer->due_ms = timer->options.every_ms
                        ? now + timer->options.every_ms - (now - timer->due_ms) % timer->options.every_ms
                        : INT64_MAX;
    if (timer->queued || timer->stopping) {
        timer->skipped++;
        return;
    }
    timer->queued = pool_submit(timer->options.pool, timer->options.lane, run_timer, timer);
    timer->skipped += !timer->queued;
    if (!timer->queued && !timer->options.every_ms)
        timer->due_ms = now + 100; /* a full queue must not lose the only run */
}

static void *tick(void *arg)
{
    struct ticker *ticker = arg;

    pthread_mutex_lock(&ticker->lock);
    while (!ticker->stopping) {
        int64_t now = time_mono_ms(), next = now + 60 * SECOND_MS;
        for (size_t i = 0; i < ticker->timers.count; i++) {
            struct timer *timer = ticker->timers.at[i];
            if (timer->due_ms <= now)
                fire_locked(timer, now);
            if (timer->due_ms < next)
                next = timer->due_ms;
        }
        struct timespec until = { next / 1000, next % 1000 * 1000000 };
        pthread_cond_timedwait(&ticker->changed, &ticker->lock, &until);
    }
    pthread_mutex_unlock(&ticker->lock);
    return NULL;
}

err ticker_start(struct ticker **ret_ticker)
{
    struct ticker *ticker = calloc(1, sizeof(*ticker));
    pthread_condattr_t attributes;
    sigset_t all, before;

    if (!ticker)
        abort();
    pthread_mutex_init(&ticker->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&ticker->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(&ticker->thread, NULL, tick, ticker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number) {
        free(ticker);
        return err_new(ERR_UNAVAILABLE, "can't start the clock thread: %s", strerror(number));
    }
    pthread_setname_np(ticker->thread, "clock");
    *ret_ticker = ticker;
    return NULL;
}

void ticker_stop(struct ticker *ticker)
{
    if (!ticker)
        return;
    pthread_mutex_lock(&ticker->lock);
    ticker->stopping = true;
    pthread_cond_broadcast(&ticker->changed);
    pthread_mutex_unlock(&ticker->lock);
    pthread_join(ticker->thread, NULL);
    pthread_mutex_destroy(&ticker->lock);
    pthread_cond_destroy(&ticker->changed);
    vec_clear(&ticker->timers);
    free(ticker);
}

struct timer *timer_start(struct ticker *ticker, const struct timer_options *options)
{
    struct timer *timer = calloc(1, sizeof(*timer));

    if (!timer)
        abort();
    *timer = (struct timer){ .ticker = ticker, .options = *options, .due_ms = time_mono_ms() + options->first_ms };
    pthread_mutex_lock(&ticker->lock);
    *vec_push(&ticker->timers, NULL) = timer;
    pthread_cond_broadcast(&ticker->changed);
    pthread_mutex_unlock(&ticker->lock);
    return timer;
}

void timer_stop(struct timer *timer)
{
    if (!timer)
        return;
    struct ticker *ticker = timer->ticker;
    pthread_mutex_lock(&ticker->lock);
    timer->stopping = true;
    while (timer->queued)
        pthread_cond_wait(&ticker->changed, &ticker->lock);
    for (size_t i = 0; i < ticker->timers.count; i++)
        if (ticker->timers.at[i] == timer)
            ticker->timers.at[i] = ticker->timers.at[--ticker->timers.count];
    pthread_mutex_unlock(&ticker->lock);
    free(timer);
}

void timer_stopp(struct timer **timer)
{
    timer_stop(*timer);
}

void timer_poke(struct timer *timer)
{
    pthread_mutex_lock(&timer->ticker->lock);
    timer->due_ms = time_mono_ms();
    pthread_cond_broadcast(&timer->ticker->changed);
    pthread_mutex_unlock(&timer->ticker->lock);
}

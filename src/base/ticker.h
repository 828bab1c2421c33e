/* ticker.h - one thread with a heap of timers, which submits jobs to pools; it runs nothing itself.
 *
 * Owner: app/ starts and stops it, before the pools stop. Threads: any. Times are monotonic: a wall clock that
 * jumps moves nothing. */
#pragma once
#include "base/pool.h"

struct ticker;
struct timer;

err ticker_start(struct ticker **ret_ticker) MUST_USE;
void ticker_stop(struct ticker *ticker);

struct timer_options {
    struct pool *pool;
    enum lane lane;
    int64_t first_ms; /* from now */
    int64_t every_ms; /* 0: once */
    void (*run)(void *arg);
    void *arg;
};

/* timer_start - the job is submitted when due. A timer whose last job still runs or waits skips that turn (and counts
 * it): runs of one timer never overlap. */
struct timer *timer_start(struct ticker *ticker, const struct timer_options *options);
/* timer_stop - no further run starts; waits for one that runs, so never call it from the timer's own job. Frees it.
 * Each timer must be stopped, also one that ran once. */
void timer_stop(struct timer *timer);
void timer_stopp(struct timer **timer);
/* timer_poke - run as soon as possible, then go on as planned. */
void timer_poke(struct timer *timer);

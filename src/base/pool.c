/* pool.c - threads that run jobs. */
#include "base/pool.h"

#include "base/lang.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LANES = 2, IDLE_SECONDS = 10 };

struct job {
    void (*run)(void *arg);
    void *arg;
};

struct queue {
    struct job *ring;
    size_t head, count;
};

struct pool {
    struct pool_options options;
    pthread_mutex_t lock;
    pthread_cond_t work; /* a job came, or the pool stops */
    struct queue queues[LANES];
    pthread_t *live; /* those that are running, `threads` of them */
    unsigned threads, busy, busy_background;
    uint64_t refused;
    bool stopping;
};

/* may_run_background_locked - always one, else at most half. */
static bool may_run_background_locked(const struct pool *pool)
{
    return pool->busy_background == 0 || pool->busy_background < pool->options.threads / 2;
}

static bool take_locked(struct pool *pool, struct job *ret_job, enum lane *ret_lane)
{
    for (int lane = 0; lane < LANES; lane++) {
        struct queue *queue = &pool->queues[lane];
        if (queue->count == 0 || (lane == LANE_BACKGROUND && !may_run_background_locked(pool)))
            continue;
        *ret_job = queue->ring[queue->head];
        *ret_lane = (enum lane)lane;
        queue->head = (queue->head + 1) % pool->options.queue_max;
        queue->count--;
        return true;
    }
    return false;
}

/* wait_locked - for work; false where an on-demand thread has been idle long enough to go. */
static bool wait_locked(struct pool *pool)
{
    struct timespec until;

    if (!pool->options.on_demand) {
        pthread_cond_wait(&pool->work, &pool->lock);
        return true;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += IDLE_SECONDS;
    return pthread_cond_timedwait(&pool->work, &pool->lock, &until) == 0;
}

/* leave_locked - this thread ends. Before a stop nobody waits for it; pool_stop joins the others, so that what
 * libraries keep a thread is gone when it returns. */
static void leave_locked(struct pool *pool)
{
    if (pool->stopping)
        return;
    for (unsigned i = 0; i < pool->threads; i++) {
        if (!pthread_equal(pool->live[i], pthread_self()))
            continue;
        pool->live[i] = pool->live[--pool->threads];
        pthread_detach(pthread_self());
        return;
    }
}

static void *serve(void *arg)
{
    struct pool *pool = arg;
    struct job job;
    enum lane lane;

    pthread_mutex_lock(&pool->lock);
    for (;;) {
        if (take_locked(pool, &job, &lane)) {
            pool->busy++;
            pool->busy_background += lane == LANE_BACKGROUND;
            pthread_mutex_unlock(&pool->lock);
            job.run(job.arg);
            pthread_mutex_lock(&pool->lock);
            pool->busy--;
            pool->busy_background -= lane == LANE_BACKGROUND;
            if (lane == LANE_BACKGROUND && pool->queues[LANE_BACKGROUND].count)
                pthread_cond_signal(&pool->work); /* the half that was taken is free again */
            continue;
        }
        if (pool->stopping && pool->queues[LANE_FRONT].count + pool->queues[LANE_BACKGROUND].count == 0)
            break;
        if (!wait_locked(pool) && pool->queues[LANE_FRONT].count + pool->queues[LANE_BACKGROUND].count == 0)
            break;
    }
    leave_locked(pool);
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static err start_thread_locked(struct pool *pool)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    char name[16];

    /* Signals are main's alone: threads start with all of them blocked. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 512 * 1024);
    int number = pthread_create(&thread, &attributes, serve, pool);
    pthread_attr_destroy(&attributes);
    if (number == 0) {
        snprintf(name, sizeof(name), "%.10s-%u", pool->options.name, pool->threads % 1000);
        pthread_setname_np(thread, name);
        pool->live[pool->threads++] = thread;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return number ? err_new(ERR_UNAVAILABLE, "can't start a thread for %s: %s", pool->options.name, strerror(number))
                  : NULL;
}

err pool_start(const struct pool_options *options, struct pool **ret_pool)
{
    struct pool *pool = calloc(1, sizeof(*pool));
    pthread_condattr_t attributes;
    err e = NULL;

    if (!pool)
        abort();
    pool->options = *options;
    if (!(pool->live = calloc(options->threads ? options->threads : 1, sizeof(*pool->live))))
        abort();
    for (int lane = 0; lane < LANES; lane++)
        if (!(pool->queues[lane].ring = calloc(options->queue_max, sizeof(struct job))))
            abort();
    pthread_mutex_init(&pool->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->work, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_lock(&pool->lock);
    while (!e && !options->on_demand && pool->threads < options->threads)
        e = start_thread_locked(pool);
    pthread_mutex_unlock(&pool->lock);
    if (e) {
        pool_stop(pool);
        return e;
    }
    *ret_pool = pool;
    return NULL;
}

/* want_thread_locked - on demand: more is waiting than the idle ones will take. */
static bool want_thread_locked(const struct pool *pool)
{
    size_t waiting = pool->queues[LANE_FRONT].count + pool->queues[LANE_BACKGROUND].count;

    return pool->options.on_demand && pool->threads < pool->options.threads && pool->threads - pool->busy < waiting;
}

bool pool_submit(struct pool *pool, enum lane lane, void (*run)(void *arg), void *arg)
{
    pthread_mutex_lock(&pool->lock);
    struct queue *queue = &pool->queues[lane];
    bool room = !pool->stopping && queue->count < pool->options.queue_max;
    if (room) {
        queue->ring[(queue->head + queue->count) % pool->options.queue_max] = (struct job){ run, arg };
        queue->count++;
        err e = want_thread_locked(pool) ? start_thread_locked(pool) : NULL;
        if (e && pool->threads == 0) { /* nobody would ever run it */
            queue->count--;
            room = false;
        }
        err_free(e);
        pthread_cond_signal(&pool->work);
    }
    pool->refused += !room;
    pthread_mutex_unlock(&pool->lock);
    return room;
}

void pool_stop(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->threads; i++) /* no thread starts or leaves by itself any more */
        pthread_join(pool->live[i], NULL);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->work);
    for (int lane = 0; lane < LANES; lane++)
        free(pool->queues[lane].ring);
    free(pool->live);
    free(pool);
}

struct pool_state pool_state(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct pool_state state = { .threads = pool->threads, .busy = pool->busy, .refused = pool->refused };
    for (int lane = 0; lane < LANES; lane++)
        state.queued[lane] = pool->queues[lane].count;
    pthread_mutex_unlock(&pool->lock);
    return state;
}

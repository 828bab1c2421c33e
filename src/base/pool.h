/* pool.h - threads that run jobs: workers (a fixed number, two lanes) and outside threads (on demand, may block).
 *
 * Owner: app/ starts and stops the pools; a job's argument belongs to the job. Threads: submit from any.
 *
 * DESIGN. One lock and two bounded queues a pool. LANE_BACKGROUND jobs hold at most half of the threads, so that
 * compaction or a forecast never keeps a person waiting. A full queue refuses: the caller says so (429, a drop
 * counter). */
#pragma once
#include "base/err.h"

struct pool;

enum lane { LANE_FRONT, LANE_BACKGROUND };

struct pool_options {
    const char *name; /* of the threads, at most 10 characters */
    unsigned threads; /* at most this many */
    bool on_demand;   /* start them when needed, end them after 10 s idle; else all stand ready */
    size_t queue_max; /* jobs waiting in each lane */
};

err pool_start(const struct pool_options *options, struct pool **ret_pool) MUST_USE;
/* pool_submit - run(arg) on one of the threads; false where the lane's queue is full or the pool stops. */
bool pool_submit(struct pool *pool, enum lane lane, void (*run)(void *arg), void *arg) MUST_USE;
/* pool_stop - refuse new jobs, finish what is queued, join the threads, free. */
void pool_stop(struct pool *pool);

struct pool_state {
    unsigned threads, busy;
    size_t queued[2];
    uint64_t refused;
};
struct pool_state pool_state(struct pool *pool);

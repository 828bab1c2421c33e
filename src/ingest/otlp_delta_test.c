/* otlp_delta_test.c - running totals from several threads. */
#include "base/test.h"
#include "ingest/otlp_delta.h"

#include <pthread.h>
#include <string.h>

enum { THREADS = 4, SERIES = 8, ROUNDS = 300 };

struct worker {
    struct delta_table *table;
    int number;
    double kept[SERIES]; /* what it added and kept, per series of its own */
};

static void *add_and_undo(void *arg)
{
    struct worker *worker = arg;
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);

    for (uint64_t round = 1; round <= ROUNDS; round++) {
        struct delta_turn turn = { .table = worker->table };
        bool lost = round % 3 == 0;
        for (int i = 0; i < SERIES; i++) {
            struct label label = { S("id"), str_printf(arena, "%d/%d", worker->number, i) };
            struct delta delta = { .series = { &label, 1 }, .time_ns = round, .number = 1 };
            enum delta_result result;
            ASSERT_OK(delta_add(&turn, arena, &delta, &result));
            ASSERT_NEAR(worker->kept[i] + 1, delta.number, 0);
            worker->kept[i] += !lost;
        }
        lost ? delta_undo(&turn) : delta_keep(&turn);
        arena_reset(arena);
    }
    return NULL;
}

TEST(otlp_deltas_of_many_threads_are_added_each)
{
    struct delta_table *table = delta_table_new(1000);
    struct worker workers[THREADS];
    pthread_t threads[THREADS];

    memset(workers, 0, sizeof(workers));
    for (int i = 0; i < THREADS; i++) {
        workers[i].table = table;
        workers[i].number = i;
        ASSERT_EQ_INT(0, pthread_create(&threads[i], NULL, add_and_undo, &workers[i]));
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ASSERT_EQ_INT(THREADS * SERIES, delta_table_count(table));
    ASSERT_NEAR(ROUNDS - ROUNDS / 3, workers[0].kept[0], 0);
    delta_table_free(table);
}

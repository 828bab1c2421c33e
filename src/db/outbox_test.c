/* outbox_test.c - rows run once they are durable; outcomes come back as writes. */
#include "db/outbox.h"

#include "base/test.h"
#include "base/time.h"
#include "db/journal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static _Atomic int runs, fail_first;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t told = PTHREAD_COND_INITIALIZER;
static int completions, failures;
static char last_result[128], last_key[64];

static err send_run(struct outbox_job *job, struct str *ret_result)
{
    int run = atomic_fetch_add(&runs, 1) + 1;

    if (run <= atomic_load(&fail_first))
        return err_new(ERR_UNAVAILABLE, "try %d", job->attempt);
    if (str_eq(job->payload, S("hopeless")))
        return err_new(ERR_REFUSED, "never");
    *ret_result = str_printf(job->arena, "{\"sent\":\"%.*s\"}", STR_ARG(job->payload));
    return NULL;
}

static err send_complete(struct tx *tx, const struct outbox_job *job, struct str result, err failure)
{
    struct event event = { .kind = failure ? EVENT_NOTIFICATION_FAILED : EVENT_NOTIFICATION_SENT,
                           .subject = job->kind,
                           .data = result };
    TRY(journal_append(tx, &event, NULL));
    pthread_mutex_lock(&lock);
    completions++;
    failures += failure != NULL;
    snprintf(last_result, sizeof(last_result), "%.*s", failure ? 100 : (int)result.length,
             failure ? err_message(failure) : result.at);
    snprintf(last_key, sizeof(last_key), "%.*s", STR_ARG(job->key));
    pthread_cond_signal(&told);
    pthread_mutex_unlock(&lock);
    return NULL;
}

static const struct outbox_worker sender = {
    .kind = "test.send",
    .max_attempts = 3,
    .timeout_ms = 5000,
    .repeatable = true,
    .run = send_run,
    .complete = send_complete,
};
static const struct outbox_worker actor = {
    .kind = "test.act", .max_attempts = 3, .timeout_ms = 5000, .run = send_run, .complete = send_complete
};
static const struct outbox_worker hasty = {
    .kind = "test.hasty",
    .max_attempts = 3,
    .timeout_ms = 5000,
    .expire_ms = 100,
    .run = send_run,
    .complete = send_complete,
};
static err broken_complete(struct tx *tx, const struct outbox_job *job, struct str result, err failure)
{
    (void)job;
    (void)result;
    (void)failure;
    TRY(tx_run(tx, "INSERT INTO test_seen(subject, times) VALUES('broken', 1)", NONE));
    return err_new(ERR_INTERNAL, "this outcome is poison");
}
static const struct outbox_worker broken = {
    .kind = "test.broken", .max_attempts = 3, .timeout_ms = 5000, .run = send_run, .complete = broken_complete
};
static const struct outbox_worker *const workers[] = { &sender, &actor, &hasty, &broken, NULL };
static const struct journal_reader *const no_readers[] = { NULL };

static struct db *test_db(void)
{
    struct db *db = NULL;

    ASSERT_OK(db_open(&(struct db_options){ .folder = test_folder(), .workers = workers, .readers = no_readers }, &db));
    return db;
}

static struct pool *test_pool(void)
{
    struct pool *pool = NULL;

    ASSERT_OK(pool_start(
        &(struct pool_options){ .name = "outside", .threads = 16, .on_demand = true, .queue_max = 1000 }, &pool));
    return pool;
}

static err add(struct tx *tx, void *arg)
{
    return outbox_add(tx, arg);
}

static void wait_for_completions(int count)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&lock);
    while (completions < count)
        ASSERT_EQ_INT(0, pthread_cond_timedwait(&told, &lock, &until));
    pthread_mutex_unlock(&lock);
}

static void stop(struct db *db, struct pool *pool)
{
    outbox_stop(db, 5000);
    pool_stop(pool);
    db_close(db);
}

TEST(a_row_is_run_and_its_outcome_is_a_write)
{
    struct pool *pool = test_pool();
    struct db *db = test_db();
    struct outbox_row row = { .kind = "test.send", .key = S("k1"), .payload = S("hello") };

    ASSERT_OK(outbox_start(db, pool));
    ASSERT_OK(db_write(db, add, &row));
    wait_for_completions(1);
    ASSERT_STR("{\"sent\":\"hello\"}", str_of(last_result));
    ASSERT_OK(db_write(db, add, &row)); /* the same key: it was done already */
    row.key = S("k2");
    ASSERT_OK(db_write(db, add, &row));
    wait_for_completions(2);
    ASSERT_STR("k2", str_of(last_key));
    stop(db, pool);
    ASSERT_EQ_INT(2, runs);
    ASSERT_EQ_INT(2, completions);
}

TEST(what_may_work_later_is_tried_again)
{
    struct pool *pool = test_pool();
    struct db *db = test_db();

    fail_first = 1;
    ASSERT_OK(outbox_start(db, pool));
    int64_t began = time_mono_ms();
    ASSERT_OK(db_write(db, add, &(struct outbox_row){ .kind = "test.send", .key = S("k"), .payload = S("x") }));
    wait_for_completions(1);
    ASSERT_TRUE(time_mono_ms() - began >= 950);
    ASSERT_EQ_INT(2, runs);
    ASSERT_EQ_INT(0, failures);
    stop(db, pool);
}

TEST(what_is_hopeless_is_given_up_at_once)
{
    struct pool *pool = test_pool();
    struct db *db = test_db();

    ASSERT_OK(outbox_start(db, pool));
    ASSERT_OK(db_write(db, add, &(struct outbox_row){ .kind = "test.send", .key = S("k"), .payload = S("hopeless") }));
    wait_for_completions(1);
    ASSERT_EQ_INT(1, failures);
    ASSERT_STR("never", str_of(last_result));
    stop(db, pool);
    ASSERT_EQ_INT(1, runs);
}

TEST(a_row_waits_for_its_time)
{
    struct pool *pool = test_pool();
    struct db *db = test_db();
    int64_t began = time_now_ms();

    ASSERT_OK(outbox_start(db, pool));
    ASSERT_OK(
        db_write(db, add, &(struct outbox_row){ .kind = "test.send", .key = S("k"), .not_before_ms = began + 300 }));
    wait_for_completions(1);
    ASSERT_TRUE(time_now_ms() - began >= 300);
    stop(db, pool);
}

TEST(a_row_that_waited_too_long_is_told_so)
{
    struct pool *pool = test_pool();
    struct db *db = test_db();

    ASSERT_OK(db_write(
        db, add, &(struct outbox_row){ .kind = "test.hasty", .key = S("k"), .not_before_ms = time_now_ms() + 300 }));
    ASSERT_OK(outbox_start(db, pool));
    wait_for_completions(1);
    ASSERT_EQ_INT(1, failures);
    ASSERT_CONTAINS("expired", str_of(last_result));
    stop(db, pool);
    ASSERT_EQ_INT(0, runs);
}

static err claim_by_hand(struct tx *tx, void *arg)
{
    (void)arg;
    return tx_run(tx, "UPDATE outbox SET state = 1, attempt = 1", NONE);
}

TEST(an_action_that_was_interrupted_is_not_run_again_but_a_message_is)
{
    struct pool *pool = test_pool();
    struct db *db = test_db();

    ASSERT_OK(db_write(db, add, &(struct outbox_row){ .kind = "test.act", .key = S("a"), .payload = S("restart") }));
    ASSERT_OK(db_write(db, claim_by_hand, NULL));
    db_close(db);
    db = test_db();
    ASSERT_OK(outbox_start(db, pool));
    wait_for_completions(1);
    ASSERT_EQ_INT(0, runs);
    ASSERT_CONTAINS("interrupted", str_of(last_result));
    outbox_stop(db, 5000);
    db_close(db);

    db = test_db();
    ASSERT_OK(db_write(db, add, &(struct outbox_row){ .kind = "test.send", .key = S("m"), .payload = S("hi") }));
    ASSERT_OK(db_write(db, claim_by_hand, NULL));
    db_close(db);
    db = test_db();
    ASSERT_OK(outbox_start(db, pool));
    wait_for_completions(3); /* the action's row was claimed again by hand, too */
    ASSERT_EQ_INT(1, runs);
    stop(db, pool);
}

static err add_many(struct tx *tx, void *arg)
{
    char key[32];

    for (int i = 0; i < *(int *)arg; i++) {
        snprintf(key, sizeof(key), "key-%d", i);
        TRY(outbox_add(tx, &(struct outbox_row){ .kind = "test.send", .key = str_of(key), .payload = S("x") }));
    }
    return NULL;
}

TEST(many_rows_are_all_run_once)
{
    struct pool *pool = test_pool();
    struct db *db = test_db();

    ASSERT_OK(outbox_start(db, pool));
    ASSERT_OK(db_write(db, add_many, &(int){ 300 }));
    wait_for_completions(300);
    stop(db, pool);
    ASSERT_EQ_INT(300, runs);
    ASSERT_EQ_INT(300, completions);
}

static err read_state(struct tx *tx, void *arg)
{
    return tx_get_i64(tx,
                      "SELECT state * 100 + (SELECT count(*) FROM journal WHERE kind = 94) * 10 + "
                      "(SELECT count(*) FROM test_seen) FROM outbox WHERE ended IS NOT NULL",
                      NONE, -1, arg);
}

TEST(an_outcome_that_its_owner_cannot_store_is_given_up_aloud)
{
    struct pool *pool = test_pool();
    struct db *db = test_db();
    int64_t state = -1;

    ASSERT_OK(outbox_start(db, pool));
    ASSERT_OK(db_write(db, add, &(struct outbox_row){ .kind = "test.broken", .key = S("k") }));
    for (int64_t until = time_mono_ms() + 5000; state == -1 && time_mono_ms() < until;)
        ASSERT_OK(db_read(db, read_state, &state));
    ASSERT_EQ_INT(310, state); /* failed, one parked event, and nothing of what complete() did */
    stop(db, pool);
    ASSERT_EQ_INT(1, runs);
}

TEST(a_row_without_key_or_too_large_is_refused)
{
    struct db *db = test_db();
    static char large[1024 * 1024 + 1];

    ASSERT_ERR(ERR_INTERNAL, "key has 1 to", db_write(db, add, &(struct outbox_row){ .kind = "test.send" }));
    struct outbox_row row = { .kind = "test.send", .key = S("k"), .payload = { large, sizeof(large) } };
    ASSERT_ERR(ERR_TOO_LARGE, "at most", db_write(db, add, &row));
    db_close(db);
}

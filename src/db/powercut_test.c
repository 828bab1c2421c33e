/* powercut_test.c - whatever a disk makes of a power cut, the journal and the outbox keep their promises. */
#include "db/powercut.h"

#include "base/file.h"
#include "base/random.h"
#include "base/test.h"
#include "base/time.h"
#include "db/audit.h"
#include "db/connection.h"
#include "db/health.h"
#include "db/journal.h"
#include "db/outbox.h"
#include "db/tx.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MARK_ACK, MARK_EFFECT, WRITERS = 3, WRITES_EACH = 60, CUTS = 300 };

static const struct migration powercut_1 = {
    .room = "db_test",
    .number = 3,
    .sql = "CREATE TABLE powercut_tally(id INTEGER PRIMARY KEY, n INTEGER NOT NULL, sum INTEGER NOT NULL) STRICT;"
           "INSERT INTO powercut_tally VALUES(1, 0, 0);"
           "CREATE TABLE powercut_done(key TEXT PRIMARY KEY) STRICT",
};
REGISTER(migration, powercut_1);

/* The same shape as tests/crash: a reader whose double step shows, and effects that it asks for. */
static err tally_step(struct reader *reader, const struct event *event)
{
    struct tx *tx = reader_tx(reader);

    TRY(tx_run(tx, "UPDATE powercut_tally SET n = n + 1, sum = sum + ?1", PARAMS(event->id)));
    if (event->kind != EVENT_STOP_ENGAGED || event->id % 3)
        return NULL;
    struct str key = str_printf(tx_arena(tx), "act-%lld", (long long)event->id);
    return outbox_add(tx, &(struct outbox_row){ .kind = "powercut.act", .key = key });
}
static const struct journal_reader tally = { .name = "tally", .step = tally_step };
static const struct journal_reader *const readers[] = { &tally, NULL };

static _Atomic int effects;

static err act(struct outbox_job *job, struct str *ret_result)
{
    (void)ret_result;
    powercut_mark(MARK_EFFECT, job->id, "");
    atomic_fetch_add(&effects, 1);
    return NULL;
}

static err act_done(struct tx *tx, const struct outbox_job *job, struct str result, err failure)
{
    (void)result;
    (void)failure;
    return tx_run(tx, "INSERT INTO powercut_done(key) VALUES(?1)", PARAMS(job->key));
}
static const struct outbox_worker actor = {
    .kind = "powercut.act", .max_attempts = 1, .timeout_ms = 1000, .run = act, .complete = act_done
};
static const struct outbox_worker *const workers[] = { &actor, NULL };

struct order {
    int64_t id;
    char reason[32];
};

static err append(struct tx *tx, void *arg)
{
    struct order *order = arg;
    struct event event = {
        .kind = EVENT_STOP_ENGAGED, .subject = S("stop"), .actor = S("user:kim"), .reason = str_of(order->reason)
    };
    return journal_append(tx, &event, &order->id);
}

static void *write_some(void *arg)
{
    static struct order orders[WRITERS * WRITES_EACH];
    static _Atomic int next;

    for (int i = 0; i < WRITES_EACH; i++) {
        int number = atomic_fetch_add(&next, 1);
        struct order *order = &orders[number];
        snprintf(order->reason, sizeof(order->reason), "order %d", number);
        ASSERT_OK(db_write(arg, append, order));
        powercut_mark(MARK_ACK, order->id, order->reason);
    }
    return NULL;
}

/* record - a start, three writers, readers, effects, checkpoints under way, and a clean end. */
static void record(const char *folder)
{
    pthread_t threads[WRITERS];
    struct pool *pool = NULL;
    struct db *db = NULL;

    powercut_start(folder);
    ASSERT_OK(db_open(
        &(struct db_options){ .folder = folder, .readers = readers, .workers = workers, .vfs = "powercut" }, &db));
    ASSERT_OK(journal_start(db));
    ASSERT_OK(pool_start(&(struct pool_options){ .name = "outside", .threads = 4, .on_demand = true, .queue_max = 100 },
                         &pool));
    ASSERT_OK(outbox_start(db, pool));
    for (int round = 0; round < WRITERS; round++)
        ASSERT_EQ_INT(0, pthread_create(&threads[round], NULL, write_some, db));
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    outbox_stop(db, 5000);
    pool_stop(pool);
    db_close(db);
    ASSERT_TRUE(effects > 10);
}

struct look {
    struct tx *tx;
    int64_t acks, effects;
};

static void see(void *arg, const struct powercut_mark *mark)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;
    struct look *look = arg;
    int64_t state;

    if (mark->kind == MARK_EFFECT) { /* what ran was claimed durably before */
        ASSERT_OK(tx_get_i64(look->tx, "SELECT state FROM outbox WHERE id = ?1", PARAMS(mark->number), -1, &state));
        ASSERT_TRUE(state >= 1);
        look->effects++;
        return;
    }
    ASSERT_OK(tx_query(look->tx, "SELECT reason FROM journal WHERE id = ?1", PARAMS(mark->number), &rows));
    ASSERT_TRUE(rows_next(rows));
    ASSERT_STR(mark->text, rows_str(rows, 0));
    look->acks++;
}

static int64_t one(struct tx *tx, const char *sql)
{
    int64_t value;

    ASSERT_OK(tx_get_i64(tx, sql, NONE, 0, &value));
    return value;
}

/* verify - by plain SQL on what is left. */
static void verify(const char *folder, size_t place, struct look *look)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 24);
    struct rows *rows CLEANUP(rows_closep) = NULL;
    struct connection *connection = NULL;
    struct audit_report report;
    char path[300];

    snprintf(path, sizeof(path), "%s/auspex.db", folder);
    /* The same VFS: it records nothing of this folder, but spares the real fsyncs. */
    ASSERT_OK(connection_open(path, "powercut", CONNECTION_WRITES, &connection));
    struct tx tx = { .connection = connection, .arena = arena };
    look->tx = &tx;
    if (one(&tx, "SELECT count(*) FROM sqlite_master WHERE name = 'powercut_tally'")) {
        ASSERT_OK(tx_query(&tx, "PRAGMA quick_check", NONE, &rows));
        ASSERT_TRUE(rows_next(rows));
        ASSERT_STR("ok", rows_str(rows, 0));
        rows_closep(&rows);
        powercut_marks(place, see, look);
        ASSERT_EQ_INT(one(&tx, "SELECT count(*) FROM journal WHERE id <= (SELECT max(event) FROM reader_cursor)"),
                      one(&tx, "SELECT n FROM powercut_tally"));
        ASSERT_EQ_INT(one(&tx, "SELECT sum(id) FROM journal WHERE id <= (SELECT max(event) FROM reader_cursor)"),
                      one(&tx, "SELECT sum FROM powercut_tally"));
        ASSERT_EQ_INT(one(&tx, "SELECT count(*) FROM outbox WHERE state > 1"),
                      one(&tx, "SELECT count(*) FROM powercut_done"));
        ASSERT_OK(audit_verify(&tx, NULL, &report));
        ASSERT_TRUE(report.ok);
        ASSERT_EQ_INT(one(&tx, "SELECT count(*) FROM journal"), report.rows);
    } else {
        powercut_marks(place, see, look); /* nothing may have been promised yet */
    }
    connection_close(connection);
}

static err count_unfinished(struct tx *tx, void *arg)
{
    return tx_get_i64(tx, "SELECT count(*) FROM outbox WHERE state < 2", NONE, 0, arg);
}

/* goes_on - the program itself starts on what is left, and ends what was under way; no action runs twice. */
static void goes_on(const char *folder)
{
    struct pool *pool = NULL;
    struct db *db = NULL;
    int64_t left = 1;

    ASSERT_OK(db_open(&(struct db_options){ .folder = folder, .readers = readers, .workers = workers }, &db));
    ASSERT_OK(journal_start(db));
    ASSERT_OK(pool_start(&(struct pool_options){ .name = "outside", .threads = 4, .on_demand = true, .queue_max = 100 },
                         &pool));
    ASSERT_OK(outbox_start(db, pool));
    for (int i = 0; i < 1000 && left; i++) {
        ASSERT_OK(journal_settle(db, 5000));
        ASSERT_OK(db_read(db, count_unfinished, &left));
        usleep(left ? 2000 : 0);
    }
    ASSERT_EQ_INT(0, left);
    outbox_stop(db, 5000);
    pool_stop(pool);
    db_close(db);
}

static void cut_often(uint64_t seed)
{
    char recorded[300], image[300];
    struct look look = { 0 };

    snprintf(recorded, sizeof(recorded), "%s/recorded", test_folder());
    snprintf(image, sizeof(image), "%s/image", test_folder());
    ASSERT_OK(file_make_dirs(image, 0700));
    record(recorded);
    size_t count = powercut_count();
    ASSERT_TRUE(count > CUTS);
    for (size_t i = 0; i < CUTS; i++) {
        /* Each region of the record, each kind of luck; the last cut is after the clean end. */
        size_t place = (i + 1) * count / CUTS;
        uint64_t luck = i % 5 == 0 ? 0 : i % 5 == 1 ? 1 : (seed << 32) + i * 2654435761u + 2;
        powercut_image(place, luck, image);
        verify(image, place, &look);
        if (i % 30 == 29) {
            goes_on(image);
            verify(image, place, &look);
        }
    }
    ASSERT_TRUE(look.acks > CUTS);
    ASSERT_TRUE(look.effects > CUTS);
}

/* Four records of their own, 300 cuts each: threads meet in other ways each time. */
TEST(the_power_may_go_at_any_time_1)
{
    cut_often(1);
}

TEST(the_power_may_go_at_any_time_2)
{
    cut_often(2);
}

TEST(the_power_may_go_at_any_time_3)
{
    cut_often(3);
}

TEST(the_power_may_go_at_any_time_4)
{
    cut_often(random_u64() >> 33);
}

static void expect_health(struct db *db, bool ok)
{
    int64_t until = time_mono_ms() + 5000;
    struct db_health health;

    do
        db_health(db, &health);
    while (health.ok != ok && time_mono_ms() < until && usleep(1000) == 0);
    ASSERT_EQ_INT(ok, health.ok);
    ASSERT_EQ_INT(ok, health.message[0] == 0);
}

/* broken - nothing is acknowledged while the disk says no, and all works within 5 s of its yes. */
static void broken(void (*fail)(bool fail), const char *text)
{
    struct order order = { .reason = "before" };
    struct db *db = NULL;

    powercut_start(test_folder());
    ASSERT_OK(db_open(&(struct db_options){ .folder = test_folder(), .readers = readers, .vfs = "powercut" }, &db));
    ASSERT_OK(journal_start(db));
    ASSERT_OK(db_write(db, append, &order));
    fail(true);
    for (int i = 0; i < 3; i++) {
        err e = db_write(db, append, &order);
        ASSERT_TRUE(e != NULL);
        ASSERT_EQ_INT(ERR_IO, err_kind(e));
        ASSERT_CONTAINS(text, str_of(err_message(e)));
        ASSERT_TRUE(err_hint_text(e) != NULL);
        err_free(e);
    }
    expect_health(db, false);
    ASSERT_EQ_INT(1, journal_last_id(db));
    fail(false);
    expect_health(db, true); /* without a write of ours */
    snprintf(order.reason, sizeof(order.reason), "after");
    ASSERT_OK(db_write(db, append, &order));
    ASSERT_EQ_INT(2, order.id); /* what failed is not there */
    ASSERT_OK(journal_settle(db, 5000));
    db_close(db);
    struct look look = { 0 };
    verify(test_folder(), 0, &look);
}

TEST(a_full_disk_promises_nothing_and_is_got_over)
{
    broken(powercut_fail_writes, "full");
}

TEST(a_failed_sync_promises_nothing_and_is_got_over)
{
    broken(powercut_fail_syncs, "I/O error");
}

/* journal_driver.c - real writers, readers and outbox workers, for test_journal.py to kill.
 *
 * usage: journal_driver FOLDER SEED run|drain. What it was promised (acks) and what it did to the outside world
 * (effects) it notes in files beside the database, a line a write(2), which survives kill -9 without any database. */
#include "base/failpoint.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "db/journal.h"
#include "db/outbox.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WRITERS = 4 };

static const struct migration crash_1 = {
    .room = "crash",
    .number = 1,
    .sql = "CREATE TABLE crash_tally(id INTEGER PRIMARY KEY, n INTEGER NOT NULL, sum INTEGER NOT NULL) STRICT;"
           "INSERT INTO crash_tally VALUES(1, 0, 0);"
           "CREATE TABLE crash_follow(event INTEGER PRIMARY KEY) STRICT;"
           "CREATE TABLE crash_done(key TEXT PRIMARY KEY, outcome TEXT NOT NULL) STRICT",
};
REGISTER(migration, crash_1);

static int acks, effects;
static char *seed;

static void check(err e)
{
    if (!e)
        return;
    log_err(e, "driver");
    exit(1);
}

static void note(int fd, const char *format, ...) PRINTF_LIKE(2, 3);
static void note(int fd, const char *format, ...)
{
    char line[256];
    va_list values;

    va_start(values, format);
    int length = vsnprintf(line, sizeof(line), format, values);
    va_end(values);
    if (write(fd, line, (size_t)length) != length)
        exit(1);
}

/* The first reader counts, which is wrong at once when a step runs twice, and asks for effects. */
static err tally_step(struct reader *reader, const struct event *event)
{
    struct tx *tx = reader_tx(reader);

    TRY(tx_run(tx, "UPDATE crash_tally SET n = n + 1, sum = sum + ?1", PARAMS(event->id)));
    if (event->kind != EVENT_CHANGE || event->id % 4 > 1)
        return NULL;
    const char *kind = event->id % 4 == 0 ? "crash.send" : "crash.act";
    struct str key = str_printf(tx_arena(tx), "%s-%lld", kind, (long long)event->id);
    return outbox_add(tx, &(struct outbox_row){ .kind = kind, .key = key, .payload = key });
}
static const struct journal_reader tally = { .name = "tally", .step = tally_step };

/* The second makes an event of each change. */
static err follow_step(struct reader *reader, const struct event *event)
{
    struct tx *tx = reader_tx(reader);

    if (event->kind != EVENT_CHANGE)
        return NULL;
    TRY(tx_run(tx, "INSERT INTO crash_follow(event) VALUES(?1)", PARAMS(event->id)));
    struct event opened = { .kind = EVENT_ANOMALY_OPENED, .subject = event->subject, .incident = event->id };
    return journal_append(tx, &opened, NULL);
}
static const struct journal_reader follow = { .name = "follow", .step = follow_step };
static const struct journal_reader *const readers[] = { &tally, &follow, NULL };

static err effect(struct outbox_job *job, struct str *ret_result)
{
    note(effects, "%.*s %.*s %d\n", STR_ARG(job->key), STR_ARG(job->payload), job->attempt);
    *ret_result = S("{\"v\":1}");
    return NULL;
}

static err done(struct tx *tx, const struct outbox_job *job, struct str result, err failure)
{
    struct event event = { .kind = failure ? EVENT_NOTIFICATION_FAILED : EVENT_NOTIFICATION_SENT,
                           .subject = job->key,
                           .data = result };
    TRY(tx_run(tx, "INSERT INTO crash_done(key, outcome) VALUES(?1, ?2)",
               PARAMS(job->key, failure ? err_message(failure) : "sent")));
    return journal_append(tx, &event, NULL);
}
static const struct outbox_worker sender = {
    .kind = "crash.send", .max_attempts = 3, .timeout_ms = 1000, .repeatable = true, .run = effect, .complete = done
};
static const struct outbox_worker actor = {
    .kind = "crash.act", .max_attempts = 3, .timeout_ms = 1000, .run = effect, .complete = done
};
static const struct outbox_worker *const workers[] = { &sender, &actor, NULL };

struct order {
    char key[64];
    int64_t number, id;
};

static err append(struct tx *tx, void *arg)
{
    struct order *order = arg;
    struct event event = {
        .kind = order->number % 10 == 9 ? EVENT_STOP_ENGAGED : EVENT_CHANGE,
        .subject = str_printf(tx_arena(tx), "host:%lld", (long long)order->number % 50),
        .actor = S("user:kim"),
        .reason = str_of(order->key),
    };
    return journal_append(tx, &event, &order->id);
}

static void *write_for_ever(void *arg)
{
    struct db *db = arg;
    struct order order;

    for (order.number = 0;; order.number++) {
        snprintf(order.key, sizeof(order.key), "%s/%lx/%lld", seed, (unsigned long)pthread_self(),
                 (long long)order.number);
        err e = db_write(db, append, &order);
        if (e) {
            err_free(e); /* not promised, so not noted */
            continue;
        }
        note(acks, "%lld %s\n", (long long)order.id, order.key);
    }
    return NULL;
}

static err unfinished(struct tx *tx, void *arg)
{
    return tx_get_i64(tx, "SELECT count(*) FROM outbox WHERE state IN (0, 1)", NONE, 0, arg);
}

static void drain(struct db *db)
{
    int64_t left = 1;

    for (int i = 0; i < 2000 && left; i++) {
        check(journal_settle(db, 10000));
        check(db_read(db, unfinished, &left));
        usleep(5000);
    }
    check(journal_settle(db, 10000));
    if (left) {
        fprintf(stderr, "%lld outbox rows are unfinished\n", (long long)left);
        exit(1);
    }
}

static int open_note(const char *folder, const char *name)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        exit(1);
    return fd;
}

int main(int argc, char **argv)
{
    struct pool *pool = NULL;
    struct db *db = NULL;
    pthread_t threads[WRITERS];

    if (argc != 4) {
        fprintf(stderr, "usage: journal_driver FOLDER SEED run|drain\n");
        return 2;
    }
    seed = argv[2];
    log_setup(LOG_ERROR, LOG_LOGFMT);
    check(failpoints_setup(getenv("AUSPEX_FAILPOINTS")));
    check(file_make_dirs(argv[1], 0700));
    acks = open_note(argv[1], "acks");
    effects = open_note(argv[1], "effects");
    check(db_open(&(struct db_options){ .folder = argv[1], .readers = readers, .workers = workers }, &db));
    check(journal_start(db));
    check(pool_start(&(struct pool_options){ .name = "outside", .threads = 8, .on_demand = true, .queue_max = 64 },
                     &pool));
    check(outbox_start(db, pool));
    if (strcmp(argv[3], "drain") == 0) {
        drain(db);
        outbox_stop(db, 5000);
        pool_stop(pool);
        db_close(db);
        return 0;
    }
    for (int i = 0; i < WRITERS; i++)
        if (pthread_create(&threads[i], NULL, write_for_ever, db) != 0)
            return 1;
    pthread_join(threads[0], NULL);
    return 0;
}

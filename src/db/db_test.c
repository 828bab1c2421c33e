/* db_test.c - writes are durable or undone, reads see snapshots, a folder has one owner. */
#include "db/db.h"

#include "base/file.h"
#include "base/test.h"
#include "db/journal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static _Atomic int events_seen;

static err see_step(struct reader *reader, const struct event *event)
{
    (void)reader;
    atomic_fetch_add(&events_seen, event->kind == EVENT_CHANGE);
    return NULL;
}
static const struct journal_reader see = { .name = "see", .step = see_step };
static const struct journal_reader *const seeing[] = { &see, NULL };

static err append_change(struct tx *tx, void *arg)
{
    (void)arg;
    return journal_append(tx, &(struct event){ .kind = EVENT_CHANGE, .subject = S("token:ci") }, NULL);
}

static const struct migration test_1 = {
    .room = "db_test",
    .number = 1,
    .sql = "CREATE TABLE test_user(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, score REAL, photo BLOB) STRICT",
};
REGISTER(migration, test_1);

static struct db *test_db(void)
{
    struct db *db = NULL;

    ASSERT_OK(db_open(&(struct db_options){ .folder = test_folder() }, &db));
    return db;
}

static err add_user(struct tx *tx, void *arg)
{
    const char *name = arg;

    TRY(tx_run(tx, "INSERT INTO test_user(name, score, photo) VALUES(?1, ?2, ?3)",
               PARAMS(name, 1.5, param_blob("\0\1", 2))));
    if (strcmp(name, "nobody") == 0)
        return err_new(ERR_FORBIDDEN, "nobody may not be a user");
    return NULL;
}

struct user_list {
    struct arena *arena;
    struct str names[16];
    size_t count;
};

static err list_users(struct tx *tx, void *arg)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;
    struct user_list *list = arg;

    TRY(tx_query(tx, "SELECT id, name FROM test_user WHERE score > ?1 ORDER BY id", PARAMS(0.5), &rows));
    while (list->count < ARRAY_LEN(list->names) && rows_next(rows))
        list->names[list->count++] = rows_copy(rows, 1, list->arena);
    return rows_err(rows);
}

/* How a room uses the database: a function that writes, a function that reads, and both from any thread. */
TEST(what_was_written_is_read)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct user_list list = { .arena = arena };
    struct db *db = test_db();

    ASSERT_OK(db_write(db, add_user, (char[]){ "kim" }));
    ASSERT_OK(db_write(db, add_user, (char[]){ "lee" }));
    ASSERT_OK(db_read(db, list_users, &list));
    ASSERT_EQ_INT(2, (int64_t)list.count);
    ASSERT_STR("kim", list.names[0]);
    ASSERT_STR("lee", list.names[1]);
    db_close(db);
}

static int64_t user_count(struct db *db)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct user_list list = { .arena = arena };

    ASSERT_OK(db_read(db, list_users, &list));
    return (int64_t)list.count;
}

TEST(a_failed_write_undoes_only_itself)
{
    struct db *db = test_db();

    ASSERT_OK(db_write(db, add_user, (char[]){ "kim" }));
    ASSERT_ERR(ERR_FORBIDDEN, "nobody may not", db_write(db, add_user, (char[]){ "nobody" }));
    ASSERT_ERR(ERR_CONFLICT, "UNIQUE", db_write(db, add_user, (char[]){ "kim" }));
    ASSERT_OK(db_write(db, add_user, (char[]){ "lee" }));
    ASSERT_EQ_INT(2, user_count(db));
    db_close(db);
}

TEST(it_is_all_there_after_closing)
{
    struct db *db = test_db();

    ASSERT_OK(db_write(db, add_user, (char[]){ "kim" }));
    db_close(db);
    db = test_db();
    ASSERT_EQ_INT(1, user_count(db));
    db_close(db);
}

static err write_in_read(struct tx *tx, void *arg)
{
    return add_user(tx, arg);
}

static err wrong_count(struct tx *tx, void *arg)
{
    (void)arg;
    return tx_run(tx, "DELETE FROM test_user WHERE id = ?1 OR name = ?2", PARAMS(1));
}

static err nested(struct tx *tx, void *arg)
{
    return db_write(tx_db(tx), add_user, arg);
}

TEST(mistakes_of_a_room_are_named)
{
    struct db *db = test_db();

    ASSERT_ERR(ERR_INTERNAL, "a write within db_read", db_read(db, write_in_read, (char[]){ "kim" }));
    ASSERT_ERR(ERR_INTERNAL, "1 values for 2 places", db_write(db, wrong_count, NULL));
    ASSERT_ERR(ERR_INTERNAL, "use the tx at hand", db_write(db, nested, (char[]){ "kim" }));
    ASSERT_EQ_INT(0, user_count(db));
    db_close(db);
}

static void *write_many(void *arg)
{
    struct db *db = arg;
    char name[32];

    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof(name), "%lx-%d", (unsigned long)pthread_self(), i);
        ASSERT_OK(db_write(db, add_user, name));
    }
    return NULL;
}

static err count_all(struct tx *tx, void *arg)
{
    return tx_get_i64(tx, "SELECT count(*) FROM test_user", NONE, 0, arg);
}

static void *read_many(void *arg)
{
    int64_t before = 0, now = 0;

    for (int i = 0; i < 200; i++) {
        ASSERT_OK(db_read(arg, count_all, &now));
        ASSERT_TRUE(now >= before);
        before = now;
    }
    return NULL;
}

TEST(many_threads_write_and_read)
{
    struct db *db = test_db();
    pthread_t threads[12];
    int64_t count;

    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        ASSERT_EQ_INT(0, pthread_create(&threads[i], NULL, i < 8 ? write_many : read_many, db));
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    ASSERT_OK(db_read(db, count_all, &count));
    ASSERT_EQ_INT(400, count);
    db_close(db);
}

TEST(a_folder_has_one_owner_and_says_who)
{
    struct db *db = test_db(), *second = NULL;
    char pid[32];

    snprintf(pid, sizeof(pid), "process %d (unit_tests", (int)getpid());
    err e = db_open(&(struct db_options){ .folder = test_folder() }, &second);
    ASSERT_TRUE(e != NULL);
    ASSERT_EQ_INT(ERR_CONFLICT, err_kind(e));
    ASSERT_CONTAINS(pid, str_of(err_message(e)));
    ASSERT_CONTAINS("stop it or choose another --storage.path", str_of(err_message(e)));
    err_free(e);
    db_close(db);
    ASSERT_OK(db_open(&(struct db_options){ .folder = test_folder() }, &second));
    db_close(second);
}

TEST(a_tool_reads_beside_the_owner)
{
    struct db *db = test_db(), *tool = NULL;

    ASSERT_OK(db_write(db, add_user, (char[]){ "kim" }));
    ASSERT_OK(db_open(&(struct db_options){ .folder = test_folder(), .read_only = true }, &tool));
    ASSERT_EQ_INT(1, user_count(tool));
    ASSERT_ERR(ERR_INTERNAL, "reading only", db_write(tool, add_user, (char[]){ "lee" }));
    db_close(tool);
    db_close(db);
}

/* tool - what `auspex token create` is to a server: another process, which waits until the server is there. */
static void tool(const char *folder, int wait_for)
{
    struct db *db = NULL;
    char word;

    err e = read(wait_for, &word, 1) == 1 ? NULL : err_new(ERR_IO, "no word");
    if (!e)
        e = db_open(&(struct db_options){ .folder = folder, .shared = true }, &db);
    for (int i = 0; !e && i < 20; i++) {
        char name[16];
        snprintf(name, sizeof(name), "tool-%d", i);
        e = db_write(db, add_user, name);
    }
    if (!e)
        e = db_write(db, append_change, NULL);
    db_close(db);
    _exit(e ? 1 : 0);
}

TEST(a_tool_of_another_process_writes_beside_the_owner_and_its_events_are_seen)
{
    struct db *db = NULL;
    int status, ready[2];
    int64_t count = 0;

    const char *folder = test_folder();
    ASSERT_EQ_INT(0, pipe(ready));
    pid_t child = fork();
    if (child == 0)
        tool(folder, ready[0]);
    ASSERT_OK(db_open(&(struct db_options){ .folder = folder, .readers = seeing }, &db));
    ASSERT_OK(journal_start(db));
    ASSERT_EQ_INT(1, write(ready[1], "!", 1));
    for (int i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof(name), "own-%d", i);
        ASSERT_OK(db_write(db, add_user, name));
    }
    ASSERT_EQ_INT(child, waitpid(child, &status, 0));
    ASSERT_EQ_INT(0, status);
    ASSERT_OK(db_read(db, count_all, &count));
    ASSERT_EQ_INT(40, count);
    for (int i = 0; i < 5000 && journal_last_id(db) == 0; i++)
        usleep(1000);
    ASSERT_EQ_INT(1, journal_last_id(db));
    ASSERT_OK(journal_settle(db, 5000));
    ASSERT_EQ_INT(1, atomic_load(&events_seen));
    db_close(db);
}

static void count_done(void *arg, err outcome)
{
    ASSERT_OK(outcome);
    (*(int *)arg)++;
}

static err nothing(struct tx *tx, void *arg)
{
    (void)arg;
    return tx_run(tx, "UPDATE test_user SET score = 0 WHERE id = 0", NONE);
}

TEST(closing_finishes_what_was_posted)
{
    struct db *db = test_db();
    int done = 0;

    for (int i = 0; i < 500; i++)
        ASSERT_OK(db_post(db, nothing, &done, count_done));
    db_close(db);
    ASSERT_EQ_INT(500, done);
}

/* blocked - holds the writer, so that posts pile up behind it. */
static err blocked(struct tx *tx, void *arg)
{
    char word;

    (void)tx;
    return read(*(int *)arg, &word, 1) == 1 ? NULL : err_new(ERR_IO, "no word");
}

TEST(the_queue_has_an_end)
{
    struct db *db = test_db();
    int done = 0, accepted = 0, gate[2];
    err e = NULL;

    ASSERT_EQ_INT(0, pipe(gate));
    ASSERT_OK(db_post(db, blocked, &gate[0], NULL));
    while (!(e = db_post(db, nothing, &done, count_done)))
        accepted++;
    ASSERT_TRUE(err_retry_after_ms(e) > 0);
    ASSERT_ERR(ERR_BUSY, "10000 writes wait", e);
    ASSERT_TRUE(accepted >= 9999);
    ASSERT_EQ_INT(1, write(gate[1], "!", 1));
    db_close(db);
    ASSERT_EQ_INT(accepted, done);
}

static err rewrite(struct tx *tx, void *arg)
{
    (void)arg;
    for (int i = 0; i < 20; i++)
        TRY(tx_run(tx, "INSERT INTO test_user(name, photo) VALUES(hex(randomblob(8)), randomblob(3000))", NONE));
    return NULL;
}

static void *rewrite_often(void *arg)
{
    for (int i = 0; i < 60; i++)
        ASSERT_OK(db_write(arg, rewrite, NULL));
    return NULL;
}

TEST(the_log_starts_anew_while_writes_keep_coming)
{
    struct db *db = NULL;
    pthread_t threads[4];
    struct stat log;
    char path[300];

    ASSERT_OK(db_open(&(struct db_options){ .folder = test_folder(), .checkpoint_pages = 100 }, &db));
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        ASSERT_EQ_INT(0, pthread_create(&threads[i], NULL, rewrite_often, db));
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    snprintf(path, sizeof(path), "%s/auspex.db-wal", test_folder());
    ASSERT_EQ_INT(0, stat(path, &log));
    /* 4,800 rows of a page each passed through it: more than 24 MB with their indexes. */
    ASSERT_TRUE(log.st_size < 16 << 20);
    db_close(db);
}

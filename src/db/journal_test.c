/* journal_test.c - events, and readers that follow them. */
#include "db/journal.h"

#include "base/test.h"
#include "base/time.h"

#include <stdio.h>
#include <string.h>

/* A reader of the tests: it counts events by subject in a table, answers each firing alert with an opened incident, and
 * fails at what is called poison as long as told to. */
static const struct migration test_2 = {
    .room = "db_test",
    .number = 2,
    .sql = "CREATE TABLE test_seen(subject TEXT PRIMARY KEY, times INTEGER NOT NULL) STRICT, WITHOUT ROWID",
};
REGISTER(migration, test_2);

static bool poison_works;

static err count_step(struct reader *reader, const struct event *event)
{
    TRY(tx_run(
        reader_tx(reader),
        "INSERT INTO test_seen(subject, times) VALUES(?1, 1) ON CONFLICT(subject) DO UPDATE SET times = times + 1",
        PARAMS(event->subject)));
    if (str_eq(event->subject, S("poison")) && !poison_works)
        return err_new(ERR_INTERNAL, "this event is poison");
    if (event->kind != EVENT_ALERT_FIRING)
        return NULL;
    struct event opened = { .kind = EVENT_INCIDENT_OPENED, .subject = event->subject, .incident = event->id };
    return journal_append(reader_tx(reader), &opened, NULL);
}
static const struct journal_reader counter = { .name = "counter", .step = count_step };
static const struct journal_reader *const counting[] = { &counter, NULL };

static const struct journal_reader *const no_readers[] = { NULL };

static struct db *test_db(void)
{
    struct db *db = NULL;

    ASSERT_OK(db_open(&(struct db_options){ .folder = test_folder(), .readers = counting }, &db));
    return db;
}

static err append(struct tx *tx, void *arg)
{
    return journal_append(tx, arg, NULL);
}

static err times_seen(struct tx *tx, void *arg)
{
    const char **subject = arg;
    int64_t times;

    TRY(tx_get_i64(tx, "SELECT times FROM test_seen WHERE subject = ?1", PARAMS(*subject), 0, &times));
    *subject = times == 0 ? "never" : times == 1 ? "once" : "often";
    return NULL;
}

static const char *seen(struct db *db, const char *subject)
{
    ASSERT_OK(journal_settle(db, 5000));
    ASSERT_OK(db_read(db, times_seen, &subject));
    return subject;
}

struct read_call {
    struct journal_filter filter;
    struct arena *arena;
    struct event_list list;
};

static err read_events(struct tx *tx, void *arg)
{
    struct read_call *call = arg;

    return journal_read(tx, call->arena, &call->filter, &call->list);
}

TEST(an_event_reaches_its_reader_and_what_follows_is_an_event_too)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct read_call call = { .filter = { .limit = 10 }, .arena = arena };
    struct db *db = test_db();
    struct event firing = { .kind = EVENT_ALERT_FIRING,
                            .subject = S("redis:127.0.0.1:6379"),
                            .actor = S("auspex"),
                            .reason = S("it is full") };

    ASSERT_OK(journal_start(db));
    ASSERT_OK(db_write(db, append, &firing));
    ASSERT_STR("often", str_of(seen(db, "redis:127.0.0.1:6379"))); /* the alert, and the incident that followed */
    ASSERT_OK(db_read(db, read_events, &call));
    ASSERT_EQ_INT(2, (int64_t)call.list.count);
    ASSERT_EQ_INT(EVENT_ALERT_FIRING, call.list.at[0].kind);
    ASSERT_STR("it is full", call.list.at[0].reason);
    ASSERT_STR("auspex", call.list.at[0].actor);
    ASSERT_STR("{}", call.list.at[0].data);
    ASSERT_EQ_INT(EVENT_INCIDENT_OPENED, call.list.at[1].kind);
    ASSERT_EQ_INT(call.list.at[0].id, call.list.at[1].incident);
    ASSERT_EQ_INT(call.list.at[1].id, journal_last_id(db));
    db_close(db);
}

TEST(a_cursor_survives)
{
    struct db *db = test_db();
    struct event event = { .kind = EVENT_CHANGE, .subject = S("host:a") };

    ASSERT_OK(journal_start(db));
    ASSERT_OK(db_write(db, append, &event));
    ASSERT_STR("once", str_of(seen(db, "host:a")));
    db_close(db);
    db = test_db();
    ASSERT_OK(journal_start(db));
    ASSERT_OK(db_write(db, append, &(struct event){ .kind = EVENT_CHANGE, .subject = S("host:b") }));
    ASSERT_STR("once", str_of(seen(db, "host:a")));
    ASSERT_STR("once", str_of(seen(db, "host:b")));
    db_close(db);
}

TEST(the_same_unique_key_is_the_same_event)
{
    struct db *db = test_db();
    struct event event = { .kind = EVENT_ANOMALY_OPENED, .subject = S("host:a"), .unique_key = S("hw/7/1000") };

    ASSERT_OK(journal_start(db));
    ASSERT_OK(db_write(db, append, &event));
    ASSERT_OK(db_write(db, append, &event));
    ASSERT_EQ_INT(1, journal_last_id(db));
    ASSERT_STR("once", str_of(seen(db, "host:a")));
    db_close(db);
}

static err retry_first(struct tx *tx, void *arg)
{
    int64_t id;

    (void)arg;
    TRY(tx_get_i64(tx, "SELECT id FROM journal_parked", NONE, 0, &id));
    return journal_retry_parked(tx, id);
}

static err count_parked(struct tx *tx, void *arg)
{
    return tx_get_i64(tx, "SELECT count(*) FROM journal_parked", NONE, 0, arg);
}

TEST(poison_is_parked_said_and_tried_again_when_asked)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct read_call call = { .filter = { .limit = 10, .kind_prefix = S("journal.") }, .arena = arena };
    struct db *db = test_db();
    int64_t parked;

    ASSERT_OK(journal_start(db));
    ASSERT_OK(db_write(db, append, &(struct event){ .kind = EVENT_CHANGE, .subject = S("poison") }));
    ASSERT_OK(db_write(db, append, &(struct event){ .kind = EVENT_CHANGE, .subject = S("host:a") }));
    ASSERT_STR("once", str_of(seen(db, "host:a")));
    ASSERT_STR("never", str_of(seen(db, "poison")));
    ASSERT_OK(db_read(db, count_parked, &parked));
    ASSERT_EQ_INT(1, parked);
    ASSERT_OK(db_read(db, read_events, &call));
    ASSERT_EQ_INT(1, (int64_t)call.list.count);
    ASSERT_STR("counter", call.list.at[0].subject);
    ASSERT_CONTAINS("this event is poison", call.list.at[0].data);

    poison_works = true;
    ASSERT_OK(db_write(db, retry_first, NULL));
    ASSERT_STR("once", str_of(seen(db, "poison")));
    ASSERT_OK(db_read(db, count_parked, &parked));
    ASSERT_EQ_INT(0, parked);
    ASSERT_ERR(ERR_NOT_FOUND, "no parked event", db_write(db, retry_first, NULL));
    db_close(db);
}

static err append_many(struct tx *tx, void *arg)
{
    char subject[32];

    for (int i = 0; i < *(int *)arg; i++) {
        snprintf(subject, sizeof(subject), "host:%d", i % 10);
        struct event event = {
            .kind = i % 2 ? EVENT_CHANGE : EVENT_EXECUTION_STARTED,
            .subject = str_of(subject),
            .incident = i % 3 ? 0 : 7,
        };
        TRY(journal_append(tx, &event, NULL));
    }
    return NULL;
}

TEST(events_are_found_by_what_a_person_looks_for)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct read_call call = { .filter = { .limit = 1000, .subject = S("host:3") }, .arena = arena };
    struct db *db = test_db();

    ASSERT_OK(db_write(db, append_many, &(int){ 300 }));
    ASSERT_OK(db_read(db, read_events, &call));
    ASSERT_EQ_INT(30, (int64_t)call.list.count);
    call.filter = (struct journal_filter){ .limit = 1000, .kind_prefix = S("execution.") };
    ASSERT_OK(db_read(db, read_events, &call));
    ASSERT_EQ_INT(150, (int64_t)call.list.count);
    call.filter = (struct journal_filter){ .limit = 1000, .incident = 7 };
    ASSERT_OK(db_read(db, read_events, &call));
    ASSERT_EQ_INT(100, (int64_t)call.list.count);
    call.filter = (struct journal_filter){ .limit = 5, .incident = 7, .before = 101 };
    ASSERT_OK(db_read(db, read_events, &call));
    ASSERT_EQ_INT(5, (int64_t)call.list.count);
    ASSERT_EQ_INT(100, call.list.at[0].id);
    ASSERT_EQ_INT(88, call.list.at[4].id);
    call.filter = (struct journal_filter){ .limit = 10, .after = 295 };
    ASSERT_OK(db_read(db, read_events, &call));
    ASSERT_EQ_INT(5, (int64_t)call.list.count);
    call.filter = (struct journal_filter){ .limit = 3, .before = 300 };
    ASSERT_OK(db_read(db, read_events, &call));
    ASSERT_EQ_INT(299, call.list.at[0].id);
    call.filter.limit = 0;
    ASSERT_ERR(ERR_RANGE, "limit 0", db_read(db, read_events, &call));
    db_close(db);
}

static err append_mixed(struct tx *tx, void *arg)
{
    static const enum event_kind kinds[] = { EVENT_ALERT_RESOLVED, EVENT_CHANGE, EVENT_ALERT_FIRING, EVENT_LOGIN };

    for (int64_t i = 1; i <= *(int64_t *)arg; i++)
        TRY(journal_append(tx, &(struct event){ .kind = kinds[i * i % 7 % 4], .time_ms = 1000 * i }, NULL));
    return NULL;
}

/* matches_model - what a filter of kinds gives is what looking at every event would give, in the same order. */
static bool matches_model(struct db *db, struct arena *arena, struct journal_filter filter)
{
    struct read_call all = { .filter = { .limit = 1000, .after = filter.after, .before = filter.before },
                             .arena = arena };
    struct read_call call = { .filter = filter, .arena = arena };
    size_t found = 0;

    ASSERT_OK(db_read(db, read_events, &all));
    ASSERT_OK(db_read(db, read_events, &call));
    for (size_t i = 0; i < all.list.count && found < (size_t)filter.limit; i++) {
        if (!str_starts(str_of(event_kind_name(all.list.at[i].kind)), filter.kind_prefix))
            continue;
        if (found == call.list.count || call.list.at[found].id != all.list.at[i].id)
            return false;
        found++;
    }
    return found == call.list.count;
}

TEST(events_of_some_kinds_come_in_the_order_of_the_journal)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(64 << 20);
    const struct str prefixes[] = { S("alert."), S("a"), S("change"), S("auth.login"), S("none") };
    struct db *db = NULL;

    ASSERT_OK(db_open(&(struct db_options){ .folder = test_folder(), .readers = no_readers }, &db));
    ASSERT_OK(db_write(db, append_mixed, &(int64_t){ 200 }));
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
        for (int limit = 1; limit < 300; limit *= 3) {
            ASSERT_TRUE(
                matches_model(db, arena, (struct journal_filter){ .kind_prefix = prefixes[i], .limit = limit }));
            ASSERT_TRUE(matches_model(
                db, arena, (struct journal_filter){ .kind_prefix = prefixes[i], .limit = limit, .before = 120 }));
            ASSERT_TRUE(matches_model(
                db, arena, (struct journal_filter){ .kind_prefix = prefixes[i], .limit = limit, .after = 70 }));
        }
    db_close(db);
}

static err id_at(struct tx *tx, void *arg)
{
    int64_t *time = arg;

    return journal_id_at(tx, *time, time);
}

TEST(the_first_event_of_a_time_is_found)
{
    struct db *db = NULL;
    const int64_t times_and_ids[][2] = { { 0, 1 }, { 1000, 1 }, { 1001, 2 }, { 150000, 150 }, { 200001, 201 } };
    int64_t time = 5;

    ASSERT_OK(db_open(&(struct db_options){ .folder = test_folder(), .readers = no_readers }, &db));
    ASSERT_OK(db_read(db, id_at, &time));
    ASSERT_EQ_INT(1, time);
    ASSERT_OK(db_write(db, append_mixed, &(int64_t){ 200 }));
    for (size_t i = 0; i < ARRAY_LEN(times_and_ids); i++) {
        time = times_and_ids[i][0];
        ASSERT_OK(db_read(db, id_at, &time));
        ASSERT_EQ_INT(times_and_ids[i][1], time);
    }
    db_close(db);
}

TEST(a_backlog_is_worked_off_without_another_write)
{
    struct db *db = test_db();

    ASSERT_OK(db_write(db, append_many, &(int){ 20000 }));
    ASSERT_OK(journal_start(db));
    ASSERT_OK(journal_settle(db, 20000));
    ASSERT_STR("often", str_of(seen(db, "host:9")));
    db_close(db);
}

TEST(what_is_no_event_is_refused)
{
    struct db *db = test_db();

    ASSERT_ERR(ERR_INTERNAL, "no kind", db_write(db, append, &(struct event){ .kind = 9 }));
    ASSERT_ERR(ERR_INTERNAL, "no JSON object", db_write(db, append, &(struct event){ .kind = 1, .data = S("[]") }));
    ASSERT_ERR(ERR_INVALID, "not UTF-8", db_write(db, append, &(struct event){ .kind = 1, .subject = S("\xff") }));
    ASSERT_EQ_INT(0, journal_last_id(db));
    db_close(db);
}

static err append_and_fail(struct tx *tx, void *arg)
{
    TRY(append(tx, arg));
    return err_new(ERR_FORBIDDEN, "after all, no");
}

TEST(an_undone_event_was_never_there)
{
    struct event event = { .kind = EVENT_CHANGE, .subject = S("host:undone"), .unique_key = S("once") };
    struct db *db = test_db();

    ASSERT_OK(journal_start(db));
    ASSERT_OK(db_write(db, append, &(struct event){ .kind = EVENT_CHANGE, .subject = S("host:a") }));
    ASSERT_ERR(ERR_FORBIDDEN, "after all", db_write(db, append_and_fail, &event));
    ASSERT_EQ_INT(1, journal_last_id(db));
    ASSERT_OK(journal_settle(db, 5000));
    ASSERT_STR("never", str_of(seen(db, "host:undone")));
    ASSERT_OK(db_write(db, append, &event)); /* neither its key nor its subject's id was remembered */
    ASSERT_STR("once", str_of(seen(db, "host:undone")));
    ASSERT_EQ_INT(2, journal_last_id(db));
    db_close(db);
}

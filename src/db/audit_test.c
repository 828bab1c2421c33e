/* audit_test.c - the chain finds what somebody did to it. */
#include "db/audit.h"

#include "base/test.h"
#include "base/time.h"
#include "db/journal.h"
#include "db/retention.h"

#include <string.h>

static const struct journal_reader *const no_readers[] = { NULL };

static struct db *test_db(void)
{
    struct db *db = NULL;

    ASSERT_OK(db_open(&(struct db_options){ .folder = test_folder(), .readers = no_readers }, &db));
    return db;
}

static err append(struct tx *tx, void *arg)
{
    return journal_append(tx, arg, NULL);
}

static err verify(struct tx *tx, void *arg)
{
    return audit_verify(tx, NULL, arg);
}

static err head(struct tx *tx, void *arg)
{
    return audit_head(tx, arg);
}

static err run_sql(struct tx *tx, void *arg)
{
    return tx_run(tx, arg, NONE);
}

static struct db *db_with_five_rows(void)
{
    struct db *db = test_db();

    for (int i = 0; i < 5; i++) {
        struct event event = {
            .kind = EVENT_EXECUTION_APPROVED,
            .time_ms = time_now_ms(),
            .subject = S("redis:127.0.0.1:6379"),
            .actor = S("user:kim"),
            .reason = S("the plan is right"),
            .data = S("{\"v\":1,\"execution_id\":\"7\"}"),
        };
        ASSERT_OK(db_write(db, append, &event));
        event.kind = EVENT_RCA_COMPLETED; /* nobody's decision: in the journal alone */
        ASSERT_OK(db_write(db, append, &event));
    }
    return db;
}

struct read_call {
    struct arena *arena;
    struct audit_list list;
};

static err read_rows(struct tx *tx, void *arg)
{
    struct read_call *call = arg;

    return audit_read(tx, call->arena, 0, 100, &call->list);
}

TEST(decisions_are_in_the_trail_and_the_trail_is_whole)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct read_call call = { .arena = arena };
    struct audit_report report;
    struct db *db = db_with_five_rows();

    ASSERT_OK(db_read(db, verify, &report));
    ASSERT_TRUE(report.ok);
    ASSERT_EQ_INT(5, report.rows);
    ASSERT_OK(db_read(db, read_rows, &call));
    ASSERT_EQ_INT(5, (int64_t)call.list.count);
    ASSERT_EQ_INT(5, call.list.at[0].id);
    ASSERT_STR("user:kim", call.list.at[0].actor);
    ASSERT_STR("execution.approved", call.list.at[0].action);
    ASSERT_STR("{\"event\":9,\"reason\":\"the plan is right\",\"data\":{\"v\":1,\"execution_id\":\"7\"}}",
               call.list.at[0].detail);
    db_close(db);
}

/* after - what a stranger with a SQLite shell does, and what the chain says of it. */
static void tampered(const char *sql, int64_t bad, const char *problem)
{
    struct audit_report report;
    struct db *db = db_with_five_rows();
    char text[256];

    for (struct str rest = str_of(sql), one; rest.at;) {
        one = str_cut(rest, ';', &rest);
        memcpy(text, one.at, one.length);
        text[one.length] = 0;
        ASSERT_OK(db_write(db, run_sql, text));
    }
    ASSERT_OK(db_read(db, verify, &report));
    ASSERT_FALSE(report.ok);
    ASSERT_EQ_INT(bad, report.bad);
    ASSERT_CONTAINS(problem, str_of(report.problem));
    db_close(db);
}

TEST(an_edit_is_found)
{
    tampered("UPDATE audit SET actor = 'user:lee' WHERE id = 3", 3, "it was changed");
}

TEST(a_deletion_is_found)
{
    tampered("DELETE FROM audit WHERE id = 2", 2, "it is missing");
}

TEST(a_deletion_at_the_front_is_found)
{
    tampered("DELETE FROM audit WHERE id = 1", 1, "it is missing");
}

TEST(a_reordering_is_found)
{
    tampered("UPDATE audit SET id = 99 WHERE id = 2;UPDATE audit SET id = 2 WHERE id = 3;"
             "UPDATE audit SET id = 3 WHERE id = 99",
             2, "it was changed, moved");
}

struct exported_call {
    struct audit_head exported;
    struct audit_report report;
};

static err verify_exported(struct tx *tx, void *arg)
{
    struct exported_call *call = arg;

    return audit_verify(tx, &call->exported, &call->report);
}

TEST(a_trail_that_was_cut_off_or_rewritten_is_found_by_an_exported_head)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct exported_call call;
    struct db *db = db_with_five_rows();
    struct audit_head kept;
    char cut[] = "DELETE FROM audit WHERE id > 3";

    ASSERT_OK(db_read(db, head, &kept));
    struct str text = audit_head_text(arena, &kept);
    ASSERT_OK(audit_head_parse(text, &call.exported));
    ASSERT_EQ_INT(5, call.exported.id);
    ASSERT_OK(db_read(db, verify_exported, &call));
    ASSERT_TRUE(call.report.ok);

    ASSERT_OK(db_write(db, run_sql, cut));
    ASSERT_OK(db_read(db, verify_exported, &call));
    ASSERT_FALSE(call.report.ok);
    ASSERT_CONTAINS("cut off", str_of(call.report.problem));

    /* Rows put in its place make a chain that holds, but not that which was exported. */
    struct event event = { .kind = EVENT_STOP_ENGAGED, .subject = S("stop"), .actor = S("user:mallory") };
    ASSERT_OK(db_write(db, append, &event));
    ASSERT_OK(db_write(db, append, &event));
    ASSERT_OK(db_read(db, verify_exported, &call));
    ASSERT_FALSE(call.report.ok);
    ASSERT_CONTAINS("rewritten", str_of(call.report.problem));
    ASSERT_ERR(ERR_INVALID, "exported head", audit_head_parse(S("12"), &call.exported));
    db_close(db);
}

TEST(retention_leaves_an_anchor_and_a_chain_that_holds)
{
    struct audit_report report;
    struct db *db = db_with_five_rows();

    ASSERT_OK(journal_start(db));
    ASSERT_OK(db_retain(db, &(struct db_retention){ .audit_before_ms = time_now_ms() + DAY_MS,
                                                    .journal_before_ms = time_now_ms() + DAY_MS }));
    ASSERT_OK(db_read(db, verify, &report));
    ASSERT_TRUE(report.ok);
    ASSERT_EQ_INT(1, report.rows);
    ASSERT_EQ_INT(5, report.last);
    ASSERT_EQ_INT(10, journal_first_id(db));
    ASSERT_EQ_INT(10, journal_last_id(db));
    ASSERT_OK(db_write(db, append, &(struct event){ .kind = EVENT_STOP_ENGAGED, .subject = S("stop") }));
    ASSERT_OK(db_read(db, verify, &report));
    ASSERT_TRUE(report.ok);
    ASSERT_EQ_INT(6, report.last);
    ASSERT_EQ_INT(11, journal_last_id(db));
    db_close(db);
}

static err lagging_open(struct reader *reader)
{
    (void)reader;
    return NULL;
}

static err lagging_step(struct reader *reader, const struct event *event)
{
    (void)reader;
    return event->id == 4 ? err_new(ERR_INTERNAL, "poison") : NULL;
}
static const struct journal_reader lagging = { .name = "lagging", .open = lagging_open, .step = lagging_step };
static const struct journal_reader *const with_lagging[] = { &lagging, NULL };

TEST(retention_leaves_what_a_reader_has_not_seen_and_what_is_parked)
{
    struct db *db = db_with_five_rows();
    struct db_retention all = { .journal_before_ms = time_now_ms() + DAY_MS };

    ASSERT_OK(db_retain(db, &all)); /* no reader was started: nobody has seen anything */
    ASSERT_EQ_INT(1, journal_first_id(db));
    db_close(db);
    ASSERT_OK(db_open(&(struct db_options){ .folder = test_folder(), .readers = with_lagging }, &db));
    ASSERT_OK(journal_start(db));
    ASSERT_OK(journal_settle(db, 5000));
    ASSERT_OK(db_retain(db, &all));
    ASSERT_EQ_INT(4, journal_first_id(db));
    db_close(db);
}

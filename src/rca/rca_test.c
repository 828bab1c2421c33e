/* rca_test.c - an incident of a prediction, analysed over a real journal. */
#include "rca/rca.h"

#include "base/test.h"
#include "base/time.h"
#include "db/journal.h"
#include "tsdb/tsdb.h"

#include <string.h>
#include <unistd.h>

struct house {
    struct db *db;
    struct tsdb *tsdb;
};

static struct house house_open(void)
{
    static const struct journal_reader *readers[2];
    static const struct outbox_worker *const workers[1];
    static const struct tsdb_settings settings = { .fsync_interval = { 200 } };
    struct house house;

    FOR_EACH_REGISTERED (journal_reader, it)
        if (strcmp(it->name, "incident") == 0)
            readers[0] = it;
    ASSERT_OK(
        db_open(&(struct db_options){ .folder = test_folder(), .readers = readers, .workers = workers }, &house.db));
    ASSERT_OK(journal_start(house.db));
    ASSERT_OK(tsdb_open(&(struct tsdb_options){ .folder = test_folder(), .settings = &settings }, &house.tsdb));
    rca_start(&(struct rca_options){ .db = house.db, .series = tsdb_source(house.tsdb) });
    return house;
}

static err put_event(struct tx *tx, void *arg)
{
    return journal_append(tx, arg, NULL);
}

static struct rca_result analysed(struct arena *arena, struct event event)
{
    struct rca_result result;
    struct house house = house_open();

    ASSERT_OK(db_write(house.db, put_event, &event));
    ASSERT_OK(rca_analyze(arena, 1, time_mono_ms() + 5000, &result));
    db_close(house.db);
    tsdb_close(house.tsdb);
    return result;
}

#define DISK                                                                                                           \
    "{\"v\":1,\"signal_id\":1,\"signal_type\":\"disk_full\",\"metric\":\"filesystem_used_percent\",\"labels\":{"       \
    "\"mountpoint\":\"/var\"},"                                                                                        \
    "\"value\":88.5,\"threshold\":95,\"risk_score\":0.8,\"eta_seconds\":7200,\"eta_low\":5400,\"eta_high\":10800,"     \
    "\"evidence\":{\"slope_per_hour\":3.25,\"r2\":0.99,\"p_value\":0.0001,\"samples\":200}}"

TEST(rca_explains_a_prediction_with_its_numbers)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(8 << 20);

    struct rca_result result = analysed(
        arena, (struct event){ .kind = EVENT_SIGNAL_RAISED, .subject = S("filesystem:db1:/var"), .data = S(DISK) });
    ASSERT_FALSE(result.cannot_tell);
    ASSERT_STR("A file system fills up", result.root_causes.at[0].issue);
    ASSERT_EQ_INT(1, result.root_causes.at[0].rank);
    ASSERT_STR("88.5 now, the limit is 95.0", result.root_causes.at[0].evidence.at[0].text);
    ASSERT_CONTAINS("3.25 an hour", result.root_causes.at[0].evidence.at[1].text);
    ASSERT_STR("at this pace the limit is reached in 2h (1h30m to 3h)", result.root_causes.at[0].evidence.at[2].text);
    ASSERT_STR("compress_old_logs", result.recommended_actions.at[0].action);
}

TEST(rca_says_cannot_tell_where_nobody_knows)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(8 << 20);

    struct rca_result result = analysed(
        arena, (struct event){ .kind = EVENT_ALERT_FIRING,
                               .subject = S("service:x"),
                               .data = S("{\"v\":1,\"alert_id\":1,\"alertname\":\"A\",\"severity\":\"high\"}") });
    ASSERT_TRUE(result.cannot_tell);
    ASSERT_EQ_INT(0, result.root_causes.count);
    ASSERT_EQ_INT(0, result.recommended_actions.count);
}

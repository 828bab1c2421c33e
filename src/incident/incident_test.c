/* incident_test.c - folding, healing, resolving: over a real journal. */
#include "alerts/alert.h"
#include "base/test.h"
#include "base/time.h"
#include "incident/incident.h"

#include <math.h>
#include <string.h>

/* A house with the journal and room incident alone. */
static struct db *house(void)
{
    static const struct journal_reader *readers[2];
    static const struct outbox_worker *const workers[1];
    struct db *db;

    FOR_EACH_REGISTERED (journal_reader, it)
        if (strcmp(it->name, "incident") == 0)
            readers[0] = it;
    ASSERT_OK(db_open(&(struct db_options){ .folder = test_folder(), .readers = readers, .workers = workers }, &db));
    ASSERT_OK(journal_start(db));
    return db;
}

struct alert_job {
    const char *name, *resource, *severity;
    bool resolved;
};

static err record(struct tx *tx, void *arg)
{
    const struct alert_job *job = arg;
    const struct label labels[] = { { S("alertname"), str_of(job->name) }, { S("severity"), str_of(job->severity) } };
    const struct alert_in alert = {
        .labels = labels_make(tx_arena(tx), labels, ARRAY_LEN(labels)),
        .resource = str_of(job->resource),
        .source = S("test"),
        .resolved = job->resolved,
        .value = NAN,
        .threshold = NAN,
    };

    return alert_record(tx, &alert, NULL);
}

static void fire(struct db *db, const char *name, const char *resource)
{
    ASSERT_OK(db_write(db, record, &(struct alert_job){ name, resource, "high", false }));
}

static void end(struct db *db, const char *name, const char *resource)
{
    ASSERT_OK(db_write(db, record, &(struct alert_job){ name, resource, "high", true }));
}

struct look {
    struct arena *arena;
    struct incident_list list;
};

static err look_read(struct tx *tx, void *arg)
{
    struct look *look = arg;

    return incident_select(tx, look->arena, &(struct incident_query){ .limit = 100 }, &look->list);
}

static struct incident_list incidents(struct db *db, struct arena *arena)
{
    struct look look = { .arena = arena };

    ASSERT_OK(db_read(db, look_read, &look));
    return look.list;
}

TEST(incident_folds_alerts_of_one_resource)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct db *db = house();

    fire(db, "RedisOutOfMemory", "redis:127.0.0.1:6379");
    fire(db, "RedisRejectsWrites", "redis:127.0.0.1:6379");
    fire(db, "RedisOutOfMemory", "redis:127.0.0.1:6379"); /* sent again: nothing new */
    fire(db, "HostDiskFull", "host:db1");
    struct incident_list list = incidents(db, arena);
    ASSERT_EQ_INT(2, list.total);
    ASSERT_STR("host:db1", list.incidents.at[0].resource);
    ASSERT_EQ_INT(2, list.incidents.at[1].alerts);
    db_close(db);
}

TEST(incident_is_named_after_its_worst_alert)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct db *db = house();

    ASSERT_OK(db_write(db, record, &(struct alert_job){ "Slow", "service:x", "medium", false }));
    ASSERT_OK(db_write(db, record, &(struct alert_job){ "Down", "service:x", "critical", false }));
    ASSERT_OK(db_write(db, record, &(struct alert_job){ "Also", "service:x", "high", false }));
    struct incident_row row = incidents(db, arena).incidents.at[0];
    ASSERT_STR("Down", row.title);
    ASSERT_STR("P1", row.priority);
    db_close(db);
}

TEST(incident_resolves_when_its_last_alert_ends)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct db *db = house();

    fire(db, "A", "service:x");
    fire(db, "B", "service:x");
    end(db, "A", "service:x");
    ASSERT_EQ_INT(INCIDENT_OPEN, incidents(db, arena).incidents.at[0].status);
    end(db, "B", "service:x");
    struct incident_row row = incidents(db, arena).incidents.at[0];
    ASSERT_EQ_INT(INCIDENT_RESOLVED, row.status);
    ASSERT_TRUE(row.resolved_at >= row.started_at);
    db_close(db);
}

TEST(incident_reopens_for_the_same_alert_within_minutes_only)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct db *db = house();

    fire(db, "A", "service:x");
    end(db, "A", "service:x");
    fire(db, "A", "service:x");
    ASSERT_EQ_INT(1, incidents(db, arena).total);
    ASSERT_EQ_INT(INCIDENT_OPEN, incidents(db, arena).incidents.at[0].status);
    end(db, "A", "service:x");
    fire(db, "Another", "service:x"); /* something else, later: a problem of its own */
    ASSERT_EQ_INT(2, incidents(db, arena).total);
    db_close(db);
}

static err execution(struct tx *tx, void *arg)
{
    return journal_append(
        tx,
        &(struct event){ .kind = *(enum event_kind *)arg, .incident = 1, .data = S("{\"v\":1,\"outcome\":\"fixed\"}") },
        NULL);
}

TEST(incident_stays_open_while_an_action_runs)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct db *db = house();
    enum event_kind started = EVENT_EXECUTION_STARTED, ended = EVENT_EXECUTION_ENDED;

    fire(db, "A", "service:x");
    ASSERT_OK(db_write(db, execution, &started));
    ASSERT_EQ_INT(INCIDENT_HEALING, incidents(db, arena).incidents.at[0].status);
    end(db, "A", "service:x");
    ASSERT_EQ_INT(INCIDENT_HEALING, incidents(db, arena).incidents.at[0].status);
    ASSERT_OK(db_write(db, execution, &ended));
    ASSERT_EQ_INT(INCIDENT_RESOLVED, incidents(db, arena).incidents.at[0].status);
    db_close(db);
}

static err take(struct tx *tx, void *arg)
{
    return incident_acknowledge(tx, *(int64_t *)arg, S("user:kim"), S("on it"));
}

static err finish(struct tx *tx, void *arg)
{
    return incident_resolve(tx, *(int64_t *)arg, S("user:kim"), S("restarted it"));
}

TEST(incident_obeys_people_and_says_what_it_can_not)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct db *db = house();
    int64_t id = 1, none = 99;

    fire(db, "A", "service:x");
    ASSERT_OK(db_write(db, take, &id));
    ASSERT_STR("user:kim", incidents(db, arena).incidents.at[0].owner);
    ASSERT_OK(db_write(db, finish, &id));
    ASSERT_ERR(ERR_CONFLICT, "incident 1 is resolved", db_write(db, finish, &id));
    ASSERT_ERR(ERR_NOT_FOUND, "no incident 99", db_write(db, take, &none));
    db_close(db);
}

static err nameless(struct tx *tx, void *arg)
{
    (void)arg;
    return alert_record(tx, &(struct alert_in){ .source = S("test"), .value = NAN, .threshold = NAN }, NULL);
}

TEST(alert_without_a_name_is_refused)
{
    struct db *db = house();

    ASSERT_ERR(ERR_INVALID, "alertname", db_write(db, nameless, NULL));
    db_close(db);
}

TEST(alert_resource_follows_the_labels)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    const struct label service[] = { { S("instance"), S("db1:9100") },
                                     { S("job"), S("node") },
                                     { S("service"), S("api-gateway") } };
    const struct label host[] = { { S("instance"), S("db1:9100") } };

    ASSERT_STR("service:api-gateway", alert_resource(arena, labels_make(arena, service, 3)));
    ASSERT_STR("service:node", alert_resource(arena, labels_make(arena, service, 2)));
    ASSERT_STR("host:db1", alert_resource(arena, labels_make(arena, host, 1)));
    ASSERT_STR("service:unknown", alert_resource(arena, labels_make(arena, host, 0)));
    const struct label six[] = { { S("instance"), S("[2001:db8::7]:9100") } };
    ASSERT_STR("host:2001:db8::7", alert_resource(arena, labels_make(arena, six, 1)));
    const struct label bare[] = { { S("instance"), S("2001:db8::7") } };
    ASSERT_STR("host:2001:db8::7", alert_resource(arena, labels_make(arena, bare, 1)));
}

static err record_long(struct tx *tx, void *arg)
{
    size_t length = *(size_t *)arg;
    char *text = arena_alloc(tx_arena(tx), length + 1);

    memset(text, 'x', length);
    const struct label labels[] = { { S("alertname"), S("Long") }, { S("service"), { text, length } } };
    const struct label annotations[] = { { S("summary"), { text, length } } };
    const struct alert_in alert = {
        .labels = labels_make(tx_arena(tx), labels, ARRAY_LEN(labels)),
        .annotations = labels_make(tx_arena(tx), annotations, ARRAY_LEN(annotations)),
        .source = S("test"),
        .value = NAN,
        .threshold = NAN,
    };

    return alert_record(tx, &alert, NULL);
}

TEST(alert_with_a_long_summary_is_an_alert_and_an_endless_one_is_refused)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(8 << 20);
    struct db *db = house();

    ASSERT_OK(db_write(db, record_long, &(size_t){ 100000 }));
    struct incident_list list = incidents(db, arena);
    ASSERT_EQ_INT(1, list.total);
    ASSERT_EQ_INT(512, (int64_t)list.incidents.at[0].title.length);
    ASSERT_EQ_INT(512, (int64_t)list.incidents.at[0].resource.length);
    ASSERT_ERR(ERR_TOO_LARGE, "the alert", db_write(db, record_long, &(size_t){ 1 << 20 }));
    ASSERT_EQ_INT(1, incidents(db, arena).total);
    db_close(db);
}

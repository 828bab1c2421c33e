/* room_test.c - the life of executions with a real database and runner, and attacks on what guards it. */
#include "action/canonical.h"
#include "action/policy.h"
#include "action/room.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/test.h"
#include "base/time.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ACTION(id, words, verify, more)                                                                                \
    "  - id: " id                                                                                                      \
    "\n    doc: A test.\n    class: 1\n    targets: [this_host]\n    cooldown: 0s\n    irreversible: true\n"           \
    "    run: [ { command: { argv: " words " } } ]\n    verify: { " verify ", within: 1s, every: 50ms }\n" more
#define YES "command: { argv: ['true'] }"
#define NO  "command: { argv: ['false'] }"

static struct {
    struct arena *arena;
    struct runner *runner;
    struct catalogue *catalogue;
    struct plan_rules rules;
    struct config *config;
    struct db *db;
    struct pool *pool;
    int64_t members, sick;
} world;

static struct config *test_config(void)
{
    return config_ref(world.config);
}

static err test_group(void *arg, struct arena *arena, struct str target, int64_t *ret_members, int64_t *ret_sick)
{
    (void)arg, (void)arena, (void)target;
    *ret_members = world.members;
    *ret_sick = world.sick;
    return NULL;
}

/* Only this room's readers and workers. */
static void open_db(void)
{
    static const struct journal_reader *readers[2];
    static const struct outbox_worker *workers[8];
    size_t count = 0;

    FOR_EACH_REGISTERED (journal_reader, it)
        if (!strcmp(it->name, "action"))
            readers[0] = it;
    FOR_EACH_REGISTERED (outbox_worker, worker)
        if (!strncmp(worker->kind, "execution", 9) || !strcmp(worker->kind, "action_plan"))
            workers[count++] = worker;
    ASSERT_TRUE(readers[0] && count == 5);
    ASSERT_OK(
        db_open(&(struct db_options){ .folder = test_folder(), .readers = readers, .workers = workers }, &world.db));
}

static void start(const char *actions, const char *settings)
{
    char catalogue[300], config[300], text[16384];
    const char *files[] = { config };
    struct str paths[] = { { NULL, 0 } };

    world.arena = arena_new(64 << 20);
    snprintf(catalogue, sizeof(catalogue), "%s/actions.yml", test_folder());
    snprintf(config, sizeof(config), "%s/auspex.yml", test_folder());
    snprintf(text, sizeof(text), "actions:\n%s", actions);
    ASSERT_OK(file_write(catalogue, str_of(text), 0644));
    snprintf(text, sizeof(text), "actions:\n  drain: 1s\n%s", settings);
    ASSERT_OK(file_write(config, str_of(text), 0644));
    ASSERT_OK(config_load(files, 1, &world.config));
    paths[0] = str_of(catalogue);
    ASSERT_OK(catalogue_load(paths, 1, &world.catalogue));
    world.rules.catalogue = world.catalogue;
    ASSERT_OK(runner_start(&(struct runner_options){ .admit = plan_admit, .admit_arg = &world.rules }, &world.runner));
    open_db();
    struct action_options options = {
        .db = world.db,
        .runner = world.runner,
        .catalogue = world.catalogue,
        .config = test_config,
        .inventory = { .group = test_group },
    };
    ASSERT_OK(action_start(&options));
    ASSERT_OK(journal_start(world.db));
    ASSERT_OK(pool_start(
        &(struct pool_options){ .name = "outside", .threads = 16, .on_demand = true, .queue_max = 1000 }, &world.pool));
    ASSERT_OK(outbox_start(world.db, world.pool));
}

static void stop(void)
{
    action_drain();
    outbox_stop(world.db, 5000);
    pool_stop(world.pool);
    db_close(world.db);
    action_stop();
    runner_stop(world.runner);
    catalogue_free(world.catalogue);
    config_unref(world.config);
    arena_free(world.arena);
}

static int64_t request(const char *action)
{
    int64_t id = 0;
    struct action_request asked = { .action = str_of(action), .requested_by = S("user:ann") };

    ASSERT_OK(action_request(world.arena, &asked, &id));
    return id;
}

static err decide(int64_t id, const char *by, const char *reason)
{
    struct execution_row row;

    TRY(action_get(world.arena, id, &row));
    struct action_decision decision = {
        .execution = id,
        .approve = true,
        .hash = row.hash,
        .by = str_of(by),
        .role = ROLE_APPROVER,
        .reason = str_of(reason),
    };
    return action_decide(&decision);
}

static struct execution_row wait_over(int64_t id)
{
    struct execution_row row = { 0 };

    for (int i = 0; i < 2000; i++) {
        ASSERT_OK(action_get(world.arena, id, &row));
        if (execution_is_over(row.state))
            return row;
        poll(NULL, 0, 10);
    }
    ASSERT_STR("over", str_of(execution_state_name(row.state)));
    return row;
}

static struct execution_row run(const char *action)
{
    int64_t id = request(action);

    ASSERT_OK(decide(id, "user:bob", ""));
    return wait_over(id);
}

static int64_t count_all(void)
{
    struct execution_filter filter = { .state = -1, .limit = 1000 };
    struct execution_rows rows;

    ASSERT_OK(action_list(world.arena, &filter, &rows));
    return rows.total;
}

struct statement {
    const char *sql;
};
static err run_sql(struct tx *tx, void *arg)
{
    return tx_run(tx, ((struct statement *)arg)->sql, NONE);
}

/* What somebody with access to the database, or another replica, would do. */
static void sql(const char *text)
{
    struct statement statement = { text };

    ASSERT_OK(db_write(world.db, run_sql, &statement));
}

static err append_rca(struct tx *tx, void *arg)
{
    struct event event = { .kind = EVENT_RCA_COMPLETED,
                           .subject = S("host:x"),
                           .incident = *(int64_t *)arg,
                           .actor = S("auspex"),
                           .data = S("{\"v\":1,\"recommended_actions\":[{\"action\":\"works\",\"parameters\":{},"
                                     "\"reason\":\"it helps\"},{\"action\":\"unknown\",\"parameters\":{}}]}") };

    return journal_append(tx, &event, NULL);
}

static err count_queued(struct tx *tx, void *arg)
{
    return tx_get_i64(tx, "SELECT count(*) FROM outbox WHERE kind = 'action_plan' AND state IN (0, 1)", NONE, 0, arg);
}

/* An analysis recommends; returns once that has been thought about. */
static void recommend(int64_t incident)
{
    int64_t queued = 1;

    ASSERT_OK(db_write(world.db, append_rca, &incident));
    for (int i = 0; i < 1000 && queued; i++) {
        poll(NULL, 0, 10);
        ASSERT_OK(db_read(world.db, count_queued, &queued));
    }
    ASSERT_EQ_INT(0, queued);
}

TEST(room_runs_what_was_approved_and_verifies_it)
{
    start(ACTION("works", "[echo, hello]", YES, ""), "");
    int64_t id = request("works");
    struct execution_row row;
    ASSERT_OK(action_get(world.arena, id, &row));
    ASSERT_EQ_INT(EXECUTION_PENDING_APPROVAL, row.state);
    ASSERT_EQ_INT(id, request("works")); /* the same plan again is the same execution */
    ASSERT_OK(decide(id, "user:bob", ""));
    row = wait_over(id);
    ASSERT_EQ_INT(EXECUTION_FIXED, row.state);
    ASSERT_CONTAINS("hello", row.output);
    ASSERT_STR("user:bob", row.approved_by);
    stop();
}

TEST(room_proposes_once_for_an_incident_and_not_against_its_own_effects)
{
    start(ACTION("works", "['true']", YES, ""), "");
    recommend(7);
    ASSERT_EQ_INT(1, count_all());
    recommend(7); /* the same again, while it waits */
    ASSERT_EQ_INT(1, count_all());
    ASSERT_OK(decide(1, "user:bob", ""));
    ASSERT_EQ_INT(EXECUTION_FIXED, wait_over(1).state);
    recommend(7); /* it was fixed: the same incident is not fixed again */
    ASSERT_EQ_INT(1, count_all());
    recommend(8);
    ASSERT_EQ_INT(2, count_all());
    stop();
}

TEST(room_lets_an_action_cool_down_before_it_proposes_it_again)
{
    start(
        "  - id: works\n    doc: d\n    class: 1\n    targets: [this_host]\n    cooldown: 1h\n    irreversible: true\n"
        "    run: [ { command: { argv: ['true'] } } ]\n    verify: { " YES ", within: 1s, every: 50ms }\n",
        "");
    ASSERT_EQ_INT(EXECUTION_FIXED, run("works").state);
    recommend(7); /* the restart's own alerts make an incident: no loop */
    recommend(8);
    ASSERT_EQ_INT(1, count_all());
    struct execution_row row = run("works"); /* a person may ask, and is told at the start */
    ASSERT_EQ_INT(EXECUTION_REFUSED, row.state);
    ASSERT_CONTAINS("cools down", row.reason);
    stop();
}

TEST(room_only_notes_what_an_observed_action_would_have_done)
{
    start(ACTION("works", "['true']", YES, ""), "  trust: { works: observe }\n");
    recommend(7);
    struct execution_row row;
    ASSERT_OK(action_get(world.arena, 1, &row));
    ASSERT_EQ_INT(EXECUTION_REFUSED, row.state);
    ASSERT_CONTAINS("observed", row.reason);
    stop();
}

TEST(room_gives_up_an_incident_after_some_attempts)
{
    start(ACTION("works", "['true']", NO, ""), "  attempts_per_incident: 2\n  breaker_failures: 50\n");
    for (int i = 0; i < 3; i++) {
        recommend(7);
        ASSERT_OK(decide(i + 1, "user:bob", ""));
        struct execution_row row = wait_over(i + 1);
        ASSERT_EQ_INT(i < 2 ? EXECUTION_NOT_FIXED : EXECUTION_REFUSED, row.state);
        if (i == 2)
            ASSERT_CONTAINS("needs a person", row.reason);
    }
    stop();
}

TEST(room_stops_where_a_third_of_the_group_is_sick_or_too_many_hosts_were_touched)
{
    start(ACTION("works", "['true']", YES, ""), "  hosts_per_action: 2\n");
    world.members = 9;
    world.sick = 4;
    struct execution_row row = run("works");
    ASSERT_EQ_INT(EXECUTION_REFUSED, row.state);
    ASSERT_CONTAINS("not a problem of one host", row.reason);
    world.sick = 3;
    ASSERT_EQ_INT(EXECUTION_FIXED, run("works").state);
    sql("INSERT INTO action_attempt(execution, action, target, incident, started) SELECT 900 + value, 'works', "
        "'host:other' || value, 0, unixepoch() * 1000 FROM json_each('[1,2]')");
    row = run("works");
    ASSERT_EQ_INT(EXECUTION_REFUSED, row.state);
    ASSERT_CONTAINS("other targets", row.reason);
    stop();
}

TEST(room_does_no_further_step_once_its_lock_is_anothers)
{
    char mark[300], actions[2048];

    snprintf(mark, sizeof(mark), "%s/second-step", test_folder());
    snprintf(actions, sizeof(actions),
             "  - id: works\n    doc: d\n    class: 1\n    targets: [this_host]\n    irreversible: true\n"
             "    run: [ { command: { argv: [sleep, '0.7'] } }, { command: { argv: [touch, %s] } } ]\n"
             "    verify: { " YES " }\n",
             mark);
    start(actions, "");
    int64_t id = request("works");
    struct execution_row row = { 0 };
    ASSERT_OK(decide(id, "user:bob", ""));
    for (int i = 0; i < 500 && row.state != EXECUTION_RUNNING; i++) {
        poll(NULL, 0, 10);
        ASSERT_OK(action_get(world.arena, id, &row));
    }
    sql("UPDATE action_lock SET token = token + 1");
    row = wait_over(id);
    ASSERT_EQ_INT(EXECUTION_FAILED, row.state);
    ASSERT_CONTAINS("lock was taken", row.reason);
    ASSERT_FALSE(file_exists(mark));
    stop();
}

TEST(room_runs_nothing_whose_plan_was_edited_in_the_database)
{
    char mark[300];
    char text[1200];

    snprintf(mark, sizeof(mark), "%s/edited", test_folder());
    start(ACTION("works", "['true']", YES, ""), "");
    int64_t id = request("works");
    snprintf(text, sizeof(text), "UPDATE action_execution SET plan = replace(plan, '[\"true\"]', '[\"touch\",\"%s\"]')",
             mark);
    sql(text);
    ASSERT_OK(decide(id, "user:bob", ""));
    struct execution_row row = wait_over(id);
    ASSERT_EQ_INT(EXECUTION_REFUSED, row.state);
    ASSERT_CONTAINS("hash", row.reason);
    ASSERT_FALSE(file_exists(mark));
    stop();
}

TEST(room_lets_a_single_approver_decide_alone_with_a_reason_for_class_3)
{
    start("  - id: wipe\n    doc: d\n    class: 3\n    targets: [this_host]\n    irreversible: true\n"
          "    run: [ { command: { argv: ['true'] } } ]\n    verify: { " YES
          ", within: 1s }\n" ACTION("works", "['true']", YES, ""),
          "  single_approver: user:ann\n");
    int64_t id = request("works");
    ASSERT_OK(decide(id, "user:ann", ""));
    ASSERT_EQ_INT(EXECUTION_FIXED, wait_over(id).state);
    id = request("wipe");
    ASSERT_ERR(ERR_FORBIDDEN, "reason that says why", decide(id, "user:ann", ""));
    ASSERT_OK(decide(id, "user:bob", "")); /* one of two */
    struct execution_row row;
    ASSERT_OK(action_get(world.arena, id, &row));
    ASSERT_EQ_INT(EXECUTION_PENDING_APPROVAL, row.state);
    ASSERT_OK(decide(id, "user:ann", "the database is on fire"));
    ASSERT_EQ_INT(EXECUTION_FIXED, wait_over(id).state);
    struct action_request model = { .action = S("wipe"), .requested_by = S("model:llama3") };
    ASSERT_ERR(ERR_FORBIDDEN, "model", action_request(world.arena, &model, &id));
    stop();
}

TEST(room_lets_operators_decide_only_where_trust_was_earned)
{
    start(ACTION("works", "['true']", YES, ""), "");
    for (int i = 0; i < TRUST_TO_APPROVE; i++)
        ASSERT_EQ_INT(EXECUTION_FIXED, run("works").state);
    struct trust trust;
    ASSERT_OK(action_trust(world.arena, S("works"), &trust));
    ASSERT_EQ_INT(TRUST_APPROVE, trust.level);
    int64_t id = request("works");
    struct execution_row row;
    ASSERT_OK(action_get(world.arena, id, &row));
    struct action_decision decision = {
        .execution = id, .approve = true, .hash = row.hash, .by = S("user:op"), .role = ROLE_OPERATOR, .reason = S("")
    };
    ASSERT_OK(action_decide(&decision));
    ASSERT_EQ_INT(EXECUTION_FIXED, wait_over(id).state);
    for (int i = 0; i < TRUST_TO_AUTO; i++) /* more successes than auto needs, but the configuration does not name it */
        sql("UPDATE action_trust SET successes = successes + 1");
    sql("DELETE FROM action_attempt");
    ASSERT_EQ_INT(EXECUTION_FIXED, run("works").state);
    ASSERT_OK(action_trust(world.arena, S("works"), &trust));
    ASSERT_EQ_INT(TRUST_APPROVE, trust.level);
    stop();
}

static _Atomic int64_t jump_ms;
static int64_t jumped(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + jump_ms;
}

TEST(room_half_opens_its_breaker_for_one_attempt)
{
    start(ACTION("works", "['true']", NO, ""), "  budget_per_target: 1000\n");
    ASSERT_EQ_INT(EXECUTION_NOT_FIXED, run("works").state);
    ASSERT_EQ_INT(EXECUTION_NOT_FIXED, run("works").state);
    ASSERT_CONTAINS("breaker is open", run("works").reason);
    time_set_wall(jumped);
    jump_ms = 31 * MINUTE_MS;
    ASSERT_EQ_INT(EXECUTION_NOT_FIXED, run("works").state); /* the one attempt; it failed, so it is open again */
    ASSERT_CONTAINS("breaker is open", run("works").reason);
    jump_ms = -365 * (int64_t)DAY_MS; /* a clock that jumps back neither opens nor closes for a year */
    ASSERT_CONTAINS("one attempt in 1800 s", run("works").reason);
    time_set_wall(NULL);
    stop();
}

TEST(room_ends_a_verification_in_time_although_the_clock_jumps)
{
    start(ACTION("works", "['true']", NO, ""), "");
    int64_t began = time_mono_ms(), id = request("works");
    struct execution_row row = { 0 };
    ASSERT_OK(decide(id, "user:bob", ""));
    for (int i = 0; i < 500 && row.state != EXECUTION_VERIFYING; i++) {
        poll(NULL, 0, 5);
        ASSERT_OK(action_get(world.arena, id, &row));
    }
    time_set_wall(jumped);
    jump_ms = -1000 * (int64_t)HOUR_MS;
    ASSERT_EQ_INT(EXECUTION_NOT_FIXED, wait_over(id).state);
    ASSERT_TRUE(time_mono_ms() - began < 10000);
    time_set_wall(NULL);
    stop();
}

static err admit(struct str plan, struct str hash, const char *stage, int64_t index, const struct str *argv,
                 size_t argc)
{
    struct run_spec spec = { .argv = argv,
                             .argc = argc,
                             .timeout_ms = 100000,
                             .root = true,
                             .new_privileges = true,
                             .permit = { plan, hash, str_of(stage), index } };
    err e = plan_admit(&world.rules, world.arena, &spec);

    if (!e) { /* what the daemon asked for does not matter */
        ASSERT_FALSE(spec.root);
        ASSERT_FALSE(spec.new_privileges);
    }
    return e;
}

TEST(admit_trusts_its_own_catalogue_and_nobodys_word)
{
    struct action_request asked = { .action = S("works"), .requested_by = S("x") };
    struct plan plan;
    struct str good[] = { S("echo"), S("hello") }, evil[] = { S("echo"), S("evil") };

    start(ACTION("works", "[echo, hello]", YES, ""), "");
    ASSERT_OK(action_plan(world.arena, &asked, &plan));
    ASSERT_OK(admit(plan.json, plan.hash, "run", 0, good, 2));
    ASSERT_ERR(ERR_FORBIDDEN, "hash", admit(plan.json, S("0000"), "run", 0, good, 2));
    ASSERT_ERR(ERR_FORBIDDEN, "hash", admit(S(""), S(""), "run", 0, good, 2));
    ASSERT_ERR(ERR_FORBIDDEN, "words", admit(plan.json, plan.hash, "run", 0, evil, 2));
    ASSERT_ERR(ERR_FORBIDDEN, "words", admit(plan.json, plan.hash, "run", 0, good, 1));
    ASSERT_ERR(ERR_FORBIDDEN, "no such command", admit(plan.json, plan.hash, "run", 1, good, 2));
    ASSERT_ERR(ERR_FORBIDDEN, "no such command", admit(plan.json, plan.hash, "run", -1, good, 2));
    ASSERT_ERR(ERR_FORBIDDEN, "no such command", admit(plan.json, plan.hash, "rollback", 0, good, 2));
    ASSERT_ERR(ERR_FORBIDDEN, "no such command", admit(plan.json, plan.hash, "shell", 0, good, 2));

    /* A plan of one's own, with the right hash, still names nothing but the catalogue's words. */
    static const char *const forged[] = {
        "{\"action\":\"evil\",\"parameters\":{},\"steps\":[{\"argv\":[\"echo\",\"hello\"]}]}",
        "{\"action\":\"works\",\"parameters\":{\"x\":\"y\"}}",
        "{\"action\":\"works\", \"parameters\":{}}",
        "{\"parameters\":{},\"action\":\"works\"}",
        "[]",
    };
    for (size_t i = 0; i < ARRAY_LEN(forged); i++) {
        struct run_spec spec = { .argv = good, .argc = 2 };
        spec.permit =
            (struct run_permit){ str_of(forged[i]), digest_hex_of(world.arena, str_of(forged[i])), S("run"), 0 };
        err e = plan_admit(&world.rules, world.arena, &spec);
        ASSERT_TRUE(e != NULL);
        err_free(e);
    }
    /* And through the real guard: the run is refused where it would happen. */
    struct run_outcome outcome;
    struct run_spec spec = {
        .argv = evil, .argc = 2, .timeout_ms = 1000, .permit = { plan.json, plan.hash, S("run"), 0 }
    };
    ASSERT_ERR(ERR_FORBIDDEN, "words", runner_run(world.runner, world.arena, &spec, &outcome));
    stop();
}

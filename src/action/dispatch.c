/* dispatch.c - starts what was approved, runs its steps, rolls back: outbox jobs that never run twice.
 *
 * DESIGN. Job `execution` plans again (a plan that changed needs a new approval), asks the prechecks, then in one
 * transaction the policy, the locks and the step to `running`; from there on a crash makes it `interrupted`. Its
 * outcome and the next step, verification, are stored together. Job `execution_rollback` is the same for the way back.
 * Before each step the fencing token must still be the one that holds the locks. */
#include "action/room.h"

#include "action/policy.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/time.h"

METRIC(COUNTER, executions_ended_total, "Executions that ended, by outcome.", "outcome");

enum { OUTPUT_MAX = 512 * 1024, RUN_TIMEOUT_MS = 4 * HOUR_MS };

/* How the steps of one job went. */
struct went {
    bool failed, cancelled;
    int64_t alive;
    struct str detail;
    struct buf head, tail;
    bool truncated;
};

static void note_output(struct went *went, const struct plan_step *step, const struct step_outcome *outcome)
{
    buf_addf(&went->head, "$ %.*s\n", STR_ARG(step->planned.display));
    buf_add(&went->head, outcome->head.length ? outcome->head : outcome->detail);
    if (went->head.length && went->head.at[went->head.length - 1] != '\n')
        buf_add_c(&went->head, '\n');
    if (outcome->tail.length) {
        buf_reset(&went->tail);
        buf_add(&went->tail, outcome->tail);
    }
    went->truncated |= outcome->truncated;
}

struct held {
    const struct execution_row *row;
    bool held;
};

static err ask_held(struct tx *tx, void *arg)
{
    struct held *held = arg;

    return lock_held(tx, held->row->id, held->row->token, &held->held);
}

/* One step under its own deadline; what it says is in *outcome, and an err is a failure like any other. */
static void run_step(struct step_call *call, const struct plan_step *step, const struct execution_row *row,
                     struct step_outcome *outcome)
{
    const struct json *resolved = NULL;
    struct held held = { row, false };
    err e = db_read(action_room->options.db, ask_held, &held);

    *outcome = (struct step_outcome){ .answer = CRITERION_NO };
    if (!e && !held.held)
        e = err_new(ERR_CONFLICT, "its lock was taken by another execution: nothing more is done");
    call->deadline_ms = time_mono_ms() + step->timeout_ms;
    if (!e && step->planned.resolved.length)
        e = json_parse(call->arena, step->planned.resolved, &resolved);
    if (!e)
        e = step->executor->run(call, resolved, &step->planned, outcome);
    if (e) {
        outcome->answer = CRITERION_NO;
        outcome->detail = str_printf(call->arena, "%s", err_message(e));
        outcome->cancelled |= err_kind(e) == ERR_UNAVAILABLE && action_room->stopping;
        err_free(e);
    }
}

static void run_steps(struct step_call *call, const struct plan_step *steps, size_t count,
                      const struct execution_row *row, struct went *went)
{
    for (size_t i = 0; i < count && !went->cancelled && !went->alive; i++) {
        struct step_outcome outcome;
        if (went->failed != steps[i].after_failure)
            continue;
        call->permit.index = (int64_t)i;
        run_step(call, &steps[i], row, &outcome);
        went->failed = outcome.answer != CRITERION_YES;
        went->cancelled = outcome.cancelled;
        went->alive += outcome.alive;
        went->detail = outcome.detail;
        note_output(went, &steps[i], &outcome);
    }
}

static struct str result_text(struct arena *arena, const char *what, struct str detail, struct went *went)
{
    struct buf out CLEANUP(buf_clear) = { 0 };

    buf_init(&out, OUTPUT_MAX * 8);
    struct json_writer w = json_writer(&out);
    json_begin_object(&w);
    json_put_str(&w, S("what"), str_of(what));
    json_put_str(&w, S("detail"), detail);
    if (went) {
        json_put_i64(&w, S("alive"), went->alive);
        json_key(&w, S("output"));
        json_begin_object(&w);
        json_put_str(&w, S("head"), buf_str(&went->head));
        json_put_str(&w, S("tail"), buf_str(&went->tail));
        json_put_bool(&w, S("truncated"), went->truncated);
        json_end_object(&w);
    }
    json_end_object(&w);
    return str_copy(arena, buf_str(&out));
}

static err read_execution(struct arena *arena, struct str payload, struct execution_row *ret_row)
{
    return action_get(arena, room_payload_id(arena, payload), ret_row);
}

static struct step_call plan_call(struct arena *arena, const struct action_settings *settings, const struct plan *plan,
                                  const char *stage)
{
    struct step_call call = room_call(arena, settings, time_mono_ms() + PLAN_DEADLINE_MS);

    call.arguments = plan->arguments.at;
    call.argument_count = plan->arguments.count;
    call.class = plan->class;
    call.root = plan->root;
    call.new_privileges = plan->new_privileges;
    call.permit = (struct run_permit){ plan->json, plan->hash, str_of(stage), 0 };
    return call;
}

/* An expression or a step's question. An err is no answer. */
static void ask_check(struct step_call *call, const struct plan_check *check, struct criterion_result *ret)
{
    err e;

    *ret = (struct criterion_result){ .answer = CRITERION_UNKNOWN };
    if (check->expr.length) {
        struct criterion_scope scope = {
            .series = call->series,
            .now_ms = time_now_ms(),
            .not_before_ms = call->not_before_ms,
            .arguments = call->arguments,
            .argument_count = call->argument_count,
        };
        e = criterion_ask(call->arena, check->expr, &scope, ret);
    } else {
        struct step_outcome outcome = { .answer = CRITERION_UNKNOWN };
        const struct json *resolved = NULL;
        e = check->step.planned.resolved.length ? json_parse(call->arena, check->step.planned.resolved, &resolved)
                                                : NULL;
        if (!e)
            e = check->step.executor->run(call, resolved, &check->step.planned, &outcome);
        *ret = (struct criterion_result){ outcome.cancelled ? CRITERION_UNKNOWN : outcome.answer, outcome.value,
                                          outcome.detail };
    }
    if (e) {
        ret->answer = CRITERION_UNKNOWN;
        ret->why = str_printf(call->arena, "%s", err_message(e));
        err_free(e);
    }
}

void room_ask_check(struct arena *arena, const struct action_settings *settings, const struct plan *plan,
                    const struct plan_check *check, const char *stage, int64_t index, int64_t not_before_ms,
                    struct criterion_result *ret_result)
{
    struct step_call call = plan_call(arena, settings, plan, stage);

    call.permit.index = index;
    call.not_before_ms = not_before_ms;
    ask_check(&call, check, ret_result);
}

struct start {
    const struct policy_question *question;
    struct execution_row *row;
    enum policy_answer answer;
    struct str why;
    struct arena *arena;
};

static err start_write(struct tx *tx, void *arg)
{
    struct start *start = arg;
    struct execution_row *row = start->row;
    int64_t holder;
    struct str why;

    TRY(policy_ask(tx, start->question, &start->answer, &why));
    start->why = str_copy(start->arena, why);
    if (start->answer != POLICY_START)
        return NULL;
    TRY(lock_take(tx, row->id, start->question->plan, &row->token, &holder));
    if (holder)
        return err_new(ERR_BUSY, "execution %lld acts on the same target; this one waits", (long long)holder);
    row->state = EXECUTION_RUNNING;
    row->started_ms = tx_now_ms(tx);
    TRY(execution_save(tx, row, EXECUTION_APPROVED));
    TRY(policy_noted(tx, start->question->plan, row));
    return execution_append(tx, row, EVENT_EXECUTION_STARTED, S("auspex"), S(""), S(""));
}

struct drift {
    struct execution_row *row;
    const struct plan *fresh;
    int64_t id;
};

/* The world has moved: the old approval is void, the new plan waits for its own. */
static err drift_write(struct tx *tx, void *arg)
{
    struct drift *drift = arg;
    struct execution_row *row = drift->row;
    struct action_request again = {
        .action = row->action,
        .incident = row->incident,
        .requested_by = row->requested_by,
        .origin = row->origin,
        .reason = S("the plan changed since it was approved, so it needs a new approval"),
    };

    TRY(room_refuse(tx, row, EXECUTION_APPROVED, S("the plan changed before it started")));
    return room_propose(tx, &again, drift->fresh, &drift->id);
}

static err plan_again(struct arena *arena, const struct action_settings *settings, const struct execution_row *row,
                      struct plan *ret_plan)
{
    const struct action_def *def = catalogue_find(action_room->options.catalogue, row->action);
    const struct json *json;
    struct step_call call = room_call(arena, settings, time_mono_ms() + PLAN_DEADLINE_MS);

    if (!def)
        return err_new(ERR_CONFLICT, "action %.*s is no longer in the catalogue", STR_ARG(row->action));
    TRY(json_parse(arena, row->plan, &json));
    return plan_make(&call, def, json_get(json, S("parameters")), ret_plan);
}

static err check_before(struct outbox_job *job, const struct action_settings *settings, const struct plan *plan,
                        struct str *ret_why)
{
    *ret_why = S("");
    for (size_t i = 0; i < plan->precheck.count; i++) {
        struct criterion_result result;
        room_ask_check(job->arena, settings, plan, &plan->precheck.at[i], "precheck", (int64_t)i, 0, &result);
        const struct plan_check *check = &plan->precheck.at[i];
        struct str text = check->expr.length ? check->expr : check->step.planned.display;
        if (result.answer != CRITERION_YES) {
            *ret_why = str_printf(job->arena, "its precheck %s: %.*s (%.*s)",
                                  result.answer == CRITERION_NO ? "does not hold" : "has no answer", STR_ARG(text),
                                  STR_ARG(result.why));
            return NULL;
        }
    }
    return NULL;
}

static void running(int change)
{
    pthread_mutex_lock(&action_room->lock);
    action_room->running += change;
    if (action_room->running == 0)
        pthread_cond_broadcast(&action_room->idle);
    pthread_mutex_unlock(&action_room->lock);
}

static void run_plan(struct arena *arena, const struct action_settings *settings, const struct execution_row *row,
                     const struct plan *plan, bool back, struct str *ret_result)
{
    struct step_call call = plan_call(arena, settings, plan, back ? "rollback" : "run");
    struct went went = { .detail = S("") };

    buf_init(&went.head, OUTPUT_MAX);
    buf_init(&went.tail, OUTPUT_MAX);
    if (back)
        run_steps(&call, plan->rollback.at, plan->rollback.count, row, &went);
    else
        run_steps(&call, plan->steps.at, plan->steps.count, row, &went);
    *ret_result = result_text(arena,
                              went.cancelled              ? "cancelled"
                              : went.failed || went.alive ? "failed"
                                                          : "ran",
                              went.detail, &went);
    buf_clear(&went.head);
    buf_clear(&went.tail);
}

static err execution_run(struct outbox_job *job, struct str *ret_result)
{
    struct config *config CLEANUP(config_unrefp) = NULL;
    const struct action_settings *settings = room_settings(&config);
    struct execution_row row;
    struct plan plan, fresh;
    struct str why;

    TRY(read_execution(job->arena, job->payload, &row));
    if (action_room->stopping)
        return err_new(ERR_UNAVAILABLE, "auspex is stopping");
    *ret_result = result_text(job->arena, "skipped", S(""), NULL);
    if (row.state != EXECUTION_APPROVED)
        return NULL;
    TRY(plan_read(job->arena, row.plan, row.hash, &plan));
    TRY(plan_again(job->arena, settings, &row, &fresh));
    if (!str_eq(fresh.hash, row.hash)) {
        struct drift drift = { &row, &fresh, 0 };
        return db_write(job->db, drift_write, &drift);
    }
    TRY(check_before(job, settings, &plan, &why));
    struct policy_question question = { .settings = settings, .plan = &plan, .row = &row };
    const struct action_inventory *inventory = &action_room->options.inventory;
    question.def = catalogue_find(action_room->options.catalogue, row.action);
    if (inventory->group)
        TRY(inventory->group(inventory->arg, job->arena, row.target, &question.group_members, &question.group_sick));
    struct start start = { &question, &row, POLICY_REFUSE, why, job->arena };
    if (!why.length) {
        running(1); /* before the commit: a drain must see it */
        err e = db_write(job->db, start_write, &start);
        if (!e && start.answer == POLICY_START) {
            err_free(FAILPOINT("action.started"));
            run_plan(job->arena, settings, &row, &plan, false, ret_result);
            err_free(FAILPOINT("action.ran"));
            running(-1);
            return NULL;
        }
        running(-1);
        TRY(e);
    }
    *ret_result = result_text(job->arena, start.answer == POLICY_WAIT ? "waits" : "refused", start.why, NULL);
    return NULL;
}

/* After the steps: verification, whatever their exit status said, but for what can no longer be told. */
static err ran_complete(struct tx *tx, struct execution_row *row, const struct json *result)
{
    struct str what = json_str_or(json_get(result, S("what")), S(""));
    struct str detail = json_str_or(json_get(result, S("detail")), S(""));
    int64_t alive = json_i64_or(json_get(result, S("alive")), 0);
    struct buf output CLEANUP(buf_clear) = { 0 };
    struct plan plan;

    buf_init(&output, OUTPUT_MAX * 8);
    struct json_writer w = json_writer(&output);
    if (json_get(result, S("output")))
        json_add_tree(&w, json_get(result, S("output")));
    row->output = buf_str(&output);
    if (str_eq(what, S("cancelled")))
        return room_interrupt(tx, row, S("auspex stopped while it ran"));
    TRY(plan_read(tx_arena(tx), row->plan, row->hash, &plan));
    row->ran_ms = tx_now_ms(tx);
    if (!str_eq(what, S("failed"))) {
        row->state = EXECUTION_VERIFYING;
        TRY(execution_save(tx, row, EXECUTION_RUNNING));
        TRY(execution_append(tx, row, EVENT_EXECUTION_RAN, S("auspex"), detail, S("")));
        return room_queue(tx, row, "execution_verify", "");
    }
    if (alive)
        return room_finish(tx, row, EXECUTION_RUNNING, EXECUTION_FAILED,
                           str_printf(tx_arena(tx),
                                      "%lld of its processes can't be killed: no rollback while they live",
                                      (long long)alive),
                           false);
    if (plan.rollback.count == 0)
        return room_finish(tx, row, EXECUTION_RUNNING, EXECUTION_FAILED, detail, false);
    row->state = EXECUTION_ROLLING_BACK;
    row->reason = str_printf(tx_arena(tx), "failed: %.*s", STR_ARG(detail));
    TRY(execution_save(tx, row, EXECUTION_RUNNING));
    TRY(execution_append(tx, row, EVENT_EXECUTION_RAN, S("auspex"), row->reason, S("")));
    return room_queue(tx, row, "execution_rollback", "");
}

static err execution_complete(struct tx *tx, const struct outbox_job *job, struct str text, err failure)
{
    struct execution_row row;
    const struct json *result = NULL;

    TRY(execution_get(tx, tx_arena(tx), room_payload_id(tx_arena(tx), job->payload), &row));
    if (!failure)
        TRY(json_parse(tx_arena(tx), text, &result));
    if (row.state == EXECUTION_RUNNING && failure)
        return room_interrupt(tx, &row, str_of(err_message(failure)));
    if (row.state == EXECUTION_RUNNING)
        return ran_complete(tx, &row, result);
    if (row.state != EXECUTION_APPROVED)
        return NULL;
    struct str what = json_str_or(json_get(result, S("what")), S(""));
    if (failure && err_is_retryable(failure) && err_kind(failure) != ERR_BUSY)
        return room_dispatch(tx, &row, EXECUTION_APPROVED); /* it never started: try again */
    if (failure)
        return room_refuse(tx, &row, EXECUTION_APPROVED, str_of(err_message(failure)));
    if (str_eq(what, S("waits"))) {
        row.reason = json_str_or(json_get(result, S("detail")), S(""));
        return execution_save(tx, &row, EXECUTION_APPROVED);
    }
    return str_eq(what, S("refused"))
               ? room_refuse(tx, &row, EXECUTION_APPROVED, json_str_or(json_get(result, S("detail")), S("")))
               : NULL;
}

static const struct outbox_worker execution = {
    .kind = "execution",
    .max_attempts = 60,
    .timeout_ms = RUN_TIMEOUT_MS,
    .concurrency = 8,
    .repeatable = false,
    .run = execution_run,
    .complete = execution_complete,
};
REGISTER(outbox_worker, execution);

static err rollback_run(struct outbox_job *job, struct str *ret_result)
{
    struct config *config CLEANUP(config_unrefp) = NULL;
    const struct action_settings *settings = room_settings(&config);
    struct execution_row row;
    struct plan plan;

    TRY(read_execution(job->arena, job->payload, &row));
    *ret_result = result_text(job->arena, "skipped", S(""), NULL);
    if (row.state != EXECUTION_ROLLING_BACK)
        return NULL;
    TRY(plan_read(job->arena, row.plan, row.hash, &plan));
    running(1);
    err_free(FAILPOINT("action.rollback"));
    run_plan(job->arena, settings, &row, &plan, true, ret_result);
    running(-1);
    return NULL;
}

static err rollback_complete(struct tx *tx, const struct outbox_job *job, struct str text, err failure)
{
    struct execution_row row;
    const struct json *result = NULL;

    TRY(execution_get(tx, tx_arena(tx), room_payload_id(tx_arena(tx), job->payload), &row));
    if (row.state != EXECUTION_ROLLING_BACK)
        return NULL;
    if (failure)
        return room_interrupt(tx, &row, S("auspex stopped during the rollback; nobody knows how far it came"));
    TRY(json_parse(tx_arena(tx), text, &result));
    struct str what = json_str_or(json_get(result, S("what")), S(""));
    struct str detail = json_str_or(json_get(result, S("detail")), S(""));
    if (str_eq(what, S("cancelled")))
        return room_interrupt(tx, &row, S("auspex stopped during the rollback; nobody knows how far it came"));
    bool back = str_eq(what, S("ran"));
    struct str said = str_printf(tx_arena(tx), "%.*s; rollback %s: %.*s", STR_ARG(row.reason), back ? "done" : "failed",
                                 STR_ARG(detail));
    return room_finish(tx, &row, EXECUTION_ROLLING_BACK, back ? EXECUTION_ROLLED_BACK : EXECUTION_FAILED, said, back);
}

static const struct outbox_worker execution_rollback = {
    .kind = "execution_rollback",
    .max_attempts = 1,
    .timeout_ms = RUN_TIMEOUT_MS,
    .repeatable = false,
    .run = rollback_run,
    .complete = rollback_complete,
};
REGISTER(outbox_worker, execution_rollback);

err room_finish(struct tx *tx, struct execution_row *row, enum execution_state was, enum execution_state outcome,
                struct str detail, bool rolled_back)
{
    struct config *config CLEANUP(config_unrefp) = NULL;
    const struct action_settings *settings = room_settings(&config);
    struct buf more CLEANUP(buf_clear) = { 0 };
    struct str name = str_of(execution_state_name(outcome));

    row->state = outcome;
    row->reason = detail;
    row->ended_ms = tx_now_ms(tx);
    TRY(execution_save(tx, row, was));
    TRY(lock_release(tx, row->id));
    TRY(trust_learn(tx, settings, row->action, name));
    TRY(breaker_learn(tx, settings, row->action, outcome == EXECUTION_FIXED));
    metric_add_for(&executions_ended_total, name, 1);
    buf_init(&more, 64 * 1024);
    struct json_writer w = json_writer(&more);
    json_put_str(&w, S("outcome"), name);
    json_put_bool(&w, S("rolled_back"), rolled_back);
    json_put_str(&w, S("detail"), detail);
    json_put_bool(&w, S("needs_person"), outcome != EXECUTION_FIXED);
    return execution_append(tx, row, EVENT_EXECUTION_ENDED, S("auspex"), detail, buf_str(&more));
}

err room_interrupt(struct tx *tx, struct execution_row *row, struct str why)
{
    struct config *config CLEANUP(config_unrefp) = NULL;
    enum execution_state was = row->state;
    struct buf more CLEANUP(buf_clear) = { 0 };

    row->state = EXECUTION_INTERRUPTED;
    row->ended_ms = tx_now_ms(tx);
    row->reason = str_printf(tx_arena(tx), "interrupted, needs a person: %.*s", STR_ARG(why));
    TRY(execution_save(tx, row, was));
    TRY(lock_release(tx, row->id));
    TRY(breaker_learn(tx, room_settings(&config), row->action, false));
    metric_add_for(&executions_ended_total, S("interrupted"), 1);
    buf_init(&more, 64 * 1024);
    struct json_writer w = json_writer(&more);
    json_put_str(&w, S("why"), why);
    json_put_bool(&w, S("needs_person"), true);
    return execution_append(tx, row, EVENT_EXECUTION_INTERRUPTED, S("auspex"), row->reason, buf_str(&more));
}

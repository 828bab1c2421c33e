/* verify.c - did it help? Three answers, criteria fixed before the run, and no data is never success.
 *
 * An outbox job that may run again after a crash: it only looks. When auspex stops, it is left for the next start. */
#include "action/room.h"

#include "base/time.h"

#include <math.h>
#include <poll.h>

enum { CHECKS_SHOWN_MAX = 200, VERIFY_TIMEOUT_MS = 2 * HOUR_MS, SLICE_MS = 200 };

struct checks {
    struct buf text;
    struct json_writer w;
    size_t count, yes_in_row, no, unknown;
    struct criterion_result last;
};

static void note(struct checks *checks, const struct criterion_result *result)
{
    checks->last = *result;
    checks->yes_in_row = result->answer == CRITERION_YES ? checks->yes_in_row + 1 : 0;
    checks->no += result->answer == CRITERION_NO;
    checks->unknown += result->answer == CRITERION_UNKNOWN;
    if (checks->count++ >= CHECKS_SHOWN_MAX)
        return;
    json_begin_object(&checks->w);
    json_put_time(&checks->w, S("time"), time_now_ms());
    json_put_double(&checks->w, S("value"), result->answer == CRITERION_UNKNOWN ? NAN : result->value);
    json_key(&checks->w, S("ok"));
    if (result->answer == CRITERION_UNKNOWN)
        json_add_null(&checks->w);
    else
        json_add_bool(&checks->w, result->answer == CRITERION_YES);
    json_put_str(&checks->w, S("why"), result->why);
    json_end_object(&checks->w);
}

/* False: auspex stops. Sleeps in slices so that a stop is never held up. */
static bool sleep_until(int64_t mono_ms)
{
    while (!action_room->stopping && time_mono_ms() < mono_ms) {
        int64_t left = mono_ms - time_mono_ms();
        poll(NULL, 0, left > SLICE_MS ? SLICE_MS : (int)left);
    }
    return !action_room->stopping;
}

static struct str verdict(struct arena *arena, struct checks *checks, const struct plan *plan, struct str *ret_detail)
{
    struct str why = checks->last.why;

    if ((int64_t)checks->yes_in_row >= plan->samples) {
        *ret_detail = why;
        return S("fixed");
    }
    if (checks->last.answer == CRITERION_NO) {
        *ret_detail = why;
        return S("not_fixed");
    }
    *ret_detail = checks->last.answer == CRITERION_YES ? str_printf(arena, "only %zu of %lld samples in a row held",
                                                                    checks->yes_in_row, (long long)plan->samples)
                                                       : str_printf(arena, "no answer: %.*s", STR_ARG(why));
    return S("cannot_tell");
}

static err verify_run(struct outbox_job *job, struct str *ret_result)
{
    struct config *config CLEANUP(config_unrefp) = NULL;
    const struct action_settings *settings = room_settings(&config);
    struct execution_row row;
    struct plan plan;
    struct checks checks = { 0 };
    struct buf out CLEANUP(buf_clear) = { 0 };

    TRY(action_get(job->arena, room_payload_id(job->arena, job->payload), &row));
    *ret_result = S("{}");
    if (row.state != EXECUTION_VERIFYING)
        return NULL;
    TRY(plan_read(job->arena, row.plan, row.hash, &plan));
    int64_t from_ms = row.ran_ms + plan.settle.ms, start_ms = time_mono_ms(), wait_ms = from_ms - time_now_ms();
    /* The wall clock may have jumped, or auspex restarted: never longer than planned, and time for all samples still.
     */
    wait_ms = wait_ms < 0 ? 0 : wait_ms > plan.settle.ms ? plan.settle.ms : wait_ms;
    int64_t left_ms = row.ran_ms + plan.settle.ms + plan.within.ms - time_now_ms();
    int64_t least_ms = wait_ms + plan.every.ms * (plan.samples + 2), most_ms = plan.settle.ms + plan.within.ms;
    left_ms = left_ms > most_ms ? most_ms : left_ms;
    int64_t until_ms = start_ms + (left_ms < least_ms ? least_ms : left_ms);
    buf_init(&checks.text, 256 * 1024);
    checks.w = json_writer(&checks.text);
    json_begin_array(&checks.w);
    bool goes_on = sleep_until(start_ms + wait_ms);
    while (goes_on) {
        struct arena *turn CLEANUP(arena_freep) = arena_new(4 * 1024 * 1024);
        struct criterion_result result;
        int64_t next_ms = time_mono_ms() + plan.every.ms;
        room_ask_check(turn, settings, &plan, &plan.verify, "verify", 0, from_ms, &result);
        result.why = str_copy(job->arena, str_utf8_head(result.why, 500));
        if (action_room->stopping)
            break; /* a command that was cancelled answers nothing */
        note(&checks, &result);
        if ((int64_t)checks.yes_in_row >= plan.samples || next_ms > until_ms)
            break;
        goes_on = sleep_until(next_ms);
    }
    json_end_array(&checks.w);
    struct str shown = str_copy(job->arena, buf_str(&checks.text)), detail;
    buf_clear(&checks.text);
    if (action_room->stopping)
        return err_new(ERR_UNAVAILABLE, "auspex is stopping; verification goes on at the next start");
    struct str outcome = verdict(job->arena, &checks, &plan, &detail);
    buf_init(&out, 512 * 1024);
    struct json_writer w = json_writer(&out);
    json_begin_object(&w);
    json_put_str(&w, S("outcome"), outcome);
    json_put_str(&w, S("detail"), detail);
    json_key(&w, S("checks"));
    json_add_raw(&w, shown);
    json_end_object(&w);
    *ret_result = str_copy(job->arena, buf_str(&out));
    return NULL;
}

static err verify_complete(struct tx *tx, const struct outbox_job *job, struct str text, err failure)
{
    struct execution_row row;
    struct plan plan;
    const struct json *result = NULL;
    struct arena *arena = tx_arena(tx);

    TRY(execution_get(tx, arena, room_payload_id(arena, job->payload), &row));
    if (row.state != EXECUTION_VERIFYING)
        return NULL;
    if (failure)
        return room_finish(tx, &row, EXECUTION_VERIFYING, EXECUTION_CANNOT_TELL, str_of(err_message(failure)), false);
    TRY(json_parse(arena, text, &result));
    TRY(plan_read(arena, row.plan, row.hash, &plan));
    struct str outcome = json_str_or(json_get(result, S("outcome")), S("cannot_tell"));
    struct str detail = json_str_or(json_get(result, S("detail")), S(""));
    row.verification = text;
    if (str_eq(outcome, S("not_fixed")) && plan.rollback.count > 0) {
        row.state = EXECUTION_ROLLING_BACK;
        row.reason = str_printf(arena, "not fixed: %.*s", STR_ARG(detail));
        TRY(execution_save(tx, &row, EXECUTION_VERIFYING));
        return room_queue(tx, &row, "execution_rollback", "");
    }
    enum execution_state state = str_eq(outcome, S("fixed"))       ? EXECUTION_FIXED
                                 : str_eq(outcome, S("not_fixed")) ? EXECUTION_NOT_FIXED
                                                                   : EXECUTION_CANNOT_TELL;
    return room_finish(tx, &row, EXECUTION_VERIFYING, state, detail, false);
}

static const struct outbox_worker execution_verify = {
    .kind = "execution_verify",
    .max_attempts = 1000,
    .timeout_ms = VERIFY_TIMEOUT_MS,
    .concurrency = 16,
    .repeatable = true,
    .run = verify_run,
    .complete = verify_complete,
};
REGISTER(outbox_worker, execution_verify);

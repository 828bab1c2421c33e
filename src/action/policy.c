/* policy.c - what stands between an approved plan and its start. */
#include "action/policy.h"

#include "action/trust.h"
#include "base/time.h"

err policy_cooling(struct tx *tx, const struct action_def *def, struct str target, int64_t *ret_left_ms)
{
    int64_t last;

    TRY(tx_get_i64(tx, "SELECT max(started) FROM action_attempt WHERE action = ?1 AND target = ?2",
                   PARAMS(def->id, target), INT64_MIN / 2, &last));
    *ret_left_ms = last + def->cooldown.ms - tx_now_ms(tx);
    if (*ret_left_ms < 0)
        *ret_left_ms = 0;
    if (*ret_left_ms > def->cooldown.ms) /* the clock jumped back */
        *ret_left_ms = def->cooldown.ms;
    return NULL;
}

err policy_noted(struct tx *tx, const struct plan *plan, const struct execution_row *row)
{
    /* No cooldown, budget or breaker looks further back than 30 days; an incident's attempts are few. */
    TRY(tx_run(tx, "DELETE FROM action_attempt WHERE started < ?1 AND incident = 0",
               PARAMS(tx_now_ms(tx) - 31 * (int64_t)DAY_MS)));
    for (size_t i = 0; i < plan->targets.count; i++)
        TRY(tx_run(
            tx, "INSERT INTO action_attempt(execution, action, target, incident, started) VALUES (?1, ?2, ?3, ?4, ?5)",
            PARAMS(row->id, row->action, plan->targets.at[i], row->incident, tx_now_ms(tx))));
    return NULL;
}

/* Budgets over the configured period, from what was really started; restarts forget nothing. */
static err ask_budgets(struct tx *tx, const struct policy_question *q, struct str *ret_why)
{
    const struct action_settings *settings = q->settings;
    int64_t since = tx_now_ms(tx) - settings->budget_period.ms, total, own, targets;
    struct arena *arena = tx_arena(tx);

    TRY(tx_get_i64(tx, "SELECT count(DISTINCT execution) FROM action_attempt WHERE started > ?1", PARAMS(since), 0,
                   &total));
    TRY(tx_get_i64(tx, "SELECT count(DISTINCT execution) FROM action_attempt WHERE started > ?1 AND action = ?2",
                   PARAMS(since, q->def->id), 0, &own));
    if (total >= settings->budget_total)
        *ret_why = str_printf(arena, "the budget of all actions is used up: %lld started of %lld", (long long)total,
                              (long long)settings->budget_total);
    else if (own >= settings->budget_per_action)
        *ret_why = str_printf(arena, "the budget of this action is used up: %lld started of %lld", (long long)own,
                              (long long)settings->budget_per_action);
    for (size_t i = 0; i < q->plan->targets.count && !ret_why->length; i++) {
        int64_t here;
        struct str target = q->plan->targets.at[i];
        TRY(tx_get_i64(tx, "SELECT count(*) FROM action_attempt WHERE started > ?1 AND target = ?2",
                       PARAMS(since, target), 0, &here));
        if (here >= settings->budget_per_target)
            *ret_why = str_printf(arena, "the budget of %.*s is used up: %lld started of %lld", STR_ARG(target),
                                  (long long)here, (long long)settings->budget_per_target);
        TRY(tx_get_i64(
            tx, "SELECT count(DISTINCT target) FROM action_attempt WHERE started > ?1 AND action = ?2 AND target <> ?3",
            PARAMS(since, q->def->id, target), 0, &targets));
        if (!ret_why->length && targets >= settings->hosts_per_action)
            *ret_why =
                str_printf(arena, "it was started on %lld other targets already: that is not a problem of one host",
                           (long long)targets);
    }
    return NULL;
}

static err ask_target(struct tx *tx, const struct policy_question *q, struct str *ret_why)
{
    struct arena *arena = tx_arena(tx);
    int64_t left_ms, attempts;

    for (size_t i = 0; i < q->plan->targets.count && !ret_why->length; i++) {
        TRY(policy_cooling(tx, q->def, q->plan->targets.at[i], &left_ms));
        if (left_ms > 0)
            *ret_why = str_printf(arena, "it cools down on %.*s for another %lld s", STR_ARG(q->plan->targets.at[i]),
                                  (long long)((left_ms + 999) / 1000));
    }
    if (q->row->incident && !ret_why->length) {
        TRY(tx_get_i64(tx, "SELECT count(DISTINCT execution) FROM action_attempt WHERE incident = ?1",
                       PARAMS(q->row->incident), 0, &attempts));
        if (attempts >= q->settings->attempts_per_incident)
            *ret_why =
                str_printf(arena, "%lld actions were tried on this incident: it needs a person", (long long)attempts);
    }
    return NULL;
}

err policy_ask(struct tx *tx, const struct policy_question *q, enum policy_answer *ret_answer, struct str *ret_why)
{
    struct arena *arena = tx_arena(tx);
    struct stop_state stop;
    int64_t now_ms = tx_now_ms(tx);

    *ret_why = S("");
    *ret_answer = POLICY_WAIT;
    TRY(stop_get(tx, arena, &stop));
    if (stop.engaged) {
        *ret_why = str_printf(arena, "STOP is engaged: %.*s", STR_ARG(stop.reason));
        return NULL;
    }
    *ret_answer = POLICY_REFUSE;
    for (size_t i = 0; i < q->settings->freezes.count && !ret_why->length; i++) {
        const struct freeze *freeze = &q->settings->freezes.at[i];
        if (now_ms >= freeze->from && now_ms < freeze->to)
            *ret_why = str_printf(arena, "changes are frozen until %.*s: %.*s",
                                  STR_ARG(time_rfc3339(arena, freeze->to)), STR_ARG(freeze->reason));
    }
    if (!ret_why->length && q->group_members > 0 && q->group_sick * 3 > q->group_members)
        *ret_why = str_printf(arena, "%lld of %lld members of its group are sick: that is not a problem of one host",
                              (long long)q->group_sick, (long long)q->group_members);
    if (!ret_why->length)
        TRY(ask_target(tx, q, ret_why));
    if (!ret_why->length)
        TRY(ask_budgets(tx, q, ret_why));
    if (!ret_why->length)
        TRY(breaker_blocks(tx, q->settings, q->def->id, ret_why));
    if (!ret_why->length)
        *ret_answer = POLICY_START;
    return NULL;
}

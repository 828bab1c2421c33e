/* trust.c - trust that is earned, and the breaker that opens. */
#include "action/trust.h"

#include "base/time.h"

static const char *const names[] = { "observe", "suggest", "approve", "auto" };

const char *trust_name(enum trust_level level)
{
    return names[level];
}

bool trust_parse(struct str text, enum trust_level *ret_level)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(text, str_of(names[i]))) {
            *ret_level = (enum trust_level)i;
            return true;
        }
    return false;
}

static struct str configured(const struct action_settings *settings, struct str action)
{
    for (size_t i = 0; i < settings->trust.count; i++)
        if (str_eq(settings->trust.at[i].key, action))
            return settings->trust.at[i].value;
    return S("");
}

err trust_get(struct tx *tx, const struct action_settings *settings, struct str action, struct trust *ret_trust)
{
    struct str start = configured(settings, action);
    struct rows *rows CLEANUP(rows_closep) = NULL;

    *ret_trust = (struct trust){ .level = TRUST_SUGGEST, .why = S("where every action starts") };
    if (trust_parse(start, &ret_trust->level))
        ret_trust->why = S("by the configuration");
    TRY(tx_query(tx, "SELECT level, successes, failures, why FROM action_trust WHERE action = ?1 AND configured = ?2",
                 PARAMS(action, start), &rows));
    if (rows_next(rows)) {
        ret_trust->level = (enum trust_level)rows_i64(rows, 0);
        ret_trust->successes = rows_i64(rows, 1);
        ret_trust->failures = rows_i64(rows, 2);
        ret_trust->why = rows_copy(rows, 3, tx_arena(tx));
    }
    return rows_err(rows);
}

err trust_learn(struct tx *tx, const struct action_settings *settings, struct str action, struct str outcome)
{
    struct str start = configured(settings, action);
    struct trust trust;
    enum trust_level before;

    TRY(trust_get(tx, settings, action, &trust));
    before = trust.level;
    if (str_eq(outcome, S("fixed"))) {
        trust.successes++;
        if (settings->promote && trust.failures == 0) {
            if (trust.level == TRUST_SUGGEST && trust.successes >= TRUST_TO_APPROVE) {
                trust.level = TRUST_APPROVE;
                trust.why = S("3 verified successes, no failure");
            } else if (trust.level == TRUST_APPROVE && trust.successes >= TRUST_TO_AUTO && str_eq(start, S("auto"))) {
                trust.level = TRUST_AUTO;
                trust.why = S("10 verified successes, no failure, and the configuration allows it");
            }
        }
    } else {
        trust.failures++;
        if (str_eq(outcome, S("cannot_tell"))) {
            if (trust.level == TRUST_AUTO) {
                trust.level = TRUST_APPROVE;
                trust.why = S("nobody could tell whether it helped");
            }
        } else if (trust.level > TRUST_SUGGEST) {
            trust.level = TRUST_SUGGEST;
            trust.why = S("it did not help");
        }
    }
    if (trust.level != before)
        trust.successes = trust.failures = 0;
    return tx_run(
        tx,
        "INSERT INTO action_trust(action, configured, level, successes, failures, why, changed) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(action) DO UPDATE SET configured = ?2, level = ?3, "
        "successes = ?4, failures = ?5, why = ?6, changed = ?7",
        PARAMS(action, start, (int64_t)trust.level, trust.successes, trust.failures, trust.why, tx_now_ms(tx)));
}

err breaker_blocks(struct tx *tx, const struct action_settings *settings, struct str action, struct str *ret_why)
{
    struct rows *rows CLEANUP(rows_closep) = NULL;

    *ret_why = S("");
    TRY(tx_query(tx, "SELECT failures, opened, trying FROM action_breaker WHERE action = ?1", PARAMS(action), &rows));
    if (!rows_next(rows) || rows_i64(rows, 0) < settings->breaker_failures)
        return rows_err(rows);
    int64_t left_ms = rows_i64(rows, 1) + settings->breaker_open.ms - tx_now_ms(tx);
    if (left_ms > settings->breaker_open.ms) /* the clock jumped back */
        left_ms = settings->breaker_open.ms;
    if (left_ms > 0)
        *ret_why = str_printf(tx_arena(tx),
                              "its breaker is open: %lld times in a row it did not help or nobody could tell; one "
                              "attempt in %lld s",
                              (long long)rows_i64(rows, 0), (long long)((left_ms + 999) / 1000));
    else if (rows_i64(rows, 2))
        *ret_why = S("its breaker is half open and one attempt is under way");
    else
        return tx_run(tx, "UPDATE action_breaker SET trying = 1 WHERE action = ?1", PARAMS(action));
    return NULL;
}

err breaker_learn(struct tx *tx, const struct action_settings *settings, struct str action, bool helped)
{
    (void)settings;
    if (helped)
        return tx_run(tx, "DELETE FROM action_breaker WHERE action = ?1", PARAMS(action));
    return tx_run(tx,
                  "INSERT INTO action_breaker(action, failures, opened, trying) VALUES (?1, 1, ?2, 0) "
                  "ON CONFLICT(action) DO UPDATE SET failures = failures + 1, opened = ?2, trying = 0",
                  PARAMS(action, tx_now_ms(tx)));
}

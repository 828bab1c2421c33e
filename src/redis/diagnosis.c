/* diagnosis.c - asks every scenario, and has those that hold explain themselves. */
#include "redis/diagnosis.h"

#include "base/log.h"
#include "base/time.h"
#include "model/severity.h"

#include <math.h>
#include <stdlib.h>

static struct rca_case case_of(struct arena *arena, struct series_source *series, const struct redis_facts *facts)
{
    int64_t now_ms = time_now_ms();

    return (struct rca_case){
        .arena = arena,
        .series = series,
        .incident = { .resource = facts->resource },
        .end_ms = now_ms,
        .deadline_ms = time_mono_ms() + 5 * SECOND_MS,
    };
}

static err explain(const struct rca_case *what, const struct redis_facts *facts, const struct redis_scenario *scenario,
                   struct redis_finding *ret_finding)
{
    *ret_finding = (struct redis_finding){
        .scenario = scenario,
        .advice = redis_advice_for(scenario->name),
        .result = { .scenario = str_of(scenario->id), .critical_failure = S(""), .impact = S("") },
    };
    return err_wrap(scenario_explain(scenario, what, facts, &ret_finding->result), "scenario %s", scenario->name);
}

static int worst_first(const void *a, const void *b)
{
    enum severity left = SEVERITY_INFO, right = SEVERITY_INFO;

    if (!severity_parse(str_of(((const struct redis_finding *)a)->scenario->severity), &left) ||
        !severity_parse(str_of(((const struct redis_finding *)b)->scenario->severity), &right))
        return 0;
    return (left > right) - (left < right);
}

static bool is_among(struct str name, const struct str *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(name, names[i]))
            return true;
    return false;
}

err diagnosis_make(struct arena *arena, struct series_source *series, const struct redis_facts *facts,
                   const struct str *alertnames, size_t alert_count, struct redis_findings *ret_findings)
{
    struct rca_case what = case_of(arena, series, facts);

    *ret_findings = (struct redis_findings){ 0 };
    FOR_EACH_REGISTERED (redis_scenario, it) {
        double value = NAN, threshold = NAN;
        if (it->holds(facts, &value, &threshold) != VERDICT_YES &&
            !is_among(str_of(it->alertname), alertnames, alert_count))
            continue;
        struct redis_finding *finding = vec_push(&ret_findings->findings, arena);
        TRY(explain(&what, facts, it, finding));
    }
    if (ret_findings->findings.count)
        qsort(ret_findings->findings.at, ret_findings->findings.count, sizeof(*ret_findings->findings.at), worst_first);
    return arena_check(arena);
}

bool diagnosis_of(struct arena *arena, struct series_source *series, const struct redis_facts *facts,
                  struct str alertname, struct redis_finding *ret_finding)
{
    struct rca_case what = case_of(arena, series, facts);

    FOR_EACH_REGISTERED (redis_scenario, it) {
        if (!str_eq(str_of(it->alertname), alertname))
            continue;
        err e = explain(&what, facts, it, ret_finding);
        bool explained = e == NULL;
        log_err(e, "can't explain %.*s", STR_ARG(alertname));
        return explained;
    }
    return false;
}

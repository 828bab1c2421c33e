/* monitor_analyze.c - /api/v1/monitor/analyze: what the doctor says about the state of now. */
#include "alerts/alert.h"
#include "api/monitor.h"
#include "base/time.h"
#include "redis/diagnosis.h"

#include <math.h>

struct analysis_cause {
    struct str cause;
    double confidence;
    VEC(struct monitor_evidence) evidence;
};
static const struct field cause_fields[] = {
    STRING(struct analysis_cause, cause, .doc = "What is wrong."),
    DOUBLE(struct analysis_cause, confidence, .doc = "0..1."),
    LIST(struct analysis_cause, evidence, .schema = &monitor_evidence_schema, .doc = "Why we think so."),
    { 0 },
};
static const struct schema cause_schema = SCHEMA(struct analysis_cause, cause_fields, .doc = "A possible cause.");

struct analysis_reference {
    struct str knowledge_id, title;
    double score;
};
static const struct field reference_fields[] = {
    STRING(struct analysis_reference, knowledge_id, .doc = "Id of the article."),
    STRING(struct analysis_reference, title, .doc = "Its title."),
    DOUBLE(struct analysis_reference, score, .doc = "0..1."),
    { 0 },
};
static const struct schema reference_schema = SCHEMA(struct analysis_reference, reference_fields, .doc = "An article.");

struct analysis {
    struct str id, severity, category, scenario, summary, model;
    VEC(struct analysis_cause) root_causes;
    VEC(struct str) immediate_actions;
    VEC(struct str) steps;
    VEC(struct str) prevention;
    VEC(struct analysis_reference) references;
    VEC(struct monitor_evidence) evidence;
    int64_t created_at;
};
static const struct field analysis_fields[] = {
    STRING(struct analysis, id, .doc = "Of this analysis."),
    STRING(struct analysis, severity, .doc = "critical, high, medium or low."),
    STRING(struct analysis, category, .doc = "memory, connection, latency ...; healthy where nothing is wrong."),
    STRING(struct analysis, scenario, .flags = F_NULLABLE, .doc = "SC-001 ..., or its name where it has no number."),
    STRING(struct analysis, summary, .doc = "One sentence."),
    LIST(struct analysis, root_causes, .schema = &cause_schema, .doc = "The likeliest first; empty where all is well."),
    STRINGS(struct analysis, immediate_actions, .doc = "What would help now, by the catalogue of actions."),
    STRINGS(struct analysis, steps, .doc = "How to look into it."),
    STRINGS(struct analysis, prevention, .doc = "What keeps it from coming back."),
    LIST(struct analysis, references, .schema = &reference_schema, .doc = "Articles about it."),
    LIST(struct analysis, evidence, .schema = &monitor_evidence_schema, .doc = "What was seen."),
    STRING(struct analysis, model, .flags = F_NULLABLE, .doc = "The language model that took part; null: none."),
    TIME(struct analysis, created_at, .doc = "When."),
    { 0 },
};
static const struct schema analysis_schema = SCHEMA(struct analysis, analysis_fields, .doc = "An analysis.");

static void add_causes(struct arena *arena, const struct rca_result *result, struct analysis *out)
{
    for (size_t i = 0; i < result->root_causes.count; i++) {
        const struct rca_cause *from = &result->root_causes.at[i];
        if (!from->evidence.count)
            continue; /* what is claimed is shown */
        struct analysis_cause *cause = vec_push(&out->root_causes, arena);
        cause->cause = from->issue;
        cause->confidence = from->confidence;
        for (size_t j = 0; j < from->evidence.count; j++) {
            const struct rca_evidence *seen = &from->evidence.at[j];
            const struct monitor_evidence evidence = { seen->text, seen->metric, seen->value };
            *vec_push(&cause->evidence, arena) = evidence;
            *vec_push(&out->evidence, arena) = evidence;
        }
    }
}

static void add_advice(struct arena *arena, const struct redis_advice *advice, struct analysis *out)
{
    for (size_t i = 0; advice && i < ARRAY_LEN(advice->steps) && advice->steps[i]; i++)
        *vec_push(&out->steps, arena) = str_of(advice->steps[i]);
    for (size_t i = 0; advice && i < ARRAY_LEN(advice->prevention) && advice->prevention[i]; i++)
        *vec_push(&out->prevention, arena) = str_of(advice->prevention[i]);
}

static void add_finding(struct arena *arena, const struct redis_finding *finding, struct analysis *out)
{
    add_causes(arena, &finding->result, out);
    for (size_t i = 0; i < finding->result.recommended_actions.count; i++) {
        const struct rca_recommendation *it = &finding->result.recommended_actions.at[i];
        *vec_push(&out->immediate_actions, arena) =
            str_printf(arena, "%.*s: %.*s", STR_ARG(it->action), STR_ARG(it->reason));
    }
    add_advice(arena, finding->advice, out);
}

/* severity_of - the words of the API: info is low. */
static struct str severity_of(const struct redis_scenario *scenario)
{
    enum severity severity = SEVERITY_WARNING;

    if (!severity_parse(str_of(scenario->severity), &severity))
        severity = SEVERITY_WARNING;
    return str_of(severity_word(severity));
}

/* say_worst - the head of the answer is the worst finding's. */
static void say_worst(struct arena *arena, const struct connection *c, const struct redis_findings *findings,
                      struct analysis *out)
{
    const struct redis_finding *worst = &findings->findings.at[0];
    const struct redis_scenario *scenario = worst->scenario;

    out->severity = severity_of(scenario);
    out->category = worst->advice ? str_of(worst->advice->category) : S("availability");
    out->scenario = str_of(*scenario->id ? scenario->id : scenario->name);
    out->summary = str_printf(arena, "%s (%.*s)", scenario->summary, STR_ARG(c->address));
    if (worst->result.impact.length)
        out->summary = str_printf(arena, "%.*s. %.*s.", STR_ARG(out->summary), STR_ARG(worst->result.impact));
    for (size_t i = 0; i < findings->findings.count; i++)
        add_finding(arena, &findings->findings.at[i], out);
}

static void add_figure(struct arena *arena, struct analysis *out, struct str text, struct str metric, double value)
{
    *vec_push(&out->evidence, arena) = (struct monitor_evidence){ text, metric, value };
}

/* say_healthy - nothing holds: say what was looked at. */
static void say_healthy(struct arena *arena, const struct connection *c, const struct redis_facts *facts,
                        struct analysis *out)
{
    const struct redis_info *info = facts->info;

    out->severity = S("low");
    out->category = S("healthy");
    out->scenario = S("healthy");
    out->summary = str_printf(arena, "No known problem on %.*s", STR_ARG(c->address));
    if (!info)
        return;
    if (info->used_memory >= 0)
        add_figure(
            arena, out,
            str_printf(arena, "%.*s of memory in use, %s", STR_ARG(in_bytes(arena, (double)info->used_memory)),
                       info->maxmemory > 0
                           ? str_printf(arena, "of at most %.*s", STR_ARG(in_bytes(arena, (double)info->maxmemory))).at
                           : "without a limit"),
            S("redis_memory_used_bytes"), (double)info->used_memory);
    if (info->connected_clients >= 0)
        add_figure(arena, out,
                   str_printf(arena, "%lld of at most %lld clients", (long long)info->connected_clients,
                              (long long)info->maxclients),
                   S("redis_connected_clients"), (double)info->connected_clients);
    add_figure(arena, out, str_printf(arena, "PING took %.1f ms", facts->round_trip_ms), (struct str){ NULL, 0 },
               facts->round_trip_ms);
}

/* say_unreachable - no scenario holds, but there is nothing to judge by either. */
static void say_unreachable(struct arena *arena, const struct connection *c, const struct redis_facts *facts,
                            struct analysis *out)
{
    out->severity = S("high");
    out->category = S("connection");
    out->summary = str_printf(arena, "%.*s can't be looked at: %.*s", STR_ARG(c->address),
                              STR_ARG(facts->error.length ? facts->error : S("it was not seen yet")));
    struct analysis_cause *cause = vec_push(&out->root_causes, arena);
    cause->cause = facts->outcome == REDIS_NOAUTH || facts->outcome == REDIS_WRONGPASS
                       ? S("Auspex has no valid credentials for it")
                       : S("Redis does not answer as it should");
    cause->confidence = 0.7;
    add_figure(arena, out, str_printf(arena, "outcome: %s", redis_outcome_name(facts->outcome)),
               (struct str){ NULL, 0 }, NAN);
    *vec_push(&cause->evidence, arena) = out->evidence.at[0];
}

static err analyze(struct request *req, const void *query, const void *body, struct reply *reply)
{
    const struct which_connection *b = body;
    struct arena *arena = request_arena(req);
    struct redis_facts *facts = arena_alloc(arena, sizeof(*facts));
    struct redis_findings findings;
    struct connection c;
    struct alert_list alerts;
    VEC(struct str) names = { 0 };
    int64_t now_ms = time_now_ms();

    (void)query;
    TRY(connections_find(arena, b->connection, &c));
    TRY(monitor_facts(arena, &c, facts));
    TRY(monitor_alerts_of(arena, c.resource, &alerts));
    for (size_t i = 0; i < alerts.alerts.count; i++)
        *vec_push(&names, arena) = alerts.alerts.at[i].name;
    TRY(diagnosis_make(arena, services.series, facts, names.at, names.count, &findings));
    struct analysis out = { .id = str_printf(arena, "redis-%.*s-%lld", STR_ARG(c.key), (long long)now_ms),
                            .created_at = now_ms };
    if (findings.findings.count)
        say_worst(arena, &c, &findings, &out);
    else if (facts->fresh)
        say_healthy(arena, &c, facts, &out);
    else
        say_unreachable(arena, &c, facts, &out);
    return reply_encode(reply, &analysis_schema, &out);
}

static const struct route analyze_route = {
    .method = "POST",
    .path = "/api/v1/monitor/analyze",
    .summary = "Diagnose a Redis by its state of now",
    .tag = "Redis",
    .role = ROLE_VIEWER,
    .body = &which_connection_schema,
    .reply = &analysis_schema,
    .handle = analyze,
};
REGISTER(route, analyze_route);

/* rca.c - asks every method, ranks what they say, and puts the answer into the journal.
 *
 * DESIGN. A reader sees that an incident opened or changed and queues an outbox row, of which an incident has one at a
 * time; the worker thinks, and its completion appends rca.completed. Analyses are repeatable: they change nothing
 * outside. */
#include "rca/rca.h"

#include "base/time.h"
#include "db/outbox.h"

#include <math.h>
#include <stdlib.h>

enum { AGAIN_AFTER_MS = SECOND_MS, TIMELINE_MAX = 500, CONFIDENT_ENOUGH_PERCENT = 30 };

static const struct migration rca_1 = {
    .room = "rca",
    .number = 1,
    .sql = "CREATE TABLE rca_pending (incident INTEGER PRIMARY KEY, again INTEGER NOT NULL) STRICT;",
};
REGISTER(migration, rca_1);

static struct rca_options rca;

static const struct field evidence_fields[] = {
    STRING(struct rca_evidence, text, .doc = "What was seen."),
    STRING(struct rca_evidence, metric, .flags = F_NULLABLE, .doc = "The metric that shows it."),
    PAIRS(struct rca_evidence, labels, .doc = "Labels of its series."),
    DOUBLE(struct rca_evidence, value, .flags = F_NULLABLE, .doc = "The value."),
    { 0 },
};
static const struct schema evidence_schema = SCHEMA(struct rca_evidence, evidence_fields, .doc = "Evidence.");

static const struct field cause_fields[] = {
    INT(struct rca_cause, rank, .doc = "1 is the likeliest."),
    STRING(struct rca_cause, resource, .doc = "What is at fault."),
    STRING(struct rca_cause, issue, .doc = "What is wrong with it."),
    DOUBLE(struct rca_cause, confidence, .doc = "0..1."),
    LIST(struct rca_cause, evidence, .schema = &evidence_schema, .doc = "Why we think so."),
    { 0 },
};
static const struct schema cause_schema = SCHEMA(struct rca_cause, cause_fields, .doc = "A possible root cause.");

static const struct field recommendation_fields[] = {
    STRING(struct rca_recommendation, action, .doc = "Id in the catalogue."),
    ANY(struct rca_recommendation, parameters, .doc = "Its parameters."),
    STRING(struct rca_recommendation, reason, .doc = "Why this one."),
    { 0 },
};
static const struct schema recommendation_schema =
    SCHEMA(struct rca_recommendation, recommendation_fields, .doc = "A proposed action.");

static const struct field result_fields[] = {
    STRING(struct rca_result, scenario, .doc = "Known scenario, such as SC-001; empty: none."),
    BOOL(struct rca_result, cannot_tell, .doc = "Nothing convincing was found."),
    STRING(struct rca_result, critical_failure, .doc = "What fails."),
    STRING(struct rca_result, impact, .doc = "Who feels it, and how."),
    LIST(struct rca_result, root_causes, .schema = &cause_schema, .doc = "The likeliest first."),
    LIST(struct rca_result, recommended_actions, .schema = &recommendation_schema, .doc = "What would help."),
    { 0 },
};
const struct schema rca_result_schema = SCHEMA(struct rca_result, result_fields, .doc = "An analysis.");

struct rca_cause *rca_add_cause(const struct rca_case *what, struct rca_result *result, struct str resource,
                                struct str issue, double confidence)
{
    struct rca_cause *cause = vec_push(&result->root_causes, what->arena);

    *cause = (struct rca_cause){ .resource = resource, .issue = issue, .confidence = confidence };
    return cause;
}

void rca_add_evidence(const struct rca_case *what, struct rca_cause *cause, struct str text, struct str metric,
                      double value)
{
    *vec_push(&cause->evidence, what->arena) = (struct rca_evidence){
        .text = text, .metric = metric.length ? metric : (struct str){ NULL, 0 }, .value = value
    };
}

err rca_recommend(const struct rca_case *what, struct rca_result *result, struct str action, struct str parameters,
                  struct str reason)
{
    struct rca_recommendation *recommendation = vec_push(&result->recommended_actions, what->arena);

    *recommendation = (struct rca_recommendation){ .action = action, .reason = reason };
    return json_parse(what->arena, str_copy(what->arena, parameters), &recommendation->parameters);
}

void rca_start(const struct rca_options *options)
{
    rca = *options;
}

static err read_case(struct tx *tx, void *arg)
{
    struct rca_case *what = arg;
    struct journal_filter timeline = { .before = INT64_MAX, .incident = what->incident.id, .limit = TIMELINE_MAX };

    TRY(incident_get(tx, what->arena, what->incident.id, &what->incident));
    TRY(incident_members(tx, what->arena, what->incident.id, &what->members));
    TRY(journal_read(tx, what->arena, &timeline, &what->events));
    what->end_ms = time_now_ms();
    return NULL;
}

static int by_order(const void *a, const void *b)
{
    return (*(const struct rca_method *const *)a)->order - (*(const struct rca_method *const *)b)->order;
}

static int by_confidence(const void *a, const void *b)
{
    double left = ((const struct rca_cause *)a)->confidence, right = ((const struct rca_cause *)b)->confidence;

    return (left < right) - (left > right);
}

/* rank - causes with evidence, the likeliest first. */
static void rank(struct rca_result *result)
{
    size_t kept = 0;

    for (size_t i = 0; i < result->root_causes.count; i++)
        if (result->root_causes.at[i].evidence.count)
            result->root_causes.at[kept++] = result->root_causes.at[i];
    result->root_causes.count = kept;
    if (kept)
        qsort(result->root_causes.at, kept, sizeof(*result->root_causes.at), by_confidence);
    for (size_t i = 0; i < kept; i++)
        result->root_causes.at[i].rank = (int64_t)i + 1;
    result->cannot_tell = kept == 0 || result->root_causes.at[0].confidence * 100 < CONFIDENT_ENOUGH_PERCENT;
    if (result->cannot_tell)
        result->recommended_actions.count = 0;
}

err rca_analyze(struct arena *arena, int64_t incident, int64_t deadline_ms, struct rca_result *ret_result)
{
    struct rca_case what = {
        .arena = arena, .db = rca.db, .series = rca.series, .incident = { .id = incident }, .deadline_ms = deadline_ms
    };
    VEC(const struct rca_method *) methods = { 0 };

    *ret_result = (struct rca_result){ .scenario = S(""), .critical_failure = S(""), .impact = S("") };
    TRY(db_read(rca.db, read_case, &what));
    FOR_EACH_REGISTERED (rca_method, it)
        *vec_push(&methods, arena) = it;
    if (methods.count)
        qsort(methods.at, methods.count, sizeof(*methods.at), by_order);
    for (size_t i = 0; i < methods.count; i++)
        TRY(err_wrap(methods.at[i]->analyze(&what, ret_result), "method %s", methods.at[i]->name));
    rank(ret_result);
    return arena_check(arena);
}

static err rca_run(struct outbox_job *job, struct str *ret_result)
{
    struct rca_result result;
    struct buf text CLEANUP(buf_clear) = { .max = 4 << 20 };

    TRY(rca_analyze(job->arena, job->incident, job->deadline_ms, &result));
    struct json_writer w = json_writer(&text);
    schema_encode(&w, &rca_result_schema, &result, false);
    *ret_result = str_copy(job->arena, buf_str(&text));
    return buf_check(&text);
}

static struct str reason_of(struct arena *arena, const struct json *result)
{
    const struct json *causes = json_get(result, S("root_causes"));

    if (json_bool_or(json_get(result, S("cannot_tell")), true) || !causes || !causes->array.count)
        return S("cannot tell");
    return str_printf(arena, "%.*s (%.0f %%)",
                      STR_ARG(json_str_or(json_get(causes->array.items[0], S("issue")), S(""))),
                      json_number_or(json_get(causes->array.items[0], S("confidence")), 0) * 100);
}

/* same_names - two lists whose objects have the same texts under `name`, in the same order. */
static bool same_names(const struct json *a, const struct json *b, struct str list, struct str name)
{
    const struct json *left = json_get(a, list), *right = json_get(b, list);

    if (!left || !right || left->type != JSON_ARRAY || right->type != JSON_ARRAY ||
        left->array.count != right->array.count)
        return false;
    for (size_t i = 0; i < left->array.count; i++)
        if (!str_eq(json_str_or(json_get(left->array.items[i], name), S("")),
                    json_str_or(json_get(right->array.items[i], name), S(""))))
            return false;
    return true;
}

/* no_news - the same causes and proposals as before, or still none: numbers alone are not told again. An incident that
 * was opened again has no analysis, so its first one is always told. */
static bool no_news(const struct incident_row *incident, const struct json *result)
{
    return incident->rca && same_names(incident->rca, result, S("root_causes"), S("issue")) &&
           same_names(incident->rca, result, S("recommended_actions"), S("action"));
}

/* queue - one analysis of an incident waits or runs at a time. What changes meanwhile makes one more behind it, a
 * moment later, so a storm of a thousand alerts in one incident is analysed a few times and not a thousand. */
static err queue(struct tx *tx, int64_t incident, int64_t event, int64_t not_before_ms)
{
    return outbox_add(tx, &(struct outbox_row){ .kind = "rca",
                                                .key = str_printf(tx_arena(tx), "event:%lld", (long long)event),
                                                .payload = S("{}"),
                                                .incident = incident,
                                                .not_before_ms = not_before_ms });
}

static err want(struct tx *tx, int64_t incident, int64_t event)
{
    TRY(tx_run(tx, "INSERT OR IGNORE INTO rca_pending (incident, again) VALUES (?1, 0)", PARAMS(incident)));
    if (tx_changes(tx))
        return queue(tx, incident, event, 0);
    return tx_run(tx, "UPDATE rca_pending SET again = ?2 WHERE incident = ?1", PARAMS(incident, event));
}

static err settle(struct tx *tx, int64_t incident)
{
    int64_t again;

    TRY(tx_get_i64(tx, "SELECT again FROM rca_pending WHERE incident = ?1", PARAMS(incident), 0, &again));
    if (!again)
        return tx_run(tx, "DELETE FROM rca_pending WHERE incident = ?1", PARAMS(incident));
    TRY(tx_run(tx, "UPDATE rca_pending SET again = 0 WHERE incident = ?1", PARAMS(incident)));
    return queue(tx, incident, again, tx_now_ms(tx) + AGAIN_AFTER_MS);
}

static err rca_complete(struct tx *tx, const struct outbox_job *job, struct str result, err failure)
{
    struct arena *arena = tx_arena(tx);
    const struct json *json;
    struct incident_row incident;
    struct buf data CLEANUP(buf_clear) = { .max = 8 << 20 };

    if (failure)
        result = str_printf(arena, "{\"scenario\":\"\",\"cannot_tell\":true,\"critical_failure\":\"\",\"impact\":\"\","
                                   "\"root_causes\":[],\"recommended_actions\":[]}");
    TRY(settle(tx, job->incident));
    TRY(json_parse(arena, result, &json));
    TRY(incident_get(tx, arena, job->incident, &incident));
    if (no_news(&incident, json))
        return NULL;
    struct json_writer w = json_writer(&data);
    json_begin_object(&w);
    json_put_i64(&w, S("v"), 1);
    json_put_i64(&w, S("analysis_id"), job->id);
    for (size_t i = 0; i < json->object.count; i++) {
        json_key(&w, json->object.members[i].key);
        json_add_tree(&w, json->object.members[i].value);
    }
    json_end_object(&w);
    return journal_append(tx,
                          &(struct event){ .kind = EVENT_RCA_COMPLETED,
                                           .subject = incident.resource,
                                           .incident = job->incident,
                                           .actor = S("auspex"),
                                           .reason = failure ? str_of(err_message(failure)) : reason_of(arena, json),
                                           .data = buf_str(&data) },
                          NULL);
}

static const struct outbox_worker rca_worker = {
    .kind = "rca",
    .max_attempts = 3,
    .timeout_ms = 30 * SECOND_MS,
    .expire_ms = 10 * MINUTE_MS,
    .concurrency = 2,
    .repeatable = true,
    .run = rca_run,
    .complete = rca_complete,
};
REGISTER(outbox_worker, rca_worker);

static err rca_step(struct reader *reader, const struct event *event)
{
    if (event->kind != EVENT_INCIDENT_OPENED && event->kind != EVENT_INCIDENT_CHANGED &&
        event->kind != EVENT_INCIDENT_REOPENED)
        return NULL;
    return want(reader_tx(reader), event->incident, event->id);
}

static const struct journal_reader rca_reader = { .name = "rca", .step = rca_step };
REGISTER(journal_reader, rca_reader);

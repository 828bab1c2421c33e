/* doctor.c - keeps the facts of every instance, and turns scenarios into alerts. */
#include "redis/doctor.h"

#include "alerts/alert.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/time.h"
#include "redis/scenario.h"
#include "redis/service.h"
#include "topology/inventory.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { INSTANCES_MAX = 1000, SCENARIOS_MAX = 64, CLEAN_POLLS = 2, SLOW_KEPT_MS = 5 * MINUTE_MS, FACTS_BYTES = 8 << 20 };

METRIC(COUNTER, redis_scenarios_total, "Scenarios that began to hold, by name.", "scenario");

struct condition {
    bool told;  /* the alert fires, as far as we know */
    bool known; /* we have looked at it since the start */
    int clean;  /* polls without it */
    int64_t seen_ms;
};

/* Facts live in two arenas that take turns: a poll fills the one that the facts before the last left. */
struct patient {
    struct patient *next;
    char *resource;
    struct arena *arenas[2];
    int turn;
    struct redis_facts *facts;
    struct condition conditions[SCENARIOS_MAX];
};

static struct {
    pthread_mutex_t lock;
    struct doctor_options options;
    struct patient *patients;
    size_t count;
    bool running;
} doctor = { .lock = PTHREAD_MUTEX_INITIALIZER };

err doctor_start(const struct doctor_options *options)
{
    size_t scenarios = 0;

    FOR_EACH_REGISTERED (redis_scenario, it)
        scenarios++;
    if (scenarios > SCENARIOS_MAX)
        return err_new(ERR_INTERNAL, "more than %d Redis scenarios", SCENARIOS_MAX);
    doctor.options = *options;
    doctor.running = true;
    redis_observe = doctor_observe;
    return NULL;
}

static void patient_free(struct patient *patient)
{
    arena_free(patient->arenas[0]);
    arena_free(patient->arenas[1]);
    free(patient->resource);
    free(patient);
}

void doctor_stop(void)
{
    redis_observe = NULL;
    pthread_mutex_lock(&doctor.lock);
    doctor.running = false;
    while (doctor.patients) {
        struct patient *patient = doctor.patients;
        doctor.patients = patient->next;
        patient_free(patient);
    }
    doctor.count = 0;
    pthread_mutex_unlock(&doctor.lock);
}

static struct patient *find_locked(struct str resource)
{
    for (struct patient *patient = doctor.patients; patient; patient = patient->next)
        if (str_eq(str_of(patient->resource), resource))
            return patient;
    return NULL;
}

static struct patient *admit_locked(struct str resource)
{
    struct patient *patient = find_locked(resource);

    if (patient || doctor.count == INSTANCES_MAX)
        return patient;
    patient = calloc(1, sizeof(*patient));
    char *copy = strndup(resource.at, resource.length);
    if (!patient || !copy)
        abort();
    patient->resource = copy;
    patient->arenas[0] = arena_new(FACTS_BYTES);
    patient->arenas[1] = arena_new(FACTS_BYTES);
    patient->next = doctor.patients;
    doctor.patients = patient;
    doctor.count++;
    return patient;
}

void doctor_forget(struct str resource)
{
    pthread_mutex_lock(&doctor.lock);
    for (struct patient **at = &doctor.patients; *at; at = &(*at)->next) {
        struct patient *patient = *at;
        if (!str_eq(str_of(patient->resource), resource))
            continue;
        *at = patient->next;
        patient_free(patient);
        doctor.count--;
        break;
    }
    pthread_mutex_unlock(&doctor.lock);
}

static void copy_slow(struct arena *arena, struct redis_facts *facts, const struct redis_slow_entry *entries,
                      size_t count)
{
    for (size_t i = 0; i < count && facts->slow_count < FACTS_SLOW_MAX; i++) {
        struct redis_slow_entry *entry = &facts->slow[facts->slow_count++];
        *entry = entries[i];
        entry->command = str_copy(arena, entries[i].command);
        entry->client = str_copy(arena, entries[i].client);
        entry->client_name = str_copy(arena, entries[i].client_name);
    }
}

static void copy_clients(struct arena *arena, struct redis_facts *facts, const struct redis_client_row *rows,
                         size_t count)
{
    for (size_t i = 0; i < count && facts->client_count < FACTS_CLIENTS_MAX; i++) {
        struct redis_client_row *row = &facts->clients[facts->client_count++];
        *row = rows[i];
        row->address = str_copy(arena, rows[i].address);
        row->name = str_copy(arena, rows[i].name);
        row->user = str_copy(arena, rows[i].user);
        row->flags = str_copy(arena, rows[i].flags);
        row->command = str_copy(arena, rows[i].command);
    }
}

static bool answers(enum redis_outcome outcome)
{
    return outcome != REDIS_REFUSED && outcome != REDIS_TIMED_OUT && outcome != REDIS_CLOSED &&
           outcome != REDIS_PROTOCOL;
}

/* recent_slow - how many of them, newest first, are not long ago. */
static size_t recent_slow(const struct redis_slow_entry *entries, size_t count, int64_t now_ms)
{
    size_t recent = 0;

    while (recent < count && now_ms - entries[recent].time_ms < SLOW_KEPT_MS)
        recent++;
    return recent;
}

/* carry_over - what the last poll knew and this one did not ask. */
static void carry_over(struct arena *arena, struct redis_facts *facts, const struct redis_facts *before)
{
    copy_slow(arena, facts, before->slow, recent_slow(before->slow, before->slow_count, facts->time_ms));
    if (facts->clients_ms)
        return;
    copy_clients(arena, facts, before->clients, before->client_count);
    facts->clients_all = before->clients_all;
    facts->clients_idle = before->clients_idle;
    facts->clients_ms = before->clients_ms;
}

static struct redis_facts *learn(struct arena *arena, const struct redis_instance_state *state,
                                 const struct redis_facts *before)
{
    struct redis_facts *facts = arena_alloc(arena, sizeof(*facts));

    *facts = (struct redis_facts){
        .resource = str_copy(arena, state->resource),
        .address = str_copy(arena, state->address),
        .source = str_copy(arena, state->source),
        .time_ms = state->time_ms,
        .outcome = state->outcome,
        .error = str_copy(arena, state->error),
        .round_trip_ms = state->round_trip_ms,
        .ever_up = (before && before->ever_up) || state->info,
        .failures = answers(state->outcome) ? 0 : (before ? before->failures : 0) + 1,
        .fresh = state->info != NULL,
    };
    const struct redis_info *info = state->info ? state->info : before ? before->info : NULL;
    if (info)
        facts->info = redis_info_copy(arena, info);
    facts->info_ms = state->info ? state->time_ms : before ? before->info_ms : 0;
    if (state->info && state->previous && !state->restarted) {
        facts->previous = redis_info_copy(arena, state->previous);
        facts->previous_ms = state->previous_ms;
    }
    /* Who is looked at for the first time shows its whole slow log: what was slow long ago is no news. */
    copy_slow(arena, facts, state->slow,
              before ? state->slow_count : recent_slow(state->slow, state->slow_count, state->time_ms));
    facts->slow_new = facts->slow_count;
    if (state->clients) {
        copy_clients(arena, facts, state->clients->rows, state->clients->row_count);
        facts->clients_all = state->clients->count;
        facts->clients_idle = state->clients->idle;
        facts->clients_ms = state->time_ms;
    }
    if (before)
        carry_over(arena, facts, before);
    return facts;
}

/* An alert that begins or ends, on its way to the database. */
struct transition {
    struct arena *arena;
    const struct redis_scenario *scenario;
    struct str resource, address;
    double value, threshold;
    bool resolved;
};

static err record(struct tx *tx, void *arg)
{
    const struct transition *t = arg;
    struct arena *arena = tx_arena(tx);
    const struct label labels[] = {
        { S("alertname"), str_of(t->scenario->alertname) },
        { S("instance"), t->address },
        { S("kind"), S("redis") },
        { S("scenario"), str_of(t->scenario->id) },
        { S("severity"), str_of(t->scenario->severity) },
    };
    const struct label annotations[] = {
        { S("summary"), str_printf(arena, "%s (%.*s)", t->scenario->summary, STR_ARG(t->address)) },
    };
    const struct alert_in alert = {
        .labels = labels_make(arena, labels, ARRAY_LEN(labels)),
        .annotations = labels_make(arena, annotations, ARRAY_LEN(annotations)),
        .source = S("redis"),
        .resource = t->resource,
        .resolved = t->resolved,
        .value = t->value,
        .threshold = t->threshold,
    };

    return alert_record(tx, &alert, NULL);
}

static void recorded(void *arg, err outcome)
{
    struct transition *t = arg;

    log_err(outcome, "can't keep the alert %s of %.*s", t->scenario->alertname, STR_ARG(t->address));
    arena_free(t->arena);
}

static bool tell(const struct redis_scenario *scenario, const struct redis_facts *facts, double value, double threshold,
                 bool resolved)
{
    struct arena *arena = arena_new(1 << 16);
    struct transition *t = arena_alloc(arena, sizeof(*t));

    *t = (struct transition){
        .arena = arena,
        .scenario = scenario,
        .resource = str_copy(arena, facts->resource),
        .address = str_copy(arena, facts->address),
        .value = value,
        .threshold = threshold,
        .resolved = resolved,
    };
    err e = db_post(doctor.options.db, record, t, recorded);
    if (!e)
        return true;
    log_err(e, "can't keep the alert %s; it is tried again at the next poll", scenario->alertname);
    arena_free(arena);
    return false;
}

static void judge(const struct redis_scenario *scenario, struct condition *condition, const struct redis_facts *facts)
{
    double value = NAN, threshold = NAN;

    switch (scenario->holds(facts, &value, &threshold)) {
    case VERDICT_YES:
        condition->clean = 0;
        condition->seen_ms = facts->time_ms;
        if (condition->told)
            return;
        metric_add_for(&redis_scenarios_total, str_of(scenario->name), 1);
        condition->told = condition->known = tell(scenario, facts, value, threshold, false);
        return;
    case VERDICT_NO:
        /* After our start an alert of ours may still stand from before: end it once, whether it is there or not. */
        if (++condition->clean < CLEAN_POLLS || (condition->known && !condition->told) ||
            facts->time_ms - condition->seen_ms < scenario->hold_ms)
            return;
        if (tell(scenario, facts, value, threshold, true)) {
            condition->told = false;
            condition->known = true;
        }
        return;
    case VERDICT_UNSEEN:
        return;
    }
}

void doctor_observe(const struct redis_instance_state *state)
{
    size_t index = 0;

    pthread_mutex_lock(&doctor.lock);
    struct patient *patient = doctor.running ? admit_locked(state->resource) : NULL;
    if (patient) {
        struct arena *arena = patient->arenas[patient->turn ^= 1];
        arena_reset(arena);
        patient->facts = learn(arena, state, patient->facts);
        FOR_EACH_REGISTERED (redis_scenario, it)
            judge(it, &patient->conditions[index++], patient->facts);
    }
    pthread_mutex_unlock(&doctor.lock);
}

bool doctor_facts(struct arena *arena, struct str resource, struct redis_facts *ret_facts)
{
    pthread_mutex_lock(&doctor.lock);
    struct patient *patient = find_locked(resource);
    bool found = patient && patient->facts;
    if (found) {
        const struct redis_facts *from = patient->facts;
        *ret_facts = *from;
        ret_facts->resource = str_copy(arena, from->resource);
        ret_facts->address = str_copy(arena, from->address);
        ret_facts->source = str_copy(arena, from->source);
        ret_facts->error = str_copy(arena, from->error);
        ret_facts->info = from->info ? redis_info_copy(arena, from->info) : NULL;
        ret_facts->previous = from->previous ? redis_info_copy(arena, from->previous) : NULL;
        ret_facts->slow_count = ret_facts->client_count = 0;
        copy_slow(arena, ret_facts, from->slow, from->slow_count);
        copy_clients(arena, ret_facts, from->clients, from->client_count);
    }
    pthread_mutex_unlock(&doctor.lock);
    return found;
}

int64_t facts_rise(int64_t now, int64_t before)
{
    if (now == REDIS_UNSET || before == REDIS_UNSET || now < before)
        return 0;
    return now - before;
}

int64_t facts_error_rise(const struct redis_facts *facts, struct str name)
{
    if (!facts->fresh || !facts->previous)
        return 0;
    return facts_rise(redis_info_error(facts->info, name), redis_info_error(facts->previous, name));
}

err scenario_explain(const struct redis_scenario *scenario, const struct rca_case *what,
                     const struct redis_facts *facts, struct rca_result *result)
{
    return facts->info || scenario->without_info ? scenario->explain(what, facts, result) : NULL;
}

err recommend_on(const struct rca_case *what, const struct redis_facts *facts, struct rca_result *result,
                 const char *action, struct str reason)
{
    struct buf parameters CLEANUP(buf_clear);

    buf_init(&parameters, 4096);
    struct json_writer w = json_writer(&parameters);
    json_begin_object(&w);
    json_put_str(&w, S("instance"), facts->resource);
    json_end_object(&w);
    return rca_recommend(what, result, str_of(action), buf_str(&parameters), reason);
}

double newest_value(const struct rca_case *what, struct str metric, struct str instance)
{
    struct matcher matchers[2];
    struct series_list list;
    size_t count = instance.length ? 2 : 1;

    err e = matcher_make(what->arena, MATCH_EQ, S("__name__"), metric, &matchers[0]);
    if (!e && count == 2)
        e = matcher_make(what->arena, MATCH_EQ, S("instance"), instance, &matchers[1]);
    if (!e)
        e = series_select(what->series, what->arena, matchers, count, what->end_ms - 5 * MINUTE_MS, what->end_ms,
                          &list);
    if (e) {
        log_err(e, "can't read %.*s", STR_ARG(metric));
        return NAN;
    }
    return list.count && list.at[0].count ? list.at[0].samples[list.at[0].count - 1].value : NAN;
}

struct str redis_service(struct arena *arena, struct str resource)
{
    if (!doctor.options.config)
        return S(""); /* nobody has started: facts alone are looked at */
    struct config *config CLEANUP(config_unrefp) = doctor.options.config();
    const struct inventory *inventory = inventory_of(config);

    for (size_t i = 0; i < inventory->resources.count; i++)
        if (str_eq(inventory->resources.at[i].id, resource))
            return str_copy(arena, inventory->resources.at[i].service);
    return S("");
}

struct str in_bytes(struct arena *arena, double bytes)
{
    struct buf text CLEANUP(buf_clear);

    buf_init(&text, 64);
    size_add(&text, bytes);
    return str_copy(arena, buf_str(&text));
}

static const struct redis_scenario *scenario_of(struct str alertname)
{
    FOR_EACH_REGISTERED (redis_scenario, it)
        if (str_eq(str_of(it->alertname), alertname))
            return it;
    return NULL;
}

static enum severity severity_of(const struct redis_scenario *scenario)
{
    enum severity severity;

    return severity_parse(str_of(scenario->severity), &severity) ? severity : SEVERITY_WARNING;
}

/* analyze - the scenarios behind the alerts that still fire, the worst first: it gives the incident its scenario. */
static err analyze(const struct rca_case *what, struct rca_result *result)
{
    struct redis_facts *facts = arena_alloc(what->arena, sizeof(*facts));

    if (!doctor_facts(what->arena, what->incident.resource, facts))
        return NULL;
    for (int severity = SEVERITY_CRITICAL; severity <= SEVERITY_INFO; severity++)
        for (size_t i = 0; i < what->members.members.count; i++) {
            const struct incident_member *member = &what->members.members.at[i];
            const struct redis_scenario *scenario = scenario_of(member->name);
            if (!scenario || member->kind != MEMBER_ALERT || member->ended || (int)severity_of(scenario) != severity)
                continue;
            struct str failure = result->critical_failure, impact = result->impact;
            TRY(scenario->explain(what, facts, result));
            if (result->scenario.length) { /* named by a worse one already */
                result->critical_failure = failure;
                result->impact = impact;
            } else {
                result->scenario = str_of(*scenario->id ? scenario->id : scenario->name);
            }
        }
    return NULL;
}

static const struct rca_method redis_method = { .name = "redis", .order = 10, .analyze = analyze };
REGISTER(rca_method, redis_method);

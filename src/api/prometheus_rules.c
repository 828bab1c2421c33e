/* prometheus_rules.c - /prometheus/api/v1/rules and alerts: the rules that run here, and what they say now. */
#include "api/prometheus.h"
#include "base/digest.h"
#include "base/float_text.h"
#include "promql/parse.h"
#include "rules/rules.h"

struct rules_query {
    struct str type, exclude_alerts, group_limit, group_next_token;
    VEC(struct str) rule_name, rule_group, file, match;
};
static const struct field rules_fields[] = {
    STRING(struct rules_query, type, .max = 40, .doc = "alert or record: only those."),
    STRING(struct rules_query, exclude_alerts, .max = 10, .doc = "true: rules without their alerts."),
    STRING(struct rules_query, group_limit, .max = 40, .doc = "At most so many groups."),
    STRING(struct rules_query, group_next_token, .max = 100, .doc = "Where the next page begins."),
    STRINGS(struct rules_query, rule_name, .name = "rule_name[]", .doc = "Only rules of these names."),
    STRINGS(struct rules_query, rule_group, .name = "rule_group[]", .doc = "Only groups of these names."),
    STRINGS(struct rules_query, file, .name = "file[]", .doc = "Only groups of these files."),
    STRINGS(struct rules_query, match, .name = "match[]", .doc = "Only rules whose labels match one of these."),
    { 0 },
};
static const struct schema rules_schema = SCHEMA(struct rules_query, rules_fields);

struct matcher_set {
    struct matcher *at;
    size_t count;
};

/* What of all rules is wanted. */
struct wanted {
    const struct rules_query *q;
    struct matcher_set *matches;
    bool alerting, recording, alerts;
    int64_t groups;
};

static bool is_true(struct str text, bool *ret_true)
{
    static const char *const words[] = { "1", "t", "true", "0", "f", "false" };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (!str_eq_nocase(text, str_of(words[i])))
            continue;
        *ret_true = i < 3;
        return true;
    }
    return false;
}

static err wanted_page(struct wanted *wanted)
{
    const struct rules_query *q = wanted->q;

    if (!q->group_limit.length && q->group_next_token.length)
        return err_new(ERR_INVALID, "invalid parameter \"group_next_token\": group_limit needs to be present in order "
                                    "to paginate over the groups");
    if (!q->group_limit.length)
        return NULL;
    if (!str_to_i64(q->group_limit, &wanted->groups))
        return err_new(ERR_INVALID,
                       "invalid parameter \"group_limit\": group_limit needs to be a valid number: strconv.ParseInt: "
                       "parsing \"%.*s\": invalid syntax",
                       STR_ARG(q->group_limit));
    if (wanted->groups <= 0)
        return err_new(ERR_INVALID, "invalid parameter \"group_limit\": group_limit needs to be greater than 0");
    return NULL;
}

static err wanted_make(struct arena *arena, const struct rules_query *q, struct wanted *ret_wanted)
{
    bool without = false, all = !q->type.length, alert = str_eq_nocase(q->type, S("alert"));

    *ret_wanted = (struct wanted){ .q = q, .alerting = all || alert };
    ret_wanted->recording = all || str_eq_nocase(q->type, S("record"));
    ret_wanted->matches = arena_array(arena, q->match.count + 1, sizeof(*ret_wanted->matches));
    for (size_t i = 0; i < q->match.count; i++) {
        struct matcher_set *set = &ret_wanted->matches[i];
        TRY(promql_parse_selector(arena, q->match.at[i], &set->at, &set->count));
    }
    if (!ret_wanted->alerting && !ret_wanted->recording)
        return err_new(ERR_INVALID, "invalid parameter \"type\": not supported value \"%.*s\"", STR_ARG(q->type));
    if (q->exclude_alerts.length && !is_true(q->exclude_alerts, &without))
        return err_new(ERR_INVALID,
                       "invalid parameter \"exclude_alerts\": error converting exclude_alerts: strconv.ParseBool: "
                       "parsing \"%.*s\": invalid syntax",
                       STR_ARG(q->exclude_alerts));
    ret_wanted->alerts = !without;
    return wanted_page(ret_wanted);
}

/* is_among - of an empty list everything is. */
static bool is_among(struct str text, const struct str *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(text, list[i]))
            return true;
    return count == 0;
}

static bool is_wanted(const struct wanted *wanted, const struct rule_view *rule)
{
    bool alerting = str_eq(str_of(rule->type), S("alerting")), matches = wanted->q->match.count == 0;

    for (size_t i = 0; i < wanted->q->match.count && !matches; i++)
        matches = matchers_match(wanted->matches[i].at, wanted->matches[i].count, rule->labels);
    return matches && (alerting ? wanted->alerting : wanted->recording) &&
           is_among(rule->name, wanted->q->rule_name.at, wanted->q->rule_name.count);
}

static void put_seconds(struct json_writer *w, struct str key, int64_t us)
{
    json_put_double(w, key, (double)us / 1e6);
}

/* put_when - "0001-01-01T00:00:00Z" is Go's never. */
static void put_when(struct json_writer *w, struct str key, int64_t time_ms)
{
    if (time_ms)
        json_put_time(w, key, time_ms);
    else
        json_put_str(w, key, S("0001-01-01T00:00:00Z"));
}

static void put_labels(struct json_writer *w, struct str key, struct labels labels)
{
    json_key(w, key);
    labels_write_json(w, labels);
}

static void put_alert(struct json_writer *w, const struct alert_view *alert)
{
    json_begin_object(w);
    put_labels(w, S("labels"), alert->labels);
    put_labels(w, S("annotations"), alert->annotations);
    json_put_str(w, S("state"), str_of(alert_state_name(alert->state)));
    json_put_time(w, S("activeAt"), alert->active_at_ms);
    if (alert->keep_since_ms)
        json_put_time(w, S("keepFiringSince"), alert->keep_since_ms);
    struct buf value CLEANUP(buf_clear) = { .max = 64 };
    float_add_exponent(&value, alert->value);
    json_put_str(w, S("value"), buf_str(&value));
    json_end_object(w);
}

static void put_alerts(struct json_writer *w, const struct rule_view *rule)
{
    for (size_t i = 0; i < rule->alert_count; i++)
        if (rule->alerts[i].state != ALERT_STATE_INACTIVE)
            put_alert(w, &rule->alerts[i]);
}

static void put_rule(struct json_writer *w, const struct rule_view *rule, bool alerts)
{
    bool alerting = str_eq(str_of(rule->type), S("alerting"));

    json_begin_object(w);
    if (alerting)
        json_put_str(w, S("state"), str_of(alert_state_name(rule->state)));
    json_put_str(w, S("name"), rule->name);
    json_put_str(w, S("query"), rule->query);
    if (alerting) {
        put_seconds(w, S("duration"), rule->hold.ms * 1000);
        put_seconds(w, S("keepFiringFor"), rule->keep_firing_for.ms * 1000);
    }
    put_labels(w, S("labels"), rule->labels);
    if (alerting) {
        put_labels(w, S("annotations"), rule->annotations);
        json_key(w, S("alerts"));
        json_begin_array(w);
        if (alerts)
            put_alerts(w, rule);
        json_end_array(w);
    }
    json_put_str(w, S("health"), str_of(rule->health));
    if (rule->last_error.length)
        json_put_str(w, S("lastError"), rule->last_error);
    put_seconds(w, S("evaluationTime"), rule->took_us);
    put_when(w, S("lastEvaluation"), rule->evaluated_at_ms);
    json_put_str(w, S("type"), str_of(rule->type));
    json_end_object(w);
}

static void put_group(struct json_writer *w, const struct wanted *wanted, const struct group_view *group)
{
    json_begin_object(w);
    json_put_str(w, S("name"), group->name);
    json_put_str(w, S("file"), group->file);
    json_key(w, S("rules"));
    json_begin_array(w);
    for (size_t i = 0; i < group->rule_count; i++)
        if (is_wanted(wanted, &group->rules[i]))
            put_rule(w, &group->rules[i], wanted->alerts);
    json_end_array(w);
    put_seconds(w, S("interval"), group->interval_ms * 1000);
    json_put_i64(w, S("limit"), group->limit);
    put_seconds(w, S("evaluationTime"), group->took_us);
    put_when(w, S("lastEvaluation"), group->evaluated_at_ms);
    json_end_object(w);
}

static bool group_is_wanted(const struct wanted *wanted, const struct group_view *group)
{
    bool any = false;

    for (size_t i = 0; i < group->rule_count; i++)
        any |= is_wanted(wanted, &group->rules[i]);
    return any && is_among(group->name, wanted->q->rule_group.at, wanted->q->rule_group.count) &&
           is_among(group->file, wanted->q->file.at, wanted->q->file.count);
}

static struct str token_of(struct arena *arena, const struct group_view *group)
{
    return digest_hex_of(arena, str_printf(arena, "%.*s;%.*s", STR_ARG(group->file), STR_ARG(group->name)));
}

static struct rules_view view(struct arena *arena)
{
    struct rules_view view = { 0 };

    if (services.rules)
        rules_view(services.rules, arena, &view);
    return view;
}

/* first_group - where the page begins. */
static err first_group(struct arena *arena, const struct rules_view *all, struct str token, size_t *ret_first)
{
    *ret_first = 0;
    if (!token.length)
        return NULL;
    for (; *ret_first < all->count; ++*ret_first)
        if (str_eq(token, token_of(arena, &all->groups[*ret_first])))
            return NULL;
    return err_new(ERR_INVALID,
                   "invalid parameter \"group_next_token\": invalid group_next_token '%.*s'. were rule groups changed?",
                   STR_ARG(token));
}

static err list_rules(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct arena *arena = request_arena(req);
    struct rules_view all = view(arena);
    struct wanted wanted;
    struct str next = S("");
    int64_t shown = 0;
    size_t first;

    (void)body;
    TRY(wanted_make(arena, query, &wanted));
    TRY(first_group(arena, &all, wanted.q->group_next_token, &first));
    struct json_writer w = prometheus_begin(reply);
    json_begin_object(&w);
    json_key(&w, S("groups"));
    json_begin_array(&w);
    for (size_t i = first; i < all.count && !next.length; i++) {
        if (!group_is_wanted(&wanted, &all.groups[i]))
            continue;
        if (wanted.groups && shown == wanted.groups)
            next = token_of(arena, &all.groups[i]);
        else
            put_group(&w, &wanted, &all.groups[i]);
        shown++;
    }
    json_end_array(&w);
    if (next.length)
        json_put_str(&w, S("groupNextToken"), next);
    json_end_object(&w);
    return prometheus_end(reply, &w, NULL, NULL);
}

static err list_alerts(struct request *req, const void *query, const void *body, struct reply *reply)
{
    struct rules_view all = view(request_arena(req));

    (void)query, (void)body;
    struct json_writer w = prometheus_begin(reply);
    json_begin_object(&w);
    json_key(&w, S("alerts"));
    json_begin_array(&w);
    for (size_t i = 0; i < all.count; i++)
        for (size_t j = 0; j < all.groups[i].rule_count; j++)
            put_alerts(&w, &all.groups[i].rules[j]);
    json_end_array(&w);
    json_end_object(&w);
    return prometheus_end(reply, &w, NULL, NULL);
}

static const struct route prometheus_rules_route = {
    .method = "GET",
    .path = "/prometheus/api/v1/rules",
    .summary = "List recording and alerting rules",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .query = &rules_schema,
    .unknown_ok = true,
    .handle = list_rules,
    .write_error = prometheus_error,
};
REGISTER(route, prometheus_rules_route);

static const struct route prometheus_alerts_route = {
    .method = "GET",
    .path = "/prometheus/api/v1/alerts",
    .summary = "List alerts of rules",
    .tag = "Prometheus",
    .role = ROLE_VIEWER,
    .unknown_ok = true,
    .handle = list_alerts,
    .write_error = prometheus_error,
};
REGISTER(route, prometheus_alerts_route);

/* webhook.c - alerts as Alertmanager (version 4) and Grafana's unified alerting send them. */
#include "alerts/webhook.h"

#include "base/time.h"

#include <math.h>

struct posted_alert {
    int status;
    VEC(struct pair) labels, annotations;
    struct str startsAt, endsAt, generatorURL;
};

static const char *const status_words[] = { "firing", "resolved", NULL };

static const struct field posted_alert_fields[] = {
    ENUM(struct posted_alert, status, .flags = F_REQUIRED, .words = status_words, .doc = "firing or resolved."),
    PAIRS(struct posted_alert, labels, .flags = F_REQUIRED, .doc = "With alertname."),
    PAIRS(struct posted_alert, annotations, .flags = F_NULLABLE, .doc = "summary, description ..."),
    STRING(struct posted_alert, startsAt, .flags = F_NULLABLE, .doc = "RFC 3339."),
    STRING(struct posted_alert, endsAt, .flags = F_NULLABLE, .doc = "RFC 3339; year 1 while firing."),
    STRING(struct posted_alert, generatorURL, .flags = F_NULLABLE, .doc = "Where it came from."),
    { 0 },
};
static const struct schema posted_alert_schema = SCHEMA(struct posted_alert, posted_alert_fields);

struct payload {
    struct str version;
    int64_t orgId; /* only Grafana sends it */
    VEC(struct posted_alert) alerts;
};

static const struct field payload_fields[] = {
    STRING(struct payload, version, .flags = F_NULLABLE, .doc = "\"4\" of Alertmanager, \"1\" of Grafana."),
    INT(struct payload, orgId, .flags = F_NULLABLE, .min = -1e15, .max = 1e15, .doc = "Grafana's organisation."),
    LIST(struct payload, alerts, .flags = F_REQUIRED, .schema = &posted_alert_schema, .max = 10000,
         .doc = "The alerts."),
    { 0 },
};
static const struct schema payload_schema = SCHEMA(struct payload, payload_fields);

static struct labels labels_of(struct arena *arena, const struct pair *pairs, size_t count)
{
    struct label *labels = arena_array(arena, count + 1, sizeof(*labels));

    for (size_t i = 0; i < count; i++)
        labels[i] = (struct label){ pairs[i].key, pairs[i].value };
    return labels_make(arena, labels, count);
}

/* time_of - 0 for absent and for Go's zero time. */
static err time_of(struct str text, size_t index, const char *name, int64_t *ret_ms)
{
    *ret_ms = 0;
    if (text.length && !time_parse(text, ret_ms))
        return err_new(ERR_INVALID, "alerts[%zu].%s: '%.*s' is not an RFC 3339 time", index, name, STR_ARG(text));
    if (*ret_ms < 0)
        *ret_ms = 0;
    return NULL;
}

static err convert(struct arena *arena, const struct payload *payload, struct webhook_alerts *ret_alerts)
{
    struct str source = payload->orgId != INT64_MIN ? S("grafana") : S("webhook");

    ret_alerts->count = payload->alerts.count;
    ret_alerts->alerts = arena_array(arena, ret_alerts->count + 1, sizeof(struct alert_in));
    for (size_t i = 0; i < ret_alerts->count; i++) {
        const struct posted_alert *posted = &payload->alerts.at[i];
        struct alert_in *alert = &ret_alerts->alerts[i];
        *alert = (struct alert_in){
            .labels = labels_of(arena, posted->labels.at, posted->labels.count),
            .annotations = labels_of(arena, posted->annotations.at, posted->annotations.count),
            .source = source,
            .resolved = posted->status == 1,
            .value = NAN,
            .threshold = NAN,
            .generator_url = posted->generatorURL,
        };
        if (!labels_get(alert->labels, S("alertname")).length)
            return err_new(ERR_INVALID, "alerts[%zu].labels.alertname: is missing", i);
        TRY(time_of(posted->startsAt, i, "startsAt", &alert->starts_at_ms));
        TRY(time_of(posted->endsAt, i, "endsAt", &alert->ends_at_ms));
    }
    return NULL;
}

/* as_malformed - the sender of a webhook is told 400 for whatever is wrong with it. */
static err as_malformed(err e)
{
    if (!e || err_kind(e) != ERR_RANGE)
        return e;
    err malformed = err_new(ERR_INVALID, "%s", err_message(e));
    for (size_t i = 0; i < err_field_count(e); i++)
        err_add_field(&malformed, ERR_INVALID, err_field_path(e, i), "%s", err_field_message(e, i));
    err_free(e);
    return malformed;
}

err webhook_parse(struct arena *arena, struct str text, struct webhook_alerts *ret_alerts)
{
    const struct schema_options options = { .arena = arena, .unknown_ok = true };
    const struct json *json;
    struct payload payload;

    TRY(json_parse(arena, text, &json));
    if (json->type != JSON_OBJECT)
        return err_new(ERR_INVALID, "a webhook's payload is an object, not %s", json_type_name(json->type));
    TRY(as_malformed(schema_parse(&options, &payload_schema, json, &payload)));
    return convert(arena, &payload, ret_alerts);
}

/* notify.c - from events to messages.
 *
 * DESIGN. One incident is one conversation: a message when it is explained (not when it opens: the analysis takes
 * milliseconds, and a cause is what one wants to be woken with), one when an action waits for approval, one when a fix
 * failed, one when it is over. Each is an outbox row per target, keyed by event and target, so a crash sends it again
 * with the same key and a receiver that is down costs nobody else anything. */
#include "notify/notify.h"

#include "base/metric.h"
#include "base/time.h"
#include "db/journal.h"
#include "db/outbox.h"
#include "incident/incident.h"

METRIC(COUNTER, notifications_total, "Messages that were delivered, by notifier.", "integration");
METRIC(COUNTER, notifications_failed_total, "Messages given up, by notifier.", "integration");

static const char *const kind_words[] = { "opened", "approval", "failed", "resolved", "test", NULL };

static const struct field message_fields[] = {
    ENUM(struct message, kind, .words = kind_words, .doc = "opened, approval, failed, resolved or test."),
    INT(struct message, incident_id, .doc = "The incident; 0: none."),
    INT(struct message, event_id, .doc = "The event that made it."),
    STRING(struct message, title, .doc = "One line."),
    STRING(struct message, text, .doc = "A few lines of plain text."),
    STRING(struct message, severity, .doc = "critical, high, medium or low."),
    STRING(struct message, priority, .doc = "P1..P4."),
    STRING(struct message, resource, .doc = "What it is about."),
    STRING(struct message, url, .doc = "Where to read on."),
    TIME(struct message, time, .doc = "When it happened."),
    { 0 },
};
const struct schema message_schema = SCHEMA(struct message, message_fields, .doc = "What people are told.");

static const char *const priority_words[] = { "P1", "P2", "P3", "P4", NULL };

struct notify_settings {
    int least;
    struct str external_url;
};
static const struct field notify_fields[] = {
    ENUM(struct notify_settings, least, .name = "least_priority", .words = priority_words, .def = "P3",
         .doc = "Incidents of lower priority are shown, but tell nobody."),
    STRING(struct notify_settings, external_url, .def = "http://127.0.0.1:7171",
           .doc = "Address of this server as people reach it, for links."),
    { 0 },
};
static const struct schema notify_schema = SCHEMA(struct notify_settings, notify_fields, .doc = "Messages to people.");
static const struct config_section notify_section = { .key = "notifications", .schema = &notify_schema };
REGISTER(config_section, notify_section);

static struct notify_options notify;

void notify_start(const struct notify_options *options)
{
    notify = *options;
}

static int kind_of(const struct event *event, const struct json *data)
{
    switch (event->kind) {
    case EVENT_RCA_COMPLETED:
        return MESSAGE_OPENED;
    case EVENT_EXECUTION_PROPOSED:
        return json_bool_or(json_get(data, S("needs_approval")), true) ? MESSAGE_APPROVAL : -1;
    case EVENT_EXECUTION_ENDED:
        return str_eq(json_str_or(json_get(data, S("outcome")), S("")), S("fixed")) ? -1 : MESSAGE_FAILED;
    case EVENT_EXECUTION_INTERRUPTED:
        return MESSAGE_FAILED;
    case EVENT_INCIDENT_RESOLVED:
        return MESSAGE_RESOLVED;
    default:
        return -1;
    }
}

static void add_line(struct buf *out, const char *before, struct str text)
{
    if (!text.length)
        return;
    if (out->length)
        buf_add_c(out, '\n');
    buf_add(out, str_of(before));
    buf_add(out, str_utf8_head(text, 2000));
}

static void add_causes(struct buf *out, const struct json *rca)
{
    const struct json *causes = json_get(rca, S("root_causes"));

    if (json_bool_or(json_get(rca, S("cannot_tell")), false))
        add_line(out, "Cause: ", S("cannot tell yet"));
    if (!causes || causes->type != JSON_ARRAY || !causes->array.count)
        return;
    const struct json *first = causes->array.items[0], *evidence = json_get(first, S("evidence"));
    add_line(out, "Cause: ", json_str_or(json_get(first, S("issue")), S("")));
    for (size_t i = 0; evidence && evidence->type == JSON_ARRAY && i < evidence->array.count && i < 3; i++)
        add_line(out, "- ", json_str_or(json_get(evidence->array.items[i], S("text")), S("")));
}

static struct str text_of(struct arena *arena, const struct event *event, const struct json *data, int kind,
                          const struct incident_row *incident)
{
    struct buf out CLEANUP(buf_clear);

    buf_init(&out, 1 << 16);
    switch (kind) {
    case MESSAGE_OPENED:
        add_line(&out, "", json_str_or(json_get(data, S("critical_failure")), S("")));
        add_causes(&out, data);
        add_line(&out, "Impact: ", json_str_or(json_get(data, S("impact")), S("")));
        break;
    case MESSAGE_APPROVAL:
        add_line(&out, "Waits for approval: ", json_str_or(json_get(data, S("action")), S("")));
        add_line(&out, "", event->reason);
        break;
    case MESSAGE_FAILED:
        add_line(&out, "Did not help: ", json_str_or(json_get(data, S("action")), S("")));
        add_line(&out, "", json_str_or(json_get(data, S("detail")), event->reason));
        break;
    default:
        add_line(&out, "", event->reason);
        add_causes(&out, incident->rca);
    }
    return str_copy(arena, buf_str(&out));
}

static struct str title_of(struct arena *arena, int kind, const struct incident_row *incident)
{
    static const char *const before[] = { "", "Approval needed: ", "Needs a person: ", "Resolved: ", "" };

    return str_printf(arena, "[%.*s] %s%.*s", STR_ARG(incident->priority), before[kind],
                      STR_ARG(str_utf8_head(incident->title, 300)));
}

/* told_already - a second analysis of the same incident is no news. */
static err told_already(struct tx *tx, int64_t incident, int64_t event, bool *ret_told)
{
    struct event_list list;
    struct journal_filter filter = {
        .before = event, .incident = incident, .limit = 1, .kind_prefix = S("rca.completed")
    };

    TRY(journal_read(tx, tx_arena(tx), &filter, &list));
    *ret_told = list.count > 0;
    if (!*ret_told)
        return NULL;
    struct event_list reopened;
    filter = (struct journal_filter){
        .before = event, .incident = incident, .limit = 1, .kind_prefix = S("incident.reopened")
    };
    TRY(journal_read(tx, tx_arena(tx), &filter, &reopened));
    *ret_told = reopened.count == 0 || reopened.at[0].id < list.at[0].id;
    return NULL;
}

static err add_rows(struct tx *tx, const struct config *config, const struct message *msg)
{
    struct arena *arena = tx_arena(tx);
    struct receiver_targets list;

    receivers_list(arena, config, S(""), &list);
    for (size_t i = 0; i < list.targets.count; i++) {
        const struct receiver_target *target = &list.targets.at[i];
        struct buf payload CLEANUP(buf_clear);
        buf_init(&payload, 1 << 18);
        struct json_writer w = json_writer(&payload);
        json_begin_object(&w);
        json_put_str(&w, S("receiver"), target->receiver);
        json_put_str(&w, S("notifier"), str_of(target->notifier->name));
        json_put_i64(&w, S("index"), target->index);
        json_key(&w, S("message"));
        schema_encode(&w, &message_schema, msg, false);
        json_end_object(&w);
        TRY(outbox_add(tx, &(struct outbox_row){ .kind = "notify",
                                                 .key = str_printf(arena, "event-%lld-%.*s-%s-%lld",
                                                                   (long long)msg->event_id, STR_ARG(target->receiver),
                                                                   target->notifier->name, (long long)target->index),
                                                 .payload = buf_str(&payload),
                                                 .incident = msg->incident_id }));
    }
    return NULL;
}

static err tell(struct tx *tx, const struct config *config, const struct event *event)
{
    const struct notify_settings *settings = config_get(config, &notify_section);
    struct arena *arena = tx_arena(tx);
    struct incident_row incident;
    const struct json *data;
    bool told = false;

    TRY(json_parse(arena, event->data, &data));
    int kind = kind_of(event, data);
    if (kind < 0 || !event->incident)
        return NULL;
    TRY(incident_get(tx, arena, event->incident, &incident));
    if (str_cmp(incident.priority, str_of(priority_words[settings->least])) > 0)
        return NULL;
    if (kind == MESSAGE_OPENED)
        TRY(told_already(tx, event->incident, event->id, &told));
    if (told)
        return NULL;
    struct message msg = {
        .kind = kind,
        .incident_id = event->incident,
        .event_id = event->id,
        .title = title_of(arena, kind, &incident),
        .text = text_of(arena, event, data, kind, &incident),
        .severity = incident.severity,
        .priority = incident.priority,
        .resource = incident.resource,
        .url = str_printf(arena, "%.*s/incidents/%lld", STR_ARG(settings->external_url), (long long)event->incident),
        .time = event->time_ms,
    };
    return add_rows(tx, config, &msg);
}

static err notify_step(struct reader *reader, const struct event *event)
{
    switch (event->kind) {
    case EVENT_RCA_COMPLETED:
    case EVENT_EXECUTION_PROPOSED:
    case EVENT_EXECUTION_ENDED:
    case EVENT_EXECUTION_INTERRUPTED:
    case EVENT_INCIDENT_RESOLVED: {
        struct config *config CLEANUP(config_unrefp) = notify.config();
        return tell(reader_tx(reader), config, event);
    }
    default:
        return NULL;
    }
}

/* Behind room incident, whose tables it reads. */
static const struct journal_reader notify_reader = { .name = "notify", .order = 50, .step = notify_step };
REGISTER(journal_reader, notify_reader);

static err parse_message(struct arena *arena, const struct json *payload, struct message *ret_msg)
{
    const struct json *json = json_get(payload, S("message"));

    if (!json)
        return err_new(ERR_CORRUPT, "an outbox row without a message");
    return schema_parse(&(struct schema_options){ .arena = arena, .unknown_ok = true }, &message_schema, json, ret_msg);
}

static err notify_run(struct outbox_job *job, struct str *ret_result)
{
    struct config *config CLEANUP(config_unrefp) = notify.config();
    const struct json *payload;
    struct receiver_target target;
    struct message msg;

    *ret_result = S("{}");
    TRY(json_parse(job->arena, job->payload, &payload));
    TRY(parse_message(job->arena, payload, &msg));
    TRY(receivers_find(job->arena, config, json_str_or(json_get(payload, S("receiver")), S("")),
                       json_str_or(json_get(payload, S("notifier")), S("")),
                       json_i64_or(json_get(payload, S("index")), -1), &target));
    struct call call = {
        .arena = job->arena,
        .deadline_ms = job->deadline_ms,
        .http = notify.http,
        .idempotency_key = job->key,
        .trusted = true, /* receivers stand in the configuration file */
    };
    return target.notifier->send(&call, target.settings, &msg);
}

static err notify_complete(struct tx *tx, const struct outbox_job *job, struct str result, err failure)
{
    struct arena *arena = tx_arena(tx);
    const struct json *payload;
    struct buf data CLEANUP(buf_clear) = { .max = 1 << 16 };

    (void)result;
    TRY(json_parse(arena, job->payload, &payload));
    struct str notifier = json_str_or(json_get(payload, S("notifier")), S("unknown"));
    metric_add_for(failure ? &notifications_failed_total : &notifications_total, notifier, 1);
    struct json_writer w = json_writer(&data);
    json_begin_object(&w);
    json_put_i64(&w, S("v"), 1);
    json_put_str(&w, S("notifier"), notifier);
    json_put_i64(&w, S("attempts"), job->attempt);
    json_put_str(&w, S("about"), json_str_or(json_get(json_get(payload, S("message")), S("kind")), S("")));
    if (failure)
        json_put_str(&w, S("error"), str_of(err_message(failure)));
    json_end_object(&w);
    return journal_append(tx,
                          &(struct event){ .kind = failure ? EVENT_NOTIFICATION_FAILED : EVENT_NOTIFICATION_SENT,
                                           .subject = json_str_or(json_get(payload, S("receiver")), S("unknown")),
                                           .incident = job->incident,
                                           .actor = S("auspex"),
                                           .reason = failure ? str_of(err_message(failure)) : S(""),
                                           .data = buf_str(&data) },
                          NULL);
}

static const struct outbox_worker notify_worker = {
    .kind = "notify",
    .max_attempts = 20,
    .timeout_ms = 10 * SECOND_MS,
    .expire_ms = HOUR_MS,
    .concurrency = 8,
    .repeatable = true,
    .run = notify_run,
    .complete = notify_complete,
};
REGISTER(outbox_worker, notify_worker);

err notify_test(struct arena *arena, struct str receiver)
{
    struct config *config CLEANUP(config_unrefp) = notify.config();
    struct receiver_targets list;

    receivers_list(arena, config, receiver, &list);
    if (!list.targets.count)
        return err_new(ERR_NOT_FOUND, "the configuration has no receiver '%.*s'", STR_ARG(receiver));
    for (size_t i = 0; i < list.targets.count; i++) {
        const struct receiver_target *target = &list.targets.at[i];
        struct message msg = {
            .kind = MESSAGE_TEST,
            .title = S("Auspex can reach you"),
            .text = S("This is a test message; nothing is wrong."),
            .severity = S("low"),
            .priority = S("P4"),
            .resource = S("auspex"),
            .url = S(""),
            .time = time_now_ms(),
        };
        struct call call = {
            .arena = arena,
            .deadline_ms = time_mono_ms() + 10 * SECOND_MS,
            .http = notify.http,
            .idempotency_key = str_printf(arena, "test-%lld", (long long)msg.time),
            .trusted = true,
        };
        TRY(err_wrap(target->notifier->send(&call, target->settings, &msg), "%s", target->notifier->name));
    }
    return NULL;
}

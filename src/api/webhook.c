/* webhook.c - POST /webhook: alerts as Alertmanager (version 4) and Grafana's unified alerting send them.
 *
 * One payload is one write: all of its alerts are durable before the 200, or none is. Members that we don't know are
 * other people's business and ignored; what we need and is wrong is 400, nothing changed. */
#include "alerts/webhook.h"
#include "api/services.h"
#include "ingest/receiver.h"

static err intake_write(struct tx *tx, void *arg)
{
    const struct webhook_alerts *intake = arg;

    for (size_t i = 0; i < intake->count; i++)
        TRY(alert_record(tx, &intake->alerts[i], NULL));
    return NULL;
}

static struct receiver_state alertmanager_state;
static const struct receiver alertmanager = {
    .name = "alertmanager",
    .kind = "webhook",
    .note = "Alerts of an Alertmanager, or of Grafana's contact point \"Webhook\" with the same address.",
    .snippet = "# The token: page Settings, Users and tokens; or auspex token create --role ingest\n"
               "receivers:\n"
               "  - name: auspex\n"
               "    webhook_configs:\n"
               "      - url: '{{url}}/webhook'\n"
               "        http_config:\n"
               "          authorization: { credentials: '<token of role ingest>' }\n",
    .state = &alertmanager_state,
};
REGISTER(receiver, alertmanager);

static err take(struct request *req)
{
    struct webhook_alerts intake;

    TRY(webhook_parse(request_arena(req), request_body(req), &intake));
    TRY(db_write(services.db, intake_write, &intake));
    receiver_got(&alertmanager, (int64_t)intake.count);
    return NULL;
}

static err webhook(struct request *req, const void *query, const void *body, struct reply *reply)
{
    (void)query, (void)body;
    err e = take(req);
    if (e) {
        receiver_refused(&alertmanager);
        return e;
    }
    reply_text(reply, 200, "application/json", S("{\"status\":\"success\"}"));
    return NULL;
}

static const struct route webhook_route = {
    .method = "POST",
    .path = "/webhook",
    .summary = "Take alerts from Alertmanager or Grafana",
    .doc = "Alertmanager's webhook (version 4) or Grafana's unified-alerting webhook. 200 once all of it is durable.",
    .tag = "Intake",
    .role = ROLE_INGEST,
    .raw_body = true,
    .unknown_ok = true,
    .body_max = 8 * 1024 * 1024,
    .handle = webhook,
};
REGISTER(route, webhook_route);

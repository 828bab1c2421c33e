/* webhook.h - what other people's alerting sends: Alertmanager's webhook (version 4), Grafana's unified alerting.
 *
 * Owner: what is parsed lives in the arena. Threads: any. Members that we don't know are other people's business and
 * ignored; what we need and is wrong is ERR_INVALID, whatever it is: the sender is told 400. */
#pragma once
#include "alerts/alert.h"

struct webhook_alerts {
    struct alert_in *alerts;
    size_t count;
};
err webhook_parse(struct arena *arena, struct str text, struct webhook_alerts *ret_alerts) MUST_USE;

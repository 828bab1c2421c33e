/* webhook_fuzz.c - any bytes as the payload of a webhook. */
#include "alerts/webhook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(8 << 20);
    struct webhook_alerts alerts = { 0 };

    err e = webhook_parse(arena, (struct str){ (const char *)data, size }, &alerts);
    for (size_t i = 0; !e && i < alerts.count; i++)
        (void)alert_resource(arena, alerts.alerts[i].labels);
    err_free(e);
    return 0;
}

/* upkeep.c - once an hour, what is old and has been seen by all goes: section `retention`. */
#include "app/parts.h"
#include "base/log.h"
#include "base/ticker.h"
#include "base/time.h"
#include "db/retention.h"

struct retention {
    struct duration journal, audit, outbox;
};
static const struct field retention_fields[] = {
    DURATION(struct retention, journal, .def = "1y", .min = 3600e3, .max = 1e13,
             .doc = "Events, alerts and incidents' timelines."),
    DURATION(struct retention, audit, .def = "3y", .min = 3600e3, .max = 1e13,
             .doc = "The audit trail; an anchor of what went stays."),
    DURATION(struct retention, outbox, .def = "7d", .min = 3600e3, .max = 1e13,
             .doc = "Messages and other effects that ended."),
    { 0 },
};
static const struct schema retention_schema =
    SCHEMA(struct retention, retention_fields, .doc = "How long things are kept.");
static const struct config_section retention_section = { .key = "retention", .schema = &retention_schema };
REGISTER(config_section, retention_section);

static void tidy(void *arg)
{
    struct app *app = arg;
    struct config *config CLEANUP(config_unrefp) = current_config();
    const struct retention *keep = config_get(config, &retention_section);
    int64_t now = time_now_ms();

    log_err(db_retain(app->db, &(struct db_retention){ .journal_before_ms = now - keep->journal.ms,
                                                       .audit_before_ms = now - keep->audit.ms,
                                                       .outbox_before_ms = now - keep->outbox.ms }),
            "can't remove what is older than its retention");
}

err upkeep_start(struct app *app)
{
    app->upkeep = timer_start(app->ticker, &(struct timer_options){ .pool = app->workers,
                                                                    .lane = LANE_BACKGROUND,
                                                                    .first_ms = 5 * MINUTE_MS,
                                                                    .every_ms = HOUR_MS,
                                                                    .run = tidy,
                                                                    .arg = app });
    return NULL;
}

void upkeep_stop(struct app *app)
{
    timer_stop(app->upkeep);
}

/* event_text.h - events of the journal as sentences, in three languages, and as JSON for lists, timelines and sockets.
 *
 * Owner: the caller's arena. Threads: any. */
#pragma once
#include "model/event.h"
#include "net/route.h"

/* event_text - one sentence: "Incident opened: Redis is out of memory". */
struct str event_text(struct arena *arena, const struct event *event, enum lang lang);

/* An event as the API shows it. */
struct event_row {
    int64_t event_id, time, incident_id;
    struct str kind, subject, actor, reason, text;
};
extern const struct schema event_row_schema;
struct event_row event_row_of(struct arena *arena, const struct event *event, enum lang lang);

/* watch.h - looks at the host's and Redis' own series all the time, and raises signals without being asked.
 *
 * Owner: app/ starts it after the store and the database, and stops it before them. Threads: any; the looks run on the
 * background lane, one at a time. Bounded: at most 500 series, 62 KB each when they are three weeks old.
 *
 * DESIGN. Each quantity (watch_quantities.c) is a share in per cent of a limit, made of stored series. A look reads the
 * newest samples, stores the share as a series of its own (filesystem_used_percent ...), adds it to the series'
 * history, runs the model and raises or clears: `confirm` looks in a row must agree, and clearing needs a lower risk
 * than raising. After a restart the histories are read back from the stored shares. A series that is new is learning:
 * only its level can raise a signal. A series that ends takes its signal with it after ten minutes. */
#pragma once
#include "base/ticker.h"
#include "db/db.h"
#include "detect/assess.h"
#include "detect/settings.h"
#include "model/series_source.h"

struct watch;

struct watch_options {
    struct db *db;
    struct series_source *series;
    struct sample_sink *samples;
    struct config *(*config)(void); /* the current one, referenced */
    struct ticker *ticker;          /* NULL: only watch_look looks */
    struct pool *pool;
};

err watch_start(const struct watch_options *options, struct watch **ret_watch) MUST_USE;
void watch_stop(struct watch *watch); /* NULL is fine */
/* watch_look - look once, as if it were now_ms: the timer's job, and what tests call. */
err watch_look(struct watch *watch, int64_t now_ms) MUST_USE;

struct watch_state {
    size_t series, learning, raised;
    int64_t looked_ms; /* 0: never */
};
struct watch_state watch_state(struct watch *watch);
/* watch_assess - what the model says now about a watched server: of several series the one with the highest risk.
 * False where none of that type is watched there. */
bool watch_assess(struct watch *watch, struct arena *arena, struct str server_name, struct str signal_type,
                  struct assessment *ret_judged) MUST_USE;

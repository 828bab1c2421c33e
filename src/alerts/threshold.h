/* threshold.h - rules over the series that are kept: rule files in Prometheus' syntax, evaluated as they say.
 *
 * Owner: app/ starts and stops it. Threads: the evaluation is a timer's job on the background lane.
 *
 * An expression is `SELECTOR`, `SELECTOR / SELECTOR` (joined on all labels), or `rate(SELECTOR[RANGE])`, compared with
 * a number by < <= > >= == !=. Everything else is refused with its place: the metrics engine brings PromQL, and the
 * same files stay. */
#pragma once
#include "base/ticker.h"
#include "db/db.h"
#include "model/series_source.h"

struct thresholds;

struct thresholds_options {
    struct db *db;
    struct series_source *series;
    struct ticker *ticker;
    struct pool *pool;
    const char *host;    /* for the resource id of rules over this host */
    int64_t interval_ms; /* 0: 15 s */
};

/* thresholds_start - with the rule files that travel inside the program. */
err thresholds_start(const struct thresholds_options *options, struct thresholds **ret_thresholds) MUST_USE;
void thresholds_stop(struct thresholds *thresholds);

/* thresholds_check - is this text a rule file that we can evaluate? */
err thresholds_check(struct str text, const char *file) MUST_USE;

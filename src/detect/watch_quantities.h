/* watch_quantities.h - inside of the watcher: what is watched, and how it is read from stored series.
 *
 * Owner: the tables are constant; a look lives for one pass. Threads: the one that looks. */
#pragma once
#include "detect/failure_model.h"
#include "model/series_source.h"

struct quantity;

struct look {
    struct arena *arena;
    struct series_source *series;
    int64_t now_ms;
    /* value - called for each share that was read; all texts are borrowed for the call. */
    void (*value)(struct look *look, const struct quantity *quantity, struct str resource, struct str server,
                  struct labels labels, int64_t time_ms, double percent);
    void *arg;
};

struct quantity {
    const char *metric; /* of the share, ends in _percent */
    const char *doc;
    const char *signal_type;
    enum failure_model_index model; /* whose algorithm and windows are used */
    double limit;                   /* percent */
    err (*read)(struct look *look, const struct quantity *quantity);
};

extern const struct quantity quantities[];
extern const size_t quantity_count;

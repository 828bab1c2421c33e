/* target.h - one thing that is scraped: its address, its labels, and everything that one scrape needs to know.
 *
 * Owner: the arena that it was made in. Threads: immutable once made. */
#pragma once
#include "scrape/settings.h"

/* What discovery found: addresses with labels in common. */
struct target_group {
    struct str source; /* for __meta_ labels and messages */
    VEC(struct str) addresses;
    VEC(struct label) labels;
};

struct target {
    struct labels labels;     /* of its series: job, instance, ... */
    struct labels discovered; /* before relabelling */
    struct str url;
    struct str job;
    int64_t interval_ms, timeout_ms;
    uint64_t key; /* of labels and url: the same target over reloads */
};

struct target_defaults {
    int64_t interval_ms, timeout_ms;
};

/* target_make - *ret_dropped: relabelling drops it; only `discovered` is set then. ERR_INVALID where what relabelling
 * made is no target. */
err target_make(struct arena *arena, const struct scrape_config *config, const struct target_defaults *defaults,
                const struct relabel *relabel, const struct target_group *group, struct str address,
                struct target *ret_target, bool *ret_dropped) MUST_USE;

struct target target_copy(struct arena *arena, const struct target *target);

/* target_groups_parse - the list of groups that files and web services hold: [{"targets": [...], "labels": {...}}]. */
err target_groups_parse(struct arena *arena, struct str text, const char *name, struct target_group **ret_groups,
                        size_t *ret_count) MUST_USE;

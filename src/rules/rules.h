/* rules.h - recording and alerting rules: loaded from files, evaluated on time, their alerts put into the journal.
 *
 * Owner: app/ starts and stops them. Threads: any; each group is a timer's job on the background lane. */
#pragma once
#include "base/ticker.h"
#include "db/db.h"
#include "rules/group.h"
#include "schema/config.h"

struct rules;

struct rules_options {
    struct db *db;
    struct series_source *series;
    struct sample_sink *samples;
    struct ticker *ticker;
    struct pool *pool;
    struct config *config; /* a reference is taken */
    const char *host;      /* for the resource ids of this host */
    struct str external_url;
};

/* rules_start - with those that travel inside the program (content/rules) and the files that `rule_files` names. */
err rules_start(const struct rules_options *options, struct rules **ret_rules) MUST_USE;
/* rules_reload - all or nothing: where a file is wrong, what runs goes on and the err names the place. */
err rules_reload(struct rules *rules, struct config *config) MUST_USE;
void rules_stop(struct rules *rules);

struct rules_view {
    struct group_view *groups;
    size_t count;
};
void rules_view(struct rules *rules, struct arena *arena, struct rules_view *ret_view);

/* collector.h - what turns a part of the world into samples, again and again.
 *
 * Owner: each collector is one file under integrations/collectors/ that ends in its REGISTER(collector, x). Threads:
 * the calls of one source never overlap; sources of the same collector run in parallel, so nothing lives in file
 * globals. A call may block until its deadline where .blocks says so, else it must not wait for anybody. */
#pragma once
#include "base/registry.h"
#include "ingest/batch.h"
#include "net/call.h"
#include "schema/schema.h"

struct collector {
    const char *name; /* `type` in the configuration, and label job */
    const char *doc;
    struct schema settings; /* .fields == NULL: there are none */
    int64_t interval_ms;    /* unless configured */
    bool automatic;         /* runs where nothing is configured */
    bool blocks;            /* asks someone who may not answer */
    /* instance - the label `instance`; NULL: the name of this host. */
    struct str (*instance)(struct arena *arena, const void *settings);
    /* open - once, before the first collect; tried again at each interval where it fails. May be NULL. */
    err (*open)(struct call *call, const void *settings, void **ret_state);
    /* collect - what was added before an err is stored all the same; the err is shown and makes `up` 0. */
    err (*collect)(struct call *call, const void *settings, void *state, struct batch *out);
    void (*close)(void *state); /* may be NULL */
};

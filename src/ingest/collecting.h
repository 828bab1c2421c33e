/* collecting.h - runs collectors on their intervals, and knows how each of them does.
 *
 * Owner: app/ starts and stops it (before the ticker, the pools and the sink). Threads: any.
 *
 * Which sources run: those of the section `sources` of the configuration, or, where it has none, the collectors that
 * are automatic; and those that others add while it runs (a Redis that somebody connected). Each keeps its place in
 * the list by its name. */
#pragma once
#include "base/ticker.h"
#include "ingest/collector.h"
#include "schema/config.h"

struct collecting;

struct collecting_options {
    struct config *config; /* a reference is taken */
    struct sample_sink *sink;
    struct topology *topology; /* NULL: resources are not kept */
    struct ticker *ticker;
    struct pool *workers; /* for collectors that don't block */
    struct pool *outside; /* for those that do */
    struct http_client *http;
};

err collecting_start(const struct collecting_options *options, struct collecting **ret_collecting) MUST_USE;
/* collecting_reload - all or nothing: sources of the configuration that changed are started anew, others go on. */
err collecting_reload(struct collecting *collecting, struct config *config) MUST_USE;
void collecting_stop(struct collecting *collecting); /* waits for what runs */

struct source_spec {
    struct str collector;
    struct str name;     /* unique; "": the collector's */
    int64_t interval_ms; /* 0: the collector's own */
    struct str settings; /* JSON object; "" is {} */
    bool trusted;        /* the settings stand in the configuration file */
};

/* collecting_add - start one. ERR_INVALID, ERR_RANGE for wrong settings, ERR_CONFLICT for a name in use, ERR_NOT_FOUND
 * for an unknown collector. Texts are copied. */
err collecting_add(struct collecting *collecting, const struct source_spec *spec) MUST_USE;
/* collecting_remove - stop one; waits for a run of it, so never from a collector. False where there is none. */
bool collecting_remove(struct collecting *collecting, struct str name);
/* collecting_poke - collect now. False where there is none. */
bool collecting_poke(struct collecting *collecting, struct str name);

enum source_condition { SOURCE_WAITING, SOURCE_OK, SOURCE_ERROR, SOURCE_ABSENT };

struct source_state {
    struct str name, collector, doc;
    struct str instance; /* label of its samples */
    enum source_condition condition;
    int64_t interval_ms;
    int64_t received_ms; /* when samples last came; 0: never */
    int64_t samples;     /* stored since the start */
    double duration_seconds;
    struct str error; /* of the last run; "" */
    struct str note;
};
struct source_list {
    struct source_state *at;
    size_t count;
};
/* collecting_list - by name, in the arena. */
void collecting_list(struct collecting *collecting, struct arena *arena, struct source_list *ret_list);

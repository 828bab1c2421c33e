/* topology.h - the things that can fail: what was seen, what the inventory says, who owns it, how it is.
 *
 * Owner: app/ opens one, and closes it before the db. Threads: topology_saw from
 * any; what takes a tx runs where that tx does.
 *
 * DESIGN. Resources are rows (table resource) with a text id as docs/format/journal.md says: "host:db1",
 * "redis:127.0.0.1:6379". Collectors report what they see at every scrape; a table in memory knows what is stored
 * already, so that only changes are written. Who is gone keeps its row until 30 days have passed without it. */
#pragma once
#include "db/db.h"
#include "model/labels.h"
#include "schema/config.h"

struct topology;

enum health { HEALTH_UNKNOWN, HEALTH_OK, HEALTH_WARNING, HEALTH_CRITICAL };
const char *health_name(enum health health); /* "ok" */

/* What a collector saw. Texts are borrowed for the call. */
struct resource_seen {
    struct str id, kind, name;
    struct labels labels;
    struct str detail; /* one line for people; changes are written, so no numbers that move */
};

struct resource {
    int64_t row;
    struct str id, kind, name;
    struct labels labels;
    enum health health;
    struct str detail, owner;
    int64_t seen_ms; /* when it was last written: at a change, and once an hour */
};

struct resource_list {
    struct resource *at;
    size_t count;
    int64_t total; /* that match, limit apart */
};

struct resource_filter {
    struct str kind, health, text; /* empty: any; text is part of id or name */
    struct str after;              /* ids greater than this */
    int limit;                     /* 0: 1000 */
};

err topology_open(struct db *db, struct config *config, struct topology **ret_topology) MUST_USE;
/* topology_reload - another inventory. */
err topology_reload(struct topology *topology, struct config *config) MUST_USE;
void topology_close(struct topology *topology);
/* topology_saw - remembers, and queues a write where something changed. Never blocks. */
void topology_saw(struct topology *topology, const struct resource_seen *seen, size_t count);

err resource_list(struct tx *tx, struct arena *arena, const struct resource_filter *filter,
                  struct resource_list *ret_list) MUST_USE;
/* resource_find - by id; failing that by name, where only one has it (a host before others). ERR_NOT_FOUND. */
err resource_find(struct tx *tx, struct arena *arena, struct str name, struct resource *ret_resource) MUST_USE;
/* resource_set_health - in a write; ids that are no resource are made one. Who was
 * seen lately and has no worse health is HEALTH_OK by itself: HEALTH_UNKNOWN takes back what was said. */
err resource_set_health(struct tx *tx, struct str id, enum health health) MUST_USE;
/* resource_labels - the labels that the series of a resource carry: instance=db1 of host:db1, instance and mountpoint
 * of filesystem:db1:/var. At most 3, in the arena; 0 for an id of unknown shape. */
size_t resource_labels(struct arena *arena, struct str id, struct label ret_labels[3]);
/* resource_kind - "redis_instance" of redis:..., else what stands before the first ':'. */
struct str resource_kind(struct str id);
/* resource_owner - who the inventory says; empty where it doesn't. */
struct str resource_owner(const struct config *config, struct arena *arena, struct str id);
/* resource_service - the service of a server's name: the inventory's, else the name up to the first '-'. */
struct str resource_service(const struct config *config, struct arena *arena, struct str server_name);

/* inventory.h - what the configuration says about resources: section `inventory`.
 *
 * Owner: the configuration. Threads: any, while the configuration is referenced. */
#pragma once
#include "schema/config.h"
#include "schema/schema.h"

struct inventory_resource {
    struct str id, name, service, owner, detail;
    VEC(struct pair) labels;
};

struct inventory {
    VEC(struct inventory_resource) resources;
    VEC(struct pair) owners; /* service -> owner */
};

const struct inventory *inventory_of(const struct config *config);
/* behind_kind - "db1" of "host:db1". */
struct str behind_kind(struct str id);

/* container.h - containers in a tree of control groups, for the collector and its test.
 *
 * Owner: the batch's arena. Threads: the source's. */
#pragma once
#include "ingest/batch.h"

struct container_group {
    struct str id;   /* the first 12 of its 64 digits, as the runtimes show it, or the name of an LXC container */
    struct str path; /* below the root of its hierarchy */
};

/* container_id - false where the folder's name is no container's. */
bool container_id(struct str folder, struct str *ret_id) MUST_USE;
/* container_row - the number behind a key in "key number" lines. */
bool container_row(struct str text, struct str key, double *ret_value) MUST_USE;
/* container_look - samples of all containers below `root`, where the control groups are mounted. */
err container_look(struct batch *out, struct str root) MUST_USE;

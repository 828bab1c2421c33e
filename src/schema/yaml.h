/* yaml.h - YAML 1.1/1.2 core read into the tree of base/json.h, with places. The only file that knows the YAML library.
 *
 * Owner: the tree lives in the arena given. Threads: any. Bounds: 1 MiB of text unless said otherwise, depth
 * JSON_DEPTH_MAX, aliases expand to at most 10,000 nodes. */
#pragma once
#include "base/json.h"

/* yaml_parse - one document (empty: an empty object). Plain scalars become null, bool, number or string by YAML 1.2's
 * core schema; quoted ones stay strings. ERR_INVALID: "file:line:column: what is wrong". Repeated keys are errors. */
err yaml_parse(struct arena *arena, struct str text, const char *file, const struct json **ret_json) MUST_USE;

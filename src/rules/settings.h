/* settings.h - Prometheus' keys about rules: `global`, `rule_files`.
 *
 * Owner: the configuration they stand in. Threads: immutable. */
#pragma once
#include "schema/config.h"

struct global_settings {
    struct duration evaluation_interval, rule_query_offset;
    VEC(struct pair) external_labels;
};
extern const struct config_section global_section;
extern const struct config_section rule_files_section;

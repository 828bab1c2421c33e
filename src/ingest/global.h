/* global.h - Prometheus' section `global`: what holds where a job or a group does not say otherwise.
 *
 * Owner: the configuration it stands in. Threads: immutable. */
#pragma once
#include "schema/config.h"

struct global_settings {
    struct duration scrape_interval, scrape_timeout, evaluation_interval, rule_query_offset;
    VEC(struct pair) external_labels;
};
extern const struct config_section global_section;

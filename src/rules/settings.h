/* settings.h - Prometheus' key `rule_files`.
 *
 * Owner: the configuration it stands in. Threads: immutable. */
#pragma once
#include "schema/config.h"

extern const struct config_section rule_files_section;

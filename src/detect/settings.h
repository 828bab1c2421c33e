/* settings.h - section `detect` of the configuration.
 *
 * Owner: the configuration. Threads: any. */
#pragma once
#include "schema/config.h"

struct detect_settings {
    bool enabled;
    struct duration interval;
    double raise_risk, clear_risk;
    int64_t confirm;
    struct duration min_window; /* 0: the models' */
    struct duration retention;
};

extern const struct config_section detect_section;

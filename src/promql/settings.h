/* settings.h - the section `query` of the configuration: how much one query may take, and how many may run.
 *
 * Owner: the configuration. Threads: any. */
#pragma once
#include "promql/query.h"
#include "schema/config.h"

struct query_settings {
    int64_t max_samples, max_series, max_points, max_concurrency;
    int64_t max_bytes, max_bytes_together, max_reply_bytes;
    struct duration timeout, lookback_delta, slow_query;
};
extern const struct config_section query_section; /* key `query` */

struct promql_limits query_limits(const struct query_settings *settings);

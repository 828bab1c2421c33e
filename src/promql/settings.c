/* settings.c - the section `query` of the configuration. */
#include "promql/settings.h"

static const struct field query_fields[] = {
    INT(struct query_settings, max_samples, .def = "50000000", .min = 1000, .max = 100000000000,
        .doc = "Samples that one query may read and hold; beyond it the answer is 422."),
    INT(struct query_settings, max_series, .def = "1000000", .min = 1, .max = 1000000000,
        .doc = "Series that one query may select; beyond it the answer is 422."),
    INT(struct query_settings, max_points, .def = "11000", .min = 1, .max = 1000000,
        .doc = "Steps of one range query; beyond it the answer is 400."),
    SIZE(struct query_settings, max_bytes, .def = "1GiB", .min = 1048576, .max = 1099511627776,
         .doc = "Memory that one query may take; beyond it the answer is 422."),
    SIZE(struct query_settings, max_bytes_together, .def = "2GiB", .min = 1048576, .max = 1099511627776,
         .doc = "Memory that all queries that run at the same time may take; the first that would pass it goes on, "
                "others are 503."),
    SIZE(struct query_settings, max_reply_bytes, .def = "128MiB", .min = 1024, .max = 268435456,
         .doc = "Bytes of one answer; beyond it the answer is 422."),
    INT(struct query_settings, max_concurrency, .def = "20", .min = 1, .max = 64,
        .doc = "Queries that run at the same time; others wait, at most until their timeout."),
    DURATION(struct query_settings, timeout, .def = "2m", .min = 10, .max = 3600000,
             .doc = "How long one query may take, waiting included; server.handle_timeout bounds it too. Then 503."),
    DURATION(struct query_settings, lookback_delta, .def = "5m", .min = 1, .max = 86400000,
             .doc = "How old a sample may be and still be a series' value."),
    DURATION(struct query_settings, slow_query, .def = "10s", .min = 1, .max = 3600000,
             .doc = "Queries that take longer are logged."),
    { 0 },
};
static const struct schema query_schema =
    SCHEMA(struct query_settings, query_fields, .doc = "Limits of PromQL queries.");

const struct config_section query_section = { .key = "query", .schema = &query_schema };
REGISTER(config_section, query_section);

struct promql_limits query_limits(const struct query_settings *settings)
{
    return (struct promql_limits){
        .samples_max = (uint64_t)settings->max_samples,
        .series_max = (uint64_t)settings->max_series,
        .bytes_max = (size_t)settings->max_bytes,
        .points_max = (size_t)settings->max_points + 1, /* Prometheus counts the steps between the points */
    };
}

/* global.c - the fields of `global`, under Prometheus' names. */
#include "ingest/global.h"

static void check_global(const void *object, struct str path, err *e)
{
    const struct global_settings *global = object;
    struct buf where CLEANUP(buf_clear) = { .max = 1024 };

    buf_addf(&where, "%.*sscrape_timeout", STR_ARG(path));
    if (global->scrape_timeout.ms > global->scrape_interval.ms)
        err_add_field(e, ERR_INVALID, buf_c(&where), "longer than scrape_interval");
}

static const struct field global_fields[] = {
    DURATION(struct global_settings, scrape_interval, .def = "15s", .min = 100, .max = 86400000.0,
             .doc = "How often targets are scraped whose job does not say."),
    DURATION(struct global_settings, scrape_timeout, .def = "10s", .min = 100, .max = 86400000.0,
             .doc = "How long a scrape may take; never longer than its interval."),
    DURATION(struct global_settings, evaluation_interval, .def = "15s", .min = 100, .max = 86400000.0,
             .doc = "How often rules are evaluated whose group does not say."),
    DURATION(struct global_settings, rule_query_offset, .def = "0s",
             .doc = "Rules are evaluated as of this long ago, unless their group says otherwise."),
    PAIRS(struct global_settings, external_labels, .doc = "What texts of alerts know as $externalLabels."),
    { 0 },
};
static const struct schema global_schema = SCHEMA(struct global_settings, global_fields, .check = check_global,
                                                  .doc = "What holds where nothing nearer says otherwise.");
const struct config_section global_section = { .key = "global", .schema = &global_schema };
REGISTER(config_section, global_section);

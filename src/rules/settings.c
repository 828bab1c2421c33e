/* settings.c - Prometheus' keys about rules, under Prometheus' names. */
#include "rules/settings.h"

static const struct field global_fields[] = {
    DURATION(struct global_settings, evaluation_interval, .def = "15s", .min = 100, .max = 86400000.0,
             .doc = "How often rules are evaluated whose group does not say."),
    DURATION(struct global_settings, rule_query_offset, .def = "0s",
             .doc = "Rules are evaluated as of this long ago, unless their group says otherwise."),
    PAIRS(struct global_settings, external_labels, .doc = "What texts of alerts know as $externalLabels."),
    { 0 },
};
static const struct schema global_schema =
    SCHEMA(struct global_settings, global_fields, .doc = "What holds where nothing nearer says otherwise.");
const struct config_section global_section = { .key = "global", .schema = &global_schema };
REGISTER(config_section, global_section);

static const struct schema rule_files_schema = { .name = "rule_files",
                                                 .doc = "Files of recording and alerting rules; * and ? match names.",
                                                 .size = sizeof(struct str) };
const struct config_section rule_files_section = {
    .key = "rule_files", .schema = &rule_files_schema, .is_list = true, .is_texts = true
};
REGISTER(config_section, rule_files_section);

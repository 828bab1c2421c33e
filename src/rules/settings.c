/* settings.c - where rule files are. */
#include "rules/settings.h"

static const struct schema rule_files_schema = { .name = "rule_files",
                                                 .doc = "Files of recording and alerting rules; * and ? match names.",
                                                 .size = sizeof(struct str) };
const struct config_section rule_files_section = {
    .key = "rule_files", .schema = &rule_files_schema, .is_list = true, .is_texts = true
};
REGISTER(config_section, rule_files_section);

/* rules_fuzz.c - any text is a rule file or an error. */
#include "rules/rule_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(16 << 20);
    struct rule_file file;

    err_free(rule_file_parse(arena, (struct str){ (const char *)bytes, size }, "fuzz.yml", &file));
    return 0;
}

/* exposition_fuzz.c - any answer of a target is an exposition or an error, in both formats. */
#include "scrape/exposition.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    for (int format = EXPOSITION_TEXT; format <= EXPOSITION_OPENMETRICS; format++) {
        struct arena *arena CLEANUP(arena_freep) = arena_new(16 << 20);
        struct exposition exposition;
        err e CLEANUP(err_freep) =
            exposition_parse(arena, (struct str){ (const char *)bytes, size }, format, 10000, &exposition);

        for (size_t i = 0; !e && i < exposition.samples.count; i++) {
            struct exemplar exemplar;
            struct labels labels;
            /* What was checked can be taken apart. */
            if (exposition_labels(arena, exposition.samples.at[i].series, &labels))
                __builtin_trap();
            if (exposition.samples.at[i].exemplar.length)
                err_free(exposition_exemplar(arena, exposition.samples.at[i].exemplar, 0, &exemplar));
        }
    }
    return 0;
}

/* threshold_fuzz.c - any text as an expression of a threshold rule. */
#include "alerts/threshold_expr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1 << 20);
    struct threshold_expr expr;

    err_free(threshold_parse(arena, (struct str){ (const char *)data, size }, &expr));
    return 0;
}

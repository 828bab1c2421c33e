/* otlp_protobuf_fuzz.c - any bytes as an export request of OTLP in protobuf, read and appended. */
#include "base/time.h"
#include "ingest/otlp_append.h"
#include "store_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct otlp_settings settings = { .delta_series_max = 100 };
    static struct delta_table *deltas;
    struct arena *arena CLEANUP(arena_freep) = arena_new(8 << 20);
    struct otlp_request request;
    struct otlp_refusals refusals;
    struct append *append;

    if (!deltas)
        deltas = delta_table_new(100);
    err e = otlp_read_protobuf(arena, (struct str){ (const char *)data, size }, &request);
    if (!e && !(e = append_begin(fuzz_store(), S("fuzz"), time_mono_ms() + 60000, &append))) {
        struct delta_turn turn = { .table = deltas };
        const struct otlp_appending to = { .arena = arena, .append = append, .settings = &settings, .turn = &turn };
        err_free(otlp_append(&to, &request, &refusals));
        size & 1 ? delta_keep(&turn) : delta_undo(&turn);
        e = append_end(append, NULL);
    }
    err_free(e);
    return 0;
}

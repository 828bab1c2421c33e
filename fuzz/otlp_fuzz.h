/* otlp_fuzz.h - an export request of OTLP, however it is encoded: read, appended, its deltas kept or undone.
 *
 * Owner: the fuzz target. Threads: one. */
#pragma once
#include "base/time.h"
#include "ingest/otlp_append.h"
#include "store_fuzz.h"

static void fuzz_otlp(struct str bytes, err (*read)(struct arena *arena, struct str bytes, struct otlp_request *ret))
{
    static const struct otlp_settings settings = { .delta_series_max = 100 };
    static struct delta_table *deltas;
    struct arena *arena CLEANUP(arena_freep) = arena_new(8 << 20);
    struct otlp_request request;
    struct otlp_refusals refusals;
    struct append *append;

    if (!deltas)
        deltas = delta_table_new(100);
    err e = read(arena, bytes, &request);
    if (!e && !(e = append_begin(fuzz_store(), S("fuzz"), time_mono_ms() + 60000, &append))) {
        struct delta_turn turn = { .table = deltas };
        const struct otlp_appending to = { .arena = arena, .append = append, .settings = &settings, .turn = &turn };
        err_free(otlp_append(&to, &request, &refusals));
        bytes.length & 1 ? delta_keep(&turn) : delta_undo(&turn);
        e = append_end(append, NULL);
    }
    err_free(e);
}

/* remote_read_fuzz.c - any bytes as a request of remote_read, answered both ways from an empty store. */
#include "base/time.h"
#include "ingest/remote_read.h"
#include "store_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(8 << 20);
    struct series_source *source = tsdb_source(fuzz_store());
    struct buf out CLEANUP(buf_clear) = { 0 };
    struct remote_read read;

    buf_init(&out, 1 << 20);
    err e = remote_read_parse(arena, (struct str){ (const char *)data, size }, &read);
    if (!e)
        e = remote_read_samples(source, arena, &read, time_mono_ms() + 10000, &out);
    if (!e)
        e = remote_read_chunks(source, arena, &read, time_mono_ms() + 10000, &out);
    err_free(e);
    return 0;
}

/* remote_write_fuzz.c - any bytes as a request of remote_write: the first one says which version. What the check
 * passes, the append takes. */
#include "base/time.h"
#include "ingest/remote_write.h"
#include "store_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(8 << 20);
    struct remote_write_refusals refusals;
    struct append *append;

    if (!size)
        return 0;
    enum remote_write_version version = data[0] & 1 ? REMOTE_WRITE_2 : REMOTE_WRITE_1;
    struct str message = { (const char *)data + 1, size - 1 };
    err e = remote_write_check(version, message, arena);
    if (!e && !(e = append_begin(fuzz_store(), S("fuzz"), time_mono_ms() + 60000, &append))) {
        e = remote_write_append(version, message, arena, append, &refusals);
        if (e && err_kind(e) != ERR_TOO_LARGE)
            abort();
        err_free(e);
        e = append_end(append, NULL);
    }
    err_free(e);
    return 0;
}

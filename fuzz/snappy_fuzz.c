/* snappy_fuzz.c - any bytes as a snappy block; what was packed comes back. */
#include "ingest/snappy.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct str bytes = { (const char *)data, size };
    struct buf packed CLEANUP(buf_clear) = { 0 };
    struct str plain;

    err_free(snappy_unpack(bytes, 1 << 20, &plain));
    buf_init(&packed, 1 << 24);
    snappy_pack(&packed, bytes);
    err e = snappy_unpack(buf_str(&packed), 1 << 24, &plain);
    if (e || !str_eq(bytes, plain))
        abort();
    return 0;
}

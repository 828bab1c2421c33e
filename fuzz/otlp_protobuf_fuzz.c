/* otlp_protobuf_fuzz.c - any bytes as an export request of OTLP in protobuf, read and appended. */
#include "otlp_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_otlp((struct str){ (const char *)data, size }, otlp_read_protobuf);
    return 0;
}

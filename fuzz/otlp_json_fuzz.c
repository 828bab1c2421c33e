/* otlp_json_fuzz.c - any bytes as an export request of OTLP in JSON, read and appended. */
#include "otlp_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_otlp((struct str){ (const char *)data, size }, otlp_read_json);
    return 0;
}

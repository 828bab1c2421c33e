/* duration_fuzz.c - any bytes as a duration, a size, a time, numbers: refused, or spelled again as the same. */
#include "base/duration.h"
#include "base/time.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct str text = { (const char *)bytes, length };
    struct buf out CLEANUP(buf_clear) = { .max = 1024 };
    struct duration duration, again;
    int64_t size, time_ms, time_again;

    if (duration_parse(text, &duration)) {
        duration_add(&out, duration);
        if (duration.ms < 0 || !duration_parse(buf_str(&out), &again) || again.ms != duration.ms)
            abort();
        buf_reset(&out);
    }
    if (size_parse(text, &size) && size < 0)
        abort();
    if (time_parse(text, &time_ms)) {
        time_add_rfc3339(&out, time_ms);
        if (time_parse(buf_str(&out), &time_again) && time_again != time_ms)
            abort();
    }
    return 0;
}

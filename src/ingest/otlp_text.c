/* otlp_text.c - numbers as attribute values and as the labels le and quantile. */
#include "base/float_text.h"
#include "ingest/otlp.h"

enum { TEXT_MAX = 512 };

struct str otlp_plain_double_text(struct arena *arena, double value)
{
    struct buf out CLEANUP(buf_clear) = { 0 };

    buf_init(&out, TEXT_MAX);
    float_add_plain(&out, value);
    return str_copy(arena, buf_str(&out));
}

struct str otlp_double_text(struct arena *arena, double value)
{
    struct buf out CLEANUP(buf_clear) = { 0 };

    buf_init(&out, TEXT_MAX);
    float_add(&out, value, -6, 21);
    struct str text = buf_str(&out);
    /* Go's encoding/json has no leading zero in an exponent. */
    if (text.length > 4 && text.at[text.length - 4] == 'e' && text.at[text.length - 2] == '0')
        return str_printf(arena, "%.*s%c", (int)text.length - 2, text.at, text.at[text.length - 1]);
    return str_copy(arena, text);
}

/* duration.c - spans of time and sizes of memory. */
#include "base/duration.h"

#include "base/time.h"

#include <math.h>

static const struct unit {
    struct str name;
    int64_t ms;
} units[] = {
    { { "y", 1 }, 365ll * DAY_MS }, { { "w", 1 }, 7ll * DAY_MS }, { { "d", 1 }, DAY_MS }, { { "h", 1 }, HOUR_MS },
    { { "m", 1 }, MINUTE_MS },      { { "s", 1 }, SECOND_MS },    { { "ms", 2 }, 1 },
};

/* leading - cut the run of characters from `set` (digits, or letters) off the front. */
static struct str leading_digits(struct str *rest)
{
    size_t length = 0;

    while (length < rest->length && rest->at[length] >= '0' && rest->at[length] <= '9')
        length++;
    struct str found = str_slice(*rest, 0, length);
    *rest = str_slice(*rest, length, rest->length);
    return found;
}

static struct str leading_letters(struct str *rest)
{
    size_t length = 0;

    while (length < rest->length && rest->at[length] >= 'a' && rest->at[length] <= 'z')
        length++;
    struct str found = str_slice(*rest, 0, length);
    *rest = str_slice(*rest, length, rest->length);
    return found;
}

bool duration_parse(struct str text, struct duration *ret_duration)
{
    int64_t total = 0;
    size_t next_unit = 0;

    if (str_eq(text, S("0"))) {
        ret_duration->ms = 0;
        return true;
    }
    if (text.length == 0)
        return false;
    while (text.length) {
        int64_t count, part;
        if (!str_to_i64(leading_digits(&text), &count))
            return false;
        struct str name = leading_letters(&text);
        while (next_unit < ARRAY_LEN(units) && !str_eq(units[next_unit].name, name))
            next_unit++;
        if (next_unit == ARRAY_LEN(units))
            return false;
        if (__builtin_mul_overflow(count, units[next_unit].ms, &part) || __builtin_add_overflow(total, part, &total))
            return false;
        next_unit++;
    }
    ret_duration->ms = total;
    return true;
}

void duration_add(struct buf *buf, struct duration duration)
{
    int64_t left = duration.ms;

    if (left == 0) {
        buf_add(buf, S("0s"));
        return;
    }
    if (left < 0) {
        buf_add_c(buf, '-');
        left = -left;
    }
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        /* Years and weeks only where nothing remains, as 1y2d is read by nobody. */
        if (left < units[i].ms || (i < 2 && left % units[i].ms))
            continue;
        buf_add_i64(buf, left / units[i].ms);
        buf_add(buf, units[i].name);
        left %= units[i].ms;
    }
}

bool size_parse(struct str text, int64_t *ret_bytes)
{
    static const struct {
        struct str name;
        double factor;
    } sizes[] = {
        { { "", 0 }, 1 },         { { "B", 1 }, 1 },        { { "b", 1 }, 1 },        { { "k", 1 }, 1e3 },
        { { "kB", 2 }, 1e3 },     { { "KB", 2 }, 1e3 },     { { "MB", 2 }, 1e6 },     { { "GB", 2 }, 1e9 },
        { { "TB", 2 }, 1e12 },    { { "KiB", 3 }, 0x1p10 }, { { "MiB", 3 }, 0x1p20 }, { { "GiB", 3 }, 0x1p30 },
        { { "TiB", 3 }, 0x1p40 }, { { "kb", 2 }, 0x1p10 },  { { "mb", 2 }, 0x1p20 },  { { "gb", 2 }, 0x1p30 },
        { { "m", 1 }, 1e6 },      { { "g", 1 }, 1e9 },
    };
    size_t split = 0;
    double number;

    while (split < text.length && ((text.at[split] >= '0' && text.at[split] <= '9') || text.at[split] == '.'))
        split++;
    if (!str_to_double(str_slice(text, 0, split), &number))
        return false;
    struct str unit = str_trim(str_slice(text, split, text.length));
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        if (!str_eq(unit, sizes[i].name))
            continue;
        double bytes = number * sizes[i].factor;
        if (!(bytes < 9.2e18))
            return false;
        *ret_bytes = (int64_t)llround(bytes);
        return true;
    }
    return false;
}

void size_add(struct buf *buf, double bytes)
{
    static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
    size_t i = 0;

    while (fabs(bytes) >= 1024 && i + 1 < ARRAY_LEN(names)) {
        bytes /= 1024;
        i++;
    }
    buf_addf(buf, i == 0 || fabs(bytes) >= 100 ? "%.0f %s" : "%.1f %s", bytes, names[i]);
}

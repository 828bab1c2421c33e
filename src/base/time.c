/* time.c - clocks, and times as text. */
#include "base/time.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static _Atomic(int64_t (*)(void)) wall;

void time_set_wall(int64_t (*now_ms)(void))
{
    atomic_store(&wall, now_ms);
}

static int64_t clock_us(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t time_now_ms(void)
{
    int64_t (*other)(void) = atomic_load_explicit(&wall, memory_order_relaxed);

    return other ? other() : clock_us(CLOCK_REALTIME) / 1000;
}

int64_t time_mono_ms(void)
{
    return clock_us(CLOCK_MONOTONIC) / 1000;
}

int64_t time_mono_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

void time_add_rfc3339(struct buf *buf, int64_t time_ms)
{
    int64_t ms = time_ms % 1000;
    struct tm tm;

    if (ms < 0)
        ms += 1000;
    time_t seconds = (time_ms - ms) / 1000;
    if (!gmtime_r(&seconds, &tm) || tm.tm_year < -1899 || tm.tm_year > 8099) {
        buf_add_i64(buf, time_ms); /* no calendar has it; the number still tells */
        return;
    }
    buf_addf(buf, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
             tm.tm_sec);
    if (ms)
        buf_addf(buf, ".%03d", (int)ms);
    buf_add_c(buf, 'Z');
}

struct str time_rfc3339(struct arena *arena, int64_t time_ms)
{
    struct buf text CLEANUP(buf_clear);

    buf_init(&text, 64);
    time_add_rfc3339(&text, time_ms);
    return str_copy(arena, buf_str(&text));
}

/* digits - exactly `count` of them from *at on. */
static bool digits(struct str s, size_t *at, size_t count, int *ret_value)
{
    *ret_value = 0;
    for (size_t i = 0; i < count; i++, ++*at) {
        if (*at >= s.length || s.at[*at] < '0' || s.at[*at] > '9')
            return false;
        *ret_value = *ret_value * 10 + (s.at[*at] - '0');
    }
    return true;
}

static bool expect(struct str s, size_t *at, const char *any_of)
{
    for (; *at < s.length && *any_of; any_of++)
        if (s.at[*at] == *any_of) {
            ++*at;
            return true;
        }
    return false;
}

static bool zone(struct str s, size_t *at, int *ret_minutes)
{
    int hours, minutes;

    *ret_minutes = 0;
    if (expect(s, at, "Zz"))
        return *at == s.length;
    if (!expect(s, at, "+-"))
        return false;
    int sign = s.at[*at - 1] == '-' ? -1 : 1;
    if (!digits(s, at, 2, &hours) || !expect(s, at, ":") || !digits(s, at, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_minutes = sign * (hours * 60 + minutes);
    return *at == s.length;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* days since 1970-01-01 of a civil date, after Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool parse_rfc3339(struct str s, int64_t *ret_time_ms)
{
    static const int month_days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int year, month, day, hour, minute, second, zone_minutes;
    size_t at = 0;

    if (!digits(s, &at, 4, &year) || !expect(s, &at, "-") || !digits(s, &at, 2, &month) || !expect(s, &at, "-") ||
        !digits(s, &at, 2, &day) || !expect(s, &at, "Tt ") || !digits(s, &at, 2, &hour) || !expect(s, &at, ":") ||
        !digits(s, &at, 2, &minute) || !expect(s, &at, ":") || !digits(s, &at, 2, &second))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 60)
        return false;
    if (day > month_days[month - 1] + (month == 2 && is_leap(year)))
        return false;
    int64_t fraction_ms = 0;
    if (expect(s, &at, ".,")) {
        int64_t scale = 100;
        size_t first = at;
        for (; at < s.length && s.at[at] >= '0' && s.at[at] <= '9'; at++, scale /= 10)
            fraction_ms += scale * (s.at[at] - '0');
        if (at == first)
            return false;
    }
    if (!zone(s, &at, &zone_minutes))
        return false;
    int64_t minutes = days_of(year, month, day) * 1440 + hour * 60 + minute - zone_minutes;
    *ret_time_ms = (minutes * 60 + second) * 1000 + fraction_ms;
    return true;
}

bool time_parse(struct str text, int64_t *ret_time_ms)
{
    double seconds;

    if (parse_rfc3339(text, ret_time_ms))
        return true;
    if (!str_to_double(text, &seconds) || !isfinite(seconds) || fabs(seconds) > 253402300799.0)
        return false;
    *ret_time_ms = (int64_t)llround(seconds * 1000);
    return true;
}

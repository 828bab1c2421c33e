/* functions_date.c - parts of a time in UTC: year, month, day_of_month, day_of_week, day_of_year, days_in_month, hour,
 * minute. */
#include "promql/function.h"
#include "promql/mapped.h"

#include <string.h>

struct date {
    int64_t year;
    int month, day, weekday, yearday; /* month, day, yearday from 1; Sunday is 0 */
    int hour, minute, month_days;
};

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* date_of - the proleptic Gregorian date. Seconds count modulo 2^64 from a year so far back that every time is behind
 * it, as Go's do: dates of values that are no times agree, too. */
static struct date date_of(double value)
{
    static const int64_t first_year = -292277022399;            /* 1 modulo 400 */
    static const uint64_t first_to_1970 = 9223372028715321600U; /* seconds */
    bool fits = value >= -0x1p63 && value < 0x1p63;
    uint64_t seconds = (uint64_t)(fits ? (int64_t)value : INT64_MIN) + first_to_1970;
    uint64_t days = seconds / 86400, rest = seconds % 86400;
    struct date date = { .hour = (int)(rest / 3600), .minute = (int)(rest % 3600 / 60) };

    date.weekday = (int)((days + 1) % 7); /* the first day was a Monday */
    date.year = first_year + (int64_t)(days / 146097) * 400;
    uint64_t day = days % 146097;
    uint64_t centuries = day / 36524 - day / 36524 / 4; /* the last day of 400 years belongs to their last century */
    day -= centuries * 36524;
    uint64_t fours = day / 1461;
    day -= fours * 1461;
    uint64_t years = day / 365 - day / 365 / 4;
    day -= years * 365;
    date.year += (int64_t)(centuries * 100 + fours * 4 + years);
    date.yearday = (int)day + 1;
    for (date.month = 1;; date.month++) {
        static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        date.month_days = lengths[date.month - 1] + (date.month == 2 && is_leap(date.year));
        if (day < (uint64_t)date.month_days)
            break;
        day -= (uint64_t)date.month_days;
    }
    date.day = (int)day + 1;
    return date;
}

static double year_of(struct date date)
{
    return (double)date.year;
}

static double month_of(struct date date)
{
    return date.month;
}

static double day_of_month_of(struct date date)
{
    return date.day;
}

static double day_of_week_of(struct date date)
{
    return date.weekday;
}

static double day_of_year_of(struct date date)
{
    return date.yearday;
}

static double days_in_month_of(struct date date)
{
    return date.month_days;
}

static double hour_of(struct date date)
{
    return date.hour;
}

static double minute_of(struct date date)
{
    return date.minute;
}

struct date_part {
    double (*of)(struct date date);
};

static void date_column(struct mapped *mapped, struct column *column)
{
    const struct date_part *part = mapped->how;

    for (size_t i = 0; i < mapped->stream.grid->steps; i++) {
        if (column->present[i] == POINT_FLOAT)
            column->values[i] = part->of(date_of(column->values[i]));
        else
            column->present[i] = POINT_NONE;
    }
}

/* date_open - of the samples' values; without an argument, of the step's time. */
static err date_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,
                     const struct date_part *part, struct stream **ret_stream)
{
    struct mapped mapped = { .apply = date_column, .how = part };
    struct stream *input;

    if (call->call.count == 0) {
        double *values = arena_array(ev->arena, grid->steps, sizeof(*values));
        for (size_t i = 0; i < grid->steps; i++) {
            int64_t seconds = grid_time(grid, i) / 1000;
            values[i] = part->of(date_of((double)seconds));
        }
        *ret_stream = single_open(ev, grid, values);
        return NULL;
    }
    TRY(stream_open(ev, grid, call->call.args[0], &input));
    return mapped_open(&mapped, input, ret_stream);
}

/* The row of a part of a date. */
#define DATE(function_name, text)                                                                                      \
    static err function_name##_open(struct evaluation *ev, const struct grid *grid, const struct expr *call,           \
                                    struct stream **ret_stream)                                                        \
    {                                                                                                                  \
        static const struct date_part part = { function_name##_of };                                                   \
        return date_open(ev, grid, call, &part, ret_stream);                                                           \
    }                                                                                                                  \
    static const struct function function_##function_name = {                                                          \
        .name = #function_name,                                                                                        \
        .doc = text,                                                                                                   \
        .args = { TYPE_VECTOR },                                                                                       \
        .arg_count = 1,                                                                                                \
        .optional = 1,                                                                                                 \
        .result = TYPE_VECTOR,                                                                                         \
        .of_time = true,                                                                                               \
        .open = function_name##_open,                                                                                  \
    };                                                                                                                 \
    REGISTER(function, function_##function_name)

DATE(year, "The year of each time in UTC.");
DATE(month, "The month of each time in UTC, 1 to 12.");
DATE(day_of_month, "The day of the month of each time in UTC, 1 to 31.");
DATE(day_of_week, "The day of the week of each time in UTC, 0 (Sunday) to 6.");
DATE(day_of_year, "The day of the year of each time in UTC, 1 to 366.");
DATE(days_in_month, "How many days the month of each time in UTC has.");
DATE(hour, "The hour of each time in UTC, 0 to 23.");
DATE(minute, "The minute of each time in UTC, 0 to 59.");

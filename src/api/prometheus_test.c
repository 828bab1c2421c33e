/* prometheus_test.c - parameters of Prometheus' API, and its way to write numbers and labels. */
#include "api/prometheus.h"

#include "base/test.h"

#include <math.h>

TEST(prometheus_takes_times_in_all_their_spellings)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        { "0", 0 },
        { "1.5", 1500 },
        { "-1.0005", -1001 },
        { "1e3", 1000000 },
        { "2026-11-22T10:45:57.123Z", 1795344357123 },
        { "2026-11-22T10:45:57+01:00", 1795340757000 },
        { "-292273086-05-16T16:47:06Z", PROMETHEUS_TIME_MIN },
        { "+292277025-08-18T07:12:54.999999999Z", PROMETHEUS_TIME_MAX },
        { "1e300", PROMETHEUS_TIME_MAX },
        { "-1e300", PROMETHEUS_TIME_MIN },
    };
    static const char *const wrong[] = { "", "now", "NaN", "inf", "1e999", "2026-11-22", " 1", "0x10" };
    int64_t ms;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ASSERT_OK(prometheus_time(str_of(cases[i].text), &ms));
        ASSERT_EQ_INT(cases[i].ms, ms);
    }
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        ASSERT_ERR(ERR_INVALID, "to a valid timestamp", prometheus_time(str_of(wrong[i]), &ms));
    ASSERT_OK(prometheus_time_or("time", S(""), 7, &ms));
    ASSERT_EQ_INT(7, ms);
    ASSERT_ERR(ERR_INVALID,
               "invalid parameter \"time\": invalid time value for 'time': cannot parse \"x\" to a valid timestamp",
               prometheus_time_or("time", S("x"), 7, &ms));
}

TEST(prometheus_takes_durations_and_limits)
{
    int64_t value;

    ASSERT_OK(prometheus_duration(S("1h30m"), &value));
    ASSERT_EQ_INT(5400000, value);
    ASSERT_OK(prometheus_duration(S("-0.5"), &value));
    ASSERT_EQ_INT(-500, value);
    ASSERT_OK(prometheus_duration(S("1.001"), &value));
    ASSERT_EQ_INT(1001, value);
    ASSERT_ERR(ERR_INVALID, "cannot parse \"5x\" to a valid duration", prometheus_duration(S("5x"), &value));
    ASSERT_ERR(ERR_INVALID, "It overflows int64", prometheus_duration(S("1e10"), &value));
    ASSERT_ERR(ERR_INVALID, "cannot parse \"300y\"", prometheus_duration(S("300y"), &value));
    ASSERT_ERR(ERR_INVALID, "cannot parse \"NaN\"", prometheus_duration(S("NaN"), &value));
    ASSERT_OK(prometheus_limit(S(""), &value));
    ASSERT_EQ_INT(0, value);
    ASSERT_OK(prometheus_limit(S("12"), &value));
    ASSERT_EQ_INT(12, value);
    ASSERT_ERR(ERR_INVALID, "limit must be non-negative", prometheus_limit(S("-1"), &value));
    ASSERT_ERR(ERR_INVALID, "strconv.Atoi: parsing \"1.5\"", prometheus_limit(S("1.5"), &value));
}

TEST(prometheus_writes_values_as_go_does)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        { 0, "\"0\"" },
        { -0.0, "\"-0\"" },
        { 1.5, "\"1.5\"" },
        { 1e20, "\"100000000000000000000\"" },
        { 1e21, "\"1e+21\"" },
        { 0.000001, "\"0.000001\"" },
        { -1.5e-7, "\"-1.5e-07\"" },
        { 5e-324, "\"5e-324\"" },
        { NAN, "\"NaN\"" },
        { INFINITY, "\"+Inf\"" },
        { -INFINITY, "\"-Inf\"" },
    };
    struct buf out CLEANUP(buf_clear) = { .max = 1000 };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        buf_reset(&out);
        prometheus_value(&out, cases[i].value);
        ASSERT_STR(cases[i].text, buf_str(&out));
    }
    buf_reset(&out);
    prometheus_seconds(&out, 1795358137007);
    buf_add_c(&out, ' ');
    prometheus_seconds(&out, -1500);
    buf_add_c(&out, ' ');
    prometheus_seconds(&out, INT64_MIN);
    ASSERT_STR("1795358137.007 -1.500 -9223372036854775.808", buf_str(&out));
}

TEST(prometheus_writes_labels_whatever_is_in_them)
{
    const struct label plain[] = { { S("__name__"), S("up") }, { S("job"), S("a b") } };
    const struct label other[] = { { S("a"), S("x\"y\\z\n") }, { S("b"), S("\xC3\xA9\xFF") } };
    struct buf out CLEANUP(buf_clear) = { .max = 1000 };

    prometheus_labels(&out, (struct labels){ plain, 2 });
    prometheus_labels(&out, (struct labels){ 0 });
    prometheus_labels(&out, (struct labels){ other, 2 });
    ASSERT_STR("{\"__name__\":\"up\",\"job\":\"a b\"}{}{\"a\":\"x\\\"y\\\\z\\n\",\"b\":\"\xC3\xA9\xEF\xBF\xBD\"}",
               buf_str(&out));
}

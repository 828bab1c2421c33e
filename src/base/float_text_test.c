/* float_text_test.c - shortest digits, beside a slow way to find them. */
#include "base/float_text.h"

#include "base/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct str written(struct buf *out, double value, bool exponent)
{
    buf_reset(out);
    if (exponent)
        float_add_exponent(out, value);
    else
        float_add_plain(out, value);
    return buf_str(out);
}

TEST(floats_are_written_with_their_shortest_digits)
{
    static const struct {
        double value;
        const char *plain, *exponent;
    } cases[] = {
        { 0, "0", "0e+00" },
        { -0.0, "-0", "-0e+00" },
        { 0.1, "0.1", "1e-01" },
        { 1.0 / 3, "0.3333333333333333", "3.333333333333333e-01" },
        { 123, "123", "1.23e+02" },
        { -12.5, "-12.5", "-1.25e+01" },
        { 1e21, "1000000000000000000000", "1e+21" },
        { 123456789012345678.0, "123456789012345680", "1.2345678901234568e+17" },
        { 5e-324, NULL, "5e-324" },
        { 2.2250738585072014e-308, NULL, "2.2250738585072014e-308" },
        { 1.7976931348623157e308, NULL, "1.7976931348623157e+308" },
        { 9007199254740993.0, "9007199254740992", "9.007199254740992e+15" },
        { 0.00001234, "0.00001234", "1.234e-05" },
        { NAN, "NaN", "NaN" },
        { -INFINITY, "-Inf", "-Inf" },
    };
    struct buf out CLEANUP(buf_clear) = { 0 };

    buf_init(&out, 1000);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (cases[i].plain)
            ASSERT_STR(cases[i].plain, written(&out, cases[i].value, false));
        ASSERT_STR(cases[i].exponent, written(&out, cases[i].value, true));
    }
}

TEST(floats_read_back_the_same_and_no_shorter_text_does)
{
    struct buf out CLEANUP(buf_clear) = { 0 };
    uint64_t seed = 88172645463325252u;
    char shorter[64];

    buf_init(&out, 1000);
    for (int i = 0; i < 200000; i++) {
        double value;
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        memcpy(&value, &seed, sizeof(value));
        if (i % 4 == 0)
            value = (double)(seed % 1000000) / 1000; /* what samples look like */
        if (i % 4 == 1)
            value = ldexp(1, (int)(seed % 2098) - 1074);
        if (!isfinite(value) || value == 0)
            continue;
        written(&out, value, true);
        ASSERT_TRUE(strtod(buf_c(&out), NULL) == value);
        int count = float_digits(value).count;
        if (count == 1)
            continue;
        snprintf(shorter, sizeof(shorter), "%.*e", count - 2, value);
        ASSERT_TRUE(strtod(shorter, NULL) != value);
        snprintf(shorter, sizeof(shorter), "%.*e", count - 1, value);
        /* Of equally short ones the nearest; where only a power of two's near border lets it be short, printf errs. */
        if (strtod(shorter, NULL) == value)
            ASSERT_STR(shorter, buf_str(&out));
    }
}

TEST(float_text_has_an_exponent_where_it_is_asked_for)
{
    static const struct {
        double value;
        int lowest, highest;
        const char *text;
    } cases[] = {
        { 1e6, -4, 6, "1e+06" },
        { 999999.5, -4, 6, "999999.5" },
        { 0.0001, -4, 6, "0.0001" },
        { 0.00009, -4, 6, "9e-05" },
        { -1e20, -6, 21, "-100000000000000000000" },
        { 1e21, -6, 21, "1e+21" },
        { 1e-6, -6, 21, "0.000001" },
        { 9.5e-7, -6, 21, "9.5e-07" },
        { 0, -4, 6, "0" },
        { NAN, -4, 6, "NaN" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out CLEANUP(buf_clear) = { .max = 64 };
        float_add(&out, cases[i].value, cases[i].lowest, cases[i].highest);
        ASSERT_STR(cases[i].text, buf_str(&out));
    }
}

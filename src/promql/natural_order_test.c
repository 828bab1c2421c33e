/* natural_order_test.c - numbers within texts count. */
#include "base/test.h"
#include "promql/natural_order.h"

TEST(natural_order_counts)
{
    static const struct {
        const char *before, *after;
    } cases[] = {
        { "node2", "node10" }, { "cpu0", "cpu1" }, { "a", "b" },      { "a", "a1" },
        { "1.2.9", "1.2.10" }, { "9", "a" },       { "x-1", "x-1a" }, { "", "a" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ASSERT_FALSE(natural_before(str_of(cases[i].after), str_of(cases[i].before)));
        ASSERT_TRUE(natural_before(str_of(cases[i].before), str_of(cases[i].after)));
    }
}

TEST(natural_order_compares_numbers_that_are_too_long_as_text)
{
    ASSERT_TRUE(natural_before(S("10000000000000000000"), S("9000000000000000000")));
}

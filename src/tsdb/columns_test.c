/* columns_test.c - columns grow together, and those that are rare appear when they are needed. */
#include "base/test.h"
#include "tsdb/columns.h"

TEST(columns_make_the_rare_ones_when_they_are_needed)
{
    struct columns columns CLEANUP(columns_clear) = { 0 };

    for (int i = 0; i < 1000; i++)
        columns_push(&columns, i, i == 600 ? 17 : 0, i / 2.0, NULL);
    struct samples samples = columns_samples(&columns);
    ASSERT_EQ_INT(1000, samples.count);
    ASSERT_TRUE(samples.histograms == NULL);
    ASSERT_EQ_INT(0, samples.starts[599]);
    ASSERT_EQ_INT(17, samples.starts[600]);
    ASSERT_EQ_INT(0, samples.starts[999]);
    ASSERT_NEAR(499.5, samples.values[999], 0);
    columns_reset(&columns);
    ASSERT_TRUE(columns_samples(&columns).starts == NULL);
}

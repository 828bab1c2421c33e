/* kahan_test.c - small terms survive great ones. */
#include "base/kahan.h"
#include "base/test.h"

TEST(kahan_keeps_what_plain_addition_loses)
{
    static const double terms[] = { 1, 1e100, 1, -1e100 };
    struct kahan kahan = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(terms); i++)
        kahan_add(&kahan, terms[i]);
    ASSERT_NEAR(2, kahan_total(kahan), 0);
}

TEST(kahan_stays_infinite)
{
    struct kahan kahan = { 0 };

    kahan_add(&kahan, 1e308);
    kahan_add(&kahan, INFINITY);
    kahan_add(&kahan, 1);
    ASSERT_TRUE(kahan_total(kahan) == INFINITY);
}
